"""What a published figure claims, and what stands behind it."""

import pytest

from schemas.codes import UnitOfCount
from sinks.figures import BadFigure, Figure, _computed, expected_at, topics_read

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
    ],
)  # fmt: skip
def test_the_topics_behind_a_query_are_known_from_what_it_reads(query: str, read: list[str]) -> None:
    assert topics_read(query) == read


def test_a_query_over_anything_else_has_no_proof() -> None:
    with pytest.raises(BadFigure, match="ledger"):
        topics_read("SELECT count() FROM checkline.migrations")
    with pytest.raises(BadFigure, match="no table"):
        topics_read("SELECT 214")
