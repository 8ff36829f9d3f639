"""Every private name of clickhouse-driver 0.2.11 that is touched, and why. A test fails when a version changes one.

| name | why |
| --- | --- |
| `streams.native.write_column` | a polars column is written as bytes, see `sinks.native` |
| `Client.send_data` | the driver cuts lists of values into blocks; ours is one block, sent as it is |
| `Client.connection.send_data`, `Client.receive_profile_events`, `block.ColumnOrientedBlock` | to do so |
"""

from typing import Any

import polars as pl
from clickhouse_driver import Client
from clickhouse_driver.block import ColumnOrientedBlock
from clickhouse_driver.streams import native as streams

from sinks.native import encode

CLICKHOUSE_DRIVER_VERSION = "0.2.11"

_write_column: Any = streams.write_column


def _write_polars_column(
    context: Any, name: str, spec: str, items: Any, buffer: Any, types_check: bool = False
) -> None:
    if isinstance(items, pl.Series):
        buffer.write(encode(items, spec))
    else:
        _write_column(context, name, spec, items, buffer, types_check=types_check)


streams.write_column = _write_polars_column


class PolarsClient(Client):  # type: ignore[misc]  # clickhouse-driver has no types
    """A client whose INSERT takes a list of polars columns as its data: ``execute(insert, columns, columnar=True)``."""

    def send_data(self, sample_block: Any, data: Any, types_check: bool = False, columnar: bool = False) -> int:
        if not (columnar and data and isinstance(data[0], pl.Series)):
            return int(super().send_data(sample_block, data, types_check=types_check, columnar=columnar))
        self.connection.send_data(ColumnOrientedBlock(sample_block.columns_with_types, data))
        self.receive_profile_events()
        self.connection.send_data(ColumnOrientedBlock())  # the end of the data
        self.receive_profile_events()
        return len(data[0])
