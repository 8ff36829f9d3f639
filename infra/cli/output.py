"""What commands print: tables and one JSON document to standard output, progress and complaints to standard error."""

import base64
import json
import logging
import sys
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from infra.settings import Settings

errors = Console(stderr=True, highlight=False, soft_wrap=True)


UNBOUNDED = 100_000


def complain(text: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"checkline: {' '.join(text.split())}\n")


def write_json(document: Any) -> None:
    """One JSON document on standard output."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2, default=as_json)
    sys.stdout.write("\n")


def as_json(value: Any) -> Any:
    """A value that JSON does not know: times as ISO 8601, exact decimals and all else as text, bytes as base 64."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


def write_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table on standard output; numbers to the right. Piped, it is as wide as its content."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, name in enumerate(columns):
        numeric = bool(rows) and isinstance(rows[0][number], int | float | Decimal)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = UNBOUNDED
        console.width = console.measure(table).maximum
    console.print(table)


def progress() -> Progress:
    """A progress bar on standard error; silent where that is no terminal."""
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


def configure_logging(settings: Settings) -> None:
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
