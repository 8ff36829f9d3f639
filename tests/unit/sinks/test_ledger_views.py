"""Ledgers: what analysts see of them."""

import re

from sinks.migrations import migrations
from sinks.view_sources import holds_every_topic, topics_behind

(LEDGERS,) = (migration for migration in migrations() if migration.name == "ledgers")
VIEWS = re.findall(r"CREATE OR REPLACE VIEW checkline\.(\w+) @OnCluster AS\n", LEDGERS.text)


def test_every_ledger_is_filled_from_topics_that_prove_it() -> None:
    assert [view for view in VIEWS if not topics_behind(view)] == ["known_until"]
    assert holds_every_topic("known_until")


def test_nothing_of_urgent_care_stands_in_a_ledger() -> None:
    assert "restricted" not in LEDGERS.text
    assert not {topic for view in VIEWS for topic in topics_behind(view)} & {"urgent-care", "urgent-clocks"}
