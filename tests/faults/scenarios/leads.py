"""Leads, by what becomes of them."""

from typing import Any

from tests.faults.model.judgement import DAY, HOUR, MINUTE
from tests.faults.scenarios.corrections import correct
from tests.faults.scenarios.world import LEAD_SOURCES, UNITS, Sent, Source, World, scenario


@scenario("families")
def leads(world: World) -> None:
    world.draw("leads")


def open(
    world: World, received: int | None = None, arrives: int | None = None, person: str | None = None, **fields: Any
) -> tuple[Sent, int]:
    """A lead is opened: the event, and when its work is due."""
    if received is None:
        received = world.now - int(world.chance.random() * 4 * HOUR)
    world.leads += 1
    push_mode, home = world.chance.choice((("ROUTINE", True), ("ROUTINE", False), ("BATCH", True), ("BATCH", False)))
    desk = world.chance.choice(world.desks)
    stated = {
        "lead_id": f"lead-{world.leads}",
        "lead_source": world.chance.choice(LEAD_SOURCES),
        "push_mode": push_mode,
        "home_province": home,
        "received_at": received,
        "unit": world.chance.choice((*UNITS, None)),
        **fields,
    }
    person = person or world.chance.choice(world.followed)
    times: dict[str, Any] = {} if arrives is None else {"at": received, "sent": received, "arrives": arrives}
    opened = world.event("follow-ups", person, "LEAD_OPENED", desk, **times, **stated)
    world.alarm(opened)
    if stated["push_mode"] == "ROUTINE":
        local = received + desk.zone * MINUTE
        return opened, (local // DAY + 1) * DAY - desk.zone * MINUTE
    return opened, received + (24 if stated["home_province"] else 48) * HOUR


def step(world: World, opened: Sent, kind: str, at: int, arrives: int | None = None, **fields: Any) -> Sent:
    """A later event of a lead; what it needs to state, it states."""
    needs: dict[str, dict[str, Any]] = {
        "LEAD_DISPATCHED": {"unit": world.chance.choice(UNITS)},
        "LEAD_REROUTED": {"unit": world.chance.choice(UNITS)},
        "LEAD_VERIFIED": {"method": world.chance.choice(("SYSTEM", "PHONE", "VISIT"))},
        "LEAD_RETURNED": {"reason": "not in this district"},
        "LEAD_CLOSED": {"reason": "a double of another lead"},
    }
    lead_id = opened.row["lead_id"]
    sent = max(at, world.now) if arrives is None else at
    return world.event(
        "follow-ups",
        opened.key,
        kind,
        at=at,
        sent=sent,
        arrives=sent if arrives is None else arrives,
        lead_id=lead_id,
        **needs.get(kind, {}),
        **fields,
    )


def between(world: World, opened: Sent, due: int, share: float) -> int:
    """A time after receipt, at a share of the time that there is."""
    received: int = opened.row["received_at"]
    return received + int((due - received) * share)


@scenario("leads")
def full_in_time(world: World) -> None:
    opened, due = open(world)
    for share, kind in ((0.1, "LEAD_DISPATCHED"), (0.3, "LEAD_LOCATED"), (0.6, "LEAD_VERIFIED")):
        step(world, opened, kind, between(world, opened, due, share))
    step(world, opened, "LEAD_REPORTED_BACK", between(world, opened, due, 0.8))


@scenario("leads")
def at_the_deadline(world: World) -> None:
    opened, due = open(world)
    step(world, opened, "LEAD_VERIFIED", due)


@scenario("leads")
def just_before_the_deadline(world: World) -> None:
    opened, due = open(world)
    step(world, opened, "LEAD_VERIFIED", due - 1)


@scenario("leads")
def ten_minutes_before_midnight(world: World) -> None:
    """Received at 23:50 at the desk: ten minutes are left (T2)."""
    midnight = (world.now // DAY) * DAY - 480 * MINUTE
    received = midnight - 10 * MINUTE
    desk = Source(f"night-desk-{world.leads}")
    lead: dict[str, Any] = {"lead_id": f"lead-night-{world.leads}", "lead_source": "BIG_DATA", "push_mode": "ROUTINE"}
    opened = world.event(
        "follow-ups",
        world.chance.choice(world.followed),
        "LEAD_OPENED",
        desk,
        **lead,
        home_province=True,
        received_at=received,
    )
    world.leads += 1
    step(world, opened, "LEAD_VERIFIED", midnight + world.chance.choice((-1, 1)) * 5 * MINUTE)


@scenario("leads")
def late(world: World) -> None:
    opened, due = open(world)
    step(world, opened, "LEAD_DISPATCHED", between(world, opened, due, 0.2))
    step(world, opened, "LEAD_VERIFIED", due + world.chance.randint(1, 20 * HOUR))


@scenario("leads")
def never(world: World) -> None:
    opened, due = open(world)
    step(world, opened, "LEAD_DISPATCHED", between(world, opened, due, 0.2))


@scenario("leads")
def reported_without_proof(world: World) -> None:
    opened, due = open(world)
    step(world, opened, "LEAD_LOCATED", between(world, opened, due, 0.2))
    step(world, opened, "LEAD_REPORTED_BACK", between(world, opened, due, 0.5))


@scenario("leads")
def proof_before_opening(world: World) -> None:
    received = world.now - world.chance.randint(1, 3) * HOUR
    opened, _ = open(world, received, arrives=world.now + world.chance.randint(1, 30) * HOUR)
    step(world, opened, "LEAD_VERIFIED", received + 30 * MINUTE, arrives=world.now)


@scenario("leads")
def late_proof_before_opening(world: World) -> None:
    """Opening and late proof are learnt together, after the deadline."""
    received = world.now - 60 * HOUR
    opened, due = open(world, received, arrives=world.now + HOUR)
    step(world, opened, "LEAD_VERIFIED", due + HOUR, arrives=max(world.now, due + HOUR))


@scenario("leads")
def opened_after_its_deadline(world: World) -> None:
    open(world, world.now - 70 * HOUR, arrives=world.now)


@scenario("leads")
def proof_hours_on_its_way(world: World) -> None:
    """A breach is announced, then retracted."""
    opened, due = open(world)
    step(world, opened, "LEAD_VERIFIED", between(world, opened, due, 0.7), arrives=due + 9 * HOUR)


@scenario("leads")
def closed_in_time(world: World) -> None:
    opened, due = open(world)
    step(world, opened, "LEAD_CLOSED", between(world, opened, due, 0.4))


@scenario("leads")
def closed_late(world: World) -> None:
    opened, due = open(world)
    step(world, opened, "LEAD_CLOSED", due + 3 * HOUR)


@scenario("leads")
def closed_before_opening(world: World) -> None:
    received = world.now - 2 * HOUR
    opened, _ = open(world, received, arrives=world.now + 20 * HOUR)
    step(world, opened, "LEAD_CLOSED", received + HOUR, arrives=world.now)


@scenario("leads")
def verified_and_closed(world: World) -> None:
    opened, due = open(world, lead_source="CASE_OR_CONTACT")
    step(world, opened, "LEAD_VERIFIED", between(world, opened, due, 0.5))
    step(world, opened, "LEAD_CLOSED", between(world, opened, due, 0.9))


@scenario("leads")
def returned(world: World) -> None:
    opened, due = open(world)
    step(world, opened, "LEAD_DISPATCHED", between(world, opened, due, 0.1))
    step(world, opened, "LEAD_RETURNED", between(world, opened, due, 0.5))


@scenario("leads")
def rerouted(world: World) -> None:
    opened, due = open(world)
    step(world, opened, "LEAD_REROUTED", between(world, opened, due, 0.3))
    step(world, opened, "LEAD_VERIFIED", between(world, opened, due, 0.9))


@scenario("leads")
def opening_corrected(world: World) -> None:
    opened, due = open(world)
    correct(world, opened, between(world, opened, due, 0.5))


@scenario("leads")
def opening_corrected_late(world: World) -> None:
    opened, due = open(world)
    correct(world, opened, due + 5 * HOUR)


@scenario("leads")
def proof_corrected(world: World) -> None:
    opened, due = open(world)
    proof = step(world, opened, "LEAD_VERIFIED", between(world, opened, due, 0.5))
    correct(world, proof, between(world, opened, due, 0.9))


@scenario("leads")
def closure_corrected(world: World) -> None:
    opened, due = open(world, lead_source="CASE_OR_CONTACT")
    closed = step(world, opened, "LEAD_CLOSED", between(world, opened, due, 0.3))
    correct(world, closed, between(world, opened, due, 0.6))


@scenario("leads")
def opened_twice(world: World) -> None:
    opened, due = open(world)
    again = opened.row["received_at"] + world.chance.choice((-1, 1)) * 2 * HOUR
    fields = ("lead_id", "lead_source", "push_mode", "home_province")
    open(world, again, arrives=max(world.now, again), person=opened.key, **{name: opened.row[name] for name in fields})
    step(world, opened, "LEAD_VERIFIED", between(world, opened, due, 0.5))


@scenario("leads")
def verified_twice(world: World) -> None:
    opened, due = open(world)
    step(world, opened, "LEAD_VERIFIED", due + HOUR)
    step(world, opened, "LEAD_VERIFIED", between(world, opened, due, 0.4), arrives=due + 2 * HOUR)


@scenario("leads")
def proof_without_opening(world: World) -> None:
    world.leads += 1
    stray = Sent("follow-ups", world.chance.choice(world.followed), {"lead_id": f"lead-{world.leads}"}, b"")
    step(world, stray, "LEAD_VERIFIED", world.now)


@scenario("leads")
def same_name_of_another_person(world: World) -> None:
    opened, due = open(world)
    step(world, opened._replace(key=world.person()), "LEAD_VERIFIED", between(world, opened, due, 0.5))


@scenario("leads")
def attempts(world: World) -> None:
    opened, due = open(world)
    for share, outcome in ((0.2, "UNREACHABLE"), (0.3, "MISSED"), (0.4, "SEEN_NOT_OK")):
        symptoms = ["FATIGUE"] if outcome == "SEEN_NOT_OK" else []
        at = between(world, opened, due, share)
        step(world, opened, "ATTEMPT", at, method="PHONE", outcome=outcome, symptoms=symptoms, needs="rice")
    step(world, opened, "LEAD_VERIFIED", between(world, opened, due, 0.5))


@scenario("leads")
def received_at_an_absurd_time(world: World) -> None:
    """A time that no deadline can be reckoned from."""
    person, lead = world.chance.choice(world.followed), f"lead-absurd-{world.order}"
    absurd = world.chance.choice((-1, -(2**63), 2**62, 2**63 - 1, 9_999_999_999_999))
    stated: dict[str, Any] = {"lead_source": "BIG_DATA", "push_mode": "BATCH", "home_province": True}
    world.event("follow-ups", person, "LEAD_OPENED", lead_id=lead, received_at=absurd, remember=False, **stated)
