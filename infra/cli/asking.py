"""`sql`: a question to ClickHouse, as the user that cannot write."""

from typing import Annotated

import typer

from infra.cli.output import configure_logging, write_json, write_table
from infra.home import Home
from infra.settings import read_settings


def sql(
    query: Annotated[str, typer.Argument(help="One statement.")],
    json_output: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Ask ClickHouse as the reader."""
    from infra.asking import ask

    settings = read_settings()
    configure_logging(settings)
    answer = ask(Home.existing(settings).clickhouse, query)
    if json_output:
        columns = [{"name": name, "type": kind} for name, kind in answer.columns]
        write_json({"columns": columns, "rows": answer.rows})
    else:
        write_table([name for name, _ in answer.columns], answer.rows)
