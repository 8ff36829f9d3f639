"""What a published figure claims, and what stands behind it."""

import re
from datetime import datetime

import pytest

from replay.campaigns import CAMPAIGNS
from replay.campaigns.campaign import Campaign
from schemas.codes import UnitOfCount
from sinks.figure_identities import Status, check
from sinks.figures import BadFigure, Figure, _computed, expected_at, topics_read
from sinks.migrations import migrations
from sinks.view_sources import holds_every_topic, topics_behind

_VIEW = re.compile(r"CREATE (?:OR REPLACE )?VIEW (?:IF NOT EXISTS )?checkline\.(?P<view>\w+)")

CASES = Figure(
    "A000-06",
    "cases",
    "案件",
    UnitOfCount.CASE,
    214,
    1,
    False,
    "2020-02-19",
    "SELECT count() FROM checkline.valid_enforcement WHERE kind = 'CASE_REGISTERED'",
    False,
)
ENTRIES = CASES._replace(ref="A000-03", published=3_836_000, rounded_to=1000, scaled=True)


def test_an_exact_figure_holds_only_when_it_is_exact() -> None:
    assert _computed(CASES, 214, 1).holds is True
    assert _computed(CASES, 213, 1)[6:9] == (213, False, False)


def test_a_scaled_figure_claims_nothing_about_the_published_value() -> None:
    row = _computed(ENTRIES, 38_360, 0.01).as_json()
    assert (row["expected"], row["matches"], row["holds"], row["scale"]) == (38_360, True, None, 0.01)


def test_a_rounded_figure_holds_when_the_count_rounds_to_it() -> None:
    rounded = CASES._replace(published=29_000, rounded_to=1000)
    assert _computed(rounded, 29_400, 1).holds is True
    assert _computed(rounded, 29_400, 1).matches is False
    assert _computed(rounded, 29_500, 1).holds is False


def test_a_lower_bound_holds_for_everything_above_it() -> None:
    bound = CASES._replace(published=130, lower_bound=True)
    assert _computed(bound, 131, 1).holds is True
    assert _computed(bound, 129, 1).holds is False


def test_silence_is_not_zero() -> None:
    nothing = _computed(CASES._replace(published=0), None, 1)
    assert (nothing.computed, nothing.matches, nothing.holds) == (None, False, False)


@pytest.mark.parametrize(
    ("published", "scale", "expected"), [(1_376_000, 0.01, 13_760), (5, 0.1, 1), (4, 0.1, 0), (7, 1, 7)]
)
def test_a_scale_rounds_halves_up(published: int, scale: float, expected: int) -> None:
    assert expected_at(published, scale) == expected


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ("SELECT count() FROM checkline.valid_enforcement", ["enforcement"]),
        ("SELECT sum(value) FROM checkline.counts WHERE topic = 'check-ins'", ["check-ins"]),
        ("SELECT count() FROM checkline.lead_states WHERE token IN (SELECT token FROM checkline.sla_clocks)",
         ["follow-ups", "sla-events"]),
        ("SELECT count() FROM checkline.repeats WHERE topic = 'reports'", ["reports"]),
        ("SELECT count() FROM checkline.report_states", ["sla-events", "reports"]),
        ("SELECT count() FROM checkline.overdue", ["sla-events"]),
        ("SELECT sum(total) FROM checkline.report_totals", ["sla-events", "reports"]),
    ],
)  # fmt: skip
def test_the_topics_behind_a_query_are_known_from_what_it_reads(query: str, read: list[str]) -> None:
    assert topics_read(query) == read


def test_a_query_over_anything_else_has_no_proof() -> None:
    with pytest.raises(BadFigure, match="ledger"):
        topics_read("SELECT count() FROM checkline.migrations")
    with pytest.raises(BadFigure, match="no table"):
        topics_read("SELECT 214")


def test_every_view_of_the_migrations_has_topics_behind_it_or_is_bookkeeping() -> None:
    views = [one["view"] for migration in migrations() for one in _VIEW.finditer(migration.text)]
    assert {"report_states", "lead_states", "indicator_values", "counts"} < set(views)
    assert [view for view in views if not topics_behind(view) and not holds_every_topic(view)] == []


def test_t9_a_figure_says_as_of_when_it_speaks() -> None:
    entries, cases = ENTRIES._replace(as_of="2020-02-19"), CASES._replace(as_of="2020-02-20T10:00:00+08:00")
    assert [_computed(one, one.published, 1).as_of for one in (entries, cases)] == [entries.as_of, cases.as_of]
    for campaign in CAMPAIGNS.values():
        assert all(datetime.fromisoformat(figure.as_of) for figure in campaign.figures)


@pytest.mark.parametrize("campaign", CAMPAIGNS.values(), ids=lambda campaign: campaign.name)
def test_t4_identities_of_every_campaign_add_like_units_or_are_flagged(campaign: Campaign) -> None:
    """Checked on the published numbers: every reference is a figure, and what is asserted closes."""
    published = [_computed(figure, figure.published, 1) for figure in campaign.figures]
    checked = check(campaign.identities, published)
    assert [one for one in checked if one.fails] == []
    assert all(one.reason for one in checked if one.status != Status.HOLDS)
    assert len({one.ref for one in checked}) == len(checked)


@pytest.mark.parametrize("campaign", CAMPAIGNS.values(), ids=lambda campaign: campaign.name)
def test_figures_of_every_campaign_have_references_units_and_a_proof(campaign: Campaign) -> None:
    assert len({figure.ref for figure in campaign.figures}) == len(campaign.figures)
    for figure in campaign.figures:
        assert figure.unit is not UnitOfCount.NOT_STATED
        assert figure.published % figure.rounded_to == 0
        assert topics_read(figure.query)
