"""The Quanzhou campaign against its article (seed 003), which is in traditional characters (T11)."""

import json
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from infra.edge.event_files import BadLine, GoodLine, read_events
from replay.campaigns.quanzhou import QUANZHOU
from replay.campaigns.quanzhou_calendar import AS_OF, AS_OF_FIRST_DAY, RESUMPTION_FROM, SINCE, TO_DATE, UNTIL
from replay.campaigns.quanzhou_events import (
    APPLICATION,
    APPLICATIONS,
    CONSULTATION,
    CONSULTATIONS,
    DISPUTES_FOUND,
    RUMOUR_CASES,
    SILENT_DAY,
)
from replay.campaigns.quanzhou_indicators import OF_THE_FIRST_DAY
from replay.campaigns.quanzhou_leads import lead_drafts
from replay.campaigns.quanzhou_places import (
    DISPUTES,
    POLICY,
    SAFETY_INDICATORS,
    TOWNSHIPS,
    VENUES,
    ZONE,
    reference_events,
    town_unit,
)
from schemas import events
from schemas.codes import DivisionLevel, UnitOfCount
from schemas.divisions import BadDivisionCode, DivisionTree, check_code
from schemas.registry import default_registry
from schemas.wire.rows import RowCodec
from sinks.figure_identities import check
from sinks.figures import Figure, _computed, expected_at, topics_read
from streams.clocks import Clock, outcome
from streams.enforcement import Case, case_of
from streams.enforcement import facts_of as case_facts_of
from streams.facts import PersonFact, facts_of
from streams.person_clocks import clocks as person_clocks
from streams.reports import clocks as unit_clocks
from streams.reports import facts_of as report_facts_of
from tests.unit.replay.seed_campaign import SCALE, outcomes, reference_of, run_of, written_number

NAME = "quanzhou-2020-03-17"
DAY, HOUR = 24 * 3_600_000, 3_600_000
_U = UnitOfCount

PUBLISHED = {
    "A003-01/volunteers": (100, _U.PERSON),
    "A003-01/headquarters-police": (53, _U.PERSON),
    "A003-01/teams": (7, _U.SQUAD),
    "A003-01/grid-workers": (107, _U.PERSON),
    "A003-01/group-leaders": (732, _U.PERSON),
    "A003-02/houses": (60_313, _U.HOUSE),
    "A003-02/people": (194_828, _U.PERSON),
    "A003-02/rented": (5628, _U.HOUSE),
    "A003-02/floating": (36_172, _U.PERSON),
    "A003-03/verified": (7351, _U.CLUE),
    "A003-03/dispatch-gaps": (0, _U.CASE),
    "A003-03/omissions": (0, _U.CLUE),
    "A003-05/patrols": (120, _U.PERSON_TIME),
    "A003-06/hospitals": (2, _U.OFFICE),
    "A003-07/found": (39, _U.CASE),
    "A003-07/resolved": (39, _U.CASE),
    "A003-08/hours": (24, _U.HOUR),
    "A003-10/consultations": (134, _U.TIME),
    "A003-10/applications": (10, _U.ITEM),
    "A003-10/booklets": (3000, _U.COPY),
    "A003-10/leaflets": (8000, _U.COPY),
    "A003-11/accidents": (0, _U.CASE),
    "A003-11/major-cases": (0, _U.CASE),
}
"""Read off the article, each with the unit that stands there."""


# ---- figures


def test_every_number_of_the_article_is_a_figure_with_its_unit_and_no_other_is() -> None:
    assert {figure.ref: (figure.published, figure.unit) for figure in QUANZHOU.figures} == PUBLISHED
    assert len(QUANZHOU.figures) == len(PUBLISHED)


@pytest.mark.parametrize("figure", QUANZHOU.figures, ids=lambda figure: figure.ref)
def test_t13_each_figure_is_linked_to_the_words_that_state_it(figure: Figure) -> None:
    if figure.ref == "A003-07/resolved":
        assert figure.name_zh == "全部妥善化解"  # "all of them": the number stands before the comma
        return
    assert written_number(figure.name_zh) == (figure.published, figure.rounded_to, figure.lower_bound)


def test_t5_only_what_the_article_bounds_is_marked_so() -> None:
    bounded = {figure.ref: figure.rounded_to for figure in QUANZHOU.figures if figure.lower_bound}
    assert bounded == {"A003-05/patrols": 10, "A003-10/booklets": 1000, "A003-10/leaflets": 1000}


def test_parts_of_the_register_are_no_larger_than_it_and_every_dispute_is_settled() -> None:
    computed = [_computed(figure, figure.published, 1) for figure in QUANZHOU.figures]
    assert {one.ref: one.closes for one in check(QUANZHOU.identities, computed)} == {
        "A003-02/houses": True,
        "A003-02/people": True,
        "A003-07/all-resolved": True,
    }
    swapped = {"A003-02/rented": 60_313, "A003-02/houses": 5628}
    wrong = [figure._replace(computed=swapped.get(figure.ref, figure.computed)) for figure in computed]
    assert [one.ref for one in check(QUANZHOU.identities, wrong) if one.fails] == ["A003-02/houses"]


def test_t9_what_was_so_on_2_february_is_as_of_that_day_and_the_rest_as_of_17_march() -> None:
    first_day = {"A003-01/volunteers", "A003-01/headquarters-police", "A003-01/teams"}
    for figure in QUANZHOU.figures:
        assert figure.as_of == (AS_OF_FIRST_DAY if figure.ref in first_day else AS_OF)
        assert ("2020-02-02 " in figure.query) == (figure.ref in first_day)
    later = [row for _, row in run_of(NAME).rows("reports", "INDICATOR") if row["indicator"] == "volunteers"]
    assert [row["value"] for row in sorted(later, key=lambda row: row["period_until"])] == [100, 120]
    assert len(OF_THE_FIRST_DAY) == 2


def test_t9_orders_and_consultations_go_on_after_17_march() -> None:
    run = run_of(NAME)
    verified = [row["occurred_at"] for _, row in run.rows("follow-ups", "LEAD_VERIFIED")]
    assert sum(time < TO_DATE for time in verified) == expected_at(7351, SCALE) < len(verified)
    opened = Counter(row["matter_kind"] for _, row in run.rows("reports", "MATTER_OPENED"))
    assert opened == {CONSULTATION: CONSULTATIONS + 2, APPLICATION: APPLICATIONS + 2}


@pytest.mark.parametrize("figure", QUANZHOU.figures, ids=lambda figure: figure.ref)
def test_each_figure_names_the_topics_behind_it(figure: Figure) -> None:
    assert topics_read(figure.query)


# ---- T11: traditional characters, full-width digits


def test_t11_names_are_kept_in_the_characters_of_the_source() -> None:
    codec = RowCodec(default_registry(), "reference")
    for event in reference_events():
        row = event.record().row
        assert codec.decode(codec.encode(row))["name_zh"] == row["name_zh"]
    names = {event.entity_id: event.name_zh for event in reference_events()}  # type: ignore[attr-defined]
    assert names[ZONE] == "泉州臺商投資區"
    assert names["350521104"] == "洛陽鎮"


@pytest.mark.parametrize(
    ("phrase", "number"),
    [
        ("核查研判各類信息數據7351條", (7351, 1, False)),
        ("核查研判各類信息數據７３５１條", (7351, 1, False)),
        ("入户走访80余万户", (800_000, 10_000, True)),
        ("入戶走訪８０餘萬戶", (800_000, 10_000, True)),
        ("線索５．３萬餘條", (53_000, 1000, True)),
        ("1万余次", (10_000, 10_000, True)),
        ("九条措施", (9, 1, False)),
        ("零發案", (0, 1, False)),
    ],
)
def test_t11_t5_a_number_reads_alike_in_either_script_and_width(phrase: str, number: tuple[int, int, bool]) -> None:
    assert written_number(phrase) == number


REPORT: dict[str, Any] = {
    "topic": "reports",
    "kind": "INDICATOR",
    "unit_id": "tiz-psb",
    "source": "tiz-psb-reports",
    "sequence": 1,
    "occurred_at": "2020-03-17T09:00:00+08:00",
    "sent_at": "2020-03-17T09:00:01+08:00",
    "zone_offset_minutes": 480,
    "indicator": "houses-registered",
    "unit_of_count": "HOUSE",
    "nature": "SNAPSHOT",
    "value": "60313",
    "exclusions": "出租房屋５６２８個",
}


def judged(tmp_path: Path, **change: Any) -> GoodLine | BadLine:
    file = tmp_path / "events.jsonl"
    file.write_text(json.dumps({**REPORT, **change}, ensure_ascii=False) + "\n", encoding="utf-8")
    (read,) = read_events(file)
    (result,) = read.results
    return result


def test_t11_traditional_text_and_full_width_digits_in_it_are_published_as_written(tmp_path: Path) -> None:
    result = judged(tmp_path)
    assert isinstance(result, GoodLine)
    row = result.event.record().row
    assert (row["value"], row["exclusions"]) == (60_313, "出租房屋５６２８個")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("value", "６０３１３"),
        ("sequence", "１"),
        ("unit_id", "臺商區"),
        ("source", "ｔｉｚ"),
        ("unit_of_count", "個"),
        ("occurred_at", "２０２０-03-17T09:00:00+08:00"),
    ],
)
def test_t11_a_field_of_another_width_or_script_is_refused_with_what_stood_there(
    tmp_path: Path, field: str, value: str
) -> None:
    """A number or name is never guessed: two spellings of one unit would be two units."""
    result = judged(tmp_path, **{field: value})
    assert isinstance(result, BadLine)
    assert result.field == field
    assert value in str(result)


# ---- what is registered


def test_t12_the_zone_has_a_code_of_its_own_with_its_townships_below() -> None:
    divisions = [event for event in reference_events() if isinstance(event, events.Division)]
    for event in divisions:
        assert check_code(event.entity_id) == event.level
    tree = DivisionTree([{**event.record().row, "entity_id": event.entity_id} for event in divisions])
    assert tree.level(ZONE, SINCE) is DivisionLevel.FUNCTIONAL_ZONE
    assert tree.children(ZONE, SINCE) == tuple(code for code, *_ in TOWNSHIPS)
    assert tree.ancestors("350521104", SINCE) == (ZONE, "350500", "350000")
    with pytest.raises(BadDivisionCode):
        check_code("350590")


@pytest.mark.row("A003-06")
def test_each_designated_hospital_has_one_squad() -> None:
    hospitals = [e.entity_id for e in reference_events() if isinstance(e, events.Site) and e.site_kind == "HOSPITAL"]
    squads = [e.parent for e in reference_events() if isinstance(e, events.Unit) and e.category == "HOSPITAL_SQUAD"]
    assert sorted(hospitals) == sorted(filter(None, squads))
    assert len(squads) == 2


@pytest.mark.row("A003-04")
def test_every_kind_of_venue_that_the_article_names_is_closed_and_one_event_is_permitted() -> None:
    orders = [event for event in reference_events() if isinstance(event, events.ClosureOrder)]
    assert {order.parent for order in orders} == {f"tiz-{venue}" for venue, *_ in VENUES}
    assert {(order.division, order.valid_until) for order in orders} == {(ZONE, None)}
    (permit,) = [event for event in reference_events() if isinstance(event, events.EventPermit)]
    assert permit.sent_at > RESUMPTION_FROM


@pytest.mark.row("A003-09")
def test_lorries_pass_by_the_green_lane_with_a_pass_that_is_valid_then() -> None:
    passes = {event.entity_id: event.valid_from for event in reference_events() if isinstance(event, events.Pass)}
    passages = run_of(NAME).rows("check-ins", "PASSAGE")
    assert {row["lane"] for _, row in passages} == {"GREEN"}
    assert {row["pass_id"] for _, row in passages} == passes.keys()
    assert all(row["occurred_at"] >= passes[row["pass_id"]] for _, row in passages)


def test_what_the_registry_says_later_arrives_in_the_midst_of_the_run() -> None:
    told = [emission for emission in run_of(NAME).emissions if emission.topic == "reference"]
    times = [emission.appended_at for emission in told]
    assert times == sorted(times)
    place = next(number for number, emission in enumerate(told) if emission.key == b"tiz-permit-1")
    assert told[place - 1].key.startswith(b"mark-")
    assert told[place + 1].key.startswith(b"mark-")


def test_the_policy_of_the_source_is_in_effect_before_anything_happens() -> None:
    (published,) = [event for event in reference_events() if isinstance(event, events.PolicyVersion)]
    assert published.entity_id == POLICY
    assert published.sent_at < SINCE


# ---- orders


@pytest.mark.row("A003-03")
def test_orders_are_verified_on_the_day_but_for_a_few_and_none_is_left() -> None:
    by_token: dict[str, list[PersonFact]] = {}
    for token, row in run_of(NAME).plain.events["follow-ups"]:
        by_token.setdefault(token, []).extend(facts_of("follow-ups", row))
    found = Counter[tuple[str, str]]()
    for facts in by_token.values():
        found += outcomes(person_clocks(facts, reference_of(NAME)), UNTIL)
    assert {duty for duty, _ in found} == {"SAME_DAY"}
    assert found["SAME_DAY", "BREACHED"] == found["SAME_DAY", "OPEN"] == 0
    assert found["SAME_DAY", "MET"] > 0.97 * found.total()
    assert found.total() == expected_at(7351, SCALE) + 60


@pytest.mark.row("A003-03")
def test_a_whole_run_verifies_as_many_orders_as_the_article_says() -> None:
    whole = [draft for draft in lead_drafts(QUANZHOU.seed, 1.0) if draft.model is events.LeadVerified]
    assert sum(draft.at < TO_DATE for draft in whole) == 7351
    assert len({draft.stated["lead_id"] for draft in whole}) == len(whole)


# ---- reports


@cache
def clocks_of(unit: str) -> dict[str, Clock]:
    """Clocks of a unit by the end of the run."""
    reference = reference_of(NAME)
    expected, _ = reference.expectations("units", 0, 1000)
    facts = [report_facts_of(row) for key, row in run_of(NAME).plain.events["reports"] if key == unit]
    facts += [report_facts_of(row) for key, row in expected if key == unit.encode()]
    return unit_clocks(facts, reference, UNTIL)


@pytest.mark.row("A003-11", "A003-03")
def test_t8_zero_is_said_every_day_and_a_day_of_silence_is_missing() -> None:
    daily = {name: clock for name, clock in clocks_of("tiz-psb").items() if name.startswith("DAILY_REPORT/")}
    missing = [name for name, clock in daily.items() if outcome(clock, UNTIL).value == "BREACHED"]
    day = datetime.fromtimestamp((SINCE + SILENT_DAY * DAY + 8 * HOUR) // 1000, UTC).strftime("%Y-%m-%d")
    assert missing == [f"DAILY_REPORT/tiz-daily-major-cases/{day}/DAY"]
    assert {name.split("/")[1] for name in daily} == {f"tiz-daily-{indicator}" for indicator in SAFETY_INDICATORS}
    zeros = run_of(NAME).rows("reports", "ZERO_REPORT")
    assert {row["indicator"] for _, row in zeros} == {*SAFETY_INDICATORS, DISPUTES}


@pytest.mark.row("A003-07")
def test_townships_report_disputes_every_week_and_together_they_found_39() -> None:
    units = {town_unit(name) for _, name, *_ in TOWNSHIPS}
    for unit in units:
        weekly = outcomes(clocks_of(unit), UNTIL)
        assert weekly == {("DISPUTE_REPORT", "MET"): 6}
    found = [row for unit, row in run_of(NAME).rows("reports", "INDICATOR") if unit in units]
    assert {row["indicator"] for row in found} == {DISPUTES}
    assert sum(row["value"] for row in found) == DISPUTES_FOUND


@pytest.mark.row("A003-10")
def test_every_consultation_is_answered_and_every_application_accepted_without_a_name() -> None:
    run = run_of(NAME)
    steps = {row["matter"]: row["step"] for _, row in run.rows("reports", "MATTER_STEP")}
    for _, row in run.rows("reports", "MATTER_OPENED"):
        assert steps[row["matter"]] == {CONSULTATION: "ANSWERED", APPLICATION: "ACCEPTED"}[row["matter_kind"]]
    assert not [unit for unit, _ in run.plain.events["reports"] if unit.startswith("p")]


@pytest.mark.row("A003-02")
def test_the_register_is_brought_up_to_date_every_day_as_a_snapshot() -> None:
    registered = {"houses-registered", "people-registered", "rented-houses-registered", "floating-people-registered"}
    rows = [row for _, row in run_of(NAME).rows("reports", "INDICATOR") if row["indicator"] in registered]
    assert {row["nature"] for row in rows} == {"SNAPSHOT"}
    ledger = {name: clock for name, clock in clocks_of("tiz-psb").items() if name.startswith("DAILY_LEDGER/")}
    assert {clock.lead_id.partition("/")[0] for clock in ledger.values()} == registered
    assert outcomes(ledger, UNTIL) == {("DAILY_LEDGER", "MET"): 4 * 30}


# ---- enforcement


@pytest.mark.row("A003-12")
def test_a_minor_traffic_offence_ends_with_education_and_is_no_case() -> None:
    spoken = run_of(NAME).rows("enforcement", "EDUCATION")
    assert {row["conduct"] for _, row in spoken} == {"MINOR_TRAFFIC"}
    assert {case_of([case_facts_of(row)]) for _, row in spoken} == {Case(None, ())}
    assert min(row["occurred_at"] for _, row in spoken) >= RESUMPTION_FROM


@pytest.mark.row("A003-08")
def test_the_patrol_online_never_sleeps_and_a_few_rumours_become_cases() -> None:
    run = run_of(NAME)
    signs = sorted(row["occurred_at"] for unit, row in run.rows("reports", "HEARTBEAT") if unit == "tiz-net-patrol")
    assert max(after - before for before, after in pairwise(signs)) == 4 * HOUR
    tips = {case for case, _ in run.rows("enforcement", "TIP")}
    cases = {case: row["category"] for case, row in run.rows("enforcement", "CASE_REGISTERED")}
    assert set(cases.values()) == {"RUMOUR"}
    assert len(cases) == RUMOUR_CASES
    assert cases.keys() < tips


@pytest.mark.row("A003-09")
def test_firms_that_did_not_solve_a_problem_on_the_spot_get_a_notice() -> None:
    run = run_of(NAME)
    unsolved = {case for case, row in run.rows("enforcement", "FINDING") if not row["solved_on_site"]}
    assert unsolved == {case for case, _ in run.rows("enforcement", "SUPERVISORY_NOTICE")}
    assert unsolved
