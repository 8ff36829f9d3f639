"""From batches to rows, without an engine: what becomes a row, what of it is sent, and how it is accounted for."""

import random
from typing import Any

import numpy as np
import polars as pl
import pytest

from schemas.registry import default_registry
from schemas.validity import Limits
from sinks.audit import next_ranges
from sinks.blocks import Block, Rows, Span, block_builder, source_hashes
from sinks.digest import digest, int_hash, row_numbers
from sinks.writer import MAX_DAYS, split_by_days, stated_columns
from tests.support.batches import Sent
from tests.unit.sinks.log import DAY, HOUR, NOON, PARTITIONS, PERSONS, Gate, Log


def built(log: Log, topic: str = "check-ins") -> Rows:
    spans = {span: batches for span, batches in log.spans().items() if span.topic == topic}
    return block_builder(default_registry(), topic, PARTITIONS, Limits()).build(spans)


def test_a_block_counts_every_record_of_its_span_once() -> None:
    log = Log()
    key = PERSONS[0].encode()
    place = log.place_of("check-ins", key)
    log.publish(Gate().passage(PERSONS[0]), Gate("gate-2").passage(PERSONS[0], NOON + HOUR))
    log.append(place, [Sent(key, b"poison")])
    log.mark("check-ins", place[1], NOON)
    [block] = built(log).blocks
    assert block[:4] == (Span(*place, 0, 4), 2, 1, 1)
    assert block.hours == [NOON, NOON + HOUR]


def test_what_happened_after_the_engine_s_last_hour_is_refused_and_a_mark_of_that_time_is_not() -> None:
    log = Log()
    key = PERSONS[0].encode()
    place = log.place_of("check-ins", key)
    late = 2**32 * 1000
    log.publish(Gate().passage(PERSONS[0], late), Gate("gate-2").passage(PERSONS[0]))
    log.mark("check-ins", place[1], late)
    arrivals = built(log).arrivals.sort("offset")
    assert arrivals["outcome"].to_list() == ["REFUSED", "STORED", "MARK"]
    assert arrivals["reason"].to_list() == ["OUT_OF_RANGE", "", ""]


def test_spans_built_together_are_the_blocks_that_each_is_alone() -> None:
    log = Log()
    for number, person in enumerate(PERSONS):
        log.publish(Gate(f"gate-{number}").passage(person, NOON + number * HOUR))
    for partition in range(PARTITIONS):
        log.append(("check-ins", partition), [Sent(PERSONS[0].encode(), b"poison"), Sent(b"nobody", None)])
        log.mark("check-ins", partition, NOON)
    here, there = Span("check-ins", 0, 0, 1), Span("check-ins", 1, 0, 1)
    first = {place: batches[0] for place, batches in log.batches.items()}
    strays = {here: [first["check-ins", 1]], there: [first["check-ins", 0]]}  # each in the other's partition
    builder = block_builder(default_registry(), "check-ins", PARTITIONS, Limits())
    for spans in (log.spans(), strays):
        together = builder.build(spans)
        alone = [builder.build({span: batches}) for span, batches in spans.items()]
        assert together.blocks == [block for rows in alone for block in rows.blocks]
        order = ["partition", "offset"]
        assert together.arrivals.sort(order).equals(pl.concat([rows.arrivals for rows in alone]).sort(order))
    assert {block.refused for block in together.blocks} == {1}


def test_a_span_of_holes_only_is_a_block_without_records() -> None:
    rows = block_builder(default_registry(), "check-ins", PARTITIONS, Limits()).build({Span("check-ins", 1, 5, 9): []})
    assert rows.blocks == [Block(Span("check-ins", 1, 5, 9), 0, 0, 0, 0, [])]
    assert rows.tables == []
    assert rows.arrivals.is_empty()


def test_the_columns_of_an_insert_are_those_that_some_row_states() -> None:
    log = Log()
    log.publish(Gate().passage(mask_worn=False))
    [(_, frame)] = built(log).tables
    names = {column.name for column in stated_columns(frame)}
    assert {"mask_worn", "site", "kind", "direction", "identity", "partition", "offset"} <= names
    assert not {"zone", "symptoms", "vehicle", "origin_tier", "expected_arrival_at"} & names


def test_the_arrivals_of_equal_contents_differ_by_their_offset_only() -> None:
    log = Log()
    event = Gate().passage()
    log.publish(event, event)
    arrivals = built(log).arrivals
    assert arrivals["content"].n_unique() == arrivals["identity"].n_unique() == 1
    assert arrivals["offset"].to_list() == [0, 1]


def test_int_hash_is_that_of_clickhouse() -> None:
    assert int_hash(np.array([5], np.uint64)).tolist() == [15228578409069794350]  # SELECT intHash64(5)


def numbers(count: int = 50) -> list[int]:
    chance = np.random.default_rng(1)
    words = [chance.integers(0, 2**40, count) for _ in range(4)]
    identities, contents = (chance.bytes(16 * count) for _ in range(2))
    found = row_numbers(words[0], words[1], identities, contents, words[2] % 3, words[3] % 17)
    return [int(number) for number in found]


def test_a_digest_does_not_depend_on_the_order_of_its_rows() -> None:
    rows = numbers()
    shuffled = random.Random(3).sample(rows, len(rows))
    assert digest(np.array(rows, np.uint64)) == digest(np.array(shuffled, np.uint64)) != 0


@pytest.mark.parametrize("changed", range(6))
def test_a_digest_depends_on_every_part_of_an_arrival(changed: int) -> None:
    parts: list[Any] = [np.array([7]), np.array([8]), b"i" * 16, b"c" * 16, np.array([0]), np.array([0])]
    before = digest(row_numbers(*parts))
    parts[changed] = b"x" * 16 if isinstance(parts[changed], bytes) else parts[changed] + 1
    assert digest(row_numbers(*parts)) != before


def test_an_insert_of_many_days_is_split_into_parts_that_the_engine_takes() -> None:
    days = [day * 2 for day in range(250)]
    frame = pl.DataFrame({"hour": [NOON - day * DAY for day in days], "day": days})
    parts = split_by_days(frame)
    assert [part["day"].n_unique() <= MAX_DAYS for part in parts] == [True] * 3
    assert sorted(day for part in parts for day in part["day"].to_list()) == days


def test_sparse_days_far_apart_need_no_split() -> None:
    frame = pl.DataFrame({"hour": [NOON, NOON - 3000 * DAY]})
    assert len(split_by_days(frame)) == 1


def test_equal_sources_have_equal_numbers_and_none_is_zero() -> None:
    first, second, third = source_hashes(pl.Series(["gate-1", "gate-2", "gate-1"])).to_list()
    assert first == third != second
    assert 0 not in (first, second)


def test_ranges_of_the_rolling_audit_go_round() -> None:
    place = ("check-ins", 0)
    cursors: dict[tuple[str, int], int] = {}
    turns = [next_ranges(cursors, {place: 25}, 10, {}) for _ in range(4)]
    assert [(span.begin, span.end) for [span] in turns] == [(0, 10), (10, 20), (20, 25), (0, 10)]
    turns = [next_ranges(cursors, {place: 25}, 10, {place: 12}) for _ in range(3)]
    assert [(span.begin, span.end) for [span] in turns] == [(12, 22), (22, 25), (12, 22)]
    assert next_ranges(cursors, {place: 25}, 10, {place: 25}) == []
