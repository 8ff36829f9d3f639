"""What is expected comes to the same last word in any order of arrival, cut into any turns, ticked at any times, as
when all of it is concluded at once."""

import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import events
from streams.clocks import announced
from streams.fact_set import decode_state
from streams.person_fold import PersonFold
from streams.reports import UnitFold
from tests.support.people import DAY, HOUR, NOON, TOKEN, Desk, FoldBench, Told
from tests.support.policies import Registry, add, reference_with
from tests.unit.streams.test_unit_clocks import Unit, order, tier, village

END = NOON + 12 * DAY


def person_events() -> list[events.Event]:
    desk = Desk()
    slots = ("MORNING", "NOON", "EVENING")
    made = [
        desk.reading(365, NOON + day * DAY + hour * HOUR, slot=slots[number % 3], sent_at=NOON + day * DAY + 9 * HOUR)
        for number, (day, hour) in enumerate(((1, -4), (1, 0), (2, 6), (5, -4), (6, 1), (7, 6)))
    ]
    made.append(desk.event(events.QuarantineStarted, NOON + HOUR, task="q", place="INSTITUTIONAL"))
    made.append(desk.event(events.Attempt, NOON + DAY, task="q", method="PHONE", outcome="SEEN_OK"))
    made.append(desk.event(events.QuarantineEnded, NOON + 5 * DAY, task="q", sent_at=NOON + 7 * DAY))
    made.append(desk.event(events.TransferStarted, NOON + 2 * DAY, task="t"))
    made.append(desk.event(events.TransferAccepted, NOON + 2 * DAY + HOUR, task="t", unit="h", sent_at=NOON + 3 * DAY))
    made.append(desk.reading(371, NOON + 4 * DAY, symptoms=["FEVER"]))
    return made


def unit_events() -> list[events.Event]:
    unit = Unit()
    closes = NOON + 8 * HOUR
    made = [unit.zero(closes + day * DAY, closes + day * DAY + wait * HOUR) for day, wait in ((0, 1), (2, 20), (5, 2))]
    made.append(unit.number(4, closes + 3 * DAY, closes + 3 * DAY + HOUR))
    made.append(unit.event(events.MatterOpened, NOON, matter="m", matter_kind="FIRM_CASE", involves_firm=True))
    made.append(unit.event(events.MatterStep, NOON + 2 * HOUR, matter="m", step="ASSIGNED"))
    return made


def expected_rows() -> list[events.Event]:
    registry = Registry()
    entry = {"schedule": "DAILY_REPORT", "indicator": "cases-found", "valid_from": NOON - 2 * DAY}
    return [
        registry.roster("pupil", TOKEN, schedule="THREE_CHECKS", valid_from=NOON),
        registry.roster("pupil", TOKEN, at=NOON + 8 * DAY, schedule="WEEKLY_TEST", valid_from=NOON),
        registry.roster("unit-1-daily", "unit-1", **entry),
        village(registry),
        order(registry),
        tier(registry, "MEDIUM", NOON - DAY),
        tier(registry, "LOW", NOON + 3 * DAY),
        order(registry, NOON + 6 * DAY, valid_until=NOON + 6 * DAY),
    ]


RULES = {PersonFold: person_events, UnitFold: unit_events}


def last_words(bench: FoldBench) -> dict[str, Any]:
    """The last state of each clock, without the time at which it was told."""
    return {name: {**row, "as_of": None} for name, row in bench.clocks().items()}


def bulk(rules: type[PersonFold | UnitFold], published: Sequence[events.Event]) -> dict[str, Any]:
    bench = FoldBench(reference_with(*expected_rows()), rules)
    bench.expect(as_of=-1)
    bench.publish(*published, as_of=-1)
    outputs: dict[str, list[tuple[bytes, bytes]]] = {}
    for key, state in bench.states.items():
        members = [member for member in decode_state(state) if not announced([bench.fold.decode(member)])]
        bench.fold.conclude(key.decode(), members, END, outputs)
    bench.told = [msgspec.json.decode(value, type=Told) for records in outputs.values() for _, value in records]
    return last_words(bench)


@pytest.mark.parametrize("rules", RULES)
@given(seed=st.integers(0, 2**32))
def test_any_order_and_any_ticks_come_to_what_is_concluded_at_once(
    rules: type[PersonFold | UnitFold], seed: int
) -> None:
    chance = random.Random(seed)
    published = RULES[rules]()
    expected = bulk(rules, published)
    assert expected
    rows = expected_rows()
    chance.shuffle(rows)
    reference = reference_with()
    bench = FoldBench(reference, rules)
    waiting = [(event.sent_at + chance.choice((0, 0, HOUR, 3 * DAY)), event) for event in published]
    waiting.sort(key=lambda pair: pair[0])
    now = NOON - 3 * DAY
    while now < END:
        now = min(END, now + chance.choice((HOUR, 7 * HOUR, DAY)))
        for row in [one for one in rows if one.sent_at <= now]:
            rows.remove(row)
            add(reference, row)
        bench.expect(as_of=now)
        due = [event for at, event in waiting if at <= now]
        waiting = [pair for pair in waiting if pair[0] > now]
        bench.publish(*due, *chance.sample(published[:3], chance.randint(0, 1)), as_of=now)
        bench.tick(now)
    assert not rows
    assert not waiting
    assert last_words(bench) == expected
