"""What is asked of the tables as of a time, and what is made of the rows."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from replay.as_of import FACT_FIELDS, UNIT_FIELDS, Person, judged_then, queue
from replay.campaigns import CAMPAIGNS
from replay.known_then import Content, NotKnownThen, Then, as_known, conflicts_of
from schemas import topics
from schemas.codes import ClockOutcome, RiskLevel
from schemas.events import MODELS
from schemas.registry import default_registry
from schemas.validity import Limits
from streams import reports
from streams.facts import facts_of
from streams.reference import Reference
from tests.support.people import DAY, HOUR, NOON, Desk
from tests.unit.replay.test_explain import known

THEN = Then(NOON, frozenset(), ())


def test_every_table_of_a_query_is_read_as_it_was_known() -> None:
    query = "SELECT count() FROM checkline.check_ins AS seen FINAL JOIN checkline.reports FINAL USING (hour)"
    told = as_known(query, THEN)
    assert told.count(f"toUnixTimestamp64Milli(appended_at) <= {NOON}") == 2
    assert "AS seen JOIN" in told


def test_views_are_read_through_and_counts_are_counted_from_events() -> None:
    told = as_known("SELECT sum(value) FROM checkline.counts", THEN)
    assert "checkline.cells" not in told
    assert told.count(f"appended_at) <= {NOON}") == len(topics.INPUT_TOPICS) - 1  # urgent care is not counted


def test_every_figure_can_be_asked_as_of_a_time() -> None:
    for campaign in CAMPAIGNS.values():
        for figure in campaign.figures:
            assert "appended_at" in as_known(figure.query, THEN)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM checkline.sla_clocks",
        "SELECT * FROM checkline.risk_segments",
        "SELECT * FROM checkline.cell_history",
        "SELECT * FROM checkline_restricted.urgent_care",
        "SELECT * FROM `checkline`.counts",
        "SELECT * FROM merge('checkline', 'cells')",
        "SELECT checkline.counts.value FROM checkline.counts",
    ],
)
def test_what_has_no_time_of_arrival_is_refused(query: str) -> None:
    with pytest.raises(NotKnownThen):
        as_known(query, THEN)


def test_texts_and_comments_stay_as_they_are() -> None:
    query = "SELECT 'it''s' /* a */ -- b\n"
    assert as_known(query, THEN) == query


def test_rows_behind_a_later_arrival_are_asked_for_only_where_there_are_any() -> None:
    with_stragglers = THEN._replace(stragglers=frozenset({"reports"}))
    assert "offset > first" in as_known("SELECT 1 FROM checkline.reports", with_stragglers)
    assert "offset > first" not in as_known("SELECT 1 FROM checkline.check_ins", with_stragglers)


def test_the_winner_of_a_conflict_is_the_first_by_sending_and_content() -> None:
    late, early, same = (Content("aa", sent, text, "reports", 0, 0) for sent, text in ((2, "00"), (1, "ff"), (1, "fe")))
    other = Content("bb", 1, "00", "reports", 0, 0)
    assert conflicts_of([late, early, other, same, late]) == [(same, early), (same, late)]


class _Noting(Mapping[str, Any]):
    def __init__(self, row: Mapping[str, Any]) -> None:
        self._row = row
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return self._row[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._row)

    def __len__(self) -> int:
        return len(self._row)


def test_the_fields_that_facts_are_read_from_are_fetched() -> None:
    for topic, fields in FACT_FIELDS.items():
        names = {shape.name for shape in default_registry().latest(topic).shapes}
        assert set(fields) <= names
        for of, kind in MODELS:
            if of == topic:
                stated = dict.fromkeys(names) | {"kind": kind, "symptoms": ["FEVER"], "health_code": "RED"}
                for upheld in (True, False):
                    row = _Noting({**stated, "upheld": upheld, "corrects_source": "a", "corrects_sequence": 1})
                    assert [*facts_of(topic, row)] or topic == topics.CHECK_INS.name
                    assert row.read <= {*fields, "kind"}


def test_the_fields_that_facts_of_units_are_read_from_are_fetched() -> None:
    names = {shape.name for shape in default_registry().latest("reports").shapes}
    assert set(UNIT_FIELDS) <= names
    for of, kind in MODELS:
        if of == "reports":
            row = _Noting(dict.fromkeys(names) | {"kind": kind})
            reports.facts_of(row)
            assert row.read <= set(UNIT_FIELDS)


def judged_at(at: int, *published: Any) -> Person:
    facts = [fact for topic, row in known(*published).rows for fact in facts_of(topic, row)]
    return judged_then("p00", facts, Reference(Limits()), at)


def test_the_level_is_that_in_force_at_the_time() -> None:
    reading = Desk().reading(395)
    assert judged_at(NOON + HOUR, reading).level is RiskLevel.HIGH
    assert judged_at(NOON + DAY, reading).level is RiskLevel.NONE


def test_the_queue_has_open_clocks_only_overdue_first() -> None:
    desk = Desk()
    leads = [desk.lead(f"lead-{number}", NOON + number * HOUR, push_mode="ROUTINE") for number in range(3)]
    later = desk.lead("lead-later", NOON + 13 * HOUR, push_mode="ROUTINE")
    person = judged_at(NOON + 14 * HOUR, *leads, later, desk.verified("lead-1", NOON + 2 * HOUR))
    waiting = queue([person], NOON + 14 * HOUR)
    assert [one.clock.lead_id for one in waiting] == ["lead-0", "lead-2", "lead-later"]
    assert [one.outcome for one in waiting] == [ClockOutcome.BREACHED, ClockOutcome.BREACHED, ClockOutcome.OPEN]
    assert waiting[0].as_json(NOON + 14 * HOUR)["left_ms"] == -2 * HOUR
