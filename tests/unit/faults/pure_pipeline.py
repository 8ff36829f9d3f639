"""A published stream through the project's own pure rules, without broker, store or column store: what came out.

Partitions are read in random turns of random size, topics in any order, as workers may; reference data is read just
far enough for each turn, as the worker's gate has it.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from xxhash import xxh3_128_hexdigest

from schemas.registry import default_registry
from schemas.topics import (
    BY_NAME,
    DEAD_LETTERS,
    INPUT_TOPICS,
    PERSON_TOPICS,
    REFERENCE,
    RISK_CHANGES,
    SLA_EVENTS,
    URGENT_CLOCKS,
)
from schemas.validity import Limits
from schemas.wire.batches import RecordBatch
from schemas.wire.rows import RowCodec
from sinks.blocks import Span, block_builder
from streams.announced import Announced
from streams.enforcement import CaseFold
from streams.fact_set import decode_state
from streams.facts import decode_fact
from streams.fold import Changes, Fold, Load, Outputs
from streams.person_fold import PersonFold
from streams.reference import Reference
from streams.reports import UnitFold
from streams.urgent import UrgentFold
from streams.worker.agent import Turn
from streams.worker.batch import FoldAgent, Scope
from streams.worker.clock import EventClock
from streams.worker.markers import Markers
from streams.worker.reference_feed import ReferenceFeed
from tests.faults.comparison import Found
from tests.faults.model import Arrival, Clock, DeadLetter, Model, Place, Published, Segment, Totals
from tests.faults.model.judgement import partition_of
from tests.support.batches import Sent, record_batch

Log = dict[tuple[str, int], list[Published]]
"""Records of every (topic, partition); a record's place in the list is its offset."""

LIMITS = Limits()


def appended(published: Iterable[Published], partitions: int) -> Log:
    """The log of a stream."""
    log: Log = {}
    for record in published:
        partition = record.partition
        if partition is None:
            count = partitions if BY_NAME[record.topic].partitioned else 1
            partition = partition_of(record.key or b"", count)
        log.setdefault((record.topic, partition), []).append(record)
    return log


def model_of(log: Log, partitions: int) -> Model:
    """The model, fed with the log."""
    model = Model(partitions)
    for (_, partition), records in log.items():
        for offset, record in enumerate(records):
            model.add(record, offset, partition)
    return model


def batch_of(records: Sequence[Published], begin: int) -> RecordBatch:
    """One batch as a producer makes it; ``begin`` is the offset of its first record."""
    return record_batch([Sent(record.key, record.value, record.appended_at) for record in records], begin)


class _Worker:
    """Runs one app over the log, partition by partition."""

    def __init__(self, fold: Fold, partitions: int, feed: "_Feed | None" = None) -> None:
        self.fold = fold
        self.states: list[dict[bytes, bytes]] = [{} for _ in range(partitions)]
        self.outputs: list[Outputs] = [{} for _ in range(partitions)]
        self._feed = feed
        self._expected = [0] * partitions
        self._names = [topic.name for topic in fold.topics]
        refuse_old = fold.topics == PERSON_TOPICS
        scope = Scope("test", partitions, LIMITS, "", refuse_old)
        self._agent = FoldAgent(fold, EventClock(self._names), default_registry(), scope)

    def run(self, log: Log, chance: random.Random) -> None:
        """Every record once or twice, in random turns, each with a tick behind it."""
        places: dict[tuple[str, int], int] = {place: 0 for place in log if place[0] in self._names}
        markers: list[Markers] = [{} for _ in self.states]
        while places:
            topic, partition = place = chance.choice(list(places))
            begin = places[place]
            end = min(len(log[place]), begin + chance.randint(1, 150))
            again = max(0, begin - chance.choice((0, 0, 0, 30)))
            records = log[place][again:end]
            if self._feed is not None:
                self._feed.read_until(max(record.appended_at for record in records))
            turn = Turn(partition, {topic: [batch_of(records, again)]}, markers[partition], self._load(partition))
            (decide,) = self._agent.sift([turn])
            step = decide()
            markers[partition] = {**markers[partition], **step.markers}
            self._take(partition, step.changes, step.outputs)
            if step.as_of >= 0:
                self._expect(partition, step.as_of)
                self._tick(partition, step.as_of)
            places[place] = end
            if end == len(log[place]):
                del places[place]

    def _load(self, partition: int) -> Load:
        states = self.states[partition]
        return lambda keys: {key: states[key] for key in keys if key in states}

    def _expect(self, partition: int, as_of: int) -> None:
        """Folds what reference data demands of the states of a partition, as far as that is read."""
        while self._expected[partition] < self.fold.expected():
            begin = self._expected[partition]
            followed, self._expected[partition] = self._agent.expect(partition, begin, self._load(partition), as_of)
            self._take(partition, followed.changes, followed.outputs)

    def _tick(self, partition: int, as_of: int) -> None:
        states = self.states[partition]
        due = {key: state for key, state in states.items() if (at := self.fold.next_due(state)) and at <= as_of}
        if due:
            announced = self._agent.tick(partition, due, as_of)
            self._take(partition, announced.changes, announced.outputs)
            after = [self.fold.next_due(states[key]) for key in due if key in states]
            assert all(at is None or at > as_of for at in after), "a state is still due after its tick"

    def _take(self, partition: int, changes: Changes, outputs: Outputs) -> None:
        for key, state in changes.items():
            if state is None:
                self.states[partition].pop(key, None)
            else:
                self.states[partition][key] = state
        for topic, records in outputs.items():
            self.outputs[partition].setdefault(topic, []).extend(records)


class _Feed:
    """The reader of reference data, just far enough."""

    def __init__(self, log: Log, reference: Reference) -> None:
        self._records = log.get((REFERENCE.name, 0), [])
        self._read = 0
        self._feed = ReferenceFeed("", default_registry(), LIMITS, reference.add)

    def read_until(self, moment: int) -> None:
        while not self._feed.covers(moment) and self._read < len(self._records):
            self._feed.take([batch_of(self._records[self._read : self._read + 7], self._read)])
            self._read += 7


def what_comes_out(log: Log, partitions: int, seed: int) -> Found:
    """Facts, timelines, clocks, notices, dead letters, event rows, arrivals and totals of the log."""
    chance = random.Random(seed)
    found = Found()
    derived = (RISK_CHANGES, SLA_EVENTS, URGENT_CLOCKS)
    codecs = {topic.name: RowCodec(default_registry(), topic.name) for topic in derived}

    def encode(topic: str, row: dict[str, Any]) -> bytes:
        return codecs[topic].encode(row)

    workers = [_Worker(CaseFold(), partitions)]
    for fold in (PersonFold, UnitFold, UrgentFold):
        reference = Reference(LIMITS)
        workers.append(_Worker(fold(reference, encode), partitions, _Feed(log, reference)))
    persons = workers[1]
    for worker in workers:
        worker.run(log, chance)
    _read_states(persons, found)
    for worker in workers:
        for outputs in worker.outputs:
            _read_outputs(outputs, codecs, found)
    _read_blocks(log, partitions, chance, found)
    return found


def _read_states(persons: _Worker, found: Found) -> None:
    facts = {}
    for states in persons.states:
        for key, state in states.items():
            members = [decode_fact(member) for member in decode_state(state)]
            stored = {(fact.source, fact.sequence) for fact in members if not isinstance(fact, Announced)}
            facts[key.decode()] = stored
    found.facts = facts


def _read_outputs(outputs: Outputs, codecs: Mapping[str, RowCodec], found: Found) -> None:
    timelines, clocks, notices = dict(found.timelines), dict(found.clocks), dict(found.notices)
    for key, value in outputs.get(RISK_CHANGES.name, []):
        row = codecs[RISK_CHANGES.name].decode(value)
        columns = zip(row["froms"], row["untils"], row["levels"], row["evidence"], strict=True)
        timelines[key.decode()] = [
            Segment(start, until, level, tuple(ids.split(" "))) for start, until, level, ids in columns
        ]
    for key, value in outputs.get(SLA_EVENTS.name, []):
        row, name = codecs[SLA_EVENTS.name].decode(value), key.decode()
        if row["kind"] == "CLOCK":
            fields = ("lead_id", "opened_at", "due_at", "done_at", "withdrawn_at", "before_due", "subject")
            clocks[name] = Clock(row["duty"] or row["deadline_class"], *(row[field] for field in fields))
        else:
            notices[name] = [*notices.get(name, []), row["kind"]]
    found.timelines, found.clocks, found.notices = timelines, clocks, notices
    letters = dict(found.dead_letters)
    codec = RowCodec(default_registry(), DEAD_LETTERS.name)
    for _, value in outputs.get(DEAD_LETTERS.name, []):
        row = codec.decode(value)
        raw = row["record_value"]
        dropped = raw is None and row["reason"] != "NULL_VALUE"
        letter = DeadLetter(row["reason"], row["field"], "" if dropped else xxh3_128_hexdigest(raw or b""))
        place: Place = (row["topic"], row["partition"], row["offset"])
        letters[place] = [*letters.get(place, []), letter]
    found.dead_letters = letters


def _read_blocks(log: Log, partitions: int, chance: random.Random, found: Found) -> None:
    rows: dict[str, dict[tuple[bytes, bytes], int]] = {}
    arrivals: dict[Place, Arrival] = {}
    totals: dict[tuple[str, int], Totals] = {}
    for topic in INPUT_TOPICS:
        count = partitions if topic.partitioned else 1
        builder = block_builder(default_registry(), topic.name, count, LIMITS)
        for span, records in _spans(log, topic.name, chance):
            built = builder.build({span: [batch_of(records, span.begin)]})
            for _, frame in built.tables:
                columns = (frame["identity"].to_list(), frame["content"].to_list(), frame["offset"].to_list())
                of_topic = rows.setdefault(topic.name, {})
                for identity, content, offset in zip(*columns, strict=True):
                    of_topic[identity, content] = min(offset, of_topic.get((identity, content), offset))
            for row in built.arrivals.iter_rows(named=True):
                hashes = (row["identity"], row["content"]) if row["outcome"] == "STORED" else ()
                arrivals[topic.name, row["partition"], row["offset"]] = Arrival(row["outcome"], row["reason"], *hashes)
            for block in built.blocks:
                known = totals.get((topic.name, span.partition), Totals(0, 0, 0, 0))
                new = (len(records), block.stored, block.marks, block.refused)
                totals[topic.name, span.partition] = Totals(*np.add(known, new).tolist())
    found.event_rows, found.arrivals, found.totals = rows, arrivals, totals


def _spans(log: Log, topic: str, chance: random.Random) -> Iterable[tuple[Span, list[Published]]]:
    for (name, partition), records in log.items():
        begin = 0
        while name == topic and begin < len(records):
            end = min(len(records), begin + chance.randint(1, 900))
            yield Span(topic, partition, begin, end), records[begin:end]
            begin = end
