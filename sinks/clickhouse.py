"""The connection to ClickHouse: every statement with its own query id and a time limit; a failed one is loud."""

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl
from clickhouse_driver import errors

from sinks.driver_private import PolarsClient

STATEMENT_SECONDS = 20
"""Longest silence of the server during a statement. Below the session timeout of the sink's consumer (30 s), so that an
insert cannot outlive the ownership of its partition."""

_SETTINGS = {
    # A window of deduplication would swallow a repair without a word; identity is what makes repeats harmless.
    "async_insert": 0,
    "deduplicate_insert": "disable",
    "deduplicate_insert_select": "disable",
    "insert_deduplicate": 0,
    "deduplicate_blocks_in_dependent_materialized_views": 0,
    # On a cluster, an insert is acknowledged when the shards have it and a recount sees all of it.
    "distributed_foreground_insert": 1,
    "select_sequential_consistency": 1,
    "do_not_merge_across_partitions_select_final": 1,
    "max_partitions_per_insert_block": 100,
}


OWN_DATABASE = "checkline"
_DATABASE = re.compile(rf"(?<![\w'.]){OWN_DATABASE}(?=(?:_restricted)?(?:\.|\s|$))")


class Address(NamedTuple):
    """Where ClickHouse listens for the native protocol, and as whom to connect."""

    host: str
    port: int
    user: str
    password: str
    secure: bool = False
    compression: bool = False


class StatementFailed(Exception):
    """ClickHouse refused a statement, or did not answer in time. What was sent may or may not have been stored."""

    def __init__(self, query_id: str, statement: str, reason: str) -> None:
        super().__init__(f"ClickHouse, query {query_id}: {statement[:200]}: {reason}")
        self.query_id = query_id


class ClickHouse:
    """One connection; not to be shared by threads.

    ``database`` stands for `checkline` wherever a statement names that database or its restricted one, so that the
    same statements work on the tables of a replay.
    """

    def __init__(
        self,
        address: Address,
        name: str = "checkline",
        seconds: float = STATEMENT_SECONDS,
        database: str = OWN_DATABASE,
    ) -> None:
        self.name = name
        self.database = database
        self._client = PolarsClient(
            address.host,
            port=address.port,
            user=address.user,
            password=address.password,
            secure=address.secure,
            compression=address.compression,
            connect_timeout=seconds,
            send_receive_timeout=seconds,
            sync_request_timeout=seconds,
            client_name=name,
            settings={**_SETTINGS, "use_client_time_zone": False},
        )

    def __enter__(self) -> "ClickHouse":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; a later statement connects again."""
        self._client.disconnect()

    def rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The answer of a statement; ``%(name)s`` in it stands for a parameter. Raises `StatementFailed`."""
        return list(self._run(query, dict(parameters) if parameters else None) or [])

    def bytes_rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Like `rows`, but every text is bytes, as hashes must be read. Raises `StatementFailed`."""
        return list(self._run(query, dict(parameters) if parameters else None, {"strings_as_bytes": True}) or [])

    def execute(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        """A statement without an answer. Raises `StatementFailed`."""
        self._run(statement, dict(parameters) if parameters else None)

    def insert(self, table: str, columns: Sequence[pl.Series]) -> None:
        """Rows into a table, each column under its name, all in one insert. Raises `StatementFailed`.

        Columns of the table that are not given take their defaults.
        """
        names = ", ".join(f"`{column.name}`" for column in columns)
        self._run(f"INSERT INTO {table} ({names}) VALUES", list(columns), columnar=True)

    def _run(
        self, statement: str, data: Any = None, settings: Mapping[str, Any] | None = None, columnar: bool = False
    ) -> Any:
        query_id = f"{self.name}-{secrets.token_hex(8)}"
        if self.database != OWN_DATABASE:
            statement = _DATABASE.sub(self.database, statement)
        try:
            return self._client.execute(statement, data, query_id=query_id, settings=settings, columnar=columnar)
        except (errors.Error, OSError, EOFError) as error:
            self.close()  # what the server still does or says belongs to a statement that is given up
            raise StatementFailed(query_id, statement, f"{type(error).__name__}: {error}") from error
        except BaseException:
            self.close()  # the server waits for the rest of the statement
            raise
