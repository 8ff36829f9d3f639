"""Which comparison of the audit is looked at next, when it runs all the time beside the flow.

To compare all tables costs seconds of a processor, again and again: more than may be spent on it. But whoever changes
a table by a statement makes new parts of it. A comparison whose tables have the parts that it saw last would say the
same, and is left out; while nothing flows, damage is looked at at once, and what did not change costs nothing. While
events flow everything changes all the time, and the comparisons take turns: those first of whose tables rows were
deleted or altered, which the sinks never do, then the one that has waited longest.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from infra.auditing import Log
from sinks import audit
from sinks.clickhouse import ClickHouse
from sinks.findings import Finding
from sinks.ledger import Ledger, Place
from sinks.tables import DERIVED_TABLES, EVENT_TABLES

LEDGER, ARRIVALS, IDENTITIES = "checkline.ledger", "checkline.arrivals", "checkline.identities"
CONFLICTS, CELLS = "checkline.conflicts", "checkline.cells"

_EVENTS = tuple(table.name for table in EVENT_TABLES.values())
_DERIVED = tuple(table.name for tables in DERIVED_TABLES.values() for table in tables)

Compare = Callable[[ClickHouse, Log], Sequence[Finding]]


class Comparison(NamedTuple):
    """A part of the audit: its check as findings name it, and the tables that it reads. ``always``: so cheap that it is
    made in every round."""

    name: str
    check: str
    tables: tuple[str, ...]
    compare: Compare
    always: bool = False


class Parts(NamedTuple):
    """What a table is made of: ``parts`` changes with every insert, merge and deletion; ``altered`` with deletions and
    updates alone. A table of a cluster, whose parts lie elsewhere, has none."""

    parts: str
    altered: str


class Seen(NamedTuple):
    """A comparison's last look: the round, its findings, and the parts of its tables before it began."""

    round: int
    findings: tuple[Finding, ...]
    parts: tuple[Parts | None, ...]


def _rows_of(topic: str) -> Compare:
    def compare(client: ClickHouse, _: Log) -> Sequence[Finding]:
        ends = {place: end for place, end in _ends(client).items() if place[0] == topic}
        return audit.rows(client, ends)

    return compare


def _ends(client: ClickHouse) -> dict[Place, int]:
    return Ledger(client, client.name).positions()


COMPARISONS = (
    Comparison(
        "coverage",
        "coverage",
        (LEDGER,),
        lambda client, log: audit.coverage(client, log.acknowledged, log.begins, log.ends),
        always=True,
    ),
    Comparison("recount", "recount", (LEDGER,), lambda client, _: audit.waiting(client), always=True),
    *(
        Comparison(f"rows of {topic}", "rows", (table.name, ARRIVALS, LEDGER), _rows_of(topic))
        for topic, table in EVENT_TABLES.items()
    ),
    Comparison("digests", "digest", (ARRIVALS, LEDGER), lambda client, _: audit.digests(client)),
    Comparison("derived", "rows", (*_DERIVED, ARRIVALS), lambda client, _: audit.derived(client)),
    Comparison("beyond", "beyond", (*_EVENTS, *_DERIVED, ARRIVALS), lambda client, log: audit.beyond(client, log.ends)),
    Comparison("conflicts", "conflicts", (IDENTITIES, CONFLICTS), lambda client, _: audit.conflicts(client)),
    Comparison("identities", "identities", (ARRIVALS, IDENTITIES), lambda client, _: audit.identities(client)),
    Comparison(
        "cells", "cells", (*_EVENTS, CELLS, CONFLICTS, LEDGER), lambda client, _: audit.cells(client, _ends(client))
    ),
)


def due(
    comparisons: Sequence[Comparison], seen: Mapping[str, Seen], now: Mapping[str, Parts]
) -> tuple[list[Comparison], list[Comparison]]:
    """Those that are made in this round in any case, and those that take turns, the most urgent first. One that found
    something is due until it finds nothing."""
    always = [one for one in comparisons if one.always]
    waiting = [one for one in comparisons if not one.always and _may_say_something_new(one, seen, now)]
    return always, sorted(waiting, key=lambda one: _urgency(one, seen, now))


def parts_of(comparison: Comparison, now: Mapping[str, Parts]) -> tuple[Parts | None, ...]:
    """What the tables of a comparison are made of, in their order; None where that is not known."""
    return tuple(now.get(table) for table in comparison.tables)


def _may_say_something_new(one: Comparison, seen: Mapping[str, Seen], now: Mapping[str, Parts]) -> bool:
    last = seen.get(one.name)
    parts = parts_of(one, now)
    return last is None or bool(last.findings) or None in parts or last.parts != parts


def _urgency(one: Comparison, seen: Mapping[str, Seen], now: Mapping[str, Parts]) -> tuple[bool, int]:
    last = seen.get(one.name)
    if last is None:
        return True, 0
    altered = [part and part.altered for part in parts_of(one, now)] != [part and part.altered for part in last.parts]
    return not altered, last.round
