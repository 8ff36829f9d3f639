"""Both folds under one policy: events and reference data in, clocks and notices out, as the worker runs them."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import msgspec

from schemas.events import Event
from schemas.policy import Policy, parse_policy, policy_text
from schemas.validity import Limits
from streams.clocked_fold import ClockedFold, Encode
from streams.fold import FoldResult, Rows
from streams.person_fold import PersonFold
from streams.reference import Reference
from streams.reports import UnitFold
from tests.support.people import Told, rows_of


class ToldClock(NamedTuple):
    """What was last told of a clock, and the notices about it, in the order in which they were told."""

    duty: str
    about: str
    opened_at: int
    due_at: int
    done_at: int | None
    withdrawn_at: int | None
    notices: tuple[str, ...]


@cache
def shipped(name: str) -> Policy:
    """A policy that is shipped with Checkline."""
    return parse_policy(policy_text(name), name)


class Bench:
    """One fold over a dictionary of states; ``policy`` is in effect while it is valid."""

    def __init__(self, fold: Callable[[Reference, Encode], ClockedFold], policy: Policy) -> None:
        self.reference = Reference(Limits(), overlay=(policy,))
        self.fold = fold(self.reference, lambda subject, row: msgspec.json.encode(Told(subject, row)))
        self._states: dict[bytes, bytes] = {}
        self._expected = 0
        self._told: list[tuple[str, dict[str, Any]]] = []

    def publish(self, *published: Event, as_of: int = 0) -> None:
        """Folds events."""
        self._fold(rows_of(published), as_of)

    def refer(self, *published: Event, as_of: int = 0) -> None:
        """Takes in reference data and folds what it expects of whom."""
        for event in published:
            _, key, row = event.record()
            self.reference.add(key.decode(), row, row["sent_at"])
        expected, self._expected = self.fold.expectations(self._expected, 10_000)
        self._fold({"reference": [(key, {**row, "offset": 0}) for key, row in expected]}, as_of)

    def tick(self, as_of: int) -> None:
        """Lets the time be ``as_of``, UTC milliseconds."""
        due = {key: state for key, state in self._states.items() if (self.fold.next_due(state) or 2**63) <= as_of}
        self._take(self.fold.tick(due, as_of))

    def clocks(self) -> dict[str, ToldClock]:
        """What was told of every clock, by clock id."""
        found: dict[str, ToldClock] = {}
        for clock_id, row in self._told:
            notices = found[clock_id].notices if clock_id in found else ()
            if row["kind"] != "CLOCK":
                notices += (row["kind"],)
            said = {name: row[name] for name in ("duty", "opened_at", "due_at", "done_at", "withdrawn_at")}
            found[clock_id] = ToldClock(about=row["lead_id"], notices=notices, **said)
        return found

    def _fold(self, rows: Rows, as_of: int) -> None:
        self._take(self.fold.fold(rows, lambda keys: {k: self._states[k] for k in keys if k in self._states}, as_of))

    def _take(self, result: FoldResult) -> None:
        assert not result.errors
        for key, state in result.changes.items():
            if state is None:
                del self._states[key]
            else:
                self._states[key] = state
        for key, value in result.outputs.get("sla-events", ()):
            clock_id = key.decode().partition("/")[2]
            self._told.append((clock_id, msgspec.json.decode(value, type=Told).row))


def persons(policy: Policy) -> Bench:
    """The fold of the risk app."""
    return Bench(PersonFold, policy)


def units(policy: Policy) -> Bench:
    """The fold of the reports app."""
    return Bench(UnitFold, policy)
