"""`sql`: a question to ClickHouse, as the user that cannot write."""

from typing import Annotated

import typer

from infra.cli.output import JsonOption, write_json, write_table


def sql(
    query: Annotated[str, typer.Argument(help="One statement.")],
    json_output: JsonOption = False,
) -> None:
    """Ask ClickHouse as the reader."""
    from infra.asking import ask
    from infra.cli.reaching import home_with
    from infra.errors import WrongSetting

    if not query.strip(" ;\n\t"):
        raise WrongSetting('the query is empty: write one, such as "SELECT count() FROM checkline.arrivals"')
    answer = ask(home_with("clickhouse").clickhouse, query)
    if json_output:
        columns = [{"name": name, "type": kind} for name, kind in answer.columns]
        write_json({"columns": columns, "rows": answer.rows})
    elif answer.columns:
        write_table([name for name, _ in answer.columns], answer.rows)
