"""Standing measures of the shipped policies: each row's are there, under its sentence, at the sites it names and at no
other."""

from typing import NamedTuple

import pytest

from schemas.codes import SiteKind
from schemas.divisions import DivisionTree
from streams.tiers import AppliedMeasure, measures_at
from tests.unit.traps.bench import shipped

TREE = DivisionTree()
EVERYWHERE = frozenset(SiteKind) - {SiteKind.NOT_STATED}
ROADS = frozenset({SiteKind.MOTORWAY, SiteKind.ROAD})
STATIONS = frozenset({SiteKind.RAIL, SiteKind.AIRPORT, SiteKind.COACH})
ESTATES, SCHOOLS, VENUES = ({kind} for kind in (SiteKind.COMMUNITY, SiteKind.SCHOOL, SiteKind.VENUE))


class Stated(NamedTuple):
    """The standing measures of a row, where they hold, and whether they bind or advise (劝离, 引导)."""

    row: str
    names: tuple[str, ...]
    sites: frozenset[SiteKind] | set[SiteKind] = EVERYWHERE
    binding: bool = True


STATED = [
    Stated("A000-01", ("ROLLING_SCREENING",)),
    Stated("A000-03", ("FULL_INSPECTION",), ROADS | STATIONS | {SiteKind.SEAPORT}),
    Stated("A000-04", ("CHECKPOINTS_AND_POSTS",), ESTATES | {SiteKind.WORKPLACE}),
    Stated("A000-08", ("PROPORTIONATE",)),
    Stated("A000-13", ("GREEN_LANE",), ROADS),
    Stated("A000-14", ("SECTOR_GUIDES", "DELIVERY_MEASURES", "ADJUSTED_AS_NEEDED")),
    Stated("A000-18", ("ZONED_AND_GRADED", "JOINT_AND_COMMON", "VISIT_AND_SCREEN", "INFORM", "CARE")),
    Stated("A000-20", ("HARDSHIP_FOUND_EARLY",)),
    Stated("A001-04", ("ONLINE_WATCH",)),
    Stated("A001-07", ("CUSTODY_CLOSED",), {SiteKind.CUSTODY}),
    Stated("A001-08", ("GRID_CENTRE",)),
    Stated("A001-09", ("DOOR_TO_DOOR",)),
    Stated("A001-10", ("KEY_CHECKPOINTS",)),
    Stated("A001-14", ("DISPERSE_AND_CORRECT",), binding=False),
    Stated("A001-16", ("HOTLINE_24H",)),
    Stated("A001-18", ("SUPERVISION_LETTERS",)),
    Stated("A001-19", ("TEN_OPINIONS",)),
    Stated("A001-20", ("NO_EXTRA_PERMITS", "SPECIAL_INSPECTIONS")),
    Stated("A002-07", ("DAILY_MATCH",)),
    Stated("A002-09", ("DESK_AT_ALL_HOURS",)),
    Stated("A002-11", ("FOUR_SEA_MEASURES",), {SiteKind.SEAPORT}),
    Stated("A002-15", ("VEHICLE_ALERTS",), ROADS),
    Stated("A002-17", ("VEHICLE_PASSES",), ROADS),
    Stated("A002-18", ("COLD_CHAIN_LEDGER",)),
    Stated("A002-19", ("ESTATES_CLOSED",), ESTATES),
    Stated("A002-21", ("ONE_METRE_LINE", "LIMITED_NUMBERS", "DISINFECTION", "NO_LIVE_SLAUGHTER"), VENUES),
    Stated("A002-24", ("SCHOOL_RELATIVELY_CLOSED",), SCHOOLS),
    Stated("A002-25", ("HEALTH_LEDGER",), SCHOOLS),
    Stated("A002-36", ("HOME_SCHOOL_LINE",), SCHOOLS),
    Stated("A002-37", ("THREE_WAYS",)),
    Stated("A003-01", ("DOOR_TO_DOOR",)),
    Stated("A003-03", ("THREE_AT_ONCE",)),
    Stated("A003-04", ("VENUES_CLOSED",), VENUES | {SiteKind.LODGING}),
    Stated("A003-06", ("ONE_HOSPITAL_ONE_SQUAD",), {SiteKind.HOSPITAL}),
    Stated("A003-08", ("RUMOUR_WATCH",)),
    Stated("A003-09", ("RESUMPTION_CHECKS",), {SiteKind.WORKPLACE}),
    Stated("A003-09", ("GREEN_LANE",), ROADS),
    Stated("A003-12", ("EDUCATION_FIRST",)),
    Stated("A004-01", ("RENTAL_LEDGER",), ESTATES),
    Stated("A004-03", ("RISK_AREA_ROSTER",)),
    Stated("A004-05", ("CHANGES_TOLD",)),
    Stated("A004-10", ("PERSUASION_FIRST",), {SiteKind.HOSPITAL}),
    Stated("A004-11", ("HOSPITALS_GUARDED",), {SiteKind.HOSPITAL, SiteKind.QUARANTINE_SITE}),
    Stated("A004-13", ("NO_CONGESTION",), ROADS | STATIONS),
    Stated("A004-16", ("BORDER_AT_ALL_HOURS",), {SiteKind.BORDER}),
    Stated("A004-18", ("SELF_HARM_REPORTED",)),
    Stated("A004-19", ("ONE_CODE",)),
    Stated("A004-21", ("HUMANE_DUTY", "STREAMLINED")),
    Stated("A004-22", ("CLOSURES_ANNOUNCED",)),
    Stated("A004-23", ("FRONT_LINE_PROTECTED",)),
]

POLICY_OF, PLACE_OF = (
    dict(zip(("A000", "A001", "A002", "A003", "A004"), names, strict=True))
    for names in (
        ("qingdao-2020", "dazhou-2020", "weihai-2020", "quanzhou-2020", "bayannur-2020"),
        ("370202", "511700", "371000-ETDZ", "350500-TIZ", "150802001001"),
    )
)


def standing(row: str, kind: SiteKind) -> dict[str, AppliedMeasure]:
    """Measures that hold at a site of a kind though no notice names any tier."""
    document = row.partition("-")[0]
    applied = measures_at(shipped(POLICY_OF[document]), PLACE_OF[document], 0, [], TREE, kind)
    return {one.measure.name: one for one in applied}


@pytest.mark.parametrize(
    "stated", [pytest.param(one, id=f"{one.row}-{one.names[0]}", marks=pytest.mark.row(one.row)) for one in STATED]
)
def test_a_standing_measure_holds_at_the_sites_that_its_sentence_names_and_at_no_other(stated: Stated) -> None:
    for name in stated.names:
        found = {kind: standing(stated.row, kind).get(name) for kind in EVERYWHERE}
        assert {kind for kind, applied in found.items() if applied is not None} == stated.sites
        for applied in filter(None, found.values()):
            assert applied.measure.source.startswith(f"{stated.row}: ")
            assert applied.measure.binding is stated.binding
            assert applied.notice is None


@pytest.mark.parametrize("row", sorted(POLICY_OF))
def test_every_standing_measure_belongs_to_a_row_that_is_held_here_or_to_the_nine_systems(row: str) -> None:
    known = {name for stated in STATED if stated.row.startswith(row) for name in stated.names}
    policy = shipped(POLICY_OF[row])
    assert {one.name for one in policy.measures if not one.source.startswith("A004-06")} == known
