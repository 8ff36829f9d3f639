"""The fold that every app shares: unite the facts of the rows with the state of their key, then let the app say what
follows from a state that changed."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import polars as pl

from schemas.codes import Refusal
from schemas.topics import Topic
from schemas.validity import Invalid
from streams import fact_set
from streams.fact_set import LARGEST_FACT_BYTES, Fact, encode_fact
from streams.fold import FoldResult, Load, Outputs, Rows

log = logging.getLogger(__name__)


class UnionFold(ABC):
    """States are sets of facts; see `streams.fold.Fold` for the port."""

    topics: tuple[Topic, ...]

    def screen(self, topic: str, frame: pl.DataFrame) -> pl.Expr:
        return pl.lit(True)

    @abstractmethod
    def facts_of(self, topic: str, row: Mapping[str, Any]) -> Iterable[Fact]:
        """Facts that a row asserts; raises KeyError, TypeError or ValueError when none can be read."""

    @abstractmethod
    def decode(self, member: bytes) -> Fact:
        """The fact of an encoding."""

    def retain(self, members: set[bytes], as_of: int) -> set[bytes]:
        """Facts that still have a reason to be kept; asked at ticks only, where `derive` says that the state is due."""
        return members

    def derive(self, key: str, old: set[bytes], new: set[bytes], as_of: int, outputs: Outputs) -> int | None:
        """Appends what follows to ``outputs``, may add announcements to ``new``; returns the next due time."""
        return None

    def expected(self) -> int:
        return 0

    def expectations(self, begin: int, limit: int) -> tuple[list[tuple[bytes, dict[str, Any]]], int]:
        return [], begin

    def fold(self, rows: Rows, load: Load, as_of: int) -> FoldResult:
        fresh: dict[bytes, set[bytes]] = {}
        errors: dict[str, list[Invalid]] = {}
        for topic, records in rows.items():
            for key, row in records:
                try:
                    members = [self._member(fact) for fact in self.facts_of(topic, row)]
                except (KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
                    detail = f"no fact can be read from this row: {error!r}: report it, the rule must be mended"
                    errors.setdefault(topic, []).append(Invalid(row["offset"], Refusal.RULE_ERROR, None, detail))
                    log.error("rule error in %s at offset %s: %r", topic, row["offset"], error)
                    continue
                if members:
                    fresh.setdefault(key, set()).update(members)
        return self._apply(load(list(fresh)), fresh, as_of, errors)

    def _member(self, fact: Fact) -> bytes:
        """The encoding of a fact that can be kept: what cannot be read back would stop the partition for good."""
        member = encode_fact(fact)
        if len(member) > LARGEST_FACT_BYTES:
            raise ValueError(f"a fact of {len(member)} bytes, at most {LARGEST_FACT_BYTES} are kept")
        self.decode(member)
        return member

    def next_due(self, state: bytes) -> int | None:
        return fact_set.next_due(state)

    def tick(self, states: Mapping[bytes, bytes], as_of: int) -> FoldResult:
        return self._apply(states, {key: set() for key in states}, as_of, {}, prune=True)

    def _apply(
        self,
        states: Mapping[bytes, bytes],
        fresh: Mapping[bytes, set[bytes]],
        as_of: int,
        errors: dict[str, list[Invalid]],
        prune: bool = False,
    ) -> FoldResult:
        result = FoldResult({}, {}, errors)
        for key, added in fresh.items():
            state = states.get(key)
            old = set(fact_set.decode_state(state)) if state is not None else set()
            new = fact_set.limit_flood(old | added, self.decode)
            if added and new == old:
                continue  # every fact is known: a repeat
            due = self.derive(key.decode(), old, new, as_of, result.outputs)
            if prune and due is not None and due <= as_of and len(kept := self.retain(new, as_of)) < len(new):
                # What is past its end leaves silently; the index is made anew without it.
                due = self.derive(key.decode(), kept, kept, as_of, {}) if kept else None
                new = kept
            changed = fact_set.encode_state(new, due) if new else None
            if changed != state:
                result.changes[key] = changed
        return result
