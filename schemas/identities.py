"""Names that identify: tokens of persons and vehicles, event ids, identity and content hashes.

The canonical text of a record is what two records must share to be the same content: the key, then every field that
says something, in schema order. Fields that are absent (null, ``NOT_STATED``, an empty list) are left out, so a field
added by a later schema version does not change the hash of what was published before it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl
from xxhash import xxh3_128_digest

TOKEN_PATTERN = r"^[pvs][0-9]{2}[a-z2-7]{24}$"
"""A token: kind of subject, token epoch, 120 bits in base 32. Nothing that identifies a person has this shape."""

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
"""Shape of every other key and name (case, unit, entity, source, site)."""

_TOKEN = re.compile(TOKEN_PATTERN)
_FIELD, _ITEM = "\x1f", "\x1e"


class EventId(NamedTuple):
    """Identity of an event: who made it, and that source's own counter."""

    source: str
    sequence: int

    def __str__(self) -> str:
        return f"{self.source}#{self.sequence}"


def is_token(text: str) -> bool:
    """Whether the text has the shape of a token."""
    return _TOKEN.match(text) is not None


def identity_hash(source: str, sequence: int) -> bytes:
    """16 bytes that stand for the event's identity."""
    return xxh3_128_digest(f"{source}{_FIELD}{sequence}".encode())


def content_hash(key: str, row: Mapping[str, Any], fields: Sequence[str]) -> bytes:
    """16 bytes that stand for what the record says; ``fields`` is the order of the schema."""
    parts = [key]
    for field in fields:
        value = row[field]
        if value is None or value == "NOT_STATED" or value == []:
            continue
        if isinstance(value, list):
            value = _ITEM.join(map(str, value))
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, str):
            value = f"{len(value.encode())}:{value}"
        parts.append(f"{field}={value}")
    return xxh3_128_digest(_FIELD.join(parts).encode())


def _enumeration(column: pl.Series, prefix: str, symbols: Sequence[str]) -> pl.Series:
    """The text of an enumeration column: one ready-made text a symbol, gathered by code."""
    texts = [None if symbol == "NOT_STATED" else f"{prefix}{len(symbol.encode())}:{symbol}" for symbol in symbols]
    return pl.Series(texts, dtype=pl.String).gather(column.to_physical().cast(pl.UInt32))


def _canonical(column: pl.Series) -> list[pl.Series | str]:
    """Texts of a field, to be written one after the other; a null among them leaves the field of that row out.

    What is the same in all rows is a plain text: most columns of a batch are absent or nearly constant.
    """
    prefix, kind = f"{_FIELD}{column.name}=", column.dtype
    if column.null_count() == len(column):
        return []
    if isinstance(kind, pl.Enum):
        return [_enumeration(column, prefix, kind.categories.to_list())]
    if kind == pl.Boolean or kind.is_integer():
        return [prefix, column.cast(pl.String)]
    if isinstance(kind, pl.List):
        joined = column.cast(pl.List(pl.String)).list.join(_ITEM)
        column = joined.set(column.list.len() == 0, None)
    lengths = column.str.len_bytes()
    longest = lengths.max()
    if isinstance(longest, int) and lengths.min() == longest:
        return [f"{prefix}{longest}:", column]
    return [prefix, lengths.cast(pl.String), ":", column]


def identity_hashes(frame: pl.DataFrame) -> list[bytes]:
    """`identity_hash` of every row of a frame with the columns ``source`` and ``sequence``."""
    texts = frame.select(pl.col("source") + pl.lit(_FIELD) + pl.col("sequence").cast(pl.String)).to_series()
    return [xxh3_128_digest(text) for text in texts.cast(pl.Binary).to_list()]


def content_hashes(frame: pl.DataFrame, fields: Sequence[str]) -> list[bytes]:
    """`content_hash` of every row of a frame that has the binary column ``key`` and all ``fields``."""
    if frame.is_empty():
        return []
    columns: dict[str, pl.Series] = {}
    texts: list[pl.Expr] = []

    def named(part: pl.Series | str) -> pl.Expr:
        if isinstance(part, str):
            return pl.lit(part)
        columns[name := str(len(columns))] = part
        return pl.col(name)

    texts.append(named(frame["key"].cast(pl.String)))
    for field in fields:
        parts = _canonical(frame[field])
        if any(not isinstance(part, str) and part.null_count() for part in parts):
            texts.append(pl.concat_str([named(part) for part in parts]))
        else:
            texts += [named(part) for part in parts]
    whole = pl.concat_str(texts, ignore_nulls=True).cast(pl.Binary)
    canonical = pl.DataFrame(columns).select(whole).to_series()
    return [xxh3_128_digest(text) for text in canonical.to_list()]
