"""State as a set of facts: union is all that ever happens to it.

A fact is a frozen tagged struct; its encoding is its identity as a member of the set. A state is an eight-byte header
(the next time at which it wants a tick; an index, recomputed from the facts) and the sorted encodings, so equal sets
have equal bytes whatever the order of arrival.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, TypeVar

import msgspec

from schemas.identities import EventId, identity_hash

NEVER = 2**63 - 1
MOST_FACTS_A_DAY = 1000
"""More facts than this of one key and day are a stuck device: the smallest identity hashes are kept."""

MOST_FACTS = 10_000
"""Likewise of one key in all: a device that was stuck for ten days. A fact has about 75 bytes, a state is one record of
the changelog."""

LARGEST_FACT_BYTES = 2048
"""A larger fact is none."""

_DAY_MS = 86_400_000
_ENCODER = msgspec.msgpack.Encoder()
_MEMBERS = msgspec.msgpack.Decoder(list[bytes])


class Fact(msgspec.Struct, frozen=True, array_like=True):
    """Something an event asserts, as observed: which event, when it happened, when it was sent (UTC milliseconds)."""

    observed: ClassVar[bool] = True
    """Whether an event of the log asserts it; what the project notes for itself is never left out of a state."""

    source: str
    sequence: int
    at: int
    sent_at: int

    @property
    def event_id(self) -> EventId:
        return EventId(self.source, self.sequence)


SomeFact = TypeVar("SomeFact", bound=Fact)


def encode_fact(fact: Fact) -> bytes:
    """The canonical bytes of a fact."""
    return _ENCODER.encode(fact)


def happened(fact: Fact) -> tuple[int, str, int]:
    """Order in which facts happened, the same for any order of arrival."""
    return fact.at, fact.source, fact.sequence


def earliest(facts: Iterable[SomeFact]) -> SomeFact | None:
    """The fact that happened first."""
    return min(facts, key=happened, default=None)


def sent_first(fact: Fact) -> tuple[int, bytes]:
    """Order by which one of several contents is chosen: the one sent first, the same for any order of arrival."""
    return fact.sent_at, encode_fact(fact)


def encode_state(members: Iterable[bytes], next_due: int | None) -> bytes:
    """State of a set of encoded facts."""
    header = NEVER if next_due is None else next_due
    return header.to_bytes(8, "big", signed=True) + _ENCODER.encode(sorted(members))


def decode_state(state: bytes) -> list[bytes]:
    """The encoded facts of a state, sorted."""
    return _MEMBERS.decode(memoryview(state)[8:])


def next_due(state: bytes) -> int | None:
    """When the state wants its next tick, UTC milliseconds."""
    due = int.from_bytes(state[:8], "big", signed=True)
    return None if due == NEVER else due


def limit_flood(members: set[bytes], decode: Any) -> set[bytes]:
    """At most `MOST_FACTS_A_DAY` observed facts of a day and `MOST_FACTS` in all: those with the smallest identity
    hashes, so that no order of arrival changes which. ``decode`` turns an encoded fact into the fact."""
    if len(members) <= MOST_FACTS_A_DAY:
        return members
    by_day: dict[int, list[tuple[bytes, bytes]]] = {}
    noted = set()
    for member in members:
        fact = decode(member)
        if not fact.observed:
            noted.add(member)
            continue
        by_day.setdefault(fact.at // _DAY_MS, []).append((identity_hash(fact.source, fact.sequence), member))
    of_days = [pair for facts in by_day.values() for pair in sorted(facts)[:MOST_FACTS_A_DAY]]
    return noted | {member for _, member in sorted(of_days)[:MOST_FACTS]}
