"""The fold of apps whose states have clocks: tells the state of a clock when it changed, and notices when they are due.

Derived records go to one topic: CLOCK records, each of which replaces the last of its clock, and notices with their own
time, which never enter a figure.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from schemas.codes import DeadlineClass
from schemas.topics import SLA_EVENTS, Topic
from streams.announced import ANNOUNCER, Announced
from streams.clocks import Clock, announced, next_notice, notices, untold
from streams.expected import Expected
from streams.fact_set import Fact, encode_fact
from streams.fold import Outputs
from streams.reference import Reference
from streams.union_fold import UnionFold

Encode = Callable[[str, dict[str, Any]], bytes]
"""Subject and row to framed bytes."""

_LEAD_CLASSES = frozenset(one.value for one in DeadlineClass)


class ClockedFold(UnionFold):
    """``reference`` is fed by the worker; ``encode`` frames derived records."""

    clock_topic: Topic = SLA_EVENTS
    expects_of: str | None = None
    """Whose expectations of the reference data are facts here, see `streams.reference.Reference.expectations`."""

    def __init__(self, reference: Reference, encode: Encode) -> None:
        self.reference = reference
        self._encode = encode

    @abstractmethod
    def clocks(self, facts: list[Any], as_of: int | None) -> dict[str, Clock]:
        """Clocks by id, slots of schedules up to ``as_of``, UTC milliseconds."""

    def expected(self) -> int:
        return 0 if self.expects_of is None else self.reference.expected(self.expects_of)

    def expectations(self, begin: int, limit: int) -> tuple[list[tuple[bytes, dict[str, Any]]], int]:
        return ([], begin) if self.expects_of is None else self.reference.expectations(self.expects_of, begin, limit)

    def next_expected(self, facts: list[Any], as_of: int) -> int | None:
        """When the next slot of a schedule can be missed, UTC milliseconds."""
        return None

    def retain(self, members: set[bytes], as_of: int) -> set[bytes]:
        kept_ms = self._kept_ms
        return {member for member in members if _ends(self.decode(member), kept_ms) > as_of}

    @property
    def _kept_ms(self) -> int:
        """A fact is needed until all it can assert has ended, and proof or correction of it can no longer come."""
        return self.reference.policies.longest_ms

    def derive(self, key: str, old: set[bytes], new: set[bytes], as_of: int, outputs: Outputs) -> int | None:
        known = [self.decode(member) for member in old]
        added = [self.decode(member) for member in new - old]
        facts = known + added if new >= old else [self.decode(member) for member in new]
        self.tell(key, known, added, facts, as_of, outputs)
        kept_ms = self._kept_ms
        ends = min([_ends(fact, kept_ms) for fact in facts])
        forgotten_at = None if ends == _NEVER else ends
        found = self.clocks(facts, as_of)
        expected_at = self.next_expected(facts, as_of)
        sent = announced(facts)
        before = found
        if added:
            before = self.clocks(known, as_of)
            if new >= old:
                found = _undone(before, found, sent) | found
        if not found:
            return _soonest(forgotten_at, expected_at)
        told = {clock_id for clock_id, clock in found.items() if before.get(clock_id) != clock} if added else set()
        for clock in untold(found.values(), sent, as_of):
            told.add(clock.clock_id)
            new.add(encode_fact(Announced(ANNOUNCER, 1, as_of, as_of, clock.clock_id, "TOLD")))
        due = notices(found.values(), sent, as_of)
        # No event opened it: with its first notice its state is told as well.
        told |= {notice.clock.clock_id for notice in due if notice.clock.implied}
        if told:
            for clock_id in found:
                if clock_id in told:
                    self.tell_clock("CLOCK", key, found[clock_id], as_of, outputs)
        for notice in due:
            self.tell_clock(notice.kind, key, notice.clock, as_of, outputs)
            new.add(encode_fact(announcement(notice.clock, notice.kind, notice.number, as_of)))
            sent[notice.clock.clock_id, notice.kind] = notice.number
        return _soonest(forgotten_at, expected_at, next_notice(found.values(), sent, as_of))

    def tell(
        self, key: str, known: list[Any], added: list[Any], facts: list[Any], as_of: int, outputs: Outputs
    ) -> None:
        """Appends what else follows from the facts to ``outputs``."""

    def conclude(self, key: str, members: Iterable[bytes], as_of: int, outputs: Outputs) -> None:
        """Appends the last word on a key to ``outputs``: what else follows, the state of every clock, no notices."""
        facts = [self.decode(member) for member in members]
        self.tell(key, [], facts, facts, as_of, outputs)
        for clock in self.clocks(facts, as_of).values():
            self.tell_clock("CLOCK", key, clock, as_of, outputs)

    def tell_clock(self, kind: str, key: str, clock: Clock, as_of: int, outputs: Outputs) -> None:
        row = {"kind": kind, "as_of": as_of, **self.clock_row(key, clock)}
        value = self._encode(self.clock_topic.name, row)
        outputs.setdefault(self.clock_topic.name, []).append((f"{key}/{clock.clock_id}".encode(), value))

    def clock_row(self, key: str, clock: Clock) -> Mapping[str, Any]:
        """Fields of a record that tells the state of a clock."""
        known_class = clock.deadline_class in _LEAD_CLASSES
        return {
            "token": key,
            "lead_id": clock.lead_id,
            "deadline_class": clock.deadline_class if known_class else DeadlineClass.OTHER.value,
            "duty": clock.deadline_class,
            "opened_at": clock.opened_at,
            "due_at": clock.due_at,
            "done_at": clock.done_at,
            "withdrawn_at": clock.withdrawn_at,
            "policy": clock.policy,
            "evidence": list(clock.evidence),
            "subject": clock.subject,
            "before_due": clock.before_due,
        }


def _undone(
    before: Mapping[str, Clock], found: Mapping[str, Clock], sent: Mapping[tuple[str, str], int]
) -> dict[str, Clock]:
    """Clocks that were told, and that follow from nothing any more: withdrawn from the start, for what was told of
    them stands elsewhere. Something was learnt late: a correction, a version of a roster, a tier that came back."""
    return {
        clock_id: clock._replace(done_at=None, withdrawn_at=clock.opened_at)
        for clock_id, clock in before.items()
        if clock_id not in found
        and (
            not clock.implied or clock.done_at is not None or {(clock_id, "BREACHED"), (clock_id, "TOLD")} & sent.keys()
        )
    }


def announcement(clock: Clock, kind: str, number: int, as_of: int) -> Announced:
    """The fact that a notice was sent."""
    return Announced(ANNOUNCER, number, as_of, as_of, clock.clock_id, kind)


_NEVER = 2**63 - 1


def _ends(fact: Fact, kept_ms: int) -> int:
    """When a fact is needed no more, UTC milliseconds: an open entry of a roster is needed for ever."""
    if isinstance(fact, Expected):
        return _NEVER if fact.until is None else max(fact.until, fact.effective_from) + kept_ms
    return fact.at + kept_ms


def _soonest(*times: int | None) -> int | None:
    return min((time for time in times if time is not None), default=None)
