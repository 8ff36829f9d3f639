"""Columns and rows say the same, whatever a batch holds."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from schemas.codes import Refusal
from schemas.registry import Registry, default_registry
from schemas.wire.batches import CorruptBatch, RecordBatch
from schemas.wire.blocks import BlockReader
from schemas.wire.columns import LEAST_CAUTION, ColumnCodec, UnknownField
from schemas.wire.framing import frame
from schemas.wire.rows import RowCodec
from tests.support.batches import CODECS, Sent, record_batch
from tests.support.decoding import by_rows
from tests.support.small_schemas import EVENTS, FIRST_ID, OTHER_ID, SECOND_ID, event, later_event, small_registry


class Log:
    """Batches of `EVENTS`, and what both codecs make of them."""

    def __init__(self, directory: Path) -> None:
        self.registry: Registry = small_registry(directory)
        self.rows = RowCodec(self.registry, EVENTS)
        self.columns = ColumnCodec(self.registry, EVENTS)

    def value(self, number: int, version: int = 1, **fields: Any) -> bytes:
        row = event(number, **fields) if version == 1 else later_event(number, **fields)
        return self.rows.encode(row, self.registry.versions(EVENTS)[version - 1])

    def sent(self, numbers: Iterable[int], version: int = 1) -> list[Sent]:
        return [Sent(f"key-{n}".encode(), self.value(n, version), 1_580_000_000_000 + n) for n in numbers]

    def agree(self, *batches: RecordBatch) -> list[tuple[int, Refusal, str | None]]:
        """Asserts that columns and rows agree, all columns or few, and answers what was refused."""
        decoded = self.columns.decode(batches)
        rows, refused = by_rows(self.rows, self.columns.latest, batches)
        assert decoded.frame.rows() == rows
        assert decoded.refused == refused
        few = ColumnCodec(self.registry, EVENTS, ["reason", "sequence"]).decode(batches)
        assert few.refused == refused
        assert few.frame.equals(decoded.frame.select(few.frame.columns))
        assert decoded.frame.schema == pl.Schema(self.columns.schema)
        return [(bad.offset, bad.reason, bad.field) for bad in refused]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


@pytest.fixture
def reads_of_whole_batches(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each call that reads whole batches succeeded."""
    outcomes: list[bool] = []
    read = BlockReader.read_records

    def recorded(self: BlockReader, batches: Sequence[RecordBatch]) -> pl.DataFrame:
        outcomes.append(False)
        columns = read(self, batches)
        outcomes[-1] = True
        return columns

    monkeypatch.setattr(BlockReader, "read_records", recorded)
    return outcomes


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("version", [1, 2])
def test_well_formed_batches_are_read_whole(
    log: Log, reads_of_whole_batches: list[bool], codec: str, version: int
) -> None:
    batches = [record_batch(log.sent(range(n, n + 50), version), n, codec=codec) for n in (0, 50)]
    assert log.agree(*batches) == []
    assert reads_of_whole_batches == [True, True]  # both batches at once; all columns, then two


def test_each_version_of_a_partition_is_read_whole(log: Log, reads_of_whole_batches: list[bool]) -> None:
    assert log.agree(record_batch(log.sent(range(9)), 0), record_batch(log.sent(range(9), 2), 9)) == []
    assert reads_of_whole_batches == [True] * 4


def test_no_batches_give_an_empty_frame_of_the_same_columns(log: Log) -> None:
    assert log.agree() == []
    assert log.columns.decode([]).frame.columns[:4] == ["offset", "appended_at", "key", "schema_id"]


def test_the_brokers_time_stands_for_the_producers(log: Log) -> None:
    batches = [
        record_batch(log.sent(range(3)), 0, log_append_time=1_600_000_000_000),
        record_batch(log.sent(range(3)), 3),
    ]
    log.agree(*batches)
    times = log.columns.decode(batches).frame["appended_at"].to_list()
    assert times == [1_600_000_000_000] * 3 + [1_580_000_000_000, 1_580_000_000_001, 1_580_000_000_002]


@pytest.mark.parametrize("poison", [False, True])
def test_rows_below_the_fetch_position_are_left_out(log: Log, poison: bool) -> None:
    sent = log.sent(range(6))
    if poison:
        sent[1] = sent[5] = Sent(b"k", b"\x07")
    refused = log.agree(record_batch(sent, 100, first_wanted=103))
    assert refused == ([(105, Refusal.FOREIGN_MAGIC, None)] if poison else [])
    batch = record_batch(sent, 100)
    batch.wanted_until = 103
    refused = log.agree(batch)
    assert refused == ([(101, Refusal.FOREIGN_MAGIC, None)] if poison else [])


def test_what_does_not_fit_the_envelope_is_decoded_all_the_same(log: Log, reads_of_whole_batches: list[bool]) -> None:
    sent = log.sent(range(8))
    without_key, with_header = list(sent), list(sent)
    without_key[3] = sent[3]._replace(key=None)
    with_header[7] = sent[7]._replace(headers=[("trace", b"0123456789")])
    batches = [
        record_batch(without_key, 0),
        record_batch(with_header, 8),
        record_batch(sent, 16, without=[2, 3]),
        record_batch(log.sent(range(4)) + log.sent(range(4), 2) + log.sent(range(4)), 24),
    ]
    for batch in batches:
        reads_of_whole_batches.clear()
        assert log.agree(batch) == []
        assert reads_of_whole_batches == [False, False]
    assert log.agree(*batches) == []
    assert len(log.columns.decode(batches).frame) == 8 + 8 + 6 + 12


BEGIN = frame(FIRST_ID, b"\x02\x02a\x02\x02")  # kind, source, sequence, occurred_at
MIDDLE = BEGIN + b"\x00\x00\x01\x00\x00\x00ABCD"  # zone_offset_minutes to digest
GOOD = MIDDLE + b"\x00\x00\x00"
POISON: dict[str, tuple[bytes | None, Refusal, str | None]] = {
    "no value": (None, Refusal.NULL_VALUE, None),
    "empty": (b"", Refusal.TOO_SHORT, None),
    "short": (GOOD[:4], Refusal.TOO_SHORT, None),
    "foreign magic byte": (b"\x01" + GOOD[1:], Refusal.FOREIGN_MAGIC, None),
    "json": (b'{"kind": "ENTRY"}', Refusal.FOREIGN_MAGIC, None),
    "unknown id": (frame(77, GOOD[5:]), Refusal.UNKNOWN_SCHEMA, None),
    "id of another subject": (frame(OTHER_ID, GOOD[5:]), Refusal.OTHER_SUBJECT, None),
    "nothing but framing": (GOOD[:5], Refusal.TRUNCATED, "kind"),
    "truncated by one byte": (GOOD[:-1], Refusal.TRUNCATED, "lane"),
    "a zero byte too many": (GOOD + b"\x00", Refusal.TRAILING_BYTES, None),
    "a whole record behind it": (GOOD + b"\x00" + GOOD, Refusal.TRAILING_BYTES, None),
    "text that is not UTF-8": (GOOD[:7] + b"\xff" + GOOD[8:], Refusal.UNDECODABLE, "source"),
    "symbol out of range": (GOOD[:5] + b"\x06" + GOOD[6:], Refusal.UNDECODABLE, "kind"),
    "negative symbol": (GOOD[:5] + b"\x01" + GOOD[6:], Refusal.UNDECODABLE, "kind"),
    "negative length": (GOOD[:6] + b"\x03" + GOOD[7:], Refusal.UNDECODABLE, "source"),
    "huge length": (GOOD[:6] + b"\xfe\xff\xff\xff\xff\xff\x7f" + GOOD[7:], Refusal.TRUNCATED, "source"),
    "length of 2^62": (GOOD[:6] + b"\x80" * 9 + b"\x01" + GOOD[7:], Refusal.TRUNCATED, "source"),
    "endless number": (GOOD[:8] + b"\x80" * 12 + GOOD[9:], Refusal.UNDECODABLE, "sequence"),
    "int of 40 bits": (BEGIN + b"\x80\x80\x80\x80\x80\x01" + GOOD[11:], Refusal.UNDECODABLE, "zone_offset_minutes"),
    "boolean of 2": (GOOD[:12] + b"\x02" + GOOD[13:], Refusal.UNDECODABLE, "masked"),
    "array of 2^40": (MIDDLE + b"\x80\x80\x80\x80\x80\x80\x01" + b"\x00" * 9, Refusal.TRUNCATED, "symptoms"),
}


def test_what_the_poison_was_made_of_is_good(log: Log) -> None:
    assert log.agree(record_batch([Sent(b"k", GOOD)])) == []


@pytest.mark.parametrize("name", POISON)
@pytest.mark.parametrize("place", [0, 4, 8])
def test_poison_is_refused_alone(log: Log, name: str, place: int) -> None:
    value, reason, field = POISON[name]
    sent = log.sent(range(9))
    sent[place] = Sent(b"poison", value, 1_580_000_000_000)
    batches = [record_batch(log.sent(range(4)), 0), record_batch(sent, 4, codec="lz4"), record_batch(log.sent([1]), 13)]
    assert log.agree(*batches) == [(4 + place, reason, field)]
    assert log.columns.decode(batches).refused[0].raw == value


def test_all_poisons_in_one_batch_of_mixed_versions(log: Log) -> None:
    sent: list[Sent] = []
    for number, (value, _, _) in enumerate(POISON.values()):
        sent += [Sent(b"p", value), Sent(b"g", log.value(number, 1 + number % 2))]
    refused = log.agree(record_batch(sent, 1000))
    assert [(reason, field) for _, reason, field in refused] == [poison[1:] for poison in POISON.values()]


@pytest.mark.parametrize(
    "value",
    [
        GOOD[:10] + b"\x80\x00" + GOOD[11:],  # zero in two bytes
        GOOD[:11] + b"\x04\x02b" + GOOD[12:],  # a union's index beyond its types
        GOOD[:12] + b"\x81\x00" + GOOD[13:],  # true in two bytes
        MIDDLE + b"\x01\x04\x02a\x02\x02b\x00" + b"\x00\x00",  # an array in blocks with sizes
    ],
)
def test_odd_bytes_with_one_meaning_are_read_alike_by_both(log: Log, value: bytes) -> None:
    assert log.agree(record_batch([*log.sent(range(3)), Sent(b"k", value), *log.sent(range(3))])) == []


def test_a_healthy_batch_is_read_whole_beside_a_poisoned_one_of_another_version(
    log: Log, reads_of_whole_batches: list[bool]
) -> None:
    poison = frame(77, GOOD[5:])
    batches = [record_batch([*log.sent(range(3)), Sent(b"k", poison)], 0), record_batch(log.sent(range(3), 2), 4)]
    log.columns.decode(batches)
    assert reads_of_whole_batches == [False, True]


def test_poison_without_end_does_not_flood_standard_error(
    log: Log, capfd: pytest.CaptureFixture[str], reads_of_whole_batches: list[bool]
) -> None:
    huge = POISON["huge length"][0]
    for number in range(50):
        batch = record_batch([*log.sent(range(4)), Sent(b"k", huge)], 5 * number)
        assert len(log.columns.decode([batch]).refused) == 1
    assert reads_of_whole_batches == [False]
    assert capfd.readouterr().err.count("panicked") == 1


def test_after_a_panic_whole_batches_are_read_again(log: Log, reads_of_whole_batches: list[bool]) -> None:
    log.columns.decode([record_batch([*log.sent([1]), Sent(b"k", POISON["huge length"][0])])])
    sent = log.sent([1]) * 10_000
    for number in range(LEAST_CAUTION // len(sent) + 1):
        log.columns.decode([record_batch(sent, number * len(sent))])
    assert reads_of_whole_batches == [False, True]


def test_a_corrupt_batch_is_no_poison_but_an_error(log: Log) -> None:
    raw = bytearray(record_batch(log.sent(range(3)), 7).raw)
    raw[61:] = bytes(len(raw) - 61)
    with pytest.raises(CorruptBatch, match="offset 7"):
        log.columns.decode([RecordBatch(bytes(raw))])


def test_an_enumeration_is_compared_by_symbol_and_stored_as_the_newest_versions_position(log: Log) -> None:
    kind = log.columns.decode([record_batch(log.sent(range(4))), record_batch(log.sent(range(4), 2), 4)]).frame["kind"]
    assert kind.dtype == pl.Enum(["EXIT", "APPEAL", "TIME_MARK", "ENTRY"])
    assert (kind == "EXIT").to_list() == [False, True] * 4
    assert kind.to_physical().to_list() == [3, 0] * 4


def test_wanted_columns_come_in_the_order_asked_for(log: Log) -> None:
    codec = ColumnCodec(log.registry, EVENTS, ["zone", "kind", "zone"])
    frame = codec.decode([record_batch(log.sent([1], 2))]).frame
    assert frame.columns == ["offset", "appended_at", "key", "schema_id", "zone", "kind"]
    assert frame["schema_id"].to_list() == [SECOND_ID]


def test_a_field_named_like_a_position_column_keeps_both_apart() -> None:
    codec = ColumnCodec(default_registry(), "dead-letters", ["offset"])
    assert [*codec.schema] == ["offset", "appended_at", "key", "schema_id", "value_offset"]


def test_an_unknown_column_is_named(log: Log) -> None:
    with pytest.raises(UnknownField, match="events version 2 has no lane, colour"):
        ColumnCodec(log.registry, EVENTS, ["kind", "lane", "colour"])


@pytest.mark.parametrize("subject", default_registry().subjects)
def test_the_shipped_schemas_are_read_alike_by_both(subject: str, reads_of_whole_batches: list[bool]) -> None:
    rows, columns = RowCodec(default_registry(), subject), ColumnCodec(default_registry(), subject)
    samples: dict[str, list[Any]] = {
        "boolean": [False, True],
        "int": [0, -1, 480, 2**31 - 1],
        "long": [1, -(2**63), 1_580_000_000_000],
        "string": ["", "流亭机场", "x" * 70],
        "bytes": [b"", b"\xff\x00"],
        "array": [[]],
    }
    sent = []
    for number in range(60):
        row = {}
        for place, shape in enumerate(columns.latest.shapes):
            values = [*(shape.symbols or samples[shape.kind]), *([None] if shape.nullable else [])]
            if shape.kind == "array":
                values.append(samples[shape.items][:2])
            row[shape.name] = values[(number + place) % len(values)]
        sent.append(Sent(b"k%d" % number, rows.encode(row)))
    batches = [record_batch(sent, 10)]
    decoded = columns.decode(batches)
    assert reads_of_whole_batches == [True]
    assert (decoded.frame.rows(), decoded.refused) == by_rows(rows, columns.latest, batches)
