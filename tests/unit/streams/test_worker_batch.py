"""A turn of a partition: every record ends in exactly one place, and poison harms no neighbour."""

import struct
from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest

from schemas.events import Event, TimeMark
from schemas.registry import default_registry
from schemas.topics import DEAD_LETTERS, RISK_CHANGES
from schemas.validity import Limits
from schemas.wire.batches import RecordBatch
from schemas.wire.partitioner import partitions_of_keys
from schemas.wire.rows import RowCodec
from streams.fold import FoldResult, Load, Rows
from streams.worker.agent import Step, Turn
from streams.worker.batch import FoldAgent, Scope, TickErrors
from streams.worker.clock import BEFORE_TIME, EventClock
from streams.worker.markers import Marker, Markers
from tests.integration.worker_process import BROKEN, SmallFold, decoded
from tests.support.batches import record_batch
from tests.support.people import DAY, HOUR, NOON, TOKEN, Desk

PREFIX = "t."
TEMPERATURES, CHECK_INS, FOLLOW_UPS = PREFIX + "temperatures", PREFIX + "check-ins", PREFIX + "follow-ups"
TOPICS = (CHECK_INS, TEMPERATURES, FOLLOW_UPS)
PARTITIONS = 3
PARTITION = int(partitions_of_keys(pl.Series([TOKEN.encode()]), PARTITIONS)[0])
FEVER = 385

CODECS = {topic: RowCodec(default_registry(), topic.removeprefix(PREFIX)) for topic in TOPICS}
LETTERS = RowCodec(default_registry(), DEAD_LETTERS.name)


class Recorder(SmallFold):
    """Keeps what it was given."""

    def __init__(self) -> None:
        self.rows: list[Rows] = []
        self.as_of: list[int] = []

    def fold(self, rows: Rows, load: Load, as_of: int) -> FoldResult:
        self.rows.append(rows)
        self.as_of.append(as_of)
        return super().fold(rows, load, as_of)


def agent(fold: SmallFold | None = None, *, refuse_old: bool = True) -> FoldAgent:
    scope = Scope("risk", PARTITIONS, Limits(), PREFIX, refuse_old)
    return FoldAgent(fold or SmallFold(), EventClock(TOPICS), default_registry(), scope)


def step_of(rules: FoldAgent, turn: Turn) -> Step:
    (decide,) = rules.sift([turn])
    return decide()


def sent(event: Event) -> tuple[bytes, bytes]:
    topic, key, row = event.record()
    return key, CODECS[PREFIX + topic].encode(row)


def mark(topic: str, at: int) -> tuple[bytes, bytes]:
    return TOKEN.encode(), CODECS[topic].encode(TimeMark(source="clock", sequence=at, at=at).row(topic[len(PREFIX) :]))


def batch(*records: tuple[bytes | None, bytes | None], base: int = 0) -> RecordBatch:
    return record_batch(records, base, log_append_time=NOON + 1000)


def turn(markers: Markers | None = None, states: Mapping[bytes, bytes] | None = None, **batches: Any) -> Turn:
    names = {"temperatures": TEMPERATURES, "check_ins": CHECK_INS, "follow_ups": FOLLOW_UPS}
    found = {names[name]: value if isinstance(value, list) else [value] for name, value in batches.items()}
    known = states or {}
    return Turn(PARTITION, found, markers or {}, lambda keys: {key: known[key] for key in keys if key in known})


def letters(step: Step) -> dict[bytes, dict[str, Any]]:
    return {key: LETTERS.decode(value) for key, value in step.outputs.get(PREFIX + DEAD_LETTERS.name, [])}


def test_good_rows_are_folded_and_their_outputs_go_to_topics_of_the_installation() -> None:
    desk = Desk()
    step = step_of(
        agent(),
        turn(
            temperatures=batch(sent(desk.reading(FEVER)), sent(desk.reading(FEVER))),
        ),
    )
    assert decoded(step.changes[TOKEN.encode()]) == {"desk-1#1", "desk-1#2"}
    assert [key for key, _ in step.outputs[PREFIX + RISK_CHANGES.name]] == [b"desk-1#1", b"desk-1#2"]
    assert step.markers == {TEMPERATURES: Marker(1)}
    assert letters(step) == {}


def test_a_kept_row_is_given_in_full_as_the_row_codec_gives_it() -> None:
    fold, event = Recorder(), Desk().reading(FEVER, instrument="gun-7", symptoms=["DRY_COUGH", "FEVER"], slot="NOON")
    step_of(agent(fold), turn(temperatures=batch(sent(event), base=40)))
    key, row = fold.rows[0]["temperatures"][0]
    assert key == TOKEN.encode()
    assert row == {**CODECS[TEMPERATURES].decode(sent(event)[1]), "offset": 40, "appended_at": NOON + 1000}


def test_rows_that_the_screen_drops_are_not_folded_and_not_dead() -> None:
    fold = Recorder()
    step = step_of(agent(fold), turn(temperatures=batch(sent(Desk().reading(365)))))
    assert (fold.rows, step.changes, step.outputs, step.markers) == ([], {}, {}, {TEMPERATURES: Marker(0)})


def test_poison_becomes_dead_letters_with_its_raw_bytes_and_its_neighbours_are_folded() -> None:
    desk = Desk()
    key, whole = sent(desk.reading(FEVER))
    unknown = b"\0" + struct.pack(">I", 999) + whole[5:]
    step = step_of(
        agent(),
        turn(
            temperatures=batch(
                (key, b"{}"),
                (key, whole),
                (key, None),
                (key, whole[:-1]),
                (key, unknown),
                sent(desk.reading(FEVER)),
                (b"not a token", whole),
                (key, b"\x00\xff\xff\xff\xff" + whole[5:]),
                base=100,
            )
        ),
    )
    assert decoded(step.changes[key]) == {"desk-1#1", "desk-1#2"}
    found = {letter["offset"]: letter for letter in letters(step).values()}
    assert {offset: letter["reason"] for offset, letter in found.items()} == {
        100: "FOREIGN_MAGIC",
        102: "NULL_VALUE",
        103: "TRUNCATED",
        104: "UNKNOWN_SCHEMA",
        106: "BAD_KEY",
        107: "UNKNOWN_SCHEMA",
    }
    assert found[107]["schema_id"] == -1  # signed, as the framing's own libraries read it
    assert found[100]["record_value"] == b"{}"
    assert found[102]["record_value"] is None
    assert found[103]["record_value"] == whole[:-1]
    assert (found[106]["record_key"], found[106]["record_value"]) == (b"not a token", whole)
    assert {letter["owner"] for letter in found.values()} == {"risk"}
    assert {letter["topic"] for letter in found.values()} == {"temperatures"}
    assert {letter["appended_at"] for letter in found.values()} == {NOON + 1000}
    assert next(iter(letters(step))) == f"temperatures/{PARTITION}/100".encode()
    assert step.markers == {TEMPERATURES: Marker(107)}


def test_a_row_without_a_fact_is_a_rule_error_with_its_raw_bytes() -> None:
    desk = Desk()
    bad = sent(desk.reading(FEVER, instrument=BROKEN))
    step = step_of(agent(), turn(temperatures=batch(bad, sent(desk.reading(FEVER)))))
    (letter,) = letters(step).values()
    assert (letter["offset"], letter["reason"], letter["record_value"]) == (0, "RULE_ERROR", bad[1])
    assert decoded(step.changes[TOKEN.encode()]) == {"desk-1#2"}


def test_a_row_beyond_the_horizon_is_a_dead_letter_where_persons_are_judged() -> None:
    old = sent(Desk().passage(NOON - 31 * DAY, sent_at=NOON))
    step = step_of(agent(), turn(check_ins=batch(old)))
    assert [letter["reason"] for letter in letters(step).values()] == ["BEYOND_HORIZON"]
    step = step_of(agent(refuse_old=False), turn(check_ins=batch(old)))
    assert letters(step) == {}
    assert step.changes


def test_a_record_in_the_wrong_partition_is_a_dead_letter() -> None:
    found = turn(check_ins=batch(sent(Desk().passage())))
    step = step_of(agent(), found._replace(partition=(PARTITION + 1) % PARTITIONS))
    assert [letter["reason"] for letter in letters(step).values()] == ["WRONG_PARTITION"]


def test_marks_move_the_clock_and_are_no_rows() -> None:
    fold = Recorder()
    markers = {CHECK_INS: Marker(7, NOON + HOUR), FOLLOW_UPS: Marker(3, NOON)}
    batches = batch(mark(TEMPERATURES, NOON + 2 * HOUR), sent(Desk().reading(FEVER)), mark(TEMPERATURES, NOON))
    step = step_of(agent(fold), turn(markers, temperatures=batches))
    assert step.markers == {TEMPERATURES: Marker(2, NOON + 2 * HOUR)}
    assert step.as_of == NOON  # the smallest of the three
    assert fold.as_of == [NOON]
    assert [row["sequence"] for _, row in fold.rows[0]["temperatures"]] == [1]


def test_before_every_topic_has_a_mark_nothing_can_be_due() -> None:
    assert step_of(agent(), turn(temperatures=batch(mark(TEMPERATURES, NOON)))).as_of == BEFORE_TIME


def test_a_mark_of_an_earlier_turn_is_not_forgotten() -> None:
    step = step_of(
        agent(), turn({TEMPERATURES: Marker(3, NOON)}, temperatures=batch(sent(Desk().reading(FEVER)), base=4))
    )
    assert step.markers == {TEMPERATURES: Marker(4, NOON)}


def test_records_up_to_the_marker_are_applied_already() -> None:
    desk = Desk()
    key, good = sent(desk.reading(FEVER))
    records = batch((key, b"{}"), (key, good), (key, b"[]"), sent(desk.reading(FEVER)), base=10)
    step = step_of(agent(), turn({TEMPERATURES: Marker(11)}, temperatures=records))
    assert decoded(step.changes[key]) == {"desk-1#2"}
    assert [letter["offset"] for letter in letters(step).values()] == [12]


def test_topics_of_a_turn_are_folded_together_and_each_gets_its_marker() -> None:
    fold, desk = Recorder(), Desk()
    found = turn(check_ins=batch(sent(desk.passage())), follow_ups=batch(sent(desk.lead()), base=5))
    step = step_of(agent(fold), found)
    assert len(fold.rows) == 1
    assert set(fold.rows[0]) == {"check-ins", "follow-ups"}
    assert step.markers == {CHECK_INS: Marker(0), FOLLOW_UPS: Marker(5)}


def test_partitions_sifted_together_are_decided_as_each_is_alone() -> None:
    desk, other = Desk(), (PARTITION + 1) % PARTITIONS
    key, whole = sent(desk.reading(FEVER))
    here = turn(
        {TEMPERATURES: Marker(0, NOON)},
        temperatures=batch((key, whole), (key, b"{}"), mark(TEMPERATURES, NOON + HOUR), sent(desk.reading(FEVER))),
        check_ins=batch(sent(desk.passage(NOON - 31 * DAY, sent_at=NOON)), sent(desk.passage())),
    )
    there = turn(temperatures=batch((key, None), (key, whole), mark(TEMPERATURES, NOON)))._replace(partition=other)
    together = [decide() for decide in agent().sift([here, there])]
    assert together == [step_of(agent(), here), step_of(agent(), there)]
    assert {letter["reason"] for letter in letters(together[0]).values()} == {"FOREIGN_MAGIC", "BEYOND_HORIZON"}
    assert {letter["reason"] for letter in letters(together[1]).values()} == {"NULL_VALUE", "WRONG_PARTITION"}
    assert together[0].markers[TEMPERATURES] == Marker(3, NOON + HOUR)


def test_a_turn_of_poison_alone_moves_the_marker() -> None:
    step = step_of(agent(), turn(temperatures=batch((TOKEN.encode(), b"{}"))))
    assert (step.changes, step.markers, len(letters(step))) == ({}, {TEMPERATURES: Marker(0)}, 1)


def test_how_the_log_is_cut_into_turns_does_not_matter() -> None:
    desk, key = Desk(), TOKEN.encode()
    records = [
        sent(desk.reading(FEVER)),
        (key, b"{}"),
        sent(desk.reading(FEVER)),
        (key, None),
        sent(desk.reading(FEVER)),
    ]
    whole = step_of(agent(), turn(temperatures=batch(*records)))
    states: dict[bytes, bytes] = {}
    markers: Markers = {}
    dead: dict[bytes, dict[str, Any]] = {}
    for offset, record in enumerate(records):
        step = step_of(agent(), turn(markers, states, temperatures=batch(record, base=offset)))
        states.update({key: state for key, state in step.changes.items() if state is not None})
        markers.update(step.markers)
        dead.update(letters(step))
    assert states == whole.changes
    assert markers == whole.markers
    assert dead == letters(whole)


def test_a_fold_that_raises_is_not_caught() -> None:
    class Broken(SmallFold):
        def fold(self, rows: Rows, load: Load, as_of: int) -> FoldResult:
            raise ZeroDivisionError("a fault of the platform")

    with pytest.raises(ZeroDivisionError):
        step_of(agent(Broken()), turn(temperatures=batch(sent(Desk().reading(FEVER)))))


def test_a_tick_that_names_records_is_an_error() -> None:
    class Confused(SmallFold):
        def tick(self, states: Mapping[bytes, bytes], as_of: int) -> FoldResult:
            return FoldResult({}, {}, {"temperatures": ["something"]})  # type: ignore[list-item]  # meant to be wrong

    with pytest.raises(TickErrors):
        agent(Confused()).tick(0, {}, NOON)
