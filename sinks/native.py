"""Polars columns as ClickHouse's native format, without a Python object per value.

Numbers go as they lie in memory. A text shorter than 128 bytes is its length, which is then one ASCII character, and
its bytes: joining those of a whole column is one expression of polars. Enumerations go as their codes.
"""

import re
from functools import lru_cache

import numpy as np
import polars as pl

_NUMBERS = {
    "Int8": "<i1", "Int16": "<i2", "Int32": "<i4", "Int64": "<i8",
    "UInt8": "<u1", "UInt16": "<u2", "UInt32": "<u4", "UInt64": "<u8",
    "Bool": "<u1", "DateTime": "<u4", "DateTime64": "<i8",
}  # fmt: skip
_LONGEST_OF_ONE_BYTE = 127
_LENGTHS = pl.Series([chr(length) for length in range(_LONGEST_OF_ONE_BYTE + 1)])
_ENUM_ITEM = re.compile(r"'((?:\\.|[^'\\])*)' = (-?\d+)")
_OWN_KEYS = 1 << 9 | 1 << 10  # the block brings its keys along
_KEY_VERSION = (1).to_bytes(8, "little")


class CannotEncode(Exception):
    """A column does not fit the type of the table's column; the text names both."""


def encode(column: pl.Series, spec: str) -> bytes:
    """Bytes of a column in the native format, for a ClickHouse type ``spec``; milliseconds for a time.

    Raises `CannotEncode` where the type is not one that our tables use, or a value does not fit it.
    """
    try:
        return _prefix(spec) + _encode(column, spec)
    except (pl.exceptions.PolarsError, OverflowError, ValueError, TypeError, KeyError) as error:
        raise CannotEncode(f"column {column.name} ({column.dtype}) does not fit {spec}: {error}") from error


def _inner(spec: str, name: str) -> str | None:
    return spec[len(name) + 1 : -1] if spec.startswith(f"{name}(") else None


def _prefix(spec: str) -> bytes:
    if inner := _inner(spec, "Array"):
        return _prefix(inner)
    return _KEY_VERSION if spec.startswith("LowCardinality(") else b""


def _encode(column: pl.Series, spec: str) -> bytes:
    if inner := _inner(spec, "Nullable"):
        nulls = column.is_null()
        return nulls.to_numpy().astype(np.uint8).tobytes() + _encode(column, inner)
    if inner := _inner(spec, "LowCardinality"):
        return _low_cardinality(column, inner)
    if inner := _inner(spec, "Array"):
        ends = column.list.len().fill_null(0).cum_sum().cast(pl.UInt64).to_numpy()
        items = column.filter(column.list.len() > 0).explode()
        return ends.tobytes() + (_encode(items, inner) if len(items) else b"")
    if spec == "UInt128":
        return _fixed_strings(column, 16)
    if spec == "String":
        return _strings(column)
    if size := _inner(spec, "FixedString"):
        return _fixed_strings(column, int(size))
    if spec.startswith("Enum8("):
        return _enum(column, spec)
    kind = _NUMBERS.get(spec.partition("(")[0])
    if kind is None:
        raise CannotEncode(f"column {column.name}: type {spec} is not one that tables here use")
    if column.null_count():
        column = column.fill_null(False if column.dtype == pl.Boolean else 0)
    numbers = column.to_numpy()
    if spec in ("DateTime", "DateTime('UTC')"):
        numbers = numbers // 1000
    converted = numbers.astype(kind)
    if (converted != numbers).any():
        raise CannotEncode(f"column {column.name}: a value is out of the range of {spec}")
    return converted.tobytes()


def _strings(column: pl.Series) -> bytes:
    if column.dtype == pl.Binary:
        return b"".join(_varint(len(value)) + value for value in column.fill_null(b"").to_list())
    column = column.fill_null("") if column.null_count() else column
    if not len(column):
        return b""
    lengths = column.str.len_bytes()
    longest = lengths.max()
    assert isinstance(longest, int)
    if longest > _LONGEST_OF_ONE_BYTE:
        encoded = (value.encode() for value in column.to_list())
        return b"".join(_varint(len(value)) + value for value in encoded)
    heads = pl.Series([chr(longest)]) if lengths.min() == longest else _LENGTHS.gather(lengths)
    return str((heads + column).str.join("").item()).encode()


def _fixed_strings(column: pl.Series, size: int) -> bytes:
    joined = b"".join(column.to_list())
    if len(joined) != size * len(column):
        raise CannotEncode(f"column {column.name}: not every value has {size} bytes")
    return joined


def _low_cardinality(column: pl.Series, spec: str) -> bytes:
    if not len(column):
        return b""
    texts = column.drop_nulls().unique()
    codes = column.cast(pl.Enum(texts)).to_physical()
    if _inner(spec, "Nullable"):  # the first key stands for null
        places = (codes.cast(pl.UInt32) + 1).fill_null(0)
        texts = pl.concat([pl.Series(texts.name, [""]), texts])
    else:
        places = codes
    width = 0 if len(texts) <= 1 << 8 else 1 if len(texts) <= 1 << 16 else 2
    head = np.array([_OWN_KEYS | width, len(texts)], "<u8").tobytes()
    indices = places.to_numpy().astype(("<u1", "<u2", "<u4")[width])
    return head + _strings(texts) + len(column).to_bytes(8, "little") + indices.tobytes()


def _enum(column: pl.Series, spec: str) -> bytes:
    codes = _enum_codes(spec)
    kind = column.dtype if isinstance(column.dtype, pl.Enum) else pl.Enum(list(codes))
    column = column.cast(kind)
    symbols = kind.categories.to_list()
    if column.null_count():
        raise CannotEncode(f"column {column.name}: an enumeration cannot be null")
    places = column.to_physical().to_numpy()
    unknown = set(symbols) - codes.keys()
    if unknown and (named := {symbols[place] for place in np.unique(places)} & unknown):
        raise CannotEncode(f"column {column.name}: {', '.join(sorted(named))} is not in {spec}: write a migration")
    table = np.array([codes.get(symbol, 0) for symbol in symbols], "<i1")
    return bytes(table[places])


@lru_cache(1024)
def _enum_codes(spec: str) -> dict[str, int]:
    return {name: int(code) for name, code in _ENUM_ITEM.findall(spec)}


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > _LONGEST_OF_ONE_BYTE:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
