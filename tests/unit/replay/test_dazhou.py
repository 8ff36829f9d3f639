"""The Dazhou campaign against its article (seed 001): every number with its unit and bound, and its rules."""

from collections import Counter
from functools import cache
from itertools import pairwise

import pytest

from replay.campaigns.dazhou import DAZHOU
from replay.campaigns.dazhou_calendar import REPORTS_UNTIL, RESUMPTION_FROM, SINCE, TO_DATE, UNTIL
from replay.campaigns.dazhou_enforcement import CASE_SOURCE, FIRM_SOURCE, enforcement_events
from replay.campaigns.dazhou_people import FOLLOWED, HELD_TOO_LONG, NOT_SEEN, PROGRAMME
from replay.campaigns.dazhou_places import (
    COUNTIES,
    DAILY_INDICATOR,
    PERMIT_INDICATOR,
    POLICY,
    POLITICAL_LEGAL,
    checkpoints,
    reference_events,
)
from replay.campaigns.dazhou_reports import (
    COURT,
    FIRM_MATTERS,
    LATE,
    NEVER_REPORTED,
    OTHER_MATTERS,
    RESTATED,
    SERVED_NEXT_DAY,
    SILENT,
)
from replay.known_then import Then, as_known
from schemas import events
from schemas.codes import UnitOfCount
from schemas.divisions import check_code
from schemas.policy import parse_policy
from sinks.figure_identities import Identity, Relation, Status, Term, UnlikeUnits, check
from sinks.figures import Figure, _computed, topics_read
from streams.clocks import Clock, outcome
from streams.enforcement import Case, case_of
from streams.enforcement import facts_of as case_facts_of
from streams.facts import PersonFact, facts_of
from streams.reports import ReportState, clocks, status
from streams.reports import facts_of as report_facts_of
from streams.tasks import Tasks
from tests.unit.replay.seed_campaign import outcomes, reference_of, run_of, written_number

NAME = "dazhou-2020"
DAY, HOUR = 24 * 3_600_000, 3_600_000
_U = UnitOfCount

PUBLISHED = {
    "A001-02/filings": (1496, _U.ITEM),
    "A001-02/answers": (969, _U.ITEM),
    "A001-03/interventions": (9, _U.ITEM),
    "A001-04/warnings": (78, _U.CLUE),
    "A001-05/cases": (231, _U.ITEM),
    "A001-06/letters": (127, _U.ITEM),
    "A001-08/grid-workers": (4300, _U.PERSON),
    "A001-09/leaflets": (2_300_000, _U.COPY),
    "A001-09/households": (800_000, _U.HOUSEHOLD),
    "A001-09/persons-checked": (110_000, _U.PERSON),
    "A001-09/confirmed": (11, _U.PERSON),
    "A001-10/checkpoints": (93, _U.PIECE),
    "A001-11/tips": (579, _U.CASE),
    "A001-13/leads": (53_000, _U.CLUE),
    "A001-13/frames": (19_000, _U.IMAGE),
    "A001-14/dispersed": (28_000, _U.PERSON_TIME),
    "A001-14/corrected": (10_000, _U.TIME),
    "A001-16/hours": (24, _U.HOUR),
    "A001-17/cases": (58, _U.ITEM),
    "A001-19/opinions": (10, _U.MEASURE),
    "A001-19/procuratorate-opinions": (10, _U.MEASURE),
    "A001-19/measures": (9, _U.MEASURE),
}
"""Read off the article, each with the unit that stands there."""


# ---- figures


def test_every_number_of_the_article_is_a_figure_with_its_unit_and_no_other_is() -> None:
    assert {figure.ref: (figure.published, figure.unit) for figure in DAZHOU.figures} == PUBLISHED
    assert len(DAZHOU.figures) == len(PUBLISHED)


@pytest.mark.parametrize("figure", DAZHOU.figures, ids=lambda figure: figure.ref)
def test_t13_each_figure_is_linked_to_the_words_that_state_it(figure: Figure) -> None:
    assert written_number(figure.name_zh) == (figure.published, figure.rounded_to, figure.lower_bound)


def test_t5_only_what_the_article_bounds_or_rounds_is_marked_so() -> None:
    assert {figure.ref for figure in DAZHOU.figures if figure.lower_bound} == {
        "A001-09/households",
        "A001-09/persons-checked",
        "A001-13/leads",
        "A001-13/frames",
        "A001-14/dispersed",
        "A001-14/corrected",
    }
    assert run_of(NAME).figures()["A001-09/leaflets"].rounded_to == 10_000


@pytest.mark.parametrize(
    ("count", "holds"), [(28_000, True), (28_412, True), (30_000, True), (27_999, False), (None, False)]
)
def test_t5_more_than_28000_is_reproduced_by_anything_from_there_on(count: int | None, holds: bool) -> None:
    assert _computed(run_of(NAME).figures()["A001-14/dispersed"], count, 1).holds is holds


def test_t4_person_times_and_times_of_one_sentence_are_never_added() -> None:
    """劝离...2.8万余人次,纠正...1万余次: 38,000 of nothing."""
    figures = run_of(NAME).figures()
    computed = [_computed(figures[ref], figures[ref].published, 1) for ref in figures]
    added = Identity(
        "A001-14/all",
        (Term("A001-14/dispersed"), Term("A001-14/corrected")),
        Relation.EQUALS,
        (Term("A001-14/dispersed"),),
    )
    with pytest.raises(UnlikeUnits, match=r"person-times \(人次\), times \(次\)"):
        check([added], computed)


def test_the_58_and_the_231_are_kept_apart_and_only_flagged() -> None:
    figures = run_of(NAME).figures()
    computed = [_computed(figure, figure.published, 1) for figure in figures.values()]
    (checked,) = [one for one in check(DAZHOU.identities, computed) if one.ref == "A001-17/of-all"]
    assert (checked.status, checked.fails) == (Status.OPEN.value, False)
    cases = run_of(NAME).rows("enforcement", "CASE_REGISTERED")
    by_source = {source: {case for case, row in cases if row["source"] == source} for source in _sources(cases)}
    assert by_source.keys() == {CASE_SOURCE, FIRM_SOURCE}
    assert not by_source[CASE_SOURCE] & by_source[FIRM_SOURCE]
    assert 231 + 58 not in {figure.published for figure in DAZHOU.figures}


def _sources(rows: list[tuple[str, dict[str, object]]]) -> set[object]:
    return {row["source"] for _, row in rows}


def test_t9_events_and_reports_go_on_after_the_article_and_its_figures_stay_as_of_its_day() -> None:
    run = run_of(NAME)
    later = [row for _, row in run.rows("enforcement", "CASE_REGISTERED") if row["occurred_at"] >= TO_DATE]
    assert len(later) == 24
    restated = [row for _, row in run.rows("reports", "INDICATOR") if row["period_until"] > TO_DATE]
    assert {row["indicator"] for row in restated} > {"online-filings", "letters-and-visits"}
    assert {figure.as_of for figure in DAZHOU.figures} == {"2020-03-05"}
    assert all("2020-03-05 16:00:00" in figure.query for figure in DAZHOU.figures)


@pytest.mark.parametrize("figure", DAZHOU.figures, ids=lambda figure: figure.ref)
def test_each_figure_names_the_topics_behind_it(figure: Figure) -> None:
    assert topics_read(figure.query)


@pytest.mark.parametrize("figure", DAZHOU.figures, ids=lambda figure: figure.ref)
def test_t9_each_figure_can_be_asked_as_it_was_known_at_a_time(figure: Figure) -> None:
    assert f"<= {TO_DATE}" in as_known(figure.query, Then(TO_DATE, frozenset(), ()))


def test_no_figure_is_asked_for_by_its_own_number() -> None:
    assert not [figure.ref for figure in DAZHOU.figures if f" {figure.published}" in figure.query]


# ---- what is registered


@pytest.mark.row("A001-08", "A001-10")
def test_grid_workers_and_checkpoints_lie_in_the_counties_of_the_city() -> None:
    reference = reference_events()
    counties = {code for code, *_ in COUNTIES}
    held = [event for event in reference if isinstance(event, events.Resource)]
    assert {event.division for event in held} == counties
    assert sum(event.quantity for event in held) == 4300
    sites = [event for event in reference if isinstance(event, events.Site) and event.category == "CHECKPOINT"]
    assert len(sites) == 93
    assert {site.division for site in sites} == counties
    for event in reference:
        if isinstance(event, events.Division):
            assert check_code(event.entity_id) == event.level


@pytest.mark.row("A001-10")
def test_every_checkpoint_registers_who_passes() -> None:
    passages = run_of(NAME).rows("check-ins", "PASSAGE")
    assert {row["site"] for _, row in passages} == {site.id for site in checkpoints()}
    decided = {row["passage_id"]: row["decision"] for _, row in run_of(NAME).rows("check-ins", "DECISION")}
    yellow = {row["passage_id"] for _, row in passages if row["health_code"] == "YELLOW"}
    assert decided.keys() == yellow
    assert set(decided.values()) == {"REFUSED"}


@pytest.mark.row("A001-07")
def test_the_custody_site_is_closed_and_stays_so() -> None:
    (order,) = [event for event in reference_events() if isinstance(event, events.ClosureOrder)]
    (site,) = [event for event in reference_events() if isinstance(event, events.Site) and event.site_kind == "CUSTODY"]
    assert (order.parent, order.valid_from, order.valid_until) == (site.entity_id, SINCE, None)


def test_the_policy_of_the_source_is_in_effect_before_anything_happens() -> None:
    (published,) = [event for event in reference_events() if isinstance(event, events.PolicyVersion)]
    assert parse_policy(published.document).id == published.entity_id == POLICY
    assert published.sent_at < SINCE


# ---- daily and zero reports


@pytest.mark.row("A001-01")
def test_t8_organs_report_a_number_or_zero_every_day_and_one_silence_is_neither() -> None:
    run = run_of(NAME)
    states = Counter[ReportState]()
    for unit, *_ in POLITICAL_LEGAL:
        facts = [report_facts_of(row) for key, row in run.plain.events["reports"] if key == unit]
        for day in range((REPORTS_UNTIL - SINCE) // DAY):
            until = SINCE + day * DAY + 20 * HOUR
            found = status(facts, DAILY_INDICATOR, until, until + 16 * HOUR, UNTIL)
            assert (found.state is ReportState.MISSING) == ((unit, day) == SILENT)
            if (unit, day) == RESTATED:
                assert found.value == 2
            states[found.state] += 1
    assert states[ReportState.ZERO] > states[ReportState.REPORTED] > 0
    assert states[ReportState.MISSING] == 1


@pytest.mark.row("A001-01")
def test_a_daily_report_that_is_missing_or_late_is_a_breach_of_its_schedule() -> None:
    missing = {clock.clock_id for clock in unit_clocks().values() if outcome(clock, UNTIL).value == "BREACHED"}
    late = {clock.clock_id for clock in unit_clocks().values() if outcome(clock, UNTIL).value == "LATE"}
    slots = {clock_id for clock_id in missing | late if clock_id.startswith("DAILY_REPORT/")}
    assert slots == {_slot(*SILENT), _slot(*LATE)}
    assert _slot(*SILENT) in missing
    assert _slot(*LATE) in late
    assert outcomes(unit_clocks(), UNTIL)["DAILY_REPORT", "MET"] == 5 * 37 - 2


def _slot(unit: str, day: int) -> str:
    february = day + 1
    date = f"2020-02-{february:02d}" if february <= 29 else f"2020-03-{february - 29:02d}"
    return f"DAILY_REPORT/{unit}-daily/{date}/DAY"


@pytest.mark.row("A001-20")
def test_no_extra_permit_is_reported_as_zero_each_week_of_the_return_to_work() -> None:
    zeros = [row for _, row in run_of(NAME).rows("reports", "ZERO_REPORT") if row["indicator"] == PERMIT_INDICATOR]
    ends = sorted(row["period_until"] for row in zeros)
    assert ends == list(range(RESUMPTION_FROM + 7 * DAY, TO_DATE, 7 * DAY))
    assert all(row["period_until"] - row["period_from"] == 7 * DAY for row in zeros)


@pytest.mark.row("A001-16")
def test_the_hotline_gives_a_sign_of_life_round_the_clock() -> None:
    heard = sorted(
        row["occurred_at"] for unit, row in run_of(NAME).rows("reports", "HEARTBEAT") if unit == "dz-vehicle-office"
    )
    assert all(after - before <= 4 * HOUR for before, after in pairwise(heard))
    assert {(time // HOUR + 8) % 24 for time in heard} == {0, 4, 8, 12, 16, 20}


# ---- cases that involve firms


@cache
def unit_clocks() -> dict[str, Clock]:
    """Clocks of all units by the end of the run."""
    found: dict[str, Clock] = {}
    reference = reference_of(NAME)
    expected, _ = reference.expectations("units", 0, 1000)
    for unit, *_ in POLITICAL_LEGAL:
        facts = [report_facts_of(row) for key, row in run_of(NAME).plain.events["reports"] if key == unit]
        facts += [report_facts_of(row) for key, row in expected if key == unit.encode()]
        found |= clocks(facts, reference, UNTIL)
    return found


@pytest.mark.row("A001-15")
def test_cases_of_firms_are_assigned_served_and_reported_on_the_day_or_are_late() -> None:
    found = outcomes(unit_clocks(), UNTIL)
    duties = {duty: {ended: number for (of, ended), number in found.items() if of == duty} for duty, _ in found}
    next_day, never = len(SERVED_NEXT_DAY), len(NEVER_REPORTED)
    assert duties["CASE_ASSIGNED"] == {"MET": FIRM_MATTERS}
    assert duties["CASE_SERVED"] == {"MET": FIRM_MATTERS - next_day, "LATE": next_day}
    assert duties["CASE_REPORTED"] == {"MET": FIRM_MATTERS - next_day - never, "LATE": next_day, "BREACHED": never}


@pytest.mark.row("A001-15")
def test_other_cases_of_the_court_have_no_such_day() -> None:
    opened = run_of(NAME).rows("reports", "MATTER_OPENED")
    assert Counter(row["involves_firm"] for _, row in opened) == {True: FIRM_MATTERS, False: OTHER_MATTERS}
    assert {unit for unit, _ in opened} == {COURT}
    with_clocks = {clock.clock_id.partition("/")[0] for clock in unit_clocks().values()}
    assert not [row["matter"] for _, row in opened if not row["involves_firm"] and row["matter"] in with_clocks]


# ---- one to one


@pytest.mark.row("A001-12")
def test_who_is_isolated_is_seen_every_day_and_released_after_a_fortnight() -> None:
    found = outcomes(person_clocks(), UNTIL)
    assert found["RELEASE", "MET"] == FOLLOWED - len(HELD_TOO_LONG)
    assert found["RELEASE", "LATE"] == len(HELD_TOO_LONG)
    contacts = {clock_id: clock for clock_id, clock in person_clocks().items() if clock.deadline_class != "RELEASE"}
    unseen = {clock_id for clock_id, clock in contacts.items() if outcome(clock, UNTIL).value == "BREACHED"}
    assert len(contacts) == FOLLOWED * 14
    assert {clock_id.split("/")[1] for clock_id in unseen} == {f"dz-isolation-{person:03d}" for person, _ in NOT_SEEN}
    assert len(unseen) == len(NOT_SEEN)


@cache
def person_clocks() -> dict[str, Clock]:
    found: dict[str, Clock] = {}
    policies = reference_of(NAME).policies
    by_token: dict[str, list[PersonFact]] = {}
    for token, row in run_of(NAME).plain.events["follow-ups"]:
        by_token.setdefault(token, []).extend(facts_of("follow-ups", row))
    for facts in by_token.values():
        found |= Tasks(facts, policies.in_effect).clocks(UNTIL, UNTIL - SINCE)
    return found


@pytest.mark.row("A001-12")
def test_the_grid_worker_asks_what_is_needed() -> None:
    run = run_of(NAME)
    started = {row["task"]: row for _, row in run.rows("follow-ups", "QUARANTINE_STARTED")}
    assert {row["programme"] for row in started.values()} == {PROGRAMME}
    attempts = [row for _, row in run.rows("follow-ups", "ATTEMPT")]
    assert all(started[row["task"]]["unit"] == row["unit"] for row in attempts)
    assert {row["method"] for row in attempts} == {"PHONE", "VISIT"}
    assert any(row["needs"] for row in attempts)


# ---- enforcement


@pytest.mark.row("A001-14")
def test_a_whole_run_speaks_to_as_many_as_the_article_says() -> None:
    whole = [event for event in enforcement_events(DAZHOU.seed, 1.0) if isinstance(event, events.Education)]
    assert Counter(event.conduct for event in whole) == {"GATHERING": 28_000, "NO_MASK": 10_000}
    assert max(event.occurred_at for event in whole) < TO_DATE
    assert len({event.identity for event in whole}) == 38_000


@pytest.mark.row("A001-14")
def test_who_is_spoken_to_is_no_case_and_has_no_name() -> None:
    spoken = run_of(NAME).rows("enforcement", "EDUCATION")
    assert Counter(row["conduct"] for _, row in spoken) == {"GATHERING": 560, "NO_MASK": 200}
    assert {case_of([case_facts_of(row)]) for _, row in spoken} == {Case(None, ())}
    assert all(row["party_token"] is None for _, row in spoken)
    registered = {case for case, _ in run_of(NAME).rows("enforcement", "CASE_REGISTERED")}
    assert not registered & {case for case, _ in spoken}


@pytest.mark.row("A001-05", "A001-17")
def test_the_category_that_the_article_does_not_give_is_other() -> None:
    cases = run_of(NAME).rows("enforcement", "CASE_REGISTERED")
    assert {row["category"] for _, row in cases} == {"OTHER"}
    assert {(row["source"], row["involves_firm"]) for _, row in cases} == {(CASE_SOURCE, None), (FIRM_SOURCE, True)}
    assert any("OTHER" in line for line in DAZHOU.synthetic)


@pytest.mark.row("A001-18", "A001-20")
def test_supervision_letters_are_answered_and_inspections_find_what_they_look_for() -> None:
    run = run_of(NAME)
    asked = {case: row["occurred_at"] for case, row in run.rows("enforcement", "SUPERVISORY_NOTICE")}
    done = {case: row["occurred_at"] for case, row in run.rows("enforcement", "RECTIFIED")}
    assert asked.keys() == done.keys()
    assert all(done[case] > at for case, at in asked.items())
    reasons = {row["reason"] for _, row in run.rows("enforcement", "FINDING")}
    assert any("wild animals" in reason for reason in reasons)
    assert any("fresh food" in reason for reason in reasons)


@pytest.mark.row("A001-11")
def test_a_tip_registers_no_case() -> None:
    tips = run_of(NAME).rows("enforcement", "TIP")
    assert len(tips) == 579
    assert {case_of([case_facts_of(row)]) for _, row in tips} == {Case(None, ())}
