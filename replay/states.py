"""The states of persons from a stretch of log, all at once: facts are united as they come, and what follows from them
is concluded once, at the end.

What the worker does turn by turn, with a store, a changelog and notices in between, comes to the same last word: facts
are sets, and a verdict is a function of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from replay.digests import Digest, Digests, clock_row, facts_row, outcome_row, timeline_row
from schemas import topics
from schemas.registry import Registry
from schemas.validity import Invalid, Limits
from schemas.wire.batches import RecordBatch
from schemas.wire.rows import RowCodec
from streams.clocked_fold import Encode
from streams.clocks import Clock
from streams.enforcement import CaseFold
from streams.fact_set import limit_flood
from streams.facts import PersonFact, decode_fact
from streams.fold import FoldResult, Load, Outputs, Rows
from streams.person_clocks import clocks
from streams.person_fold import PersonFold, observed
from streams.reference import Reference
from streams.reports import UnitFold
from streams.risk import Segment
from streams.union_fold import UnionFold
from streams.worker.agent import Turn
from streams.worker.batch import FoldAgent, Scope
from streams.worker.clock import BEFORE_TIME

Letters = list[tuple[bytes, bytes]]
"""Dead letters: key and framed value."""


class _NoClock:
    """Nothing falls due while facts are gathered."""

    def as_of(self, markers: Mapping[str, Any]) -> int:
        return BEFORE_TIME


class _Gathering(UnionFold):
    """The rules of an app up to the facts: unites them, and concludes nothing."""

    members: dict[bytes, set[bytes]]

    def _apply(
        self,
        states: Mapping[bytes, bytes],
        fresh: Mapping[bytes, set[bytes]],
        as_of: int,
        errors: dict[str, list[Invalid]],
        prune: bool = False,
    ) -> FoldResult:
        for key, added in fresh.items():
            known = self.members.get(key)
            if known is None:
                self.members[key] = added
            else:
                known |= added
        return FoldResult({}, {}, errors)


Heed = Callable[[Rows], None]
"""Hears of the rows about persons that can matter, before facts are read off them."""


class _Persons(_Gathering, PersonFold):
    def __init__(self, reference: Reference, encode: Encode, heed: Heed) -> None:
        super().__init__(reference, encode)
        self.members = {}
        self._heed = heed

    def fold(self, rows: Rows, load: Load, as_of: int) -> FoldResult:
        self._heed(rows)
        return super().fold(rows, load, as_of)


class _Cases(_Gathering, CaseFold):
    def __init__(self) -> None:
        self.members = {}


class _Units(_Gathering, UnitFold):
    def __init__(self, reference: Reference, encode: Encode) -> None:
        super().__init__(reference, encode)
        self.members = {}


class Conclusion(NamedTuple):
    """What follows for one person as of a time: the observed facts (encoded, sorted), timeline and clocks. Of a unit or
    an order, the clocks alone."""

    token: str
    members: list[bytes]
    segments: list[Segment]
    clocks: list[Clock]


class States:
    """Gathers record batches of any partitions, in any order, and concludes.

    ``reference`` must hold all reference data of the log, and may judge by other policies. ``partitions`` is that of
    the log that is read: a record in the wrong one is refused. ``heed``: what else is to be read off the rows.
    """

    def __init__(
        self,
        registry: Registry,
        reference: Reference,
        partitions: int,
        limits: Limits,
        heed: Heed = lambda rows: None,
    ) -> None:
        codecs: dict[str, RowCodec] = {}

        def encode(subject: str, row: dict[str, Any]) -> bytes:
            if subject not in codecs:
                codecs[subject] = RowCodec(registry, subject)
            return codecs[subject].encode(row)

        self.marks: dict[str, int] = {}
        """Latest time mark of each topic, UTC milliseconds."""
        self._persons = _Persons(reference, encode, heed)
        self._units = _Units(reference, encode)
        self._agents: dict[str, FoldAgent] = {}
        self._expecting: list[FoldAgent] = []
        for owner, fold in {"risk": self._persons, "enforcement": _Cases(), "reports": self._units}.items():
            scope = Scope(owner, partitions, limits, refuse_old=owner == "risk")
            agent = FoldAgent(fold, _NoClock(), registry, scope)
            self._agents |= {topic.name: agent for topic in fold.topics}
            self._expecting.append(agent)
        self._partitions = partitions
        self._expected: dict[tuple[int, int], int] = {}
        """How many rows of what is expected are taken in, by app and partition."""

    @property
    def topics(self) -> frozenset[str]:
        """Topics that an app reads."""
        return frozenset(self._agents)

    def add(self, topic: str, partition: int, batches: Sequence[RecordBatch]) -> Letters:
        """Unites the facts of some batches with what is known; returns the dead letters of the unusable records.

        Raises `CorruptBatch`.
        """
        letters: Letters = []
        if batches:
            turn = Turn(partition, {topic: list(batches)}, {}, lambda keys: {})
            for decide in self._agents[topic].sift([turn]):
                step = decide()
                letters += step.outputs.get(topics.DEAD_LETTERS.name, ())
                mark = step.markers[topic].mark
                if mark is not None:
                    self.marks[topic] = max(mark, self.marks.get(topic, mark))
        return letters

    def expect(self, partitions: Iterable[int] | None = None) -> None:
        """Unites what the reference data expects of the states of some partitions (None: of all), heard of or not."""
        for number, agent in enumerate(self._expecting):
            for partition in range(self._partitions) if partitions is None else partitions:
                begin, end = -1, self._expected.get((number, partition), 0)
                while begin < end:
                    begin = end
                    _, end = agent.expect(partition, begin, lambda keys: {}, BEFORE_TIME)
                self._expected[number, partition] = end

    def unite(self, rows: Rows) -> None:
        """Unites the facts of rows about persons that were let through by another screen, which is no narrower."""
        self._persons.fold(rows, lambda keys: {}, BEFORE_TIME)

    @property
    def persons(self) -> int:
        """How many persons have facts."""
        return len(self._persons.members)

    @property
    def tokens(self) -> set[str]:
        """Who has facts."""
        return {key.decode() for key in self._persons.members}

    def conclusions(self, as_of: int) -> Iterator[Conclusion]:
        """What follows for each person, unit and order as of a time, UTC milliseconds; what is past its end by then is
        left out."""
        for key, members in self._kept(self._persons, as_of):
            yield self._concluded(key.decode(), members, as_of)
        for key, members in self._kept(self._units, as_of):
            found = self._units.clocks([self._units.decode(member) for member in members], as_of)
            if found:
                yield Conclusion(key.decode(), [], [], list(found.values()))

    def conclusion(self, token: str, as_of: int, until: int | None = None) -> Conclusion:
        """What follows for one person from what is kept as of a time, and of schedules up to another (None: the same):
        nothing where there are no facts."""
        members = self._persons.members.get(token.encode(), set())
        kept = self._persons.retain(limit_flood(members, decode_fact), as_of)
        return self._concluded(token, kept, as_of if until is None else until)

    def _concluded(self, token: str, members: set[bytes], as_of: int) -> Conclusion:
        facts: list[PersonFact] = [decode_fact(member) for member in members]
        segments = self._persons.timeline(token, facts)
        found = clocks(facts, self._persons.reference, as_of)
        return Conclusion(token, observed(members), segments, list(found.values()))

    def forget(self, as_of: int) -> None:
        """Lets go of facts that are past their end, as a worker does."""
        members = self._persons.members
        for key, known in list(members.items()):
            if kept := self._persons.retain(known, as_of):
                members[key] = kept
            else:
                del members[key]

    def records(self, as_of: int) -> Iterator[Outputs]:
        """The derived records of each person, unit and order as of a time: {topic: (key, framed value)}."""
        for fold in (self._persons, self._units):
            for key, members in self._kept(fold, as_of):
                outputs: Outputs = {}
                fold.conclude(key.decode(), members, as_of, outputs)
                if outputs:
                    yield outputs

    def _kept(self, fold: "_Persons | _Units", as_of: int) -> Iterator[tuple[bytes, set[bytes]]]:
        for key, members in fold.members.items():
            kept = fold.retain(limit_flood(members, fold.decode), as_of)
            if kept:
                yield key, kept


def digests_of(conclusions: Iterable[Conclusion], as_of: int) -> Digests:
    """Digests of what follows for some persons, units and orders."""
    facts = timelines = clocks_digest = outcomes = Digest()
    for token, members, segments, found in conclusions:
        if members:
            facts = facts.plus(facts_row(token, members))
        if segments:
            timelines = timelines.plus(timeline_row(token, segments))
        for clock in found:
            clocks_digest = clocks_digest.plus(clock_row(token, clock))
            outcomes = outcomes.plus(outcome_row(token, clock, as_of))
    return Digests(facts, timelines, clocks_digest, outcomes)
