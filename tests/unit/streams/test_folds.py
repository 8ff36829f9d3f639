"""The folds: what is told, what is kept, what is refused."""

import pytest

from schemas import events
from schemas.codes import Refusal
from schemas.validity import Limits
from streams.enforcement import Case, CaseFold, case_of
from streams.fact_set import MOST_FACTS, MOST_FACTS_A_DAY, decode_state
from streams.facts import Noted
from streams.person_fold import PersonFold
from streams.reference import Reference
from streams.reports import ReportState, UnitFold, status
from tests.support.people import DAY, HOUR, NOON, TOKEN, Desk, FoldBench, rows_of


def test_the_whole_timeline_is_told_when_it_changes_and_not_again() -> None:
    bench, desk = FoldBench(), Desk()
    fever = desk.reading(385)
    bench.publish(fever, as_of=NOON)
    bench.publish(fever, as_of=NOON + 1)
    bench.publish(desk.passage(origin_area="370200"), as_of=NOON + 2)
    (told,) = bench.told
    assert (told.topic, told.row["levels"], told.row["evidence"]) == ("risk-changes", ["HIGH"], ["desk-1#1"])


def test_a_repeat_changes_nothing() -> None:
    bench = FoldBench()
    fever = Desk().reading(385)
    bench.publish(fever, as_of=NOON)
    before = dict(bench.states)
    result = bench.fold.fold(rows_of([fever, fever]), lambda _: before, NOON + HOUR)
    assert (result.changes, result.outputs) == ({}, {})


def test_a_person_without_facts_has_no_state() -> None:
    bench = FoldBench()
    bench.publish(Desk().passage(), as_of=NOON)
    assert bench.states == {}


def test_two_contents_under_one_identity_are_both_asserted() -> None:
    bench = FoldBench()
    bench.publish(Desk().reading(385), Desk().reading(390), as_of=NOON)
    assert len(bench.facts()) == 2


@pytest.mark.expects_errors("rule error in temperatures")
def test_a_row_that_gives_no_fact_is_a_rule_error_and_the_others_count() -> None:
    bench, desk = FoldBench(), Desk()
    rows = rows_of([desk.reading(385), desk.reading(386)])
    rows["temperatures"][0][1]["source"] = object()
    result = bench.fold.fold(rows, lambda _: {}, NOON)
    assert [(error.offset, error.reason) for error in result.errors["temperatures"]] == [(0, Refusal.RULE_ERROR)]
    assert list(result.changes) == [TOKEN.encode()]


@pytest.mark.expects_errors("rule error in")
def test_what_no_state_can_hold_is_a_rule_error() -> None:
    bench, desk = FoldBench(), Desk()
    rows = rows_of([desk.reading(385), desk.reading(386), desk.lead(), desk.lead("lead-2")])
    rows["temperatures"][0][1]["symptoms"] = ["x" * 20_000]
    rows["follow-ups"][0][1]["lead_id"] = "l" * 1_000_000
    rows["follow-ups"][1][1]["received_at"] = None
    result = bench.fold.fold(rows, lambda _: {}, NOON)
    assert {topic: [error.offset for error in errors] for topic, errors in result.errors.items()} == {
        "temperatures": [0],
        "follow-ups": [2, 3],
    }
    bench.states = {key: state for key, state in result.changes.items() if state is not None}
    assert [fact.sequence for fact in bench.facts()] == [2]


def test_of_a_free_text_that_no_rule_reads_the_beginning_is_kept() -> None:
    bench = FoldBench()
    bench.publish(Desk().event(events.LeadReturned, lead_id="lead-1", reason="缺课" * 1_000), as_of=NOON)
    (noted,) = bench.facts()
    assert isinstance(noted, Noted)
    assert noted.detail == "缺课" * 99 + "缺…"


def test_leads_of_two_persons_under_one_name_have_two_clocks() -> None:
    told = []
    fold = PersonFold(Reference(Limits()), lambda subject, row: b"")
    for token in (TOKEN, "p00" + "b" * 24):
        result = fold.fold(rows_of([Desk().lead(token=token)]), lambda _: {}, NOON)
        told += [key for key, _ in result.outputs["sla-events"]]
    assert len(set(told)) == 2


@pytest.mark.parametrize("reverse", [False, True])
def test_a_stuck_device_cannot_grow_a_state_without_bound_whatever_the_order(reverse: bool) -> None:
    desk = Desk()
    flood = [desk.reading(385, NOON + i) for i in range(MOST_FACTS_A_DAY + 50)]
    bench = FoldBench()
    for part in (flood[::-1][:600], flood[::-1][600:]) if reverse else (flood[:700], flood[700:]):
        bench.publish(*part, as_of=NOON)
    kept = {fact.sequence for fact in bench.facts()}
    assert len(kept) == MOST_FACTS_A_DAY
    other = FoldBench()
    other.publish(*flood, as_of=NOON)
    assert kept == {fact.sequence for fact in other.facts()}


@pytest.mark.parametrize("reverse", [False, True])
def test_a_device_stuck_for_weeks_cannot_grow_a_state_without_bound_either(reverse: bool) -> None:
    desk = Desk()
    days = [
        [desk.reading(366, NOON + day * DAY + i, slot="NOON") for i in range(MOST_FACTS_A_DAY)] for day in range(11)
    ]
    bench, other = FoldBench(), FoldBench()
    for of_day in reversed(days) if reverse else days:
        bench.publish(*of_day, as_of=NOON)
    other.publish(*(reading for of_day in days for reading in of_day), as_of=NOON)
    kept = {fact.sequence for fact in bench.facts()}
    assert len(kept) == MOST_FACTS
    assert kept == {fact.sequence for fact in other.facts()}


def test_a_stuck_device_does_not_make_a_breach_be_told_again() -> None:
    bench, midnight = FoldBench(), NOON // DAY * DAY
    bench.publish(Desk("desk-2").lead(at=midnight - 30 * HOUR), as_of=midnight - 29 * HOUR)
    desk = Desk("stuck-1")
    flood = [desk.reading(366, midnight + i, slot="NOON") for i in range(4 * MOST_FACTS_A_DAY)]
    for start in range(0, len(flood), MOST_FACTS_A_DAY):
        bench.publish(*flood[start : start + MOST_FACTS_A_DAY], as_of=midnight + HOUR + start)
        bench.tick(midnight + HOUR + start)
    assert bench.notices() == ["BREACHED"]


def enforcement(model: type[events.Event], sequence: int, **fields: object) -> events.Event:
    common = {"source": "station-1", "sequence": sequence, "occurred_at": NOON, "sent_at": NOON}
    return model.model_validate({**common, "zone_offset_minutes": 480, "case_id": "case-1", **fields})


@pytest.mark.row("A000-06", "A000-07")
def test_a_case_keeps_its_category_and_dispositions_until_withdrawn() -> None:
    registered = enforcement(events.CaseRegistered, 1, category="FRAUD", unit="station-1")
    fined = enforcement(events.PersonDisposed, 2, disposition="FINE", party="PERSON", party_token=TOKEN)
    withdrawn = enforcement(
        events.Withdrawal, 3, reason="no offence", withdraws_source="station-1", withdraws_sequence=2
    )
    fold = CaseFold()

    def case(*published: events.Event) -> Case:
        (state,) = fold.fold(rows_of(published), lambda _: {}, NOON).changes.values()
        assert state is not None
        return case_of([fold.decode(member) for member in decode_state(state)])

    assert case(fined, registered) == Case("FRAUD", (("FINE", TOKEN),))
    assert case(withdrawn, registered, fined) == Case("FRAUD", ())


@pytest.mark.row("A001-01")
def test_t8_reported_zero_reported_n_and_missing_are_three_states() -> None:
    cut_off = NOON + HOUR
    desk = Desk()

    def report(model: type[events.Event], **fields: object) -> events.Event:
        desk.sequence += 1
        common = {"source": desk.source, "sequence": desk.sequence, "occurred_at": NOON, "sent_at": NOON}
        common |= {"zone_offset_minutes": 480, "unit_id": "unit-1", "indicator": "cases", "period_until": NOON}
        return model.model_validate({**common, **fields})

    def state(as_of: int, *published: events.Event) -> ReportState:
        fold = UnitFold(Reference(Limits()), lambda subject, row: b"")
        changes = fold.fold(rows_of(published), lambda _: {}, NOON).changes
        facts = [fold.decode(member) for found in changes.values() if found for member in decode_state(found)]
        return status(facts, "cases", NOON, cut_off, as_of).state

    seven = {"value": 7, "unit_of_count": "CASE", "nature": "FLOW"}
    assert state(cut_off, report(events.ZeroReport)) is ReportState.ZERO
    assert state(cut_off, report(events.Indicator, **seven)) is ReportState.REPORTED
    assert state(cut_off) is ReportState.MISSING
    assert state(cut_off - 1) is ReportState.AWAITED


def test_a_fact_is_forgotten_when_nothing_can_come_of_it_any_more() -> None:
    bench, desk = FoldBench(), Desk()
    bench.publish(desk.reading(385), as_of=NOON)
    bench.publish(desk.reading(386, NOON + 10 * DAY), as_of=NOON + 10 * DAY)
    told = len(bench.told)
    bench.tick(NOON + 92 * DAY)
    assert len(bench.facts()) == 2
    bench.tick(NOON + 94 * DAY)
    assert [fact.at for fact in bench.facts()] == [NOON + 10 * DAY]
    bench.tick(NOON + 104 * DAY)
    assert bench.states == {}
    assert len(bench.told) == told


def test_a_breach_is_told_before_its_lead_is_forgotten() -> None:
    bench = FoldBench()
    bench.publish(Desk().lead(), as_of=NOON)
    bench.tick(NOON + 100 * DAY)
    assert bench.notices() == ["BREACHED"]
    bench.tick(NOON + 200 * DAY)
    assert (bench.notices(), bench.states) == (["BREACHED"], {})


def test_what_is_kept_does_not_depend_on_how_much_reference_data_was_read() -> None:
    desk = Desk()
    published = [desk.passage(origin_area="420100"), desk.reading(370), desk.reading(373, site_kind="SCHOOL")]
    bench = FoldBench()
    bench.publish(*published, as_of=NOON)
    assert bench.states == {}
    scheduled = desk.reading(366, slot="MORNING")
    bench.publish(scheduled, as_of=NOON)
    assert [fact.sequence for fact in bench.facts()] == [scheduled.sequence]
