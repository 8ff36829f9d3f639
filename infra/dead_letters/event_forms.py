"""Rows as people correct them: the lines of an event file, which `checkline publish` takes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from schemas.events import MODELS, RANGES
from schemas.registry import SchemaVersion
from schemas.wire.partial import PartialValue
from sinks.tables import EVENT_TABLES

_LEAST_OFFSET, _MOST_OFFSET = RANGES["zone_offset_minutes"]


def event_form(value: PartialValue, key: bytes | None) -> dict[str, Any] | None:
    """What could be read of a value as a line of an event file; None where that is nothing.

    Fields that say nothing are left out, as are those that the kind does not have.
    """
    version = value.version
    if version is None or version.subject not in EVENT_TABLES or not value.datum.fields:
        return None
    row = value.datum.row
    kind = row.get("kind")
    model = MODELS.get((version.subject, kind)) if kind is not None else None
    written: dict[str, Any] = {"topic": version.subject}
    if kind is not None:
        written["kind"] = kind
    if (text := key_text(key)) is not None:
        written[EVENT_TABLES[version.subject].key] = text
    for name, field in row.items():
        of_kind = model is None or name in model.model_fields
        if name != "kind" and of_kind and field not in (None, "NOT_STATED", []):
            written[name] = field
    return {name: _readable(version, row, name, field) for name, field in written.items()}


def key_text(key: bytes | None) -> str | None:
    """A key as text, where it is UTF-8."""
    try:
        return None if key is None else key.decode()
    except UnicodeDecodeError:
        return None


def time_text(milliseconds: int, offset_minutes: object = 0) -> str | int:
    """A time in ISO 8601 at an offset; the number itself where no calendar has it."""
    known = isinstance(offset_minutes, int) and _LEAST_OFFSET <= offset_minutes <= _MOST_OFFSET
    zone = timezone(timedelta(minutes=offset_minutes)) if known and isinstance(offset_minutes, int) else UTC
    try:
        seconds, rest = divmod(milliseconds, 1000)
        return datetime.fromtimestamp(seconds, zone).replace(microsecond=rest * 1000).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return milliseconds


def _readable(version: SchemaVersion, row: Mapping[str, Any], name: str, value: Any) -> Any:
    is_time = any(shape.name == name and shape.logical for shape in version.shapes)
    return time_text(value, row.get("zone_offset_minutes")) if is_time else value
