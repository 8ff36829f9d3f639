"""Urgent care: every need has a clock, silence is told, an answer that arrives late takes it back (A004-18)."""

import itertools

import pytest

from schemas import events
from schemas.policy import default_policy
from schemas.policy_duties import DutyRule
from schemas.registry import default_registry
from schemas.topics import BY_NAME
from schemas.validity import Limits
from schemas.wire.rows import RowCodec
from streams.person_fold import PersonFold
from streams.reference import Reference
from streams.urgent import URGENT_RESPONSE, UrgentFold
from tests.support.people import HOUR, MINUTE, NOON, TOKEN, Desk, FoldBench

NEED_TEXT = "says that there is no way out, 自伤风险"


def need(at: int = NOON, **fields: object) -> events.Event:
    return Desk("community-1").event(events.UrgentNeed, at, need=NEED_TEXT, unit="health-centre", **fields)


def response(at: int, number: int = 1, **fields: object) -> events.Event:
    answers = {"responds_source": "community-1", "responds_sequence": 1, **fields}
    return Desk(f"team-{number}").event(events.UrgentResponse, at, unit="health-centre", **answers)


class Bench(FoldBench):
    def __init__(self, reference: Reference | None = None) -> None:
        super().__init__(reference, UrgentFold)

    def said(self) -> list[tuple[str | int | None, ...]]:
        """Kind, opening, deadline and answer of every record, in minutes since noon."""
        times = ("opened_at", "due_at", "done_at")
        return [(one.row["kind"], *(_minutes(one.row[name]) for name in times)) for one in self.told]


def _minutes(at: int | None) -> int | None:
    return None if at is None else (at - NOON) // MINUTE


@pytest.mark.row("A004-18")
def test_a_need_has_an_hour_where_the_policy_says_nothing_and_silence_is_told() -> None:
    bench = Bench()
    bench.publish(need(), as_of=NOON)
    assert bench.said() == [("CLOCK", 0, 60, None)]
    bench.tick(NOON + 30 * MINUTE)
    bench.tick(NOON + HOUR)
    bench.tick(NOON + 2 * HOUR)
    assert [kind for kind, *_ in bench.said()] == ["CLOCK", "DUE_SOON", "BREACHED"]
    assert URGENT_RESPONSE.hours == 1


@pytest.mark.row("A004-18")
def test_an_answer_in_time_ends_the_clock() -> None:
    bench = Bench()
    bench.publish(need(), as_of=NOON)
    bench.publish(response(NOON + 20 * MINUTE), as_of=NOON + 20 * MINUTE)
    bench.tick(NOON + 2 * HOUR)
    assert bench.said() == [("CLOCK", 0, 60, None), ("CLOCK", 0, 60, 20)]
    assert bench.told[-1].row["evidence"] == ["community-1#1", "team-1#1"]


@pytest.mark.row("A004-18")
def test_proof_that_arrives_late_retracts_the_breach_and_a_late_answer_does_not() -> None:
    bench = Bench()
    bench.publish(need(), as_of=NOON)
    bench.tick(NOON + HOUR)
    bench.publish(response(NOON + 2 * HOUR), as_of=NOON + 2 * HOUR)
    bench.publish(response(NOON + 40 * MINUTE, 2, sent_at=NOON + 3 * HOUR), as_of=NOON + 3 * HOUR)
    assert [(kind, done) for kind, _, _, done in bench.said()] == [
        ("CLOCK", None),
        ("BREACHED", None),
        ("CLOCK", 120),
        ("CLOCK", 40),
        ("RETRACTED", 40),
    ]


def test_an_answer_to_another_need_is_none() -> None:
    bench = Bench()
    bench.publish(need(), response(NOON, responds_sequence=2), response(NOON, 2, responds_source="community-2"))
    assert bench.said() == [("CLOCK", 0, 60, None)]


def test_any_order_and_any_repeat_give_the_same_state_and_the_same_last_word() -> None:
    contested = need(NOON - HOUR, sent_at=NOON + MINUTE)  # the same identity: the one that was sent first counts
    told = [need(), contested, response(NOON + 10 * MINUTE), response(NOON + 5 * MINUTE, 2), need()]
    states, words = set(), set()
    for order in itertools.permutations(told):
        bench = Bench()
        for event in order:
            bench.publish(event)
        states.add(bench.states[TOKEN.encode()])
        words.add(bench.said()[-1])
    assert words == {("CLOCK", 0, 60, 5)}
    assert len(states) == 1


@pytest.mark.row("A004-18")
def test_the_policy_in_effect_says_by_when() -> None:
    duty = DutyRule(
        name="URGENT_RESPONSE",
        name_en="answered by midnight",
        name_zh="当日处置",
        source="a test",
        opened_by="URGENT_NEED",
        done_by=["RESPONSE"],
        calendar_day=True,
    )
    policy = default_policy()
    duties = (*(rule for rule in policy.duties if rule.opened_by != "URGENT_NEED"), duty)
    bench = Bench(Reference(Limits(), [policy.model_copy(update={"duties": duties})]))
    bench.publish(need())
    assert bench.said() == [("CLOCK", 0, 12 * 60, None)]
    assert bench.told[-1].row["duty"] == "URGENT_RESPONSE"
    assert bench.told[-1].row["before_due"] is True


def test_what_is_told_fits_its_schema_and_does_not_repeat_the_words_of_a_need() -> None:
    codec = RowCodec(default_registry(), "urgent-clocks")
    fold = UrgentFold(Reference(Limits()), lambda subject, row: codec.encode(dict(row)))
    _, key, row = need().record()
    rows = {"urgent-care": [(key, {**row, "offset": 0, "appended_at": NOON})]}
    result = fold.fold(rows, lambda keys: {}, NOON + HOUR)
    assert result.outputs.keys() == {"urgent-clocks"}
    names = {name for name, _ in result.outputs["urgent-clocks"]}
    assert names == {f"{TOKEN}/community-1#1/URGENT_RESPONSE".encode()}
    found = [codec.decode(value) for _, value in result.outputs["urgent-clocks"]]
    assert [(one["kind"], one["token"], one["need"]) for one in found] == [
        ("CLOCK", TOKEN, "community-1#1"),
        ("BREACHED", TOKEN, "community-1#1"),
    ]
    (state,) = result.changes.values()
    assert state is not None
    for written in (state, *(value for _, value in result.outputs["urgent-clocks"])):
        assert "自伤风险".encode() not in written


def test_urgent_care_has_no_part_in_risk() -> None:
    assert BY_NAME["urgent-clocks"].restricted
    assert not {topic.name for topic in PersonFold.topics} & {topic.name for topic in UrgentFold.topics}
    row = need().record().row
    with pytest.raises(ValueError, match="not a topic about persons"):
        list(PersonFold(Reference(Limits()), lambda *_: b"").facts_of("urgent-care", row))


def test_a_need_is_forgotten_when_nothing_can_follow_from_it_any_more() -> None:
    reference = Reference(Limits())
    bench = Bench(reference)
    bench.publish(need(), response(NOON))
    bench.tick(NOON + reference.policies.longest_ms)
    assert bench.states == {}
