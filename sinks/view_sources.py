"""Which topics a table or view of ``checkline`` is filled from, read in the migrations that make it.

A view is followed to the event and derived tables below it, so that a new one is known as soon as its migration is.
Bookkeeping holds rows of all topics; the query itself says which it asks for.
"""

import re
from functools import cache

from sinks.migrations import migrations, statements
from sinks.tables import DERIVED_TABLES, EVENT_TABLES

NAME = re.compile(r"\bcheckline\.(\w+)")
_VIEW = re.compile(r"CREATE (?:OR REPLACE )?VIEW (?:IF NOT EXISTS )?checkline\.(?P<view>\w+)\s+AS\s(?P<query>.*)", re.S)
_FED = re.compile(
    r"CREATE MATERIALIZED VIEW (?:IF NOT EXISTS )?checkline\.(?P<view>\w+)\s+TO checkline\.(?P<table>\w+)"
    r"\s+AS\s(?P<query>.*)",
    re.S,
)
_BOOKKEEPING = frozenset({"cells", "arrivals", "identities", "conflicts"})


@cache
def topics_behind(name: str) -> tuple[str, ...]:
    """Topics whose records stand in a table or view; none for one that no topic fills, such as the migrations."""
    return tuple(dict.fromkeys(topic for table in _tables_below(name) for topic in _topics_of_tables().get(table, ())))


@cache
def holds_every_topic(name: str) -> bool:
    """Whether it is bookkeeping, or a view of nothing else: counts, arrivals, repeats."""
    below = _tables_below(name)
    return not topics_behind(name) and any(table in _BOOKKEEPING for table in below)


def _tables_below(name: str) -> list[str]:
    """The tables that a view reads, its own name where it is a table."""
    found: dict[str, None] = {}
    waiting, seen = [name], {name}
    while waiting:
        one = waiting.pop(0)
        query = _queries().get(one)
        if query is None or one in _topics_of_tables() or one in _BOOKKEEPING:
            found[one] = None
            continue
        for below in NAME.findall(query):
            if below not in seen:
                seen.add(below)
                waiting.append(below)
    return list(found)


@cache
def _queries() -> dict[str, str]:
    """The newest query of every view, and of every table that a materialized view feeds."""
    found: dict[str, str] = {}
    for migration in migrations():
        for statement in statements(migration.text):
            if match := _FED.match(statement):
                found[match["table"]] = match["query"]
            elif match := _VIEW.match(statement):
                found[match["view"]] = match["query"]
    return found


@cache
def _topics_of_tables() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for topic, table in EVENT_TABLES.items():
        found[table.name.partition(".")[2]] = (topic,)
    for topic, tables in DERIVED_TABLES.items():
        found.update({table.name.partition(".")[2]: (topic,) for table in tables})
    return found
