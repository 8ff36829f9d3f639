"""`sql`: a question to ClickHouse, as the user that cannot write."""

from typing import Annotated

import typer
from clickhouse_driver import Client
from clickhouse_driver import errors as clickhouse_errors

from infra.cli.output import write_json, write_table
from infra.errors import CannotRun, MissingPart
from infra.home import Home
from infra.settings import read_settings

CONNECT_SECONDS = 5


class QueryRefused(CannotRun):
    """ClickHouse refused a query; its own words in one line."""


def sql(
    query: Annotated[str, typer.Argument(help="One statement.")],
    json_output: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Ask ClickHouse as the reader."""
    address = Home.existing(read_settings()).clickhouse
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
    if json_output:
        write_json({"columns": [{"name": name, "type": kind} for name, kind in columns], "rows": rows})
    else:
        write_table([name for name, _ in columns], rows)


def in_one_line(error: clickhouse_errors.ServerException) -> str:
    """The server's message without its stack trace, with the error code before it."""
    words = str(error.message).split("Stack trace:")[0].removeprefix("DB::Exception: ")
    return f"clickhouse refused the query (code {error.code}): {' '.join(words.split())}"
