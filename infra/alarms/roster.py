"""Who is on call, and who is told when.

The roster is reference data: entries whose schedule is ON_CALL name, for a team and a stretch of time, a duty desk
(`member`) and its place in the order of escalation (`category`: 1, 2, ...). How a desk is reached stands in the
settings only, never in the log.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from infra.alarms.steps import Telling
from infra.home import write_whole

ON_CALL = "ON_CALL"
TEAM = "operations"
UNORDERED = 99
"""The place of an entry that states none, or no number: after all others."""


class Entry(NamedTuple):
    """A desk's shift, [begins, ends) in UTC ms; ``ends`` None: until further notice."""

    name: str
    contact: str
    order: int
    begins: int
    ends: int | None


class Duty(NamedTuple):
    """Who may be told now: the desks on call by their order of escalation, and all that can be reached."""

    levels: tuple[tuple[str, ...], ...] = ()
    everybody: tuple[str, ...] = ()


def on_call(entries: Iterable[Entry], now: int) -> list[list[str]]:
    """The desks on call at a time, those of the first order first; empty when there is nobody."""
    orders: dict[int, set[str]] = {}
    for one in entries:
        if one.begins <= now and (one.ends is None or now < one.ends):
            orders.setdefault(one.order, set()).add(one.contact)
    return [sorted(orders[order]) for order in sorted(orders)]


def next_change(entries: Iterable[Entry], now: int) -> int | None:
    """When somebody else will be on call; None when nothing is planned."""
    entries = list(entries)
    times = sorted({at for one in entries for at in (one.begins, one.ends) if at is not None and at > now})
    present = on_call(entries, now)
    return next((at for at in times if on_call(entries, at) != present), None)


def duty(entries: Iterable[Entry], contacts: Iterable[str], now: int) -> Duty:
    """Who may be told at a time. A desk on call without an address is kept: that it cannot be reached is on record."""
    return Duty(tuple(tuple(level) for level in on_call(entries, now)), tuple(sorted(contacts)))


def first_telling(of: Duty, now: int) -> Telling:
    """Who is told of a new alarm: the first of the roster, and everybody when it names nobody."""
    if of.levels:
        return Telling("raised", now, 0, of.levels[0])
    return Telling("raised", now, 0, of.everybody, nobody_on_call=True)


def next_telling(tellings: Sequence[Telling], of: Duty, now: int, escalation_ms: float) -> Telling | None:
    """Who is told when nobody took an alarm on: one level more each time, then everybody, again and again. None while
    those who were told last still have time."""
    if not (of.levels or of.everybody):
        return None
    if not tellings or now - max(one.at for one in tellings) < escalation_ms:
        return None
    level = max(one.level for one in tellings) + 1
    occasion = f"escalated-{len(tellings)}"
    if level < len(of.levels):
        return Telling(occasion, now, level, of.levels[level])
    desks = {desk for one in of.levels for desk in one}
    level = min(level, max(1, len(of.levels)))
    return Telling(occasion, now, level, tuple(sorted({*of.everybody, *desks})), nobody_on_call=not of.levels)


def read_last_known(file: Path) -> list[Entry]:
    """The roster as it was last kept; empty when it never was."""
    if not file.exists():
        return []
    return [Entry(**one) for one in json.loads(file.read_text(encoding="utf-8"))]


def keep(file: Path, entries: Iterable[Entry]) -> None:
    """Keeps a roster for when the column store does not answer. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = [one._asdict() for one in sorted(entries, key=lambda one: (one.begins, one.order, one.name))]
    write_whole(file, json.dumps(rows, ensure_ascii=False, indent=2) + "\n")


def place_in_order(category: str | None) -> int:
    """The number that an entry's category states."""
    return int(category) if category and category.isascii() and category.isdigit() else UNORDERED
