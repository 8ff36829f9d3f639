"""Finding where a block ends, in good bytes and in hostile ones."""

import random
import struct
from collections.abc import Iterator

import pytest
from clickhouse_cityhash.cityhash import CityHash128

from infra.embedded.clickhouse.blocks import header, read_block
from infra.embedded.clickhouse.errors import CHECKSUM_DOESNT_MATCH, UNKNOWN_TYPE, ProtocolError
from infra.embedded.clickhouse.wire import LZ4, MAX_PACKET, ByteReader, frames, read_frame, string, varint


def reader_of(data: bytes, step: int | None = None) -> ByteReader:
    """A reader whose source hands out `step` bytes at a time, all at once by default."""

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(data), step or max(1, len(data))):
            yield data[start : start + (step or len(data))]
        while True:
            yield b""

    return ByteReader(chunks().__next__)


def block_of(spec: str, rows: int, body: bytes) -> bytes:
    return varint(1) + varint(rows) + string("x") + string(spec) + body


def u64(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def texts(*values: str) -> bytes:
    return b"".join(map(string, values))


BLOCKS = {
    "UInt64": (3, bytes(24)),
    "UInt128": (2, bytes(32)),
    "FixedString(16)": (2, bytes(32)),
    "Enum8('a,(' = 1, 'b\\'' = 2)": (3, bytes(3)),
    "DateTime64(3, 'UTC')": (2, bytes(16)),
    "Decimal(20, 3)": (2, bytes(32)),
    "Nullable(Int32)": (2, bytes(2 + 8)),
    "String": (3, texts("", "b" * 300, "c")),
    "Array(String)": (2, u64(1, 3) + texts("a", "b", "c")),
    "Array(Array(String))": (2, u64(2, 2) + u64(1, 1) + texts("a")),
    "Array(Nullable(Int8))": (2, u64(0, 2) + bytes(2 + 2)),
    "LowCardinality(String)": (3, u64(1, 0x600, 2) + texts("", "a") + u64(3) + bytes(3)),
    "LowCardinality(Nullable(String))": (2, u64(1, 0x601, 1) + texts("") + u64(2) + bytes(4)),
    "Array(LowCardinality(String))": (2, u64(1) + u64(0, 0)),
    "Map(String, UInt8)": (1, u64(2) + texts("a", "b") + bytes(2)),
    "Tuple(a UInt8, `b c` Array(UInt16))": (1, bytes(1) + u64(2) + bytes(4)),
    "SimpleAggregateFunction(max, UInt16)": (2, bytes(4)),
}


@pytest.mark.parametrize("step", [None, 1, 7])
@pytest.mark.parametrize(("spec", "rows", "body"), [(spec, *rest) for spec, rest in BLOCKS.items()], ids=BLOCKS.keys())
def test_a_block_ends_where_its_type_says(spec: str, rows: int, body: bytes, step: int | None) -> None:
    raw = block_of(spec, rows, body)
    reader = reader_of(raw + b"next", step)
    block = read_block(reader)
    assert (block.structure, block.rows, block.raw) == ([("x", spec)], rows, raw)
    assert reader.take(4) == b"next"


@pytest.mark.parametrize(("spec", "rows", "body"), [(spec, *rest) for spec, rest in BLOCKS.items()], ids=BLOCKS.keys())
def test_a_block_cut_short_is_the_end_of_input(spec: str, rows: int, body: bytes) -> None:
    raw = block_of(spec, rows, body)
    for length in range(len(raw)):
        with pytest.raises(EOFError):
            read_block(reader_of(raw[:length]))


def test_the_byte_of_custom_serialization_is_dropped_and_added_and_types_are_renamed() -> None:
    flagged = varint(1) + varint(1) + string("x") + string("UInt8") + b"\0" + b"\7"
    assert read_block(reader_of(flagged), flags_in=True).raw == block_of("UInt8", 1, b"\7")
    assert read_block(reader_of(block_of("UInt8", 1, b"\7")), flags_out=True).raw == flagged
    zoned = read_block(reader_of(block_of("DateTime", 1, bytes(4))), types=["DateTime('UTC')"])
    assert zoned.raw == block_of("DateTime('UTC')", 1, bytes(4))
    assert header([("x", "UInt8")], True) == varint(1) + varint(0) + string("x") + string("UInt8") + b"\0"


@pytest.mark.parametrize("seed", range(12))
def test_strings_are_passed_one_by_one_and_in_runs_alike(seed: int) -> None:
    random_source = random.Random(seed)
    lengths = [random_source.choice([0, 1, 32, 32, 32, 127, 128, 500]) for _ in range(20)]
    runs = [string("x" * length) * random_source.choice([1, 3, 40, 5000]) for length in lengths]
    data = b"".join(runs)
    count = sum(len(run) // len(string("x" * length)) for run, length in zip(runs, lengths, strict=True))
    reader = reader_of(data + b"next", random_source.choice([None, 1 << 10, 1 << 16]))
    reader.skip_strings(count)
    assert reader.take(4) == b"next"


def lying(spec: str, body: bytes, rows: int = 1) -> bytes:
    return block_of(spec, rows, body) + bytes(64)


HUGE = 2**63
HOSTILE = {
    "more rows than a packet can hold": varint(1) + varint(HUGE),
    "more columns than a packet can hold": varint(HUGE) + varint(1),
    "a column of more bytes than a packet": lying("UInt256", b"", rows=MAX_PACKET),
    "a string longer than a packet": lying("String", varint(HUGE)),
    "a number that does not end": b"\xff" * 20,
    "a name longer than names are": varint(1) + varint(1) + varint(1 << 40),
    "an array longer than a packet": lying("Array(UInt8)", u64(HUGE)),
    "a fixed string longer than a packet": lying(f"FixedString({2**70})", b""),
    "a dictionary longer than a packet": lying("LowCardinality(String)", u64(1, 0x600, HUGE)),
    "a dictionary of unknown index type": lying("LowCardinality(String)", u64(1, 0x60F, 1) + texts("")),
    "a shared dictionary": lying("LowCardinality(String)", u64(1, 0x100, 1) + texts("")),
    "more indices than rows": lying("LowCardinality(String)", u64(1, 0x600, 1) + texts("") + u64(HUGE)),
    "a type nested too deeply": lying("Array(" * 9000 + "UInt8" + ")" * 9000, b""),
    "a fixed string without a length": lying("FixedString(x)", b""),
    "a type without its argument": lying("LowCardinality", b""),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_announced_lengths_are_not_believed(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_block(reader_of(data))


def test_random_bytes_end_in_an_answer() -> None:
    random_source = random.Random(7)
    for spec, (rows, body) in BLOCKS.items():
        for _ in range(200):
            raw = bytearray(block_of(spec, rows, body))
            for _ in range(random_source.randint(1, 4)):
                raw[random_source.randrange(len(raw))] = random_source.randrange(256)
            try:
                read_block(reader_of(bytes(raw)))
            except (ProtocolError, EOFError):
                continue


@pytest.mark.parametrize("spec", ["JSON", "Dynamic", "Variant(UInt8, String)", "AggregateFunction(sum, UInt8)"])
def test_a_type_without_a_known_layout_is_named(spec: str) -> None:
    with pytest.raises(ProtocolError, match="cannot cross the connection") as caught:
        read_block(reader_of(lying(spec, b"")))
    assert caught.value.code == UNKNOWN_TYPE


def test_sparse_columns_are_refused() -> None:
    flagged = varint(1) + varint(1) + string("x") + string("UInt8") + b"\1" + bytes(8)
    with pytest.raises(ProtocolError, match="custom serialization"):
        read_block(reader_of(flagged), flags_in=True)


def frame_of(method: int, packed: int, size: int, body: bytes) -> bytes:
    content = struct.pack("<BII", method, packed, size) + body
    checksum = CityHash128(content)
    return struct.pack("<QQ", checksum >> 64, checksum & (1 << 64) - 1) + content


def test_frames_are_read_back_whole() -> None:
    data = random.Random(1).randbytes(3_000_000)
    source = reader_of(frames(data))
    got = b""
    while len(got) < len(data):
        got += read_frame(source)
    assert got == data


def test_a_damaged_frame_is_refused() -> None:
    good = bytearray(frames(b"abc" * 100))
    good[-1] ^= 1
    with pytest.raises(ProtocolError) as caught:
        read_frame(reader_of(bytes(good)))
    assert caught.value.code == CHECKSUM_DOESNT_MATCH


@pytest.mark.parametrize(
    ("method", "packed", "size"),
    [(0x90, 19, 10), (LZ4, 3, 10), (LZ4, 2**32 - 1, 10), (LZ4, 19, 2**32 - 1), (LZ4, 19, 200)],
    ids=["zstd", "shorter than its header", "longer than a packet", "unpacks to 4 GiB", "does not unpack"],
)
def test_a_frame_that_lies_is_refused(method: int, packed: int, size: int) -> None:
    with pytest.raises(ProtocolError):
        read_frame(reader_of(frame_of(method, packed, size, bytes(10))))
