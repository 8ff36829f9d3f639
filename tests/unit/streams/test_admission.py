"""What a checkpoint should advise: rules of the shipped policies, each answer with its sentence."""

import ast
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streams.admission
from schemas.codes import (
    CaseCategory,
    Code,
    DecisionOutcome,
    Direction,
    HealthCode,
    RiskTier,
    Role,
    SiteKind,
    SubjectKind,
    Symptom,
    Zone,
)
from schemas.policy import parse_policy, policy_text, shipped_policies
from schemas.policy_measures import Requirement
from streams.admission import Advice, Entry, advise, zones
from streams.tiers import measures_up_to
from tests.support.people import Desk

POLICIES = {name: parse_policy(policy_text(name), name) for name in shipped_policies()}
WEIHAI, BAYANNUR = POLICIES["weihai-2020"], POLICIES["bayannur-2020"]
QINGDAO, QUANZHOU, DAZHOU = POLICIES["qingdao-2020"], POLICIES["quanzhou-2020"], POLICIES["dazhou-2020"]

ADMITTED, REFUSED, REFERRED = DecisionOutcome.ADMITTED, DecisionOutcome.REFUSED, DecisionOutcome.REFERRED
MEDIUM, HIGH = (
    frozenset(one.measure.name for one in measures_up_to(BAYANNUR, tier)) for tier in (RiskTier.MEDIUM, RiskTier.HIGH)
)

SHOWN: dict[str, Any] = {
    "value_tenths": 365,
    "health_code": HealthCode.GREEN,
    "identity_checked": True,
    "registered": True,
    "mask_worn": True,
}


def pupil(**seen: Any) -> Entry:
    return Entry(SiteKind.SCHOOL, role=Role.PUPIL, **{"value_tenths": 365, **seen})


def visitor(**seen: Any) -> Entry:
    """An outsider who needs to enter a school, and shows all that is asked for."""
    return Entry(SiteKind.SCHOOL, role=Role.OUTSIDER, **{**SHOWN, "essential": True, **seen})


def resident(**seen: Any) -> Entry:
    return Entry(SiteKind.COMMUNITY, role=Role.RESIDENT, **{**SHOWN, **seen})


def outsider(**seen: Any) -> Entry:
    return Entry(SiteKind.COMMUNITY, role=Role.OUTSIDER, **{**SHOWN, **seen})


def answer(advice: Advice) -> tuple[DecisionOutcome, list[str]]:
    return advice.outcome, [reason.rule for reason in advice.reasons]


@pytest.mark.row("A002-24")
def test_t1_a_school_refuses_over_37_3_and_not_at_37_3() -> None:
    """体温超过37.3摄氏度: strictly over."""
    assert answer(advise(WEIHAI, pupil(value_tenths=373))) == (ADMITTED, [])
    refused = advise(WEIHAI, pupil(value_tenths=374))
    assert answer(refused) == (REFUSED, ["SCHOOL_TEMPERATURE"])
    (reason,) = refused.reasons
    assert "体温超过37.3摄氏度" in reason.sentence
    assert reason.seen[0].startswith("temperature 37.4 °C (over 37.3 °C: A002-24")


def test_t1_elsewhere_37_3_itself_is_a_high_temperature() -> None:
    """The stations state no number (体温超高旅客); national practice is at least 37.3."""
    station = Entry(SiteKind.RAIL, registered=True, value_tenths=373)
    assert answer(advise(WEIHAI, station)) == (REFERRED, ["STATION_TEMPERATURE"])
    assert "at least 37.3 °C" in advise(WEIHAI, station).reasons[0].seen[0]
    assert answer(advise(WEIHAI, station._replace(value_tenths=372))) == (ADMITTED, [])


@pytest.mark.row("A002-24")
@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        # Pupils and staff need no code: nobody asks them for one ...
        (pupil(), (ADMITTED, [])),
        (pupil(health_code=HealthCode.NONE_SHOWN), (ADMITTED, [])),
        (pupil()._replace(role=Role.STAFF), (ADMITTED, [])),
        # ... but a yellow or red one keeps anybody out, and everybody is measured.
        (pupil(health_code=HealthCode.YELLOW), (REFUSED, ["SCHOOL_CODE"])),
        (pupil(health_code=HealthCode.RED), (REFUSED, ["SCHOOL_CODE"])),
        (pupil(value_tenths=None), (REFUSED, ["SCHOOL_MEASURED"])),
        # An outsider who needs to enter shows all four.
        (visitor(), (ADMITTED, [])),
        (visitor(identity_checked=False), (REFUSED, ["SCHOOL_VISITOR"])),
        (visitor(registered=None), (REFUSED, ["SCHOOL_VISITOR"])),
        (visitor(value_tenths=None), (REFUSED, ["SCHOOL_MEASURED", "SCHOOL_VISITOR"])),
        (visitor(health_code=HealthCode.NONE_SHOWN), (REFUSED, ["SCHOOL_VISITOR"])),
        (visitor(health_code=HealthCode.NONE_SHOWN, certificate_seen=True), (REFUSED, ["SCHOOL_VISITOR"])),
        (visitor(value_tenths=374), (REFUSED, ["SCHOOL_TEMPERATURE"])),
        # Who has nothing to do there stays out, whatever is shown.
        (visitor(essential=False), (REFUSED, ["SCHOOL_UNRELATED"])),
        (visitor(essential=None)._replace(role=Role.NOT_STATED), (REFUSED, ["SCHOOL_UNRELATED"])),
        # Nobody is kept in.
        (visitor(value_tenths=390)._replace(direction=Direction.LEAVING), (ADMITTED, [])),
    ],
)
def test_the_school_rule(entry: Entry, expected: tuple[DecisionOutcome, list[str]]) -> None:
    assert answer(advise(WEIHAI, entry)) == expected


@pytest.mark.row("A002-24")
def test_what_was_not_met_is_named_with_what_was_seen() -> None:
    (reason,) = advise(WEIHAI, visitor(identity_checked=False, health_code=HealthCode.NONE_SHOWN)).reasons
    assert reason.not_met == (Requirement.IDENTITY, Requirement.GREEN_CODE)
    assert reason.seen[-2:] == ("identity checked: no", "health code: no code shown 未出示")
    assert "查验身份、实名登记" in reason.sentence


@pytest.mark.row("A002-13")
@pytest.mark.parametrize("code", [HealthCode.YELLOW, HealthCode.RED])
def test_a_yellow_or_red_code_at_a_station_is_referred(code: HealthCode) -> None:
    assert answer(advise(WEIHAI, Entry(SiteKind.COACH, **{**SHOWN, "health_code": code}))) == (
        REFERRED,
        ["STATION_CODE"],
    )


@pytest.mark.row("A002-12")
def test_who_arrives_at_a_station_is_registered() -> None:
    assert answer(advise(WEIHAI, Entry(SiteKind.SEAPORT, value_tenths=365))) == (REFUSED, ["STATION_REGISTERED"])


FOUR = [Zone.MEASURING, Zone.WAITING, Zone.CODE_CHECK, Zone.RISK_AREA_HANDLING]


@pytest.mark.row("A002-14")
@pytest.mark.parametrize(
    ("entry", "passed"),
    [
        (Entry(SiteKind.RAIL, value_tenths=365), [FOUR[0], FOUR[2]]),
        (Entry(SiteKind.RAIL, value_tenths=380), [FOUR[0], FOUR[1], FOUR[2]]),
        (Entry(SiteKind.COACH, value_tenths=365, origin_tier=RiskTier.MEDIUM), [FOUR[0], FOUR[2], FOUR[3]]),
        (Entry(SiteKind.SEAPORT, value_tenths=380, origin_tier=RiskTier.HIGH), FOUR),
        (Entry(SiteKind.MOTORWAY, value_tenths=380), []),
    ],
)
def test_the_four_zones_are_passed_in_their_order(entry: Entry, passed: list[Zone]) -> None:
    """测温区、留观区、验码区和中高风险地区到威处置区, at the railway station, the coach station and the port."""
    found = zones(WEIHAI, entry)
    assert [one.zone for one in found] == passed
    assert all(one.sentence.startswith("A002-14: ") for one in found)


def shop(**seen: Any) -> Entry:
    return Entry(SiteKind.VENUE, role=Role.OUTSIDER, **{**SHOWN, **seen})


@pytest.mark.row("A002-21")
@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (shop(), (ADMITTED, [])),
        (shop(mask_worn=False), (REFUSED, ["CUSTOMER"])),
        (shop(health_code=HealthCode.NONE_SHOWN), (REFUSED, ["CUSTOMER"])),
        (shop(value_tenths=None), (REFUSED, ["CUSTOMER"])),
        # The trader is measured every day and wears a mask; nobody asks for a code.
        (shop(health_code=HealthCode.NOT_STATED)._replace(role=Role.TRADER), (ADMITTED, [])),
        (shop(value_tenths=None)._replace(role=Role.TRADER), (REFUSED, ["TRADER"])),
        (shop(value_tenths=373), (REFERRED, ["HIGH_TEMPERATURE"])),
    ],
)
def test_the_rules_of_shops_and_markets(entry: Entry, expected: tuple[DecisionOutcome, list[str]]) -> None:
    assert answer(advise(WEIHAI, entry)) == expected


@pytest.mark.row("A000-04", "A000-08")
@pytest.mark.parametrize("kind", [SiteKind.COMMUNITY, SiteKind.WORKPLACE])
def test_everybody_who_passes_is_measured_and_registered(kind: SiteKind) -> None:
    """对所有进出人员、车辆严格落实体温检测、信息登记, in both directions."""
    for direction in (Direction.ENTERING, Direction.LEAVING):
        entry = Entry(kind, direction, registered=True)
        (reason,) = advise(QINGDAO, entry).reasons
        assert (reason.rule, reason.not_met) == ("MEASURED_AND_REGISTERED", (Requirement.TEMPERATURE,))
        assert advise(QINGDAO, entry._replace(value_tenths=366)).outcome is ADMITTED
        vehicle = Entry(kind, direction, SubjectKind.VEHICLE)
        assert answer(advise(QINGDAO, vehicle)) == (REFUSED, ["VEHICLE_REGISTERED"])


@pytest.mark.row("A000-08")
def test_a_bare_refusal_is_advice_and_never_a_case() -> None:
    """Abuse or assault of staff and the ramming of checkpoints are cases; to refuse to be measured alone is none."""
    advice = advise(QINGDAO, Entry(SiteKind.COMMUNITY))
    assert advice.outcome is REFUSED
    assert set(Advice._fields) == {"outcome", "reasons"}
    assert not {"REFUSED", "REFUSAL"} & set(CaseCategory.__members__)
    # Nor can it come to make one: the module reaches nothing that knows of cases.
    module = ast.parse(Path(streams.admission.__file__).read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(module) if isinstance(node, ast.ImportFrom)}
    assert imported <= {"collections.abc", "typing", "schemas.codes", "schemas.policy", "schemas.policy_measures"}
    (rule,) = [measure for measure in QINGDAO.measures if measure.name == "PROPORTIONATE"]
    assert "不过度执法、不粗暴执法" in rule.source


@pytest.mark.row("A000-03")
@pytest.mark.parametrize("kind", [SiteKind.MOTORWAY, SiteKind.ROAD, SiteKind.RAIL, SiteKind.AIRPORT, SiteKind.SEAPORT])
def test_all_who_arrive_are_registered(kind: SiteKind) -> None:
    assert answer(advise(QINGDAO, Entry(kind))) == (REFUSED, ["ARRIVAL_REGISTERED"])
    assert advise(QINGDAO, Entry(kind, Direction.LEAVING)).outcome is ADMITTED
    assert advise(QINGDAO, Entry(kind, registered=True)).outcome is ADMITTED


@pytest.mark.row("A001-07")
def test_custody_is_closed_to_all_but_its_staff() -> None:
    assert answer(advise(DAZHOU, Entry(SiteKind.CUSTODY))) == (REFUSED, ["CUSTODY_CLOSED"])
    assert advise(DAZHOU, Entry(SiteKind.CUSTODY, role=Role.STAFF)).outcome is ADMITTED


@pytest.mark.row("A003-04")
@pytest.mark.parametrize(
    ("kind", "category", "rules"),
    [
        (SiteKind.LODGING, None, ["LODGINGS_CLOSED"]),
        (SiteKind.VENUE, "KTV", ["VENUES_CLOSED"]),
        (SiteKind.VENUE, "BAR", ["VENUES_CLOSED"]),
        (SiteKind.VENUE, "BATHHOUSE", ["VENUES_CLOSED"]),
        (SiteKind.VENUE, "SUPERMARKET", []),
        (SiteKind.VENUE, None, []),
    ],
)
def test_closed_places_let_nobody_in(kind: SiteKind, category: str | None, rules: list[str]) -> None:
    """全面關停全區旅館、KTV、酒吧、浴場等場所; shops and markets stay open."""
    assert answer(advise(QUANZHOU, Entry(kind, category=category))) == (REFUSED if rules else ADMITTED, rules)


@pytest.mark.row("A004-07")
@pytest.mark.parametrize(
    ("measures", "entry", "expected"),
    [
        # Low: nobody is asked for anything at the gate of an estate.
        ((), Entry(SiteKind.COMMUNITY, role=Role.OUTSIDER), (ADMITTED, [])),
        # Medium: temperature, mask, code or certificate, of all who pass either way.
        (MEDIUM, resident(), (ADMITTED, [])),
        (MEDIUM, resident(value_tenths=None), (REFUSED, ["ESTATE_TEMPERATURE"])),
        (MEDIUM, resident(mask_worn=False), (REFUSED, ["ESTATE_MASK"])),
        (MEDIUM, resident(mask_worn=None)._replace(direction=Direction.LEAVING), (REFUSED, ["ESTATE_MASK"])),
        (MEDIUM, resident(health_code=HealthCode.NONE_SHOWN), (REFUSED, ["ESTATE_CODE"])),
        # A certificate on paper is enough.
        (MEDIUM, resident(health_code=HealthCode.NONE_SHOWN, certificate_seen=True), (ADMITTED, [])),
        # Outsiders and their vehicles do not enter; they may leave; residents' vehicles may enter.
        (MEDIUM, outsider(), (REFUSED, ["OUTSIDERS_BARRED"])),
        (MEDIUM, outsider(subject_kind=SubjectKind.VEHICLE), (REFUSED, ["OUTSIDERS_BARRED"])),
        (MEDIUM, outsider(direction=Direction.LEAVING), (ADMITTED, [])),
        (MEDIUM, resident(subject_kind=SubjectKind.VEHICLE), (ADMITTED, [])),
        # To stay at home is advice: nobody is kept in.
        (MEDIUM, resident(direction=Direction.LEAVING, essential=False), (ADMITTED, [])),
        # High: who is not essential neither enters nor leaves.
        (HIGH, resident(direction=Direction.LEAVING, essential=False), (REFUSED, ["NON_ESSENTIAL_BARRED"])),
        (HIGH, resident(subject_kind=SubjectKind.VEHICLE), (REFUSED, ["NON_ESSENTIAL_BARRED"])),
        (HIGH, outsider(), (REFUSED, ["OUTSIDERS_BARRED", "NON_ESSENTIAL_BARRED"])),
        (HIGH, resident(essential=True), (ADMITTED, [])),
        (HIGH, outsider(essential=True, subject_kind=SubjectKind.VEHICLE), (ADMITTED, [])),
        # The tiers are about estates.
        (HIGH, Entry(SiteKind.MOTORWAY), (ADMITTED, [])),
    ],
)
def test_t6_the_gate_of_an_estate_by_tier(
    measures: frozenset[str], entry: Entry, expected: tuple[DecisionOutcome, list[str]]
) -> None:
    assert answer(advise(BAYANNUR, entry, measures)) == expected


@pytest.mark.row("A004-13", "A004-06")
def test_fever_is_referred_and_not_sent_away() -> None:
    advice = advise(BAYANNUR, resident(value_tenths=381, mask_worn=False), MEDIUM)
    assert answer(advice) == (REFERRED, ["ESTATE_MASK", "FEVER_SENT"])


@pytest.mark.row("A004-02")
def test_symptoms_are_reported_at_once() -> None:
    entry = Entry(SiteKind.VENUE, value_tenths=366, symptoms=(Symptom.DRY_COUGH, Symptom.DIARRHOEA))
    (reason,) = advise(BAYANNUR, entry).reasons
    assert (reason.outcome, reason.rule, reason.seen) == (
        REFERRED,
        "SYMPTOMS_SENT",
        ("symptoms dry cough, diarrhoea",),
    )


@pytest.mark.row("A004-09")
def test_nobody_lodges_without_papers() -> None:
    lodger = Entry(SiteKind.LODGING, role=Role.OUTSIDER, registered=True, identity_checked=False)
    assert answer(advise(BAYANNUR, lodger)) == (REFUSED, ["LODGER_IDENTITY"])
    assert advise(BAYANNUR, lodger._replace(identity_checked=True)).outcome is ADMITTED
    cafe = lodger._replace(site_kind=SiteKind.VENUE, category="INTERNET_CAFE")
    assert answer(advise(BAYANNUR, cafe)) == (REFUSED, ["REAL_NAME_VENUE"])
    assert advise(BAYANNUR, cafe._replace(category="LIBRARY")).outcome is ADMITTED


@pytest.mark.row("A004-19")
@pytest.mark.parametrize("issuer", [None, "150000", "370000"])
def test_a_green_code_counts_whoever_issued_it(issuer: str | None) -> None:
    """健康码互通互认, 一码通行."""
    at_gate: dict[str, Any] = {"site_kind": "COMMUNITY", "role": "RESIDENT", "health_code": "GREEN", "mask_worn": True}
    row = Desk().passage(**at_gate, code_issuer=issuer).record().row
    assert row["code_issuer"] == issuer
    assert advise(BAYANNUR, Entry.of_passage(row, 365), MEDIUM).outcome is ADMITTED
    assert advise(BAYANNUR, Entry.of_passage(row | {"health_code": "NONE_SHOWN"}, 365), MEDIUM).outcome is REFUSED


def test_an_entry_is_read_from_a_passage() -> None:
    stated: dict[str, Any] = {
        "site_kind": "LODGING",
        "direction": "ENTERING",
        "subject_kind": "PERSON",
        "role": "TRAVELLER",
        "health_code": "YELLOW",
        "certificate_seen": False,
        "identity_checked": True,
        "mask_worn": False,
        "essential": True,
        "pass_id": "pass-1",
        "origin_tier": "HIGH",
        "symptoms": ["FEVER"],
    }
    row = Desk().passage(**stated).record().row
    assert Entry.of_passage(row, 371, "HOTEL") == Entry(
        SiteKind.LODGING,
        Direction.ENTERING,
        SubjectKind.PERSON,
        Role.TRAVELLER,
        "HOTEL",
        371,
        (Symptom.FEVER,),
        HealthCode.YELLOW,
        False,
        True,
        True,
        False,
        True,
        True,
        RiskTier.HIGH,
    )


def words(code: type[Code]) -> st.SearchStrategy[Any]:
    return st.sampled_from(list(code))


SEEN = st.sampled_from([None, True, False])
ENTRIES = st.builds(
    Entry,
    words(SiteKind),
    words(Direction),
    words(SubjectKind),
    words(Role),
    st.sampled_from([None, "KTV", "INTERNET_CAFE"]),
    st.one_of(st.none(), st.integers(350, 420)),
    st.lists(words(Symptom), max_size=2, unique=True).map(tuple),
    words(HealthCode),
    SEEN,
    SEEN,
    SEEN,
    SEEN,
    SEEN,
    SEEN,
    words(RiskTier),
)
GRAVITY = [ADMITTED, REFUSED, REFERRED]


@pytest.mark.row("A004-07")
@given(ENTRIES, st.sets(st.sampled_from(sorted(HIGH))), st.sets(st.sampled_from(sorted(HIGH))))
def test_t6_more_measures_never_let_more_people_in(entry: Entry, some: set[str], more: set[str]) -> None:
    few, many = advise(BAYANNUR, entry, some), advise(BAYANNUR, entry, some | more)
    assert set(few.reasons) <= set(many.reasons)
    assert GRAVITY.index(few.outcome) <= GRAVITY.index(many.outcome)


@given(st.sampled_from(sorted(POLICIES)), ENTRIES, st.integers(0, 40))
def test_a_higher_temperature_never_lets_anybody_in(name: str, entry: Entry, more: int) -> None:
    if entry.value_tenths is not None:
        hotter = entry._replace(value_tenths=entry.value_tenths + more)
        outcomes = [advise(POLICIES[name], one).outcome for one in (entry, hotter)]
        assert outcomes == sorted(outcomes, key=GRAVITY.index)


@given(st.sampled_from(sorted(POLICIES)), ENTRIES)
def test_every_reason_has_its_sentence_and_what_was_seen(name: str, entry: Entry) -> None:
    advice = advise(POLICIES[name], entry)
    assert (advice.outcome is ADMITTED) is (not advice.reasons)
    rules = {rule.name: rule for rule in POLICIES[name].admission}
    for reason in advice.reasons:
        assert reason.sentence == rules[reason.rule].source
        assert len(reason.seen) >= len(reason.not_met)
        assert reason.outcome is not ADMITTED
