"""Digests of what follows from a log: the same for any order, any number of partitions and any number of workers.

Each row becomes one 128-bit number, xxh3 of its canonical bytes; a digest is the sum of those numbers modulo 2^128.
Rows are keyed by what they are about (a person, a clock), so none stands in a digest twice.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from xxhash import xxh3_128_intdigest

from streams.clocks import Clock, outcome
from streams.risk import Segment

_MODULUS = 1 << 128
_ENCODER = msgspec.msgpack.Encoder()


class Digest(NamedTuple):
    """Of some rows: how many there are, and the sum of their numbers."""

    rows: int = 0
    sum: int = 0

    def plus(self, row: bytes) -> "Digest":
        """With one row more, given its canonical bytes."""
        return Digest(self.rows + 1, (self.sum + xxh3_128_intdigest(row)) % _MODULUS)

    def united(self, other: "Digest") -> "Digest":
        """Of the rows of both, which have none in common."""
        return Digest(self.rows + other.rows, (self.sum + other.sum) % _MODULUS)

    def __str__(self) -> str:
        return f"{self.rows}:{self.sum:032x}"


class Digests(NamedTuple):
    """Of persons: their facts as observed, their risk timelines, the states of their clocks, and what is proven of
    each clock as of one time."""

    facts: Digest = Digest()
    timelines: Digest = Digest()
    clocks: Digest = Digest()
    outcomes: Digest = Digest()

    def united(self, other: "Digests") -> "Digests":
        """Of the persons of both, who have none in common."""
        return Digests(*(mine.united(theirs) for mine, theirs in zip(self, other, strict=True)))

    def as_json(self) -> dict[str, str]:
        return {name: str(digest) for name, digest in self._asdict().items()}


def united(parts: Iterable[Digests]) -> Digests:
    """Of all persons of some shares."""
    whole = Digests()
    for part in parts:
        whole = whole.united(part)
    return whole


def facts_row(token: str, members: Sequence[bytes]) -> bytes:
    """A person's facts, encoded and sorted, without announcements."""
    return _row(token, list(members))


def timeline_row(token: str, segments: Sequence[Segment]) -> bytes:
    """A person's risk timeline."""
    return _row(token, [list(segment) for segment in segments])


def clock_row(token: str, clock: Clock) -> bytes:
    """The state of a clock."""
    return _row(token, [*clock])


def outcome_row(token: str, clock: Clock, as_of: int) -> bytes:
    """What is proven of a clock as of a time, UTC milliseconds."""
    return _row(token, [clock.clock_id, str(outcome(clock, as_of))])


def _row(token: str, content: Any) -> bytes:
    return _ENCODER.encode([token, content])
