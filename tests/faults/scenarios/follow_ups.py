"""Follow-ups that raise no level: episodes of quarantine and care, and duties that one event opens and another ends."""

from typing import Any

from tests.faults.model.judgement import DAY, HOUR, MINUTE
from tests.faults.scenarios import checkpoints
from tests.faults.scenarios.corrections import correct
from tests.faults.scenarios.world import UNITS, Sent, World, scenario

PROGRAMMES = ("ONE_TO_ONE", "FOREIGN_ARRIVAL_14D", "RISK_AREA_ARRIVAL", "OVERSEAS_POINT_TO_POINT")


@scenario("families")
def quarantines(world: World) -> None:
    world.draw("quarantines")


@scenario("families")
def other_follow_ups(world: World) -> None:
    world.draw("duties")


def quarantine(world: World, at: int | None = None, **fields: Any) -> Sent:
    """A person is put under quarantine, now or at a time."""
    place = world.chance.choice(("INSTITUTIONAL", "HOME"))
    stated = {"task": f"quarantine-{world.order}", "place": place, "unit": world.chance.choice(UNITS), **fields}
    return world.alarm(world.event("follow-ups", world.person(), "QUARANTINE_STARTED", at=at, **stated))


def care(world: World, **fields: Any) -> Sent:
    """A follow-up of a programme begins."""
    stated = {"task": f"care-{world.order}", "programme": world.chance.choice(PROGRAMMES), **fields}
    return world.event("follow-ups", world.person(), "FOLLOW_UP_STARTED", **stated)


def then(world: World, opened: Sent, kind: str, at: int, arrives: int | None = None, **fields: Any) -> Sent:
    """A later event of a task; one of the past is sent now, unless it arrives at a time."""
    task = opened.row.get("task") or f"{opened.row['source']}#{opened.row['sequence']}"
    sent = max(at, world.now) if arrives is None else at
    times: dict[str, Any] = {"at": at, "sent": sent, "arrives": sent if arrives is None else arrives}
    return world.event("follow-ups", opened.key, kind, **times, task=task, **fields)


def see(world: World, opened: Sent, at: int, outcome: str = "SEEN_OK", **fields: Any) -> Sent:
    """Somebody tries to see the person."""
    return then(world, opened, "ATTEMPT", at, method="VISIT", outcome=outcome, **fields)


def ended(world: World, opened: Sent, at: int, **times: Any) -> Sent:
    """The episode ends."""
    return then(world, opened, opened.row["kind"].replace("STARTED", "ENDED"), at, **times)


def day_of(world: World, days: int) -> int:
    """The local midnight (UTC+8) that begins today, or a day after it."""
    return (world.now + 8 * HOUR) // DAY * DAY - 8 * HOUR + days * DAY


@scenario("quarantines")
def quarantine_seen_most_days(world: World) -> None:
    opened = quarantine(world)
    for day in range(5):
        if world.chance.random() < 0.7:
            see(world, opened, world.now + day * DAY + world.chance.randint(1, 20) * HOUR)
    ended(world, opened, world.now + world.chance.randint(3, 6) * DAY)


@scenario("quarantines")
def quarantine_tried_in_vain(world: World) -> None:
    opened = quarantine(world)
    for day, outcome in enumerate(("UNREACHABLE", "MISSED", "NOT_ATTEMPTED", "SEEN_NOT_OK")):
        symptoms = ["FATIGUE"] if outcome == "SEEN_NOT_OK" else []
        see(world, opened, world.now + day * DAY, outcome, symptoms=symptoms)


@scenario("quarantines")
def quarantine_seen_at_the_limits(world: World) -> None:
    """At the opening and the cut-off of the slot, and a millisecond outside."""
    opened = quarantine(world)
    for day, at in enumerate((6 * HOUR, 6 * HOUR - 1, 23 * HOUR, 23 * HOUR + 1), 1):
        see(world, opened, day_of(world, day) + at)


@scenario("quarantines")
def quarantine_seen_hours_on_its_way(world: World) -> None:
    """A contact is told to be missing, then retracted."""
    opened = quarantine(world)
    at = day_of(world, 1) + 9 * HOUR
    then(world, opened, "ATTEMPT", at, arrives=at + 20 * HOUR, method="PHONE", outcome="SEEN_OK")


@scenario("quarantines")
def quarantine_in_hospital(world: World) -> None:
    """No programme is about it, unless it names one."""
    quarantine(world, place="HOSPITAL")
    ended(world, quarantine(world, place="HOSPITAL", programme="ONE_TO_ONE"), world.now + 2 * DAY)


@scenario("quarantines")
def quarantine_of_an_unheard_of_programme(world: World) -> None:
    quarantine(world, programme="UNHEARD-OF")


@scenario("quarantines")
def held_too_long(world: World) -> None:
    opened = quarantine(world, at=world.now - 14 * DAY - 20 * HOUR)
    if world.chance.random() < 0.5:
        ended(world, opened, world.now + world.chance.randint(1, 10) * HOUR)


@scenario("quarantines")
def quarantine_taken_back(world: World) -> None:
    correct(world, quarantine(world), world.now + 3 * HOUR)


@scenario("quarantines")
def quarantine_taken_back_days_later(world: World) -> None:
    opened = quarantine(world)
    see(world, opened, world.now + DAY)
    correct(world, opened, world.now + 3 * DAY)


@scenario("quarantines")
def end_of_quarantine_taken_back(world: World) -> None:
    opened = quarantine(world)
    correct(world, ended(world, opened, world.now + DAY), world.now + 2 * DAY)


@scenario("quarantines")
def contact_taken_back(world: World) -> None:
    opened = quarantine(world)
    correct(world, see(world, opened, day_of(world, 1) + 8 * HOUR), day_of(world, 2))


@scenario("quarantines")
def quarantine_begun_again(world: World) -> None:
    """The same task once more, sent later: the first counts."""
    opened = quarantine(world)
    again = world.now + world.chance.randint(1, 30) * HOUR
    then(world, opened, "QUARANTINE_STARTED", again, place=world.chance.choice(("HOME", "HOSPITAL")))


@scenario("quarantines")
def end_of_quarantine_first(world: World) -> None:
    at = world.now - 2 * DAY
    opened = quarantine(world, at=at, arrives=world.now + 9 * HOUR)
    ended(world, opened, at + DAY, arrives=world.now)


@scenario("quarantines")
def care_of_a_programme(world: World) -> None:
    opened = care(world)
    for day in range(4):
        see(world, opened, world.now + day * DAY + world.chance.randint(1, 20) * HOUR)
    ended(world, opened, world.now + world.chance.randint(2, 5) * DAY)


@scenario("quarantines")
def care_without_end(world: World) -> None:
    care(world)


def times_of(world: World, opened: Sent, hours: float) -> int:
    """A time so long after an opening."""
    at: int = opened.row["occurred_at"]
    return at + int(hours * HOUR)


def test_due(world: World) -> Sent:
    return world.alarm(
        world.event("follow-ups", world.person(), "TEST_DUE", task=f"test-{world.order}", due_at=world.now + 20 * HOUR)
    )


def transfer(world: World, **fields: Any) -> Sent:
    stated = {"task": f"transfer-{world.order}", **fields}
    return world.alarm(world.event("follow-ups", world.person(), "TRANSFER_STARTED", **stated))


def absence(world: World, **fields: Any) -> Sent:
    stated = {"unit": world.chance.choice(UNITS), "reason": "缺课", **fields}
    return world.event("follow-ups", world.person(), "ABSENCE", **stated)


def leave(world: World, **fields: Any) -> Sent:
    stated = {"reason": "外出请假", "due_at": world.now + 2 * DAY, **fields}
    return world.event("follow-ups", world.person(), "LEAVE", **stated)


@scenario("duties")
def test_in_time(world: World) -> None:
    opened = test_due(world)
    then(world, opened, "TEST_TAKEN", world.now + 3 * HOUR)
    then(world, opened, "TEST_RESULT", world.now + 9 * HOUR, result="NEGATIVE")


@scenario("duties")
def test_at_the_very_end(world: World) -> None:
    for late in (0, 1):
        opened = test_due(world)
        then(world, opened, "TEST_TAKEN", opened.row["due_at"] + late)


@scenario("duties")
def test_never(world: World) -> None:
    test_due(world)


@scenario("duties")
def test_before_it_was_due(world: World) -> None:
    then(world, test_due(world), "TEST_TAKEN", world.now - 5 * HOUR)


@scenario("duties")
def test_of_another_task(world: World) -> None:
    opened = test_due(world)
    world.event("follow-ups", opened.key, "TEST_TAKEN", task="another-test", at=world.now + HOUR)


@scenario("duties")
def transfer_in_time(world: World) -> None:
    opened = transfer(world)
    then(world, opened, "TRANSFER_ACCEPTED", times_of(world, opened, 2), unit="unit-1")


@scenario("duties")
def transfer_late(world: World) -> None:
    opened = transfer(world)
    then(world, opened, "TRANSFER_ACCEPTED", times_of(world, opened, 2) + 1, unit="unit-1")


@scenario("duties")
def transfer_hours_on_its_way(world: World) -> None:
    """A breach is announced, then retracted."""
    opened = transfer(world)
    at = times_of(world, opened, 1)
    then(world, opened, "TRANSFER_ACCEPTED", at, arrives=at + 12 * HOUR, unit="unit-1")


@scenario("duties")
def transfer_accepted_twice(world: World) -> None:
    opened = transfer(world)
    then(world, opened, "TRANSFER_ACCEPTED", times_of(world, opened, 5), unit="unit-1")
    at = times_of(world, opened, 1.5)
    then(world, opened, "TRANSFER_ACCEPTED", at, arrives=at + 9 * HOUR, unit="unit-2")


@scenario("duties")
def transfer_begun_twice(world: World) -> None:
    """The same task again, sent earlier but learnt later, or sent later: what was sent first counts."""
    opened = transfer(world)
    again = times_of(world, opened, world.chance.choice((-3, 3)))
    then(world, opened, "TRANSFER_STARTED", again, arrives=max(world.now, again))
    then(world, opened, "TRANSFER_ACCEPTED", times_of(world, opened, 1), unit="unit-1")


@scenario("duties")
def transfer_taken_back(world: World) -> None:
    for hours in (1, 7):
        correct(world, transfer(world), world.now + hours * HOUR)


@scenario("duties")
def one_of_two_transfers_taken_back(world: World) -> None:
    opened = transfer(world)
    then(world, opened, "TRANSFER_STARTED", times_of(world, opened, 1))
    correct(world, opened, world.now + 4 * HOUR)


@scenario("duties")
def acceptance_taken_back(world: World) -> None:
    opened = transfer(world)
    correct(world, then(world, opened, "TRANSFER_ACCEPTED", world.now + HOUR, unit="unit-1"), world.now + 6 * HOUR)


@scenario("duties")
def absence_asked_after(world: World) -> None:
    see(world, absence(world, task=f"absence-{world.order}"), world.now + world.chance.randint(1, 6) * HOUR)


@scenario("duties")
def absence_asked_after_at_midnight(world: World) -> None:
    for before in (0, 1):
        opened = absence(world, task=f"absence-{world.order}")
        zone = opened.row["zone_offset_minutes"] * MINUTE
        midnight = ((opened.row["occurred_at"] + zone) // DAY + 1) * DAY - zone
        see(world, opened, midnight - before, "UNREACHABLE")


@scenario("duties")
def absence_without_a_task(world: World) -> None:
    """A task of its own, which an attempt may name."""
    opened = absence(world)
    if world.chance.random() < 0.5:
        see(world, opened, world.now + HOUR)


@scenario("duties")
def leave_decided_and_ended(world: World) -> None:
    opened = leave(world, task=f"leave-{world.order}")
    then(world, opened, "LEAVE_DECIDED", world.now + 5 * HOUR, approved=True, decided_by_role="chief")
    then(world, opened, "LEAVE_ENDED", world.now + world.chance.choice((30, 70)) * HOUR)


@scenario("duties")
def leave_refused(world: World) -> None:
    opened = leave(world, task=f"leave-{world.order}")
    at = world.now + world.chance.choice((5, 30)) * HOUR
    then(world, opened, "LEAVE_DECIDED", at, approved=False, decided_by_role="chief")


@scenario("duties")
def leave_without_an_answer(world: World) -> None:
    leave(world)


@scenario("duties")
def absconded_and_found(world: World) -> None:
    opened = world.event("follow-ups", world.person(), "ABSCONDED", task=f"search-{world.order}")
    then(world, opened, "FOUND", world.now + world.chance.choice((5, 30)) * HOUR)


@scenario("duties")
def absconded(world: World) -> None:
    world.alarm(world.event("follow-ups", world.person(), "ABSCONDED", task=f"search-{world.order}"))


@scenario("duties")
def symptoms_reported(world: World) -> None:
    """By a test or a transfer of any task, after the symptoms: what was before does not count."""
    for hours, kind in ((1, "TEST_TAKEN"), (2, "TRANSFER_STARTED"), (3, "TEST_TAKEN"), (-1, "TEST_TAKEN")):
        ill = checkpoints.passage(world, world.person(), symptoms=["FEVER"], at=world.now, sent=world.now + 500)
        at = ill.row["occurred_at"] + hours * HOUR
        world.event("follow-ups", ill.key, kind, task=f"illness-{world.order}", at=at)


@scenario("duties")
def symptoms_taken_back(world: World) -> None:
    for hours in (1, 9):
        ill = checkpoints.passage(world, world.person(), symptoms=["DRY_COUGH"])
        correct(world, ill, world.now + hours * HOUR)


@scenario("duties")
def appeal(world: World) -> None:
    world.event("follow-ups", world.person(), "APPEAL", task=f"task-{world.order}", reason="another person's code")
