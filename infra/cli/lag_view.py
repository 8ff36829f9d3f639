"""What `checkline lag` shows of the groups: rows for a table, and the table that `--watch` redraws, worst first."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rich.console import RenderableType

    from infra.lag.snapshot import KafkaState, PartitionLag

AROUND_TABLE = 6
"""Lines of a redrawn page that are no rows: heading, column names, what is left out, and the cursor's."""


class Row(NamedTuple):
    """One group on one topic, or on one partition of it. Ages and estimates are those of the partition that has the
    worst; None where there is nothing to tell, or it is unknown (``unread``: partitions whose records could not be
    read in time)."""

    group: str
    topic: str
    which: int
    events: int
    most_on: int | None
    seconds: float | None
    stands: float | None
    drains: float | None
    kept: float | None
    lost: int
    unread: int


ROW_COLUMNS = ("events behind", "most on", "seconds behind", "stands still s", "drained in s", "deleted in s", "lost")


def columns(by_partition: bool) -> tuple[str, ...]:
    return ("group", "topic", "partition" if by_partition else "partitions", *ROW_COLUMNS)


def rows(state: "KafkaState", by_partition: bool) -> list[Row]:
    """One row a group and topic, in their order; or one a partition."""
    if by_partition:
        return [_row([one], one.partition) for one in state.partitions]
    together = groupby(state.partitions, key=lambda one: (one.group, one.topic))
    return [_row(lags, len(lags)) for lags in (list(partitions) for _, partitions in together)]


def _row(lags: "Sequence[PartitionLag]", which: int) -> Row:
    behind = [one for one in lags if one.lag_seconds != 0]
    worst = max(lags, key=lambda one: one.lag)
    drains = [one.drain_seconds for one in behind]
    return Row(
        lags[0].group,
        lags[0].topic,
        which,
        sum(one.lag for one in lags),
        worst.partition if worst.lag else None,
        _most(one.lag_seconds for one in lags),
        _most(one.commit_age_seconds or None for one in behind),
        # As long as one does not become less, there is no telling of all.
        None if None in drains else _most(drains),
        _least(one.retention_seconds for one in lags),
        sum(one.lost for one in lags),
        sum(one.lag_seconds is None for one in lags),
    )


def cells(row: Row) -> tuple[object, ...]:
    """A row as it is written: nothing where there is nothing to tell, a question mark where an age is unknown."""
    return (
        *row[:5],
        "?" if row.unread and not row.seconds else _short(row.seconds),
        *map(_short, row[6:9]),
        row.lost or None,
    )


def worst_first(found: "Iterable[Row]") -> list[Row]:
    """Lost records first, then unknown ages, then the oldest record that waits."""
    return sorted(found, key=lambda row: (-row.lost, -row.unread, -(row.seconds or 0.0), -row.events, row[:3]))


def verdict(row: Row, stuck_seconds: float) -> tuple[str, str]:
    """How it stands with a row, in a word and as a colour that only repeats it."""
    if row.lost:
        return "LOST", "bold red"
    if row.kept is not None and row.kept <= 0:
        return "EXPIRING", "bold red"
    if row.unread:
        return "UNKNOWN", "magenta"
    if not row.seconds:
        return "ok", "green"
    if (row.stands or 0.0) >= stuck_seconds:
        return "STUCK", "bold red"
    return ("draining", "cyan") if row.drains else ("waits", "yellow")


def page(state: "KafkaState", heading: str, by_partition: bool, height: int, stuck_seconds: float) -> "RenderableType":
    """What `--watch` draws, in at most ``height`` lines: the brokers, the groups, and as many rows as there is room
    for, worst first."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    groups = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("group", "state", "members", "rebalances"):
        groups.add_column(name, justify="left" if name in ("group", "state") else "right")
    for group in state.groups:
        settled = group.members and group.state == "Stable"
        groups.add_row(*map(str, group), style="" if settled else "bold red")
    found = worst_first(rows(state, by_partition))
    room = max(1, height - AROUND_TABLE - len(state.groups))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for name in columns(by_partition):
        table.add_column(name, justify="left" if name in ("group", "topic") else "right", no_wrap=True)
    for row in found[:room]:
        word, style = verdict(row, stuck_seconds)
        table.add_row(word, *("" if cell is None else str(cell) for cell in cells(row)), style=style)
    left = found[room:]
    waiting = sum(row.events > 0 for row in left)
    more = Text(f"{len(left)} more rows, {waiting} of them behind" if left else "")
    whole = state.brokers >= state.brokers_expected and not state.under_replicated
    return Group(Text(f"{heading}  {brokers(state)}", style="" if whole else "bold red"), groups, "", table, more)


def brokers(state: "KafkaState") -> str:
    return (
        f"{state.brokers} of {state.brokers_expected} brokers, {state.under_replicated} partitions with too few copies"
    )


def _most(values: "Iterable[float | None]") -> float | None:
    return max((value for value in values if value is not None), default=None)


def _least(values: "Iterable[float | None]") -> float | None:
    return min((value for value in values if value is not None), default=None)


def _short(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
