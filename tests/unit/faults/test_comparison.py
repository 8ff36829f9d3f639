"""The comparison finds whatever is missing, added or altered, one readable line each."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.comparison import LINES, Found, differences
from tests.faults.model import Arrival, Model, Segment
from tests.faults.stream import generate
from tests.unit.faults.pure_pipeline import appended, model_of

PARTITIONS = 4


@pytest.fixture(scope="module")
def model() -> Model:
    return model_of(appended(generate(9, 2_000, 150, partitions=PARTITIONS, large=0), PARTITIONS), PARTITIONS)


def faithful(model: Model) -> Found:
    """What a faultless run would leave."""
    outcomes = {lead: one[0] for lead, one in model.outcomes().items()}
    return Found(
        facts=model.needed_facts(),
        timelines=model.timelines(),
        clocks={lead: outcome.clock for lead, outcome in outcomes.items()},
        notices={lead: ["BREACHED"] for lead, outcome in outcomes.items() if outcome.breached},
        dead_letters={place: [letter] for place, letter in model.dead_letters.items()},
        event_rows=model.event_rows(),
        conflicts={
            identity: {(conflict.winner, loser) for loser in conflict.losers}
            for identity, conflict in model.conflicts().items()
        },
        cells=model.cells(),
        arrivals=dict(model.arrivals()),
        totals=model.totals(),
    )


def test_a_faultless_run_has_no_difference(model: Model) -> None:
    assert differences(model, faithful(model)) == []


def _first(found: Any) -> Any:
    return next(iter(found))


def lose_a_fact(found: Found) -> None:
    token = _first(found.facts)
    found.facts = {**found.facts, token: found.facts[token] - {_first(found.facts[token])}}


def invent_a_fact(found: Found) -> None:
    token = _first(found.facts)
    found.facts = {**found.facts, token: found.facts[token] | {("nobody", 1)}}


def lengthen_a_segment(found: Found) -> None:
    token = _first(found.timelines)
    *others, last = found.timelines[token]
    found.timelines = {**found.timelines, token: [*others, last._replace(until=last.until + 1)]}


def forge_evidence(found: Found) -> None:
    token = _first(found.timelines)
    forged = [segment._replace(evidence=("nobody#1",)) for segment in found.timelines[token]]
    found.timelines = {**found.timelines, token: forged}


def lose_a_timeline(found: Found) -> None:
    found.timelines = {**found.timelines, _first(found.timelines): []}


def invent_a_timeline(found: Found) -> None:
    found.timelines = {**found.timelines, "nobody": [Segment(0, 1, "HIGH", ("nobody#1",))]}


def alter_a_clock(found: Found) -> None:
    lead = _first(found.clocks)
    found.clocks = {**found.clocks, lead: found.clocks[lead]._replace(due_at=0)}


def lose_a_clock(found: Found) -> None:
    found.clocks = {lead: clock for lead, clock in found.clocks.items() if lead != _first(found.clocks)}


def invent_a_clock(found: Found) -> None:
    found.clocks = {**found.clocks, "nobody/lead-1": found.clocks[_first(found.clocks)]._replace(withdrawn_at=None)}


def move_a_clock_to_another_subject(found: Found) -> None:
    key = _first(found.clocks)
    found.clocks = {**found.clocks, key: found.clocks[key]._replace(subject="ORDER")}


def announce_a_slot(found: Found) -> None:
    slot = next(key for key, clock in found.clocks.items() if clock.implied)
    found.notices = {**found.notices, slot: ["DUE_SOON", *found.notices.get(slot, [])]}


def tell_a_breach_twice(found: Found) -> None:
    lead = _first(found.notices)
    found.notices = {**found.notices, lead: ["BREACHED", "BREACHED"]}


def retract_a_breach(found: Found) -> None:
    lead = _first(found.notices)
    found.notices = {**found.notices, lead: ["BREACHED", "RETRACTED"]}


def double_a_letter(found: Found) -> None:
    place = _first(found.dead_letters)
    found.dead_letters = {**found.dead_letters, place: [*found.dead_letters[place]] * 2}


def alter_a_letter(found: Found) -> None:
    place = _first(found.dead_letters)
    letter = found.dead_letters[place][0]._replace(reason="RULE_ERROR")
    found.dead_letters = {**found.dead_letters, place: [letter]}


def move_a_row(found: Found) -> None:
    rows = found.event_rows["check-ins"]
    found.event_rows = {**found.event_rows, "check-ins": {**rows, _first(rows): 10**9}}


def lose_a_loser(found: Found) -> None:
    found.conflicts = {**found.conflicts, _first(found.conflicts): set()}


def count_once_more(found: Found) -> None:
    cell = _first(found.cells)
    found.cells = {**found.cells, cell: found.cells[cell] + 1}


def forget_an_arrival(found: Found) -> None:
    found.arrivals = {place: one for place, one in found.arrivals.items() if place != _first(found.arrivals)}


def alter_an_arrival(found: Found) -> None:
    place = next(place for place, arrival in found.arrivals.items() if arrival.outcome == "STORED")
    found.arrivals = {**found.arrivals, place: Arrival("REFUSED", "BAD_KEY")}


def miscount_a_ledger(found: Found) -> None:
    place = _first(found.totals)
    found.totals = {**found.totals, place: found.totals[place]._replace(stored=0)}


@pytest.mark.parametrize(
    ("harm", "category"),
    [
        (lose_a_fact, "fact"),
        (invent_a_fact, "fact"),
        (lengthen_a_segment, "timeline"),
        (forge_evidence, "timeline"),
        (lose_a_timeline, "timeline"),
        (invent_a_timeline, "timeline"),
        (alter_a_clock, "clock"),
        (lose_a_clock, "clock"),
        (invent_a_clock, "clock"),
        (move_a_clock_to_another_subject, "clock"),
        (announce_a_slot, "notice"),
        (tell_a_breach_twice, "notice"),
        (retract_a_breach, "notice"),
        (double_a_letter, "dead letter"),
        (alter_a_letter, "dead letter"),
        (move_a_row, "event row"),
        (lose_a_loser, "conflict"),
        (count_once_more, "cell"),
        (forget_an_arrival, "arrival"),
        (alter_an_arrival, "arrival"),
        (miscount_a_ledger, "ledger"),
    ],
)
def test_every_kind_of_harm_is_one_line(model: Model, harm: Callable[[Found], None], category: str) -> None:
    found = faithful(model)
    harm(found)
    (line,) = differences(model, found)
    assert line.startswith(f"{category}: ")
    assert len(line) < 1_000


def test_a_clock_that_was_undone_may_stand_as_withdrawn_when_it_began(model: Model) -> None:
    found = faithful(model)
    clock = found.clocks[_first(found.clocks)]
    undone = clock._replace(done_at=None, withdrawn_at=clock.opened_at)
    found.clocks = {**found.clocks, "nobody/lead-1": undone}
    found.notices = {**found.notices, "nobody/lead-1": ["BREACHED", "RETRACTED"]}
    assert differences(model, found) == []
    found.notices = {**found.notices, "nobody/lead-1": ["BREACHED"]}
    (line,) = differences(model, found)
    assert line.startswith("notice: nobody/lead-1 is not opened, but its breach stands")


def test_of_many_differences_twenty_are_shown_and_all_are_counted(model: Model) -> None:
    found = faithful(model)
    found.arrivals = {}
    lines = differences(model, found)
    assert len(lines) == LINES + 1
    assert lines[-1] == f"arrival: {len(model.arrivals())} differences, of which {LINES} are shown"
