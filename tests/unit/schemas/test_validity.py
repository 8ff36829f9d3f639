"""What is decodable but not usable: each reason by itself, decided from the record alone."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from schemas import events
from schemas.codes import Refusal
from schemas.registry import default_registry
from schemas.validity import Checked, Limits, beyond_horizon, check, columns_needed
from schemas.wire.partitioner import partition_of_key
from tests.support.people import DAY, HOUR, NOON, TOKEN, Desk

PARTITION = partition_of_key(TOKEN.encode(), 8)


def frame_of(*rows: dict[str, Any], topic: str = "check-ins") -> pl.DataFrame:
    enums = {
        field["name"]: pl.Enum(field["type"]["symbols"])
        for field in default_registry().latest(topic).fields
        if isinstance(field["type"], dict) and field["type"]["type"] == "enum"
    }
    stated = [{"offset": i, "appended_at": NOON, "key": TOKEN.encode(), **row} for i, row in enumerate(rows)]
    wanted = ["offset", "appended_at", "key", *columns_needed(topic)]
    frame = pl.DataFrame(stated, schema_overrides=enums, infer_schema_length=None).select(wanted)
    nulls = [pl.col(name).cast(pl.String) for name, kind in frame.schema.items() if kind == pl.Null]
    return frame.with_columns(nulls)


def passage(**changes: Any) -> dict[str, Any]:
    return {**Desk().passage().record().row, **changes}


def refused(*rows: dict[str, Any], topic: str = "check-ins", partition: int = PARTITION) -> Checked:
    return check(frame_of(*rows, topic=topic), topic, partition, 8, Limits())


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"key": b"370202199001011234"}, Refusal.BAD_KEY, "key"),
        ({"key": b"\xff\xfe"}, Refusal.BAD_KEY, "key"),
        ({"key": None}, Refusal.BAD_KEY, "key"),
        ({"key": ("p00" + "q" * 24).encode()}, Refusal.WRONG_PARTITION, "key"),
        ({"site": None}, Refusal.MISSING_FIELD, "site"),
        ({"site_kind": "NOT_STATED"}, Refusal.MISSING_FIELD, "site_kind"),
        ({"source": ""}, Refusal.MISSING_FIELD, "source"),
        ({"source": "desk 21"}, Refusal.OUT_OF_RANGE, "source"),
        ({"sequence": -1}, Refusal.OUT_OF_RANGE, "sequence"),
        ({"zone_offset_minutes": 5000}, Refusal.OUT_OF_RANGE, "zone_offset_minutes"),
        ({"occurred_at": -1}, Refusal.OUT_OF_RANGE, "occurred_at"),
        ({"occurred_at": NOON + HOUR}, Refusal.OCCURRED_AFTER_SENT, "occurred_at"),
        ({"sent_at": NOON + HOUR}, Refusal.SENT_AFTER_APPENDED, "sent_at"),
    ],
)
def test_one_reason_each(changes: dict[str, Any], reason: Refusal, field: str) -> None:
    checked = refused(passage(), passage(**changes), passage())
    assert [(bad.offset, bad.reason, bad.field) for bad in checked.invalid] == [(1, reason, field)]
    assert checked.frame["offset"].to_list() == [0, 2]


def test_rows_of_several_partitions_are_checked_together_each_against_its_own() -> None:
    elsewhere = (PARTITION + 1) % 8
    frame = frame_of(passage(), passage(), passage(key=b"\xff\xfe"), passage())
    checked = check(frame, "check-ins", np.array([PARTITION, elsewhere, PARTITION, PARTITION]), 8, Limits())
    assert [(bad.offset, bad.reason) for bad in checked.invalid] == [(1, Refusal.WRONG_PARTITION), (2, Refusal.BAD_KEY)]
    assert checked.rows == [1, 2]
    assert checked.frame["offset"].to_list() == [0, 3]


@pytest.mark.parametrize("value", [249, 451])
def test_no_body_has_such_a_temperature(value: int) -> None:
    row = Desk().reading(366).record().row
    (bad,) = refused({**row, "value_tenths": value}, topic="temperatures").invalid
    assert (bad.reason, bad.field) == (Refusal.OUT_OF_RANGE, "value_tenths")


@pytest.mark.parametrize("received_at", [-1, 2**32 * 1000 + 1, 2**63 - 1])
def test_no_deadline_can_be_reckoned_from_an_absurd_time(received_at: int) -> None:
    row = Desk().lead().record().row
    (bad,) = refused({**row, "received_at": received_at}, topic="follow-ups").invalid
    assert (bad.reason, bad.field) == (Refusal.OUT_OF_RANGE, "received_at")


def test_a_clock_within_the_allowed_skew_is_accepted() -> None:
    assert refused(passage(occurred_at=NOON + 200_000, sent_at=NOON + 200_000)).invalid == []


def test_a_time_mark_needs_no_token_and_may_lie_ahead_of_its_arrival() -> None:
    mark = events.TimeMark(source="clock", sequence=1, at=NOON + DAY).row("check-ins")
    assert refused({**mark, "key": b"mark"}, partition=partition_of_key(b"mark", 8)).invalid == []


def test_the_horizon_is_measured_from_the_record_alone() -> None:
    late = passage(occurred_at=NOON - 31 * DAY)
    frame = frame_of(passage(occurred_at=NOON - 29 * DAY), late)
    assert frame.select(beyond_horizon(Limits())).to_series().to_list() == [False, True]


def test_a_record_that_was_on_the_way_for_more_than_the_lateness_finds_nothing_to_speak_of() -> None:
    long_ago = {"occurred_at": NOON - 31 * DAY, "sent_at": NOON - 31 * DAY}
    frame = frame_of(passage(), passage(**long_ago))
    assert refused(passage(**long_ago)).invalid == []
    assert frame.select(beyond_horizon(Limits())).to_series().to_list() == [False, True]


@pytest.mark.parametrize("model", events.MODELS.values(), ids=lambda model: model.__name__)
def test_fields_that_the_model_requires_are_required_of_the_log(model: type[events.Event]) -> None:
    columns = columns_needed(model.topic.name)
    common = {*events.Event.model_fields, model.key_field}
    required = [name for name, field in model.model_fields.items() if field.is_required() and name not in common]
    assert set(required) <= set(columns)
