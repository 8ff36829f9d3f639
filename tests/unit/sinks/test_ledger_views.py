"""Ledgers: the topics behind each view are those of the tables that its text reads."""

import re

from schemas.topics import SLA_EVENTS
from sinks.migrations import migrations
from sinks.tables import EVENT_TABLES, VIEW_TOPICS

_VIEW = re.compile(r"CREATE OR REPLACE VIEW checkline\.(\w+) @OnCluster AS\n(.*?);\n", re.S)
_NAME = re.compile(r"\bcheckline\.(\w+)")
_TOPIC_LIST = re.compile(r"topic IN \(([^)]*)\)")
_BOOKKEEPING = {"conflicts"}
_OF_TABLE = {table.name.removeprefix("checkline."): {table.topic} for table in EVENT_TABLES.values()}


def read(view: str, texts: dict[str, str]) -> set[str]:
    """Topics of all tables that a view reads, itself or through others."""
    found: set[str] = set()
    for name in set(_NAME.findall(texts[view])) - _BOOKKEEPING:
        if name == "arrivals":
            found |= {topic.strip(" '") for topic in ",".join(_TOPIC_LIST.findall(texts[view])).split(",")}
        elif name == "sla_clocks":
            found.add(SLA_EVENTS.name)
        else:
            found |= read(name, texts) if name in texts else _OF_TABLE[name]
    return found


def test_the_topics_of_a_ledger_are_those_of_the_tables_it_reads() -> None:
    texts: dict[str, str] = {}
    for migration in migrations():
        texts |= dict(_VIEW.findall(migration.text))
    (ledgers,) = (migration for migration in migrations() if migration.name == "ledgers")
    views = [name for name, _ in _VIEW.findall(ledgers.text)]
    assert {view: sorted(read(view, texts)) for view in views} == {
        view: sorted(names) for view, names in VIEW_TOPICS.items()
    }


def test_what_is_restricted_is_in_no_ledger() -> None:
    (ledgers,) = (migration for migration in migrations() if migration.name == "ledgers")
    assert "restricted" not in ledgers.text
    assert "urgent" not in ledgers.text
