"""What is taken back: by a correction or an appeal, in time, late, first, by mistake."""

from typing import Any

from tests.faults.model.judgement import HOUR, MINUTE
from tests.faults.scenarios import checkpoints
from tests.faults.scenarios.world import Sent, World, scenario


def correct(world: World, wrong: Sent, at: int, **fields: Any) -> Sent:
    """Take an event back."""
    names = {"corrects_source": wrong.row["source"], "corrects_sequence": wrong.row["sequence"]}
    sent = max(at, world.now)
    stated = {"at": at, "sent": sent, "arrives": sent, "reason": "更正", **names, **fields}
    return world.event("follow-ups", wrong.key, "CORRECTION", **stated)


KINDS = ("correction", "upheld", "upheld, half named", "upheld, not named", "dismissed", "by another", "twice", "first")


@scenario("families")
def corrections(world: World) -> None:
    """Any of the ways to take something back, well or badly."""
    if not world.alarming:
        checkpoints.red(world)
    wrong = world.chance.choice(world.alarming)
    kind = world.chance.choice(KINDS)
    world.made[f"correction: {kind}"] += 1
    names: dict[str, Any] = {"corrects_source": wrong.row["source"], "corrects_sequence": wrong.row["sequence"]}
    if kind == "correction":
        correct(world, wrong, world.now)
    elif kind.startswith("upheld") or kind == "dismissed":
        if kind == "upheld, half named":
            names["corrects_sequence"] = None
        elif kind == "upheld, not named":
            names = {}
        upheld = kind != "dismissed"
        world.event("follow-ups", wrong.key, "APPEAL_ANSWERED", task="appeal-1", upheld=upheld, **names)
    elif kind == "by another":
        correct(world, wrong._replace(key=world.person()), world.now)
    elif kind == "twice":  # the second takes back the first
        correct(world, correct(world, wrong, world.now), world.now + HOUR)
    else:  # the correction arrives hours before what it corrects
        at, arrives = world.now - HOUR, world.now + 6 * HOUR
        times = {"at": at, "sent": at + 500, "arrives": arrives, "remember": False}
        late = checkpoints.passage(world, world.person(), health_code="RED", **times)
        correct(world, late, at + MINUTE)
