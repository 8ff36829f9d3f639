"""`coverage`: every row of the source documents with its home and its test, counted anew."""

from typing import TYPE_CHECKING, Annotated

import typer

from infra.cli.output import JsonOption, errors, write_json, write_table
from infra.errors import WrongSetting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.coverage.judging import Judged

_HOLDS = {True: "yes", False: "GAP", None: "not run"}


def coverage(
    only: Annotated[list[str] | None, typer.Option("--row", help="Only this row; may be repeated.")] = None,
    list_only: Annotated[bool, typer.Option("--list", help="Find homes and tests, run nothing.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Run the tests of every row of the source documents and print where it lives; exit status 1 when a row has a gap.

    A row holds when all its homes are in the code and at least one test proves it and all that claim to have passed.
    """
    from infra.coverage.judging import judge
    from infra.coverage.proving import prove, repository
    from infra.coverage.table import UnknownRow, chosen

    try:
        rows = chosen(only or ())
    except UnknownRow as error:
        raise WrongSetting(f"--row: {error}") from error
    root = repository()
    proof = prove(root, [row.ref for row in rows] if only else (), run=not list_only)
    judged = judge(rows, proof.tests, run=not list_only)
    if json_output:
        write_json({"rows": [one.as_json() for one in judged]})
    else:
        _print(judged)
    for one in judged:
        for gap in one.gaps:
            errors.print(f"{one.row.ref}: {gap}")
    for file in proof.uncollected:
        errors.print(f"cannot be read for tests: {file}")
    gaps = sum(one.holds is False for one in judged)
    verb = "found" if list_only else "run"
    errors.print(f"{len(judged)} rows, {gaps} with a gap; {len(proof.tests)} tests {verb} in {proof.seconds:.0f} s")
    if gaps or proof.uncollected:
        raise typer.Exit(1)


def _print(judged: "Sequence[Judged]") -> None:
    """One row a row; a home or a test a line."""
    write_table(
        ("row", "name", "名称", "carrier", "home", "test", "holds"),
        [
            (
                one.row.ref,
                one.row.name_en,
                one.row.name_zh,
                one.row.carrier,
                "\n".join(one.row.homes),
                "\n".join(one.tests) or "-",
                _HOLDS[one.holds],
            )
            for one in judged
        ],
    )
