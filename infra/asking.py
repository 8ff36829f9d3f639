"""Questions to ClickHouse, asked as the user that cannot write."""

from typing import Any, NamedTuple

from clickhouse_driver import Client
from clickhouse_driver import errors as clickhouse_errors

from infra.errors import CannotRun, MissingPart
from infra.home import ClickHouseAddress

CONNECT_SECONDS = 5


class QueryRefused(CannotRun):
    """ClickHouse refused a query; its own words in one line."""


class Answer(NamedTuple):
    """The columns of an answer as (name, ClickHouse type), and its rows."""

    columns: list[tuple[str, str]]
    rows: list[tuple[Any, ...]]


def ask(address: ClickHouseAddress, query: str) -> Answer:
    """What ClickHouse answers the reader. Raises QueryRefused, and MissingPart when nothing answers."""
    client = Client(**address.client_options(address.reader), connect_timeout=CONNECT_SECONDS)
    try:
        rows, columns = client.execute(query, with_column_types=True)
    except clickhouse_errors.ServerException as error:
        raise QueryRefused(in_one_line(error)) from error
    except (OSError, EOFError, clickhouse_errors.Error) as error:
        raise MissingPart(
            f"clickhouse at {address.host}:{address.port} does not answer ({' '.join(str(error).split())}); start it "
            "with checkline up"
        ) from error
    finally:
        client.disconnect()
    return Answer(columns, rows)


def in_one_line(error: clickhouse_errors.ServerException) -> str:
    """The server's message without its stack trace, with the error code before it."""
    words = str(error.message).split("Stack trace:")[0].removeprefix("DB::Exception: ")
    return f"clickhouse refused the query (code {error.code}): {' '.join(words.split())}"
