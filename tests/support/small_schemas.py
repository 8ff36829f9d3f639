"""A small registry of two subjects, one with two versions that differ in all the ways that columns resolve."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas.registry import Registry

TIME = {"type": "long", "logicalType": "timestamp-millis"}
KIND = {"type": "enum", "name": "Kind", "symbols": ["TIME_MARK", "ENTRY", "EXIT"]}
ZONE = {"type": "enum", "name": "Zone", "symbols": ["NOT_STATED", "NORTH", "SOUTH"], "default": "NOT_STATED"}

FIRST: list[dict[str, Any]] = [
    {"name": "kind", "type": KIND},
    {"name": "source", "type": "string"},
    {"name": "sequence", "type": "long"},
    {"name": "occurred_at", "type": TIME},
    {"name": "zone_offset_minutes", "type": "int"},
    {"name": "site", "type": ["null", "string"], "default": None},
    {"name": "masked", "type": "boolean"},
    {"name": "checked", "type": ["null", "boolean"], "default": None},
    {"name": "due", "type": ["null", TIME], "default": None},
    {"name": "photo", "type": ["null", "bytes"], "default": None},
    {"name": "digest", "type": {"type": "fixed", "name": "Digest", "size": 4}},
    {"name": "symptoms", "type": {"type": "array", "items": "string"}, "default": []},
    {"name": "readings", "type": {"type": "array", "items": "long"}, "default": []},
    {"name": "lane", "type": ["null", "int"], "default": None},
]
# Symbols in another order and a new one; an int widened; a field made nullable; a field dropped; three new ones.
SECOND: list[dict[str, Any]] = [
    {"name": "kind", "type": {**KIND, "symbols": ["EXIT", "APPEAL", "TIME_MARK", "ENTRY"]}},
    *FIRST[1:4],
    {"name": "zone_offset_minutes", "type": "long"},
    FIRST[5],
    {"name": "masked", "type": ["null", "boolean"], "default": None},
    *FIRST[7:13],
    {"name": "zone", "type": ZONE, "default": "NOT_STATED"},
    {"name": "reason", "type": ["null", "string"], "default": None},
    {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []},
]
EVENTS, OTHERS = "events", "others"
FIRST_ID, SECOND_ID, OTHER_ID = 1, 300, 2


def record_schema(fields: list[dict[str, Any]], name: str = "Event") -> dict[str, Any]:
    """A flat record schema."""
    return {"type": "record", "name": name, "namespace": "small", "fields": fields}


def write_registry(directory: Path, schemas: Mapping[str, Any], ids: Mapping[str, list[int]]) -> Registry:
    """A registry of ``{"<subject>.v<N>": schema}`` in an empty directory."""
    for name, schema in schemas.items():
        (directory / f"{name}.avsc").write_text(json.dumps(schema), encoding="utf-8")
    (directory / "ids.json").write_text(json.dumps(ids), encoding="utf-8")
    return Registry(directory)


def small_registry(directory: Path) -> Registry:
    """`EVENTS` in two versions and `OTHERS` in one."""
    first, second = record_schema(FIRST), record_schema(SECOND)
    return write_registry(
        directory,
        {"events.v1": first, "events.v2": second, "others.v1": first},
        {EVENTS: [FIRST_ID, SECOND_ID], OTHERS: [OTHER_ID]},
    )


def event(number: int = 0, **fields: Any) -> dict[str, Any]:
    """A row of version 1."""
    return {
        "kind": ("ENTRY", "EXIT")[number % 2],
        "source": f"gate-{number % 7}",
        "sequence": number,
        "occurred_at": 1_580_000_000_000 + number,
        "zone_offset_minutes": 480,
        "site": "流亭机场" if number % 3 else None,
        "masked": number % 2 == 0,
        "checked": (None, True, False)[number % 3],
        "due": None if number % 5 else 1_580_086_400_000,
        "photo": b"\xff\x00" if number % 4 == 0 else None,
        "digest": bytes([number % 256] * 4),
        "symptoms": ["fever", "咳嗽"][: number % 3],
        "readings": [number, -number][: number % 4],
        "lane": None if number % 6 else number,
        **fields,
    }


def later_event(number: int = 0, **fields: Any) -> dict[str, Any]:
    """A row of version 2."""
    first = {name: value for name, value in event(number).items() if name != "lane"}
    return {**first, "zone": "NORTH", "reason": "late", "tags": ["a"], **fields}
