"""Where a block ends. A block says nothing about its length, so each column is passed over by its type; nothing is
decoded, the bytes go to and from the engine's FORMAT Native as they are."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from infra.embedded.clickhouse.errors import UNKNOWN_TYPE, ProtocolError
from infra.embedded.clickhouse.wire import MAX_PACKET, ByteReader, string, varint

BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"  # is_overflows = 0, bucket_num = -1
MAX_COLUMNS = 10_000
MAX_NESTING = 32

Structure = list[tuple[str, str]]
"""Names and types of columns."""

_SIZES = {
    **{f"{sign}Int{bits}": bits // 8 for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)},
    "Bool": 1,
    "Enum8": 1,
    "Enum16": 2,
    "Nothing": 1,
    "UUID": 16,
    "IPv4": 4,
    "IPv6": 16,
    "Float32": 4,
    "Float64": 8,
    "BFloat16": 2,
    "Date": 2,
    "Date32": 4,
    "DateTime": 4,
    "DateTime32": 4,
    "DateTime64": 8,
    "Time": 4,
    "Time64": 8,
}
_DECIMAL_SIZES = ((9, 4), (18, 8), (38, 16), (76, 32))  # highest precision, bytes
_TOKEN = re.compile(r"'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|.", re.S)
_ELEMENT_NAME = re.compile(r"(?:`(?:\\.|[^`\\])*`|\w+)\s+(?=\w)")  # stands before the type of a tuple's element
_HAS_OWN_KEYS = 1 << 9


@dataclass(frozen=True)
class Walk:
    """Passes over one column: `prefix` once, then `body` for a number of rows."""

    prefix: Callable[[ByteReader], None]
    body: Callable[[ByteReader, int], None]


@dataclass(frozen=True)
class Block:
    """`raw`: the block for FORMAT Native (or, towards the client, for the connection), without its BlockInfo."""

    structure: Structure
    rows: int
    raw: bytes


def header(structure: Structure, custom_serialization: bool) -> bytes:
    """A block of no rows: the structure of a result or of an insert."""
    flag = b"\0" if custom_serialization else b""
    return varint(len(structure)) + b"\0" + b"".join(string(name) + string(spec) + flag for name, spec in structure)


def read_block(
    reader: ByteReader, *, flags_in: bool = False, flags_out: bool = False, types: Sequence[str] | None = None
) -> Block:
    """Pass one block. The byte of custom serialization that follows each type is dropped or added as asked; `types`
    replaces the types' names, as the engine's output forgets the zone of DateTime.

    Raises ProtocolError where a limit is crossed or a type has no layout known here.
    """
    reader.record()
    columns, rows = reader.varint(), reader.varint()
    if rows > MAX_PACKET or columns > MAX_COLUMNS:
        raise ProtocolError(f"Block of {columns} columns and {rows} rows is too large")
    structure: Structure = []
    for index in range(columns):
        name = reader.string()
        reader.cut()
        spec = reader.string()
        if flags_in and reader.byte():
            raise ProtocolError(f"Column {name}: custom serialization is not supported")
        reader.cut(keep=False)
        structure.append((name, spec))
        reader.insert(string(types[index] if types else spec) + (b"\0" if flags_out else b""))
        if rows:
            try:
                walk = walk_of(spec)
            except (ValueError, IndexError) as error:
                raise ProtocolError(f"Column {name}: malformed type {spec[:200]}", UNKNOWN_TYPE) from error
            walk.prefix(reader)
            walk.body(reader, rows)
    return Block(structure, rows, reader.recorded())


@lru_cache(4096)
def walk_of(spec: str) -> Walk:
    """How to pass over a column of type `spec`. Raises ProtocolError for types without a layout known here, and
    ValueError or IndexError for what is no type."""
    tokens = _TOKEN.findall(spec)
    if max(accumulate((token == "(") - (token == ")") for token in tokens), default=0) > MAX_NESTING:
        raise ProtocolError(f"Type {spec[:200]} is nested more than {MAX_NESTING} times", UNKNOWN_TYPE)
    return _walk(spec)


def _walk(spec: str) -> Walk:
    name, _, rest = spec.partition("(")
    arguments = _split(rest[:-1]) if rest else []
    size = _fixed_size(name, arguments)
    if size is not None:
        return Walk(_nothing, lambda reader, rows: reader.skip(size * rows))
    if name == "String":
        return Walk(_nothing, lambda reader, rows: reader.skip_strings(rows))
    if name == "SimpleAggregateFunction":
        return _walk(arguments[1])
    if name == "LowCardinality":
        return _low_cardinality(arguments[0])
    if name in ("Nullable", "Array", "Map", "Nested", "Tuple"):
        if name in ("Nested", "Tuple"):
            arguments = [_ELEMENT_NAME.sub("", argument, count=1) for argument in arguments]
        return _compound(name, [_walk(argument) for argument in arguments])
    raise ProtocolError(f"Type {spec[:200]} cannot cross the connection of the embedded server", UNKNOWN_TYPE)


def _split(arguments: str) -> list[str]:
    out, depth = [""], 0
    for token in _TOKEN.findall(arguments):
        depth += (token == "(") - (token == ")")
        if token == "," and not depth:
            out.append("")
        else:
            out[-1] += token
    return [argument.strip() for argument in out]


def _fixed_size(name: str, arguments: list[str]) -> int | None:
    if name == "FixedString":
        return int(arguments[0])
    if name == "Decimal":
        return next((size for highest, size in _DECIMAL_SIZES if int(arguments[0]) <= highest), None)
    if name.startswith("Interval"):
        return 8
    return _SIZES.get(name)


def _nothing(_: ByteReader) -> None:
    pass


def _low_cardinality(spec: str) -> Walk:
    keys = _walk(spec[len("Nullable(") : -1] if spec.startswith("Nullable(") else spec)

    def body(reader: ByteReader, rows: int) -> None:
        if not rows:
            return
        kind = int.from_bytes(reader.take(8), "little")
        if kind & 15 > 3 or not kind & _HAS_OWN_KEYS:
            raise ProtocolError(f"LowCardinality of kind {kind} is not supported")
        keys.body(reader, reader.count())
        if reader.count() != rows:
            raise ProtocolError("LowCardinality: as many indices as rows are expected")
        reader.skip(rows << (kind & 15))

    return Walk(lambda reader: reader.skip(8), body)


def _compound(name: str, inner: list[Walk]) -> Walk:
    def prefix(reader: ByteReader) -> None:
        for walk in inner:
            walk.prefix(reader)

    def each(reader: ByteReader, rows: int) -> None:
        for walk in inner:
            walk.body(reader, rows)

    def nullable(reader: ByteReader, rows: int) -> None:
        reader.skip(rows)
        each(reader, rows)

    def array(reader: ByteReader, rows: int) -> None:
        if rows:
            reader.skip(8 * (rows - 1))
            each(reader, reader.count())

    return Walk(prefix, {"Tuple": each, "Nullable": nullable}.get(name, array))
