"""The figures of the Weihai campaign: all of the yearbook's, each with row, unit and precision, none reconciled that
the text does not reconcile (seed 002)."""

from collections import Counter
from functools import cache
from typing import Any

import pytest

from replay.campaigns.weihai import WEIHAI
from replay.campaigns.weihai_calendar import AS_OF, PERIOD_UNTIL
from replay.campaigns.weihai_figures import FIGURES
from replay.campaigns.weihai_identities import IDENTITIES
from replay.campaigns.weihai_indicators import INDICATORS
from schemas.codes import UnitOfCount
from sinks.figure_identities import Status, check
from sinks.figures import Figure, _computed, expected_at, topics_read
from tests.unit.replay.seed_campaign import SCALE, run_of, written_number

NAME = "weihai-2020"
Row = dict[str, Any]
_U = UnitOfCount

PUBLISHED = {
    "A002-01/quarantined": (2594, _U.PERSON_TIME, 1, False),
    "A002-01/quarantine-site": (1, _U.PLACE, 1, False),
    "A002-01/pcr-point": (1, _U.PLACE, 1, False),
    "A002-01/quarantine-rooms": (1000, _U.ROOM, 1, False),
    "A002-02/returnees": (19_043, _U.PERSON_TIME, 1, False),
    "A002-02/abroad": (2100, _U.PERSON_TIME, 1, False),
    "A002-02/key-areas": (16_000, _U.PERSON_TIME, 1000, False),
    "A002-03/classes": (16, _U.CLASS, 1, False),
    "A002-03/tests": (61_837, _U.PERSON_TIME, 1, False),
    "A002-04/pcr-96-channel": (9, _U.SET, 1, False),
    "A002-04/pcr-16-channel": (1, _U.SET, 1, False),
    "A002-04/tests-per-set-and-day": (800, _U.SAMPLE, 1, False),
    "A002-04/tests-per-day": (7200, _U.SAMPLE, 1, False),
    "A002-04/institutions": (4, _U.OFFICE, 1, False),
    "A002-04/drills": (5, _U.TIME, 1, False),
    "A002-05/staff": (711, _U.PERSON, 1, False),
    "A002-05/vaccinated": (429, _U.PERSON, 1, False),
    "A002-05/rate": (6034, _U.BASIS_POINT, 1, False),
    "A002-06/followed-up": (38_340, _U.PERSON_TIME, 1, False),
    "A002-06/leaders": (1, _U.PERSON, 1, False),
    "A002-09/queries": (2386, _U.PERSON_TIME, 1, False),
    "A002-10/point-to-point": (393, _U.PERSON_TIME, 1, False),
    "A002-11/vehicles": (3200, _U.VEHICLE, 1, True),
    "A002-11/vessels": (1500, _U.VESSEL, 1, True),
    "A002-11/persons": (3000, _U.PERSON, 1, True),
    "A002-11/vessel-cases": (26, _U.CASE, 1, False),
    "A002-11/fines": (35_500, _U.YUAN, 100, False),
    "A002-11/measures": (4, _U.MEASURE, 1, False),
    "A002-11/patrol-hours": (1500, _U.HOUR, 1, True),
    "A002-11/unlicensed": (9, _U.CASE, 1, False),
    "A002-11/talks": (18, _U.SESSION, 1, False),
    "A002-11/joint-operations": (9, _U.TIME, 1, False),
    "A002-11/firms": (200, _U.OFFICE, 1, True),
    "A002-11/hazards": (80, _U.PLACE, 1, True),
    "A002-11/field-studies": (8, _U.TIME, 1, False),
    "A002-11/meetings": (9, _U.SESSION, 1, False),
    "A002-11/campaigns": (4, _U.TIME, 1, False),
    "A002-11/banners": (200, _U.ARTICLE, 1, True),
    "A002-11/leaflets": (17_000, _U.COPY, 1000, False),
    "A002-11/questions": (900, _U.PIECE, 1, True),
    "A002-11/reached": (30_000, _U.PERSON, 10_000, False),
    "A002-12/registered": (82_340, _U.PERSON_TIME, 1, False),
    "A002-12/police": (8500, _U.PERSON_TIME, 1, True),
    "A002-13/transferred": (200, _U.PERSON_TIME, 1, True),
    "A002-14/zones": (4, _U.PLACE, 1, False),
    "A002-15/reserve-officers": (12, _U.PERSON, 1, False),
    "A002-16/trips": (219, _U.TRIP, 1, False),
    "A002-16/firms": (58, _U.OFFICE, 1, False),
    "A002-16/staff": (3876, _U.PERSON, 1, False),
    "A002-17/transport-liaison": (1, _U.PERSON, 1, False),
    "A002-17/passes": (45, _U.COPY, 1, False),
    "A002-18/cold-chain": (12, _U.OFFICE, 1, False),
    "A002-18/container": (33, _U.OFFICE, 1, False),
    "A002-19/estates": (132, _U.PLACE, 1, False),
    "A002-19/open-estates": (72, _U.PLACE, 1, False),
    "A002-19/closing-hours": (36, _U.HOUR, 12, False),
    "A002-19/posters": (6000, _U.COPY, 1, False),
    "A002-19/masks": (48_450, _U.ARTICLE, 1, False),
    "A002-19/thermometers": (115, _U.ARTICLE, 1, False),
    "A002-19/alcohol": (2440, _U.KILOGRAM, 1, False),
    "A002-19/disinfectant": (4680, _U.KILOGRAM, 1, False),
    "A002-20/workers": (3200, _U.PERSON, 1, True),
    "A002-20/masks": (100_000, _U.ARTICLE, 10_000, True),
    "A002-20/forehead-guns": (40, _U.ARTICLE, 1, True),
    "A002-21/department-stores": (4, _U.OFFICE, 1, False),
    "A002-22/meetings": (9, _U.TIME, 1, False),
    "A002-22/groups": (6, _U.GROUP, 1, False),
    "A002-22/teams": (7, _U.GROUP, 1, False),
    "A002-22/checks": (80, _U.TIME, 1, True),
    "A002-22/news": (50, _U.ITEM, 1, True),
    "A002-25/school-thermal-imagers": (20, _U.ARTICLE, 1, False),
    "A002-25/school-air-disinfectors": (63, _U.ARTICLE, 1, False),
    "A002-25/school-uv-carts": (1243, _U.ARTICLE, 1, False),
    "A002-25/school-infrared-thermometers": (1053, _U.ARTICLE, 1, False),
    "A002-25/school-electronic-thermometers": (1283, _U.ARTICLE, 1, False),
    "A002-25/surveyed": (100, _U.PERSON_TIME, 1, True),
    "A002-25/spent": (3_800_000, _U.YUAN, 10_000, False),
    "A002-26/foreigners": (661, _U.PERSON, 1, False),
    "A002-26/aspects": (4, _U.PIECE, 1, False),
    "A002-26/firms": (149, _U.OFFICE, 1, False),
    "A002-26/applications": (121, _U.COPY, 1, False),
    "A002-27/supermarkets": (26, _U.OFFICE, 1, False),
    "A002-27/vegetable-shops": (173, _U.PLACE, 1, False),
    "A002-28/masks-received": (2_517_000, _U.ARTICLE, 1000, False),
    "A002-28/masks-issued": (2_364_000, _U.ARTICLE, 1000, False),
    "A002-28/masks-in-stock": (153_000, _U.ARTICLE, 1000, False),
    "A002-28/gowns-received": (18_834, _U.ARTICLE, 1, False),
    "A002-28/gowns-issued": (14_859, _U.ARTICLE, 1, False),
    "A002-28/gowns-in-stock": (3975, _U.ARTICLE, 1, False),
    "A002-28/goggles-and-others-received": (331_000, _U.ARTICLE, 1000, False),
    "A002-28/goggles-and-others-issued": (171_000, _U.ARTICLE, 1000, False),
    "A002-28/goggles-and-others-in-stock": (160_000, _U.ARTICLE, 10_000, False),
    "A002-28/sampling-points": (230, _U.PLACE, 1, False),
    "A002-28/kinds": (23, _U.CLASS, 1, False),
    "A002-29/followed-up": (24_449, _U.PERSON, 1, False),
    "A002-29/inbound": (916, _U.PERSON, 1, False),
    "A002-31/administrative": (3, _U.CASE, 1, False),
    "A002-31/punished": (2, _U.PERSON, 1, False),
    "A002-31/criminal": (18, _U.CASE, 1, False),
    "A002-31/measures": (3, _U.PERSON, 1, False),
    "A002-32/problems": (286, _U.PIECE, 1, False),
    "A002-32/solved-on-site": (232, _U.PIECE, 1, False),
    "A002-32/notices": (54, _U.PIECE, 1, False),
    "A002-32/units": (950, _U.OFFICE, 1, True),
    "A002-32/venues": (623, _U.PLACE, 1, False),
    "A002-32/party": (3, _U.PERSON, 1, False),
    "A002-32/organisational": (5, _U.PERSON, 1, False),
    "A002-33/pcr-drills": (5, _U.TIME, 1, False),
    "A002-33/sea-drills": (1, _U.TIME, 1, False),
}
"""Read off the text: number, unit, what it is rounded to (万), and whether it says more than that (余)."""

NOT_WRITTEN_AS_ONE_NUMBER = {
    "A002-05/rate": "60.34% is held in hundredths of a per cent",
    "A002-14/zones": "four zones are listed and not numbered",
    "A002-19/closing-hours": "1天半 is 36 hours, to half a day",
    "A002-33/sea-drills": "one exercise is told of and not numbered",
}

MANY = {
    "A002-01/quarantined",
    "A002-02/returnees",
    "A002-02/abroad",
    "A002-02/key-areas",
    "A002-03/tests",
    "A002-06/followed-up",
    "A002-11/vehicles",
    "A002-11/vessels",
    "A002-11/persons",
    "A002-12/registered",
}
"""Figures of which a smaller run has a part."""


def _by_figure(*figures: Figure) -> list[Any]:
    return [
        pytest.param(figure, id=figure.ref, marks=pytest.mark.row(figure.ref.partition("/")[0])) for figure in figures
    ]


def test_every_number_of_the_text_is_a_figure_with_its_unit_and_no_other_is() -> None:
    found = {figure.ref: (figure.published, figure.unit, figure.rounded_to, figure.lower_bound) for figure in FIGURES}
    assert found == PUBLISHED
    assert WEIHAI.figures == FIGURES


def test_references_are_distinct() -> None:
    assert max(Counter(figure.ref for figure in FIGURES).values()) == 1


@pytest.mark.parametrize("figure", _by_figure(*(one for one in FIGURES if one.ref not in NOT_WRITTEN_AS_ONE_NUMBER)))
def test_t13_each_figure_is_linked_to_the_words_that_state_it(figure: Figure) -> None:
    value, _, more = written_number(figure.name_zh)
    assert (value, more) == (figure.published, figure.lower_bound)
    assert ("万" in figure.name_zh) == (figure.rounded_to > 1 and figure.published >= 10_000)


@pytest.mark.parametrize("figure", _by_figure(*FIGURES))
def test_a_plain_count_of_the_campaign_gives_the_figure(figure: Figure) -> None:
    assert figure.scaled == (figure.ref in MANY)
    expected = expected_at(figure.published, SCALE) if figure.scaled else figure.published
    assert plain()[figure.ref] == expected


@pytest.mark.parametrize("figure", _by_figure(*FIGURES))
def test_t9_every_figure_is_as_of_the_end_of_the_year_and_names_the_topics_behind_it(figure: Figure) -> None:
    assert figure.as_of == AS_OF
    assert "2020-12-31 16:00:00" in figure.query
    assert topics_read(figure.query)


def test_no_figure_is_asked_for_by_its_own_number() -> None:
    queries = {figure.ref: figure.query.replace("2020-12-31 16:00:00", "") for figure in FIGURES}
    assert not [one.ref for one in FIGURES if one.published > 9 and f" {one.published}" in queries[one.ref]]


# ---- a plain count


@cache
def plain() -> dict[str, int]:
    """Every figure, counted from the events of a small run in plain Python."""
    counted = {**_follow_ups(), **_passages(), **_enforcement(), **_registry(), **_supplies(), **_reported()}
    assert counted.keys() == PUBLISHED.keys()
    return counted


def _rows(topic: str, kind: str, **stated: Any) -> list[tuple[str, Row]]:
    """Events of a kind within the year that state just that."""
    return [
        (key, row)
        for key, row in run_of(NAME).rows(topic, kind)
        if row["occurred_at"] < PERIOD_UNTIL and all(row[field] == value for field, value in stated.items())
    ]


def _follow_ups() -> dict[str, int]:
    tests = Counter(row["population"] for _, row in _rows("follow-ups", "TEST_TAKEN"))
    of_returnees = {name: number for name, number in tests.items() if name.startswith("RETURNEE_")}
    of_classes = {name: number for name, number in tests.items() if name not in of_returnees}
    programme = {row["lead_id"]: row["programme"] for _, row in _rows("follow-ups", "LEAD_OPENED")}
    verified = {row["lead_id"] for _, row in _rows("follow-ups", "LEAD_VERIFIED")}
    asked_by = Counter((row["unit"], row["method"]) for _, row in _rows("follow-ups", "ATTEMPT"))
    starts = Counter(row["programme"] for _, row in _rows("follow-ups", "QUARANTINE_STARTED", place="INSTITUTIONAL"))
    foreigners = {token for token, _ in _rows("follow-ups", "FOLLOW_UP_STARTED", programme="FOREIGN_ARRIVAL_14D")}
    handed_over = Counter(row["unit"] for _, row in _rows("follow-ups", "TRANSFER_STARTED"))
    return {
        "A002-01/quarantined": starts["CENTRAL_QUARANTINE"],
        "A002-02/returnees": sum(of_returnees.values()),
        "A002-02/abroad": of_returnees["RETURNEE_ABROAD"],
        "A002-02/key-areas": of_returnees["RETURNEE_KEY_AREA"],
        "A002-03/classes": len(of_classes),
        "A002-03/tests": sum(of_classes.values()),
        "A002-06/followed-up": sum(programme[lead] == "RISK_AREA_ARRIVAL" for lead in verified),
        "A002-09/queries": asked_by["wh-psb-data-desk", "SYSTEM"],
        "A002-10/point-to-point": Counter(programme.values())["OVERSEAS_POINT_TO_POINT"],
        "A002-13/transferred": handed_over["wh-psb-stations"],
        "A002-25/surveyed": asked_by["wh-education", "PHONE"],
        "A002-26/foreigners": len(foreigners),
    }


def _passages() -> dict[str, int]:
    passages = _rows("check-ins", "PASSAGE", subject_kind="PERSON")
    arrivals = [row for _, row in passages if row["site"] in ("wh-rail", "wh-coach", "wh-port")]
    found = {"A002-12/registered": len(arrivals), "A002-14/zones": len({row["zone"] for row in arrivals})}
    for part, kind in (("vehicles", "VEHICLE"), ("vessels", "VESSEL"), ("persons", "PERSON")):
        passed = _rows("check-ins", "PASSAGE", subject_kind=kind)
        found[f"A002-11/{part}"] = len({token for token, row in passed if row["site"].startswith("wh-quay-")})
    return found


def _enforcement() -> dict[str, int]:
    cases = {case: (row["category"], row["procedure"]) for case, row in _rows("enforcement", "CASE_REGISTERED")}
    of_kind = Counter(cases.values())
    persons: dict[Any, set[str]] = {}
    fines = 0
    for case, row in _rows("enforcement", "DISPOSITION", party="PERSON"):
        persons.setdefault(cases[case], set()).add(row["party_token"])
        fines += row["amount_yuan"] or 0
    solved = Counter(row["solved_on_site"] for _, row in _rows("enforcement", "FINDING"))
    return {
        "A002-11/vessel-cases": of_kind["VESSEL", "ADMINISTRATIVE"],
        "A002-11/fines": fines,
        "A002-31/administrative": of_kind["OTHER", "ADMINISTRATIVE"],
        "A002-31/punished": len(persons["OTHER", "ADMINISTRATIVE"]),
        "A002-31/criminal": of_kind["OTHER", "CRIMINAL"],
        "A002-31/measures": len(persons["OTHER", "CRIMINAL"]),
        "A002-32/problems": solved.total(),
        "A002-32/solved-on-site": solved[True],
        "A002-32/notices": len({case for case, _ in _rows("enforcement", "SUPERVISORY_NOTICE")}),
    }


_HELD = {
    "A002-01": ("quarantine-site", "pcr-point", "quarantine-rooms"),
    "A002-04": ("pcr-96-channel", "pcr-16-channel", "tests-per-set-and-day", "tests-per-day"),
    "A002-15": ("reserve-officers",),
    "A002-17": ("transport-liaison",),
    "A002-25": (
        *("school-thermal-imagers", "school-air-disinfectors", "school-uv-carts"),
        *("school-infrared-thermometers", "school-electronic-thermometers"),
    ),
}


def _registry() -> dict[str, int]:
    held = {row["item"]: row["quantity"] for _, row in _rows("reference", "RESOURCE")}
    kinds = Counter(row["category"] for _, row in _rows("reference", "UNIT"))
    sites = {site: row["category"] for site, row in _rows("reference", "SITE")}
    closed = {row["parent"]: row["valid_from"] for _, row in _rows("reference", "CLOSURE_ORDER")}
    estates = {site: at for site, at in closed.items() if sites[site] in ("OPEN_ESTATE", "GATED_ESTATE")}
    opened = [at for site, at in estates.items() if sites[site] == "OPEN_ESTATE"]
    return {
        **{f"{row}/{item}": held[item] for row, items in _HELD.items() for item in items},
        "A002-04/institutions": kinds["PCR_LABORATORY"],
        "A002-06/leaders": held["follow-up-team-leader"],
        "A002-17/passes": len({one for one, _ in _rows("reference", "PASS")}),
        "A002-18/cold-chain": kinds["COLD_CHAIN"],
        "A002-18/container": kinds["NON_COLD_CONTAINER"],
        "A002-19/estates": len(estates),
        "A002-19/open-estates": len(opened),
        "A002-19/closing-hours": (max(opened) - min(opened)) // 3_600_000,
        "A002-21/department-stores": Counter(sites.values())["DEPARTMENT_STORE"],
    }


def _supplies() -> dict[str, int]:
    found: Counter[str] = Counter()
    for _, row in sorted(_rows("reports", "SUPPLIES"), key=lambda one: one[1]["occurred_at"]):
        found[f"A002-28/{row['item']}-received"] += row["received"]
        found[f"A002-28/{row['item']}-issued"] += row["issued"]
        found[f"A002-28/{row['item']}-in-stock"] = row["in_stock"]
    return found


def _reported() -> dict[str, int]:
    last: dict[tuple[str, str], tuple[tuple[int, int, int], int]] = {}
    for unit, row in run_of(NAME).rows("reports", "INDICATOR"):
        order, place = (row["period_until"], row["occurred_at"], row["sent_at"]), (unit, row["indicator"])
        if order[0] <= PERIOD_UNTIL and (place not in last or last[place][0] < order):
            last[place] = order, row["value"]
    return {one.ref: last[one.unit, one.indicator][1] for one in INDICATORS}


# ---- what may be said between figures

CHECKED = {one.ref: one for one in check(IDENTITIES, [_computed(figure, figure.published, 1) for figure in FIGURES])}


@pytest.mark.parametrize(
    "ref",
    [
        pytest.param(one.ref, id=one.ref, marks=pytest.mark.row(one.ref.partition("/")[0]))
        for one in IDENTITIES
        if one.status is Status.HOLDS
    ],
)
def test_what_is_asserted_closes(ref: str) -> None:
    assert CHECKED[ref].closes is True


def test_what_is_asserted_is_what_was_found_to_hold_and_nothing_else() -> None:
    assert {one.ref: one.status for one in IDENTITIES} == {
        "A002-02/parts": Status.PARTIAL,
        "A002-04/nine-sets": Status.HOLDS,
        "A002-04/ten-sets": Status.OPEN,
        "A002-05/rate": Status.HOLDS,
        "A002-06/persons": Status.OPEN,
        "A002-10/inbound-tested": Status.OPEN,
        "A002-26/inbound-found": Status.OPEN,
        "A002-11/unlicensed": Status.OPEN,
        "A002-12/difference": Status.COINCIDENCE,
        "A002-18/passes": Status.COINCIDENCE,
        "A002-19/open-estates": Status.OPEN,
        "A002-28/masks": Status.HOLDS,
        "A002-28/gowns": Status.HOLDS,
        "A002-28/goggles-and-others": Status.HOLDS,
        "A002-32/problems": Status.HOLDS,
    }
    assert all(one.reason for one in IDENTITIES if one.status is not Status.HOLDS)


@pytest.mark.row("A002-02")
def test_the_parts_of_tests_do_not_close_and_need_not() -> None:
    """其中: 2100 + 16,000 (to a thousand) is 17,600 to 18,600, never 19,043."""
    assert CHECKED["A002-02/parts"].closes is False
    assert not CHECKED["A002-02/parts"].fails


@pytest.mark.row("A002-04")
def test_the_capacity_counts_nine_sets_and_not_the_rapid_one() -> None:
    assert CHECKED["A002-04/ten-sets"].closes is False


@pytest.mark.row("A002-06", "A002-29")
def test_t4_person_times_of_the_police_and_persons_of_another_section_are_never_compared() -> None:
    assert CHECKED["A002-06/persons"].closes is None
    assert "person-times (人次), persons (人)" in CHECKED["A002-06/persons"].reason


@pytest.mark.row("A002-02", "A002-10", "A002-26", "A002-29")
def test_t4_the_four_inbound_figures_stand_apart() -> None:
    figures = {figure.ref: figure for figure in FIGURES}
    inbound = ("A002-02/abroad", "A002-29/inbound", "A002-26/foreigners", "A002-10/point-to-point")
    assert [figures[ref].published for ref in inbound] == [2100, 916, 661, 393]
    sums = {sum(figures[ref].published for ref in chosen) for chosen in (inbound, inbound[:2], inbound[1:])}
    assert not sums & {figure.published for figure in FIGURES}
    assert len({figures[ref].query for ref in inbound}) == 4


@pytest.mark.row("A002-05")
def test_t5_a_rate_keeps_its_hundredths_in_a_unit_of_its_own() -> None:
    rate = next(figure for figure in FIGURES if figure.ref == "A002-05/rate")
    assert (rate.published, rate.unit, rate.name_zh) == (6034, _U.BASIS_POINT, "完成疫苗接种计划的60.34%")
    assert round(10_000 * 429 / 711) == 6034


@pytest.mark.row("A002-29", "A002-30")
def test_what_is_only_a_count_in_the_text_never_has_a_person() -> None:
    about = [
        row
        for topic in ("check-ins", "temperatures", "follow-ups")
        for _, row in run_of(NAME).plain.events[topic]
        if row.get("unit") == "wh-stability" or row["source"].startswith("wh-stability")
    ]
    assert about == []
    assert {row["indicator"] for unit, row in run_of(NAME).rows("reports", "INDICATOR") if unit == "wh-stability"} == {
        "persons-followed-up",
        "inbound-persons",
    }
