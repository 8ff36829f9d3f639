"""The private names of clickhouse-driver that the sinks rely on are those of the pinned version."""

import inspect
from importlib.metadata import version

from clickhouse_driver import Client
from clickhouse_driver.connection import Connection
from clickhouse_driver.streams import native as streams

from sinks import driver_private


def test_the_version_is_the_one_that_was_read() -> None:
    assert version("clickhouse-driver") == driver_private.CLICKHOUSE_DRIVER_VERSION


def test_columns_are_written_through_the_replaced_function() -> None:
    assert streams.write_column is driver_private._write_polars_column
    assert "write_column(" in inspect.getsource(streams.BlockOutputStream.write)
    parameters = list(inspect.signature(driver_private._write_column).parameters)
    assert parameters == ["context", "column_name", "column_spec", "items", "buf", "types_check"]


def test_an_insert_still_goes_through_send_data() -> None:
    assert list(inspect.signature(Client.send_data).parameters) == [
        *("self", "sample_block", "data", "types_check", "columnar")
    ]
    assert "self.send_data(sample_block, data" in inspect.getsource(Client.process_insert_query)
    assert list(inspect.signature(Connection.send_data).parameters)[:2] == ["self", "block"]
