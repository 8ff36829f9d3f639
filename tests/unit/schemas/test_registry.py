"""Rules of the registry."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.registry import (
    IncompatibleSchema,
    Registry,
    RegistryError,
    UnknownSchemaId,
    UnknownSubject,
    UnsupportedSchema,
    default_registry,
)
from tests.support.small_schemas import FIRST, KIND, record_schema, small_registry, write_registry

LONG = {"name": "sequence", "type": "long"}


def test_versions_ids_and_latest_are_read_from_files(tmp_path: Path) -> None:
    registry = small_registry(tmp_path)
    assert registry.subjects == ("events", "others")
    assert [version.id for version in registry.versions("events")] == [1, 300]
    assert registry.latest("events").version == 2
    assert registry.by_id(2).subject == "others"
    assert registry.find(7) is None
    assert [field["name"] for field in registry.latest("others").fields] == [field["name"] for field in FIRST]
    registry.check_compatibility()


def test_an_unknown_subject_or_id_is_named(tmp_path: Path) -> None:
    registry = small_registry(tmp_path)
    with pytest.raises(UnknownSubject, match="no schema of visits"):
        registry.latest("visits")
    with pytest.raises(UnknownSchemaId, match="id 7"):
        registry.by_id(7)


def test_the_shipped_schemas_can_read_all_their_earlier_versions_and_be_read_as_columns() -> None:
    registry = default_registry()
    registry.check_compatibility()
    assert {"check-ins", "temperatures", "follow-ups", "dead-letters"} <= set(registry.subjects)


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        ({}, "gives no id to a"),
        ({"a": [1, 2]}, "has 2 ids for a"),
        ({"a": [0]}, "id 0 of a version 1 is out of range"),
        ({"a": [1], "b": [1]}, "id 1 of b version 1 is taken by"),
        ({"a": [1], "b": [2], "c": [3]}, "has 1 ids for c"),
    ],
)
def test_ids_and_files_must_agree(tmp_path: Path, ids: dict[str, list[int]], text: str) -> None:
    schemas = {"a.v1": record_schema([LONG])}
    if "b" in ids:
        schemas["b.v1"] = record_schema([LONG])
    with pytest.raises(RegistryError, match=text):
        write_registry(tmp_path, schemas, ids)


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"ids\.json cannot be read"):
        Registry(tmp_path)
    (tmp_path / "ids.json").write_text("{", encoding="utf-8")
    with pytest.raises(RegistryError, match=r"ids\.json is not JSON"):
        Registry(tmp_path)
    (tmp_path / "ids.json").write_text("{}", encoding="utf-8")
    (tmp_path / "visits.avsc").write_text("{}", encoding="utf-8")
    with pytest.raises(RegistryError, match=r"visits\.avsc: a schema file is named"):
        Registry(tmp_path)


@pytest.mark.parametrize(
    ("avro_type", "text"),
    [
        (["null", KIND], "nullable enumeration"),
        ({"type": "map", "values": "string"}, "type map"),
        ("double", "type double"),
        (["string", "long"], "only null with one other type"),
        (["null", "string", "long"], "only null with one other type"),
        (["long", "null"], "as if null came first"),
        (["null", {"type": "array", "items": "string"}], "nullable array"),
        ({"type": "array", "items": "boolean"}, "array of boolean"),
        ({"type": "array", "items": KIND}, "array of"),
        ({"type": "record", "name": "Inner", "fields": []}, "type record"),
        ({"type": "int", "logicalType": "date"}, "logical type date"),
    ],
)
def test_a_type_that_columns_cannot_hold_is_refused_by_name(tmp_path: Path, avro_type: Any, text: str) -> None:
    registry = write_registry(tmp_path, {"a.v1": record_schema([LONG, {"name": "odd", "type": avro_type}])}, {"a": [1]})
    with pytest.raises(UnsupportedSchema, match=f"a version 1, field odd: .*{text}") as raised:
        registry.check_compatibility()
    assert raised.value.field == "odd"


def test_a_default_must_be_of_its_fields_type(tmp_path: Path) -> None:
    field = {"name": "lane", "type": ["null", "int"], "default": 3}
    registry = write_registry(tmp_path, {"a.v1": record_schema([field])}, {"a": [1]})
    with pytest.raises(UnsupportedSchema, match="field lane: default 3"):
        registry.check_compatibility()


ENUM = {"name": "kind", "type": KIND}


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ([LONG], [LONG, {"name": "lane", "type": "int"}], "lane"),
        ([LONG], [{"name": "sequence", "type": "int"}], "sequence"),
        ([LONG], [{"name": "sequence", "type": ["null", "string"], "default": None}], "sequence"),
        ([{"name": "site", "type": ["null", "string"]}], [{"name": "site", "type": "string"}], "site"),
        ([{"name": "site", "type": ["null", "string"]}], [{"name": "site", "type": ["null", "long"]}], "site"),
        ([ENUM], [{"name": "kind", "type": {**KIND, "symbols": ["TIME_MARK", "ENTRY"]}}], "kind"),
        ([{"name": "raw", "type": "bytes"}], [{"name": "raw", "type": "string"}], "raw"),
        ([LONG], [{"name": "sequence", "type": {"type": "long", "logicalType": "timestamp-millis"}}], "sequence"),
        (
            [{"name": "h", "type": {"type": "fixed", "name": "H", "size": 4}}],
            [{"name": "h", "type": {"type": "fixed", "name": "H", "size": 8}}],
            "h",
        ),
        (
            [{"name": "s", "type": {"type": "array", "items": "string"}}],
            [{"name": "s", "type": {"type": "array", "items": "long"}}],
            "s",
        ),
    ],
)
def test_an_incompatible_field_is_named_with_both_versions(
    tmp_path: Path, before: list[Any], after: list[Any], field: str
) -> None:
    schemas = {"a.v1": record_schema(before), "a.v2": record_schema(after)}
    registry = write_registry(tmp_path, schemas, {"a": [1, 2]})
    with pytest.raises(
        IncompatibleSchema, match=f"a: version 2 cannot read data of version 1: field {field}: "
    ) as raised:
        registry.check_compatibility()
    assert (raised.value.reader_version, raised.value.writer_version, raised.value.field) == (2, 1, field)


def test_a_version_is_held_against_all_earlier_ones_not_only_the_last(tmp_path: Path) -> None:
    lane = {"name": "lane", "type": "string"}
    schemas = {
        "a.v1": record_schema([LONG, lane]),
        "a.v2": record_schema([LONG]),
        "a.v3": record_schema([LONG, {"name": "lane", "type": "long", "default": 0}]),
    }
    registry = write_registry(tmp_path, schemas, {"a": [1, 2, 3]})
    with pytest.raises(IncompatibleSchema, match="version 3 cannot read data of version 1: field lane"):
        registry.check_compatibility()


@pytest.mark.parametrize("change", [{"name": "Visit"}, {"namespace": "other"}])
def test_a_record_keeps_its_full_name(tmp_path: Path, change: dict[str, str]) -> None:
    schemas = {"a.v1": record_schema([LONG]), "a.v2": {**record_schema([LONG]), **change}}
    registry = write_registry(tmp_path, schemas, {"a": [1, 2]})
    with pytest.raises(IncompatibleSchema, match="version 1: the record: ") as raised:
        registry.check_compatibility()
    assert raised.value.field is None


def test_times_are_parsed_as_plain_numbers(tmp_path: Path) -> None:
    assert "logicalType" not in json.dumps(small_registry(tmp_path).latest("events").parsed)
