"""The native format: what is written is what clickhouse-driver itself would write, or reads back as such."""

from io import BytesIO
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from clickhouse_driver.bufferedreader import BufferedReader
from clickhouse_driver.columns.service import read_column

from sinks.native import CannotEncode, encode


class _Bytes(BufferedReader):  # type: ignore[misc]  # clickhouse-driver has no types
    def __init__(self, data: bytes) -> None:
        super().__init__(1 << 20)
        self._source = BytesIO(data)

    def read_into_buffer(self) -> None:
        self.buffer = bytearray(self._source.read(1 << 20))
        self.current_buffer_size = len(self.buffer)
        if not self.buffer:
            raise EOFError


def decoded(data: bytes, spec: str, count: int) -> list[Any]:
    """Values as clickhouse-driver reads them; all bytes must be used up."""
    context = SimpleNamespace(
        client_settings={"strings_as_bytes": False, "use_numpy": False, "opaque_types_as": "raw"},
        settings={"use_client_time_zone": False},
        server_info=SimpleNamespace(get_timezone=lambda: "UTC", used_revision=54468),
    )
    reader = _Bytes(data)
    values = list(read_column(context, spec, count, reader, use_numpy=False))
    with pytest.raises(EOFError):
        reader.read(1)
    return values


LONG = "长" * 100
COLUMNS = [
    ("Int32", pl.Series("c", [-1, 2**31 - 1], dtype=pl.Int32), None),
    ("UInt16", pl.Series("c", [0, 65535], dtype=pl.Int64), None),
    ("Bool", pl.Series("c", [True, False]), None),
    ("String", pl.Series("c", ["", "gate", "门"]), None),
    ("String", pl.Series("c", ["p00a", "p00b"]), None),
    ("String", pl.Series("c", [LONG, "x" * 127, "y" * 128]), None),
    ("Nullable(String)", pl.Series("c", [None, "", "x"]), None),
    ("Nullable(Int64)", pl.Series("c", [None, 5]), None),
    ("Nullable(Bool)", pl.Series("c", [None, True, False]), None),
    ("LowCardinality(String)", pl.Series("c", ["b", "a", "b", ""]), None),
    ("LowCardinality(String)", pl.Series("c", [f"site-{n}" for n in range(70_000)]), None),
    ("LowCardinality(Nullable(String))", pl.Series("c", ["b", None, "b", "", "a"]), None),
    ("LowCardinality(Nullable(String))", pl.Series("c", [None, None], dtype=pl.String), None),
    ("Array(String)", pl.Series("c", [["a", "b"], [], [LONG]]), None),
    ("Array(String)", pl.Series("c", [[], []], dtype=pl.List(pl.String)), None),
    ("Enum8('NOT_STATED' = 0, 'GREEN' = 1, 'RED' = 5)", pl.Series("c", ["RED", "GREEN"]), None),
    (
        "Enum8('NOT_STATED' = 0, 'GREEN' = 1, 'RED' = 5)",
        pl.Series("c", ["RED", "NOT_STATED"], dtype=pl.Enum(["NOT_STATED", "RED", "GREEN"])),
        None,
    ),
    ("FixedString(2)", pl.Series("c", [b"ab", b"cd"]), ["ab", "cd"]),
    ("UInt128", pl.Series("c", [(2**127 + 3).to_bytes(16, "little")]), [2**127 + 3]),
]


@pytest.mark.parametrize(("spec", "column", "values"), COLUMNS)
def test_a_column_is_read_back_as_it_was(spec: str, column: pl.Series, values: list[Any] | None) -> None:
    assert decoded(encode(column, spec), spec, len(column)) == (column.to_list() if values is None else values)


def test_times_are_milliseconds_here_and_seconds_in_a_datetime() -> None:
    column = pl.Series("c", [1_582_084_800_000])
    [hour] = decoded(encode(column, "DateTime('UTC')"), "DateTime('UTC')", 1)
    [moment] = decoded(encode(column + 7, "DateTime64(3, 'UTC')"), "DateTime64(3, 'UTC')", 1)
    assert (hour.isoformat(), moment.isoformat()) == ("2020-02-19T04:00:00+00:00", "2020-02-19T04:00:00.007000+00:00")


def test_times_in_arrays_are_milliseconds_too() -> None:
    column = pl.Series("c", [[1_582_084_800_000, 1_582_088_400_000], []])
    [two, none] = decoded(encode(column, "Array(DateTime('UTC'))"), "Array(DateTime('UTC'))", 2)
    assert ([moment.hour for moment in two], list(none)) == ([4, 5], [])


@pytest.mark.parametrize(
    ("spec", "column"),
    [
        ("UInt16", pl.Series("c", [65536])),
        ("UInt16", pl.Series("c", [-1])),
        ("DateTime('UTC')", pl.Series("c", [2**32 * 1000])),
        ("Enum8('A' = 1)", pl.Series("c", ["B"])),
        ("Enum8('A' = 1)", pl.Series("c", ["A", "B"], dtype=pl.Enum(["A", "B"]))),
        ("FixedString(16)", pl.Series("c", [b"short"])),
        ("Map(String, String)", pl.Series("c", ["a"])),
    ],
)
def test_what_does_not_fit_the_table_is_refused_by_name(spec: str, column: pl.Series) -> None:
    with pytest.raises(CannotEncode, match="column c"):
        encode(column, spec)
