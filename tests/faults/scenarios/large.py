"""Records of about a megabyte."""

from typing import Any

from tests.faults.avro_writer import write_long
from tests.faults.model.judgement import DAY
from tests.faults.scenarios import checkpoints, corrections, odd
from tests.faults.scenarios.world import World, scenario


@scenario("large")
def reason(world: World) -> None:
    text = "x" * world.large_bytes
    person, role = world.person(), "duty-officer"
    fields: dict[str, Any] = {
        "decision": "REFUSED",
        "decided_by_role": role,
        "decision_reason": text,
        "remember": False,
    }
    world.event("check-ins", person, "DECISION", **fields)


@scenario("large")
def chinese_reason(world: World) -> None:
    wrong = checkpoints.high(world)
    corrections.correct(world, wrong, world.now, reason="更" * (world.large_bytes // 3), remember=False)


@scenario("large")
def symptom(world: World) -> None:
    checkpoints.reading(world, world.person(), 366, symptoms=["FEVER", "y" * world.large_bytes], remember=False)


@scenario("large")
def symptom_that_is_no_text(world: World) -> None:
    text = write_long(1) + write_long(world.large_bytes) + b"\xff" * world.large_bytes + b"\0"
    odd.spoilt_field(world, "symptoms", text, "temperatures")


@scenario("large")
def random(world: World) -> None:
    odd.spoilt(world, lambda value: world.chance.randbytes(world.large_bytes))


@scenario("large")
def random_datum(world: World) -> None:
    odd.spoilt(world, lambda value: value[:5] + world.chance.randbytes(world.large_bytes))


@scenario("large")
def lead_of_too_old_a_time(world: World) -> None:
    topic, key, row = odd.any_row(world, "follow-ups")
    row |= {"occurred_at": world.now - 50 * DAY, "lead_id": "l" * world.large_bytes}
    world.put(topic, key.encode(), world.writers[topic].value(row), world.now)


@scenario("large")
def reason_that_is_kept(world: World) -> None:
    """A fact that a state holds, in one of the first ten persons: they get several."""
    person, text = world.people[world.chance.randrange(min(10, len(world.people)))], "z" * world.large_bytes
    world.event("follow-ups", person, "ABSENCE", unit="unit-1", reason=text, remember=False)


@scenario("large")
def source(world: World) -> None:
    """The name of a device that stands in evidence."""
    topic, key, row = odd.any_row(world, "temperatures")
    world.send(world.written(topic, key, {**row, "source": "s" * world.large_bytes}), world.now)


@scenario("large")
def lead(world: World) -> None:
    topic, key, row = odd.any_row(world, "follow-ups")
    world.send(world.written(topic, key, {**row, "lead_id": "l" * world.large_bytes}), world.now)
