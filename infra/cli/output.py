"""What commands print: tables and one JSON document to standard output, progress and complaints to standard error."""

import base64
import json
import logging
import math
import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from rich.progress import Progress

    from infra.settings import Settings

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
"""Of every command that reads."""

errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)

# Wider than any table: rich measures no further than the width it is given.
UNBOUNDED = 100_000


def complain(text: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"checkline: {' '.join(text.split())}\n")


def write_json(document: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(as_json(document), ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def write_line(document: Any) -> None:
    """A JSON document on a line of its own, at once: for answers that follow one another."""
    sys.stdout.write(json.dumps(as_json(document), ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def as_json(value: Any) -> Any:
    """A value in terms of JSON: times as ISO 8601, exact decimals and all else that it does not know as text, bytes as
    base 64, numbers that are none as null."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else str(key): as_json(member) for key, member in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(as_json, value))
    if isinstance(value, list | tuple):
        return list(map(as_json, value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


def write_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], right: Collection[str] = ()) -> None:
    """A table on standard output; numbers, and the columns named in `right`, to the right. Piped, it is as wide as its
    content, and no line ends in blanks. Bytes are written as hexadecimal digits."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, name in enumerate(columns):
        numeric = name in right or (bool(rows) and _is_number(rows[0][number]))
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    console = Console(highlight=False, markup=False)
    if console.is_terminal:
        console.print(table)
        return
    console.width = UNBOUNDED
    console.width = console.measure(table).maximum
    with console.capture() as captured:
        console.print(table)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value.hex() if isinstance(value, bytes) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def progress() -> "Progress":
    """A progress bar on standard error; silent where that is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )


def configure_logging(settings: "Settings") -> None:
    """Log lines go to standard error: ours at one level, the libraries' at another."""
    logging.basicConfig(
        stream=sys.stderr,
        level=settings.log.libraries,
        format="%(asctime)s %(levelname)-7s %(name)s %(message)s",
    )
    for name in ("checkline", "schemas", "streams", "sinks", "replay", "infra"):
        logging.getLogger(name).setLevel(settings.log.level)
    # What they cannot reach is said in one line by whoever asked them.
    for name in ("kafka", "clickhouse_driver"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
