"""The shapes a field may have: what both codecs read, and what `polars.read_avro` 2.1.0 reads without a panic.

Left out on purpose: maps and nullable enumerations (polars panics on them, even unread), floats (no figure of ours is
inexact), unions of more than one type, nested records, and arrays of anything but strings, bytes and longs.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

SCALARS = ("boolean", "int", "long", "string", "bytes")
ITEMS = ("long", "string", "bytes")
LOGICAL_TYPES = {"timestamp-millis": "long"}


class UnsupportedType(Exception):
    """A field's type is outside the list; the text names the field, the type and what to use instead."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"field {field}: {problem}")
        self.field = field
        self.problem = problem


class Field(NamedTuple):
    """One field of a flat record schema.

    ``kind`` is one of `SCALARS`, ``fixed``, ``enum`` or ``array``; ``nullable``: a union of null, which comes
    first, and that kind; ``size`` is that of a ``fixed``; ``symbols`` and ``other_symbol`` (the symbol
    read for those a newer writer knows and this reader does not) belong to an ``enum``, ``items`` to an ``array``.
    """

    name: str
    kind: str
    nullable: bool = False
    logical: str | None = None
    size: int = 0
    symbols: tuple[str, ...] = ()
    other_symbol: str | None = None
    items: str = ""
    has_default: bool = False
    default: Any = None


def fields_of(schema: Mapping[str, Any]) -> tuple[Field, ...]:
    """Fields of a flat record schema, in their order. Raises `UnsupportedType`."""
    if schema.get("type") != "record":
        raise UnsupportedType("(the schema itself)", "must be a record: one flat record per subject")
    return tuple(_field(field) for field in schema["fields"])


def _field(field: Mapping[str, Any]) -> Field:
    name, avro_type = field["name"], field["type"]
    if "aliases" in field:
        raise UnsupportedType(name, "has aliases, which columns do not follow: add a field and keep the old one")
    nullable = isinstance(avro_type, list)
    if isinstance(avro_type, list):
        others = [branch for branch in avro_type if branch != "null"]
        if len(avro_type) != 2 or len(others) != 1:
            raise UnsupportedType(name, f"union {avro_type}: only null with one other type can be read as a column")
        if avro_type[0] != "null":
            raise UnsupportedType(name, f"union {avro_type}: polars takes it as if null came first: put null there")
        avro_type = others[0]
    shape = Field(name, "", nullable, has_default="default" in field, default=field.get("default"))
    if isinstance(avro_type, str):
        return shape._replace(kind=_scalar(name, avro_type))
    kind = avro_type["type"]
    if kind == "enum":
        if nullable:
            raise UnsupportedType(name, "nullable enumeration, on which polars panics: add a NOT_STATED symbol instead")
        return shape._replace(kind="enum", symbols=tuple(avro_type["symbols"]), other_symbol=avro_type.get("default"))
    if kind == "fixed":
        return shape._replace(kind="fixed", size=avro_type["size"])
    if kind == "array":
        if nullable:
            raise UnsupportedType(name, "nullable array: use an empty one")
        if avro_type["items"] not in ITEMS:
            raise UnsupportedType(name, f"array of {avro_type['items']}: only arrays of {', '.join(ITEMS)}")
        return shape._replace(kind="array", items=avro_type["items"])
    logical = avro_type.get("logicalType")
    if logical is not None and LOGICAL_TYPES.get(logical) != kind:
        raise UnsupportedType(name, f"logical type {logical} of {kind}: only {', '.join(LOGICAL_TYPES)}")
    return shape._replace(kind=_scalar(name, kind), logical=logical)


def _scalar(name: str, kind: Any) -> str:
    if kind not in SCALARS:
        raise UnsupportedType(name, f"type {kind} cannot be read as a column: use {', '.join(SCALARS)}, fixed or enum")
    return str(kind)
