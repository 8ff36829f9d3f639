"""The stream: seeded, in order of arrival, with marks behind what they cover, and with everything in it."""

import io
import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import fastavro
import pytest

from schemas.codes import Refusal
from schemas.topics import INPUT_TOPICS
from tests.faults.avro_writer import IDS, SCHEMAS
from tests.faults.model.avro import read_datum
from tests.faults.model.judgement import SCHEMAS as REGISTERED
from tests.faults.model.judgement import Event, read
from tests.faults.scenarios.world import SCENARIOS
from tests.faults.stream import Stream, generate
from tests.unit.faults.pure_pipeline import appended, model_of

PARTITIONS = 4


def test_a_seed_gives_the_same_stream_again_and_another_seed_another() -> None:
    first, again, other = (list(generate(seed, 400, 50, large_bytes=2_000)) for seed in (5, 5, 6))
    assert first == again
    assert first != other


def test_records_come_in_the_order_of_their_arrival_and_marks_say_the_time_of_theirs() -> None:
    published = list(generate(1, 800, 80, partitions=PARTITIONS, large=0, rounds=9))
    assert all(one.appended_at <= next_.appended_at for one, next_ in pairwise(published))
    marks: Counter[tuple[str, int]] = Counter()
    for (topic, partition), records in appended(published, PARTITIONS).items():
        for offset, record in enumerate(records):
            found = read(record, offset, partition, PARTITIONS)
            if isinstance(found, Event) and found.is_mark:
                assert found.row["occurred_at"] == record.appended_at
                marks[topic, partition] += 1
    assert len(marks) == (len(INPUT_TOPICS) - 1) * PARTITIONS + 1
    assert set(marks.values()) == {10 + 1}
    assert len(published) == 800 + marks.total()


@pytest.fixture(scope="module")
def short_run() -> Stream:
    """A stream of 20,000 events after its iteration; its records are thrown away."""
    stream = Stream(8, 20_000, 2_000, large_bytes=1_000, stuck=1_001)
    assert sum(1 for _ in stream) > 20_000
    return stream


def test_every_scenario_turns_up_in_20_000_events(short_run: Stream) -> None:
    drawn = {
        f"{deck}: {scenario.__name__.replace('_', ' ')}"
        for deck, scenarios in SCENARIOS.items()
        for scenario in scenarios
        if deck != "families"
    }
    others = {"passage", "vehicle", "normal reading", "declaration", "decision", "urgent care"}
    others |= {"repeat soon", "repeat days later", "hours late"}
    others |= {f"report {kind}" for kind in ("INDICATOR", "ZERO_REPORT", "HEARTBEAT", "SUPPLIES")}
    others |= {f"correction: {kind}" for kind in ("correction", "upheld", "dismissed", "by another", "twice", "first")}
    assert drawn | others <= set(short_run.made)
    assert short_run.made["stuck device"] == 1_001


def test_every_outcome_follows_from_a_short_stream() -> None:
    log = appended(generate(3, 6_000, 300, partitions=PARTITIONS, poison=0.05, large_bytes=20_000), PARTITIONS)
    model = model_of(log, PARTITIONS)
    reasons = {letter.reason for letter in model.dead_letters.values()}
    assert reasons == {refusal.value for refusal in Refusal}
    assert {one.outcome for outcomes in model.outcomes().values() for one in outcomes} == {
        *("MET", "LATE", "BREACHED", "WITHDRAWN", "OPEN"),
    }
    assert {segment.level for segments in model.timelines().values() for segment in segments} == {"MEDIUM", "HIGH"}
    assert any(len(conflict.losers) > 1 for conflict in model.conflicts().values())
    assert {row for rows in model.event_rows().values() for row in rows}
    assert {topic for topic, *_ in model.cells()} == {topic.name for topic in INPUT_TOPICS} - {"urgent-care"}


def test_everyone_comes_up_when_there_are_five_times_as_many_events() -> None:
    log = appended(generate(2, 2_000, 400, partitions=PARTITIONS, large=0), PARTITIONS)
    keys = {record.key for (topic, _), records in log.items() for record in records if topic != "reference"}
    assert sum(1 for key in keys if key and key.startswith(b"p00")) >= 400


def test_what_the_stream_writes_and_the_model_reads_is_what_fastavro_reads() -> None:
    schemas = {
        schema_id: _parsed(SCHEMAS / f"{topic}.v{version}.avsc")
        for topic, ids in IDS.items()
        for version, schema_id in enumerate(ids, 1)
    }
    seen: Counter[int] = Counter()
    for record in generate(4, 1_500, 100, large=0, poison=0, rounds=4):
        value = record.value or b""
        schema_id = int.from_bytes(value[1:5], "big")
        row = fastavro.schemaless_reader(io.BytesIO(value[5:]), schemas[schema_id])
        assert read_datum(value, 5, REGISTERED[schema_id].fields) == row
        seen[schema_id] += 1
    assert seen.total() > 1_500
    assert set(seen) == {schema_id for topic in INPUT_TOPICS for schema_id in IDS[topic.name]}


def _parsed(path: Path) -> Any:
    """The schema without logical types: fastavro cannot make a datetime of an absurd time."""
    text = re.sub(r',\s*"logicalType": "timestamp-millis"', "", path.read_text(encoding="utf-8"))
    return fastavro.parse_schema(json.loads(text))
