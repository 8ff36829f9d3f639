"""The algebra: any order, any repetition, any batching, screened or not, gives the same states and the same end."""

from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import events
from schemas.events import Event
from schemas.validity import Limits
from streams.fact_set import decode_state
from streams.facts import decode_fact
from streams.person_clocks import clocks
from streams.person_fold import observed
from streams.reference import Reference
from streams.risk import timeline
from streams.screen import screen
from tests.support.people import HOUR, NOON, Desk, FoldBench

TOKENS = ["p00" + letter * 24 for letter in "abc"]

times = st.integers(0, 72).map(lambda hours: NOON + hours * HOUR)
tokens = st.sampled_from(TOKENS)


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """A stream of one desk about three persons, with leads, steps, readings, codes, corrections."""
    desk = Desk()
    out: list[Event] = []
    for _ in range(draw(st.integers(1, 14))):
        at, token = draw(times), draw(tokens)
        lead_id = draw(st.sampled_from(["lead-1", "lead-2"]))
        lead: dict[str, Any] = {"token": token, "lead_id": f"{lead_id}-{token[3]}"}
        match draw(st.sampled_from(["reading", "confirm", "passage", "lead", "step", "closed", "correction"])):
            case "reading":
                kind = draw(st.sampled_from(["SCHOOL", "RAIL"]))
                out.append(desk.reading(draw(st.integers(360, 380)), at, token=token, site_kind=kind))
            case "confirm":
                earlier = {"confirms_source": desk.source, "confirms_sequence": draw(st.integers(1, 14))}
                out.append(desk.reading(366, at, token=token, **earlier))
            case "passage":
                code = draw(st.sampled_from(["GREEN", "YELLOW", "RED", "NOT_STATED"]))
                area = draw(st.sampled_from([None, "420100", "370200"]))
                symptoms = draw(st.sampled_from([[], ["FEVER"], ["DRY_COUGH", "FEVER"]]))
                told = {"health_code": code, "origin_area": area, "symptoms": symptoms}
                out.append(desk.passage(at, token=token, **told))
            case "lead":
                mode, home = draw(st.sampled_from(["BATCH", "ROUTINE"])), draw(st.booleans())
                source = draw(st.sampled_from(["BIG_DATA", "CASE_OR_CONTACT"]))
                opened: dict[str, Any] = {"push_mode": mode, "home_province": home, "lead_source": source}
                out.append(desk.lead(at=at, **lead, **opened))
            case "step":
                out.append(desk.verified(at=at, **lead))
            case "closed":
                out.append(desk.event(events.LeadClosed, at, **lead, reason="done"))
            case "correction":
                gone = {
                    "corrects_source": desk.source,
                    "corrects_sequence": draw(st.integers(1, 14)),
                    "reason": "wrong",
                }
                out.append(desk.event(events.Correction, at, token=token, **gone))
    return out


def reference() -> Reference:
    found = Reference(Limits())
    row = events.RiskArea(
        source="headquarters",
        sequence=1,
        occurred_at=0,
        sent_at=0,
        zone_offset_minutes=480,
        entity_id="420100",
        tier="HIGH",
        valid_from=0,
    )
    found.add("420100", row.record().row, 0)
    return found


def ends(bench: FoldBench, as_of: int) -> dict[bytes, Any]:
    """What must not depend on the way there: facts, timelines, clocks."""
    out = {}
    for key, state in bench.states.items():
        members = observed(decode_state(state))
        facts = [decode_fact(member) for member in members]
        out[key] = members, timeline(facts, bench.fold.reference), clocks(facts, bench.fold.reference)
    return out


@given(streams(), st.randoms(use_true_random=False), st.integers(1, 5))
@settings(max_examples=150, deadline=None)
def test_order_repetition_and_batching_change_nothing(published: list[Event], random: Any, size: int) -> None:
    straight = FoldBench(reference())
    straight.publish(*published, as_of=NOON)
    shuffled = published + random.sample(published, len(published) // 2)
    random.shuffle(shuffled)
    scattered = FoldBench(reference())
    for start in range(0, len(shuffled), size):
        as_of = NOON + random.randrange(0, 60) * HOUR
        scattered.publish(*shuffled[start : start + size], as_of=as_of)
        scattered.tick(as_of)
    assert ends(scattered, NOON) == ends(straight, NOON)


@given(streams(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_last_word_on_a_breach_does_not_depend_on_the_order(published: list[Event], random: Any) -> None:
    end = NOON + 200 * HOUR

    def standing_breaches(order: list[Event]) -> dict[str, int]:
        bench = FoldBench(reference())
        for event in order:
            bench.publish(event, as_of=NOON + random.randrange(0, 100) * HOUR)
        bench.tick(end)
        told = [(told.row["lead_id"], told.row["kind"]) for told in bench.told if told.topic == "sla-events"]
        standing = {lead: told.count((lead, "BREACHED")) - told.count((lead, "RETRACTED")) for lead, _ in told}
        return {lead: number for lead, number in standing.items() if number}

    shuffled = random.sample(published, len(published))
    assert standing_breaches(published) == standing_breaches(shuffled)


def frame_of(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, infer_schema_length=None, schema_overrides={"symptoms": pl.List(pl.String)})


@given(streams())
@settings(max_examples=150, deadline=None)
def test_the_screen_never_drops_a_needed_row(published: list[Event]) -> None:
    whole = FoldBench(reference())
    whole.publish(*published, as_of=NOON)
    screened = FoldBench(reference())
    kept = []
    for event in published:
        topic, _, row = event.record()
        frame = frame_of([row])
        if frame.select(screen(topic, frame, screened.fold.reference)).to_series().all():
            kept.append(event)
    screened.publish(*kept, as_of=NOON)
    needed = {key: end[1:] for key, end in ends(whole, NOON).items() if end[1] or end[2]}
    assert {key: end[1:] for key, end in ends(screened, NOON).items() if end[1] or end[2]} == needed
