"""Models of events: what producers may say, and how they are told what is wrong."""

from typing import Any

import pytest
from pydantic import ValidationError

from schemas import codes, events, topics
from schemas.registry import default_registry
from tests.support.people import NOON, TOKEN

PASSAGE: dict[str, Any] = {
    "source": "gate-1",
    "sequence": 1,
    "token": TOKEN,
    "occurred_at": "2020-02-19T12:00:00+08:00",
    "sent_at": "2020-02-19T12:00:01+08:00",
    "site": "site-1",
    "site_kind": "RAIL",
    "direction": "ENTERING",
    "subject_kind": "PERSON",
}

all_models = pytest.mark.parametrize("model", events.MODELS.values(), ids=lambda model: model.__name__)


@all_models
def test_every_field_of_a_model_is_a_field_of_its_schema(model: type[events.Event]) -> None:
    fields = {field["name"] for field in default_registry().latest(model.topic.name).fields}
    assert set(model.model_fields) - {model.key_field} <= fields


@all_models
def test_every_kind_is_a_symbol_of_its_schema(model: type[events.Event]) -> None:
    (kind,) = (field for field in default_registry().latest(model.topic.name).fields if field["name"] == "kind")
    assert model.kind in kind["type"]["symbols"]


def test_every_kind_that_a_schema_knows_has_a_model() -> None:
    for topic in topics.INPUT_TOPICS:
        (kind,) = (field for field in default_registry().latest(topic.name).fields if field["name"] == "kind")
        modelled = {of_kind for of_topic, of_kind in events.MODELS if of_topic == topic.name}
        assert set(kind["type"]["symbols"]) == modelled | {"TIME_MARK"}


def test_times_with_an_offset_become_utc_and_the_offset_is_kept() -> None:
    passage = events.Passage.model_validate(PASSAGE)
    assert (passage.occurred_at, passage.zone_offset_minutes) == (NOON, 480)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("occurred_at", "2020-02-19T12:00:00", "without an offset"),
        ("occurred_at", "yesterday", "ISO 8601"),
        ("token", "370202199001011234", "pattern"),
        ("site_kind", "AIRSTRIP", "'MOTORWAY'"),
        ("sequence", -1, "greater than or equal to 0"),
        ("temperature", 36.6, "Extra inputs"),
    ],
)
def test_a_bad_field_is_named_with_its_reason(field: str, value: object, says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        events.Passage.model_validate({**PASSAGE, field: value})
    (error,) = (error for error in caught.value.errors() if error["loc"] == (field,))
    assert says in error["msg"]


def test_a_record_states_its_own_fields_and_leaves_the_others_absent() -> None:
    record = events.Passage.model_validate(PASSAGE).record()
    assert (record.topic, record.key) == ("check-ins", TOKEN.encode())
    assert record.row["kind"] == "PASSAGE"
    assert record.row["health_code"] == "NOT_STATED"
    assert record.row["expected_arrival_at"] is None
    assert "token" not in record.row


def test_t3_no_schema_has_a_field_for_a_registered_residence_but_the_lead_s_boolean() -> None:
    naming = {
        (topic.name, field["name"])
        for topic in topics.ALL_TOPICS
        for field in default_registry().latest(topic.name).fields
        if any(word in field["name"] for word in ("province", "residence", "identity_number", "phone", "name"))
    }
    assert naming == {("follow-ups", "home_province"), ("reference", "name_en"), ("reference", "name_zh")}


def test_every_code_has_an_english_and_a_chinese_name() -> None:
    # Others are the words of one command, and stand in no event.
    enumerations = [one for one in codes.Code.__subclasses__() if one.__module__ == codes.__name__]
    assert len(enumerations) > 20
    for enumeration in enumerations:
        for member in enumeration:
            assert member.value == member.name
            assert member.english
            chinese = any("\u4e00" <= letter <= "\u9fff" for letter in member.chinese)
            assert chinese or member in (codes.UnitOfCount.PERCENT, codes.UnitOfCount.BASIS_POINT)


def test_the_enumerations_that_the_source_documents_count_have_as_many_members() -> None:
    def stated(enumeration: type[codes.Code]) -> int:
        return len([member for member in enumeration if member != "NOT_STATED"])

    assert stated(codes.LeadSource) == 5
    assert stated(codes.CaseCategory) == 6 + 5  # of Qingdao; of Weihai and Bayannur
    assert stated(codes.Disposition) == 7 + 1
    assert stated(codes.Zone) == 4
    assert stated(codes.AttemptMethod) == 3
