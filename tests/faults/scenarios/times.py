"""Absurd times, and times at the very limits."""

from schemas.topics import PERSON_TOPICS
from tests.faults.model.judgement import DAY, MINUTE
from tests.faults.scenarios import odd
from tests.faults.scenarios.world import HORIZON, SKEW, World, scenario


@scenario("families")
def times(world: World) -> None:
    world.draw("times")


def timed(world: World, occurred: int, sent: int, topic: str | None = None) -> None:
    """A good row with these times, arriving now."""
    topic, key, row = odd.any_row(world, topic)
    row |= {"occurred_at": occurred, "sent_at": sent}
    world.put(topic, key.encode(), world.writers[topic].value(row), world.now)


def old(world: World, occurred: int, sent: int) -> None:
    """Too old for risk: of a topic where that is said."""
    timed(world, occurred, sent, world.chance.choice([topic.name for topic in PERSON_TOPICS]))


@scenario("times")
def a_1970(world: World) -> None:
    old(world, world.chance.randint(0, DAY), world.now)


@scenario("times")
def all_1970(world: World) -> None:
    old(world, 5_000, 6_000)


@scenario("times")
def beyond_the_horizon(world: World) -> None:
    old(world, world.now - HORIZON - world.chance.randint(1_001, 20 * DAY), world.now - 1_000)


@scenario("times")
def just_beyond_the_horizon(world: World) -> None:
    old(world, world.now - 1_000 - HORIZON - 1, world.now - 1_000)


@scenario("times")
def at_the_horizon(world: World) -> None:
    old(world, world.now - 1_000 - HORIZON, world.now - 1_000)


@scenario("times")
def months_on_its_way(world: World) -> None:
    old(world, world.now - 45 * DAY, world.now - 45 * DAY)


@scenario("times")
def old_but_counted(world: World) -> None:
    timed(world, world.now - 40 * DAY, world.now, world.chance.choice(("enforcement", "reports", "urgent-care")))


@scenario("times")
def a_2100(world: World) -> None:
    timed(world, 4_102_444_800_000, 4_102_444_800_000)


@scenario("times")
def a_2100_by_the_word_of_now(world: World) -> None:
    timed(world, 4_102_444_800_000, world.now)


@scenario("times")
def negative(world: World) -> None:
    timed(world, -1 - world.chance.randint(0, 10**12), world.now)


@scenario("times")
def sent_negative(world: World) -> None:
    timed(world, -5_000, -1)


@scenario("times")
def end_of_time(world: World) -> None:
    timed(world, world.now, world.chance.choice((2**62 + 1, 2**63 - 1)))


@scenario("times")
def both_at_the_end_of_time(world: World) -> None:
    timed(world, 2**62, 2**62)


@scenario("times")
def occurred_after_sent(world: World) -> None:
    timed(world, world.now, world.now - SKEW - 1)


@scenario("times")
def occurred_just_after_sent(world: World) -> None:
    timed(world, world.now, world.now - SKEW)


@scenario("times")
def sent_after_appended(world: World) -> None:
    """Ten minutes ahead, so that waiting in a queue does not heal it."""
    timed(world, world.now + 10 * MINUTE, world.now + 10 * MINUTE)
