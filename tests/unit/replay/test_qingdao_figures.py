"""The figures of the Qingdao campaign: all of the source's, each with its row, unit and precision, none added up."""

from collections import Counter

import pytest

from replay.campaigns import campaign_named
from replay.campaigns.qingdao_figures import AS_OF_CONFERENCE, AS_OF_ENTRIES, FIGURES
from schemas.codes import UnitOfCount
from sinks.figures import Figure
from tests.unit.replay.small_campaign import LEADS_SCALE, NAME, SCALE, small_count

BY_REF = {figure.ref: figure for figure in FIGURES}

PUBLISHED = {
    "A000-01": {4, 5, 2, 18, 29_000, 357_000, 34_000, 59_000},
    "A000-02": {5, 46_616, 45_865, 751},
    "A000-03": {1_376_000, 3_836_000, 1_916_000, 1_920_000},
    "A000-05": {6600, 79, -70},
    "A000-06": {214, 68, 59, 6, 19, 1, 61},
    "A000-07": {259, 23, 15, 1, 54, 13, 2, 151},
    "A000-08": {68},
    "A000-09": {23, 5},
    "A000-10": {130, 4509, 497},
    "A000-11": {5, 11},
    "A000-12": {29, 135},
    "A000-13": {8},
    "A000-14": {7},
    "A000-15": {74_460_000},
    "A000-16": {6, 85, 10_000},
    "A000-17": {114, 39, 26_000, 1000},
    "A000-18": {5},
    "A000-19": {4},
}
"""The numbers of the text, by row."""


def test_every_number_of_the_text_is_a_figure_and_no_other_is() -> None:
    found: dict[str, set[int]] = {}
    for figure in FIGURES:
        found.setdefault(figure.ref.partition("/")[0], set()).add(figure.published)
    assert found == PUBLISHED


def test_references_are_distinct() -> None:
    assert max(Counter(figure.ref for figure in FIGURES).values()) == 1


@pytest.mark.parametrize(
    "figure",
    [pytest.param(figure, id=figure.ref, marks=pytest.mark.row(figure.ref.partition("/")[0])) for figure in FIGURES],
)
def test_a_plain_count_of_the_campaign_gives_the_figure(figure: Figure) -> None:
    scale = SCALE if figure.scaled else 1
    if figure.ref in ("A000-02/dispatched", "A000-02/reported-back", "A000-02/open"):
        scale = LEADS_SCALE
    # In a test's small number of leads the three are rounded apart by at most one.
    assert abs(small_count().figures[figure.ref] - figure.published * scale) <= (scale == LEADS_SCALE)


@pytest.mark.row("A000-02", "A000-06", "A000-07")
def test_the_parts_of_cases_and_persons_add_up_and_open_leads_are_the_difference() -> None:
    for row, total in (("A000-06", 214), ("A000-07", 259)):
        parts = [figure.published for ref, figure in BY_REF.items() if ref.startswith(f"{row}/")]
        assert sum(parts) == 2 * total == 2 * BY_REF[f"{row}/total"].published
    leads = [BY_REF[f"A000-02/{part}"].published for part in ("dispatched", "reported-back", "open")]
    assert leads[0] - leads[1] == leads[2]


@pytest.mark.row("A000-03")
def test_t4_entry_totals_are_separate_figures_of_their_own_units() -> None:
    units = {ref: figure.unit for ref, figure in BY_REF.items() if ref.startswith("A000-03/")}
    assert units == {
        "A000-03/motorway-vehicles": UnitOfCount.VEHICLE,
        "A000-03/motorway-persons": UnitOfCount.PERSON_TIME,
        "A000-03/roads": UnitOfCount.PERSON,
        "A000-03/stations": UnitOfCount.PERSON_TIME,
    }
    assert not {1_916_000 + 1_920_000 + 3_836_000, 1_916_000 + 3_836_000} & {figure.published for figure in FIGURES}


def test_t4_distinct_subjects_are_counted_from_events_and_never_summed_from_cells() -> None:
    for ref in ("A000-03/motorway-vehicles", "A000-03/roads", "A000-06/total", "A000-07/total"):
        assert "uniqExact" in BY_REF[ref].query
        assert "counts" not in BY_REF[ref].query


def test_t5_only_what_the_text_rounds_or_bounds_is_marked_so() -> None:
    assert {ref for ref, figure in BY_REF.items() if figure.lower_bound} == {
        "A000-10/courts-text",
        "A000-16/tonnes",
        "A000-17/jiaozhou",
    }
    assert {ref: figure.rounded_to for ref, figure in BY_REF.items() if figure.rounded_to > 1} == {
        "A000-01/grids": 1000,
        "A000-01/community-party-members": 1000,
        "A000-01/agency-party-members": 1000,
        "A000-01/grid-workers": 1000,
        "A000-03/motorway-vehicles": 1000,
        "A000-03/motorway-persons": 1000,
        "A000-03/roads": 1000,
        "A000-03/stations": 10_000,
        "A000-15/relief": 10_000,
        "A000-16/tonnes": 10_000,
        "A000-17/chengyang": 1000,
    }
    assert all(figure.published % figure.rounded_to == 0 for figure in FIGURES)


def test_t7_open_leads_come_from_the_states_of_leads() -> None:
    assert "lead_states" in BY_REF["A000-02/open"].query


@pytest.mark.row("A000-19")
def test_t9_entries_are_as_of_19_february_and_the_rest_to_date() -> None:
    for figure in FIGURES:
        assert figure.as_of == (AS_OF_ENTRIES if figure.ref.startswith("A000-03/") else AS_OF_CONFERENCE)
        assert figure.scaled == figure.ref.startswith("A000-03/")


@pytest.mark.row("A000-10")
def test_t13_the_courts_are_two_figures_of_two_sentences() -> None:
    heading, text = BY_REF["A000-10/courts-heading"], BY_REF["A000-10/courts-text"]
    assert (heading.published, heading.lower_bound) == (130, False)
    assert (text.published, text.lower_bound) == (130, True)
    assert heading.query != text.query


def test_the_campaign_carries_its_figures() -> None:
    assert tuple(campaign_named(NAME).figures) == FIGURES
