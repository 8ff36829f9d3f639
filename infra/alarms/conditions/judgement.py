"""What a rule answers, and what it is given."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple

from infra.alarms.alarm import Condition
from infra.alarms.conditions.memory import Memory
from infra.lag.snapshot import Reading, Snapshot
from infra.settings import OperationsSettings

Section = Literal["kafka", "parts", "workers", "store", "audit", "forecast"]
SECTIONS: tuple[Section, ...] = ("kafka", "parts", "workers", "store", "audit", "forecast")


START_SECONDS = 120.0
"""Parts start side by side, and Kafka takes its time: what was never heard of is no fault before that."""


class Unsure(NamedTuple):
    """What cannot be told now: no alarm of this rule on this subject (None: on any) is raised or cleared for it."""

    rule: str
    subject: str | None = None


Judgement = Condition | Unsure


class Look(NamedTuple):
    """What rules are given: a snapshot, what earlier ones said, and where things begin to be wrong."""

    snapshot: Snapshot
    memory: Memory
    settings: OperationsSettings

    @property
    def on_the_wall(self) -> bool:
        """Whether the times of records are the machine's."""
        return self.snapshot.clock == "wall"

    @property
    def watched_seconds(self) -> float:
        """How long somebody has been looking."""
        return 0.0 if self.memory.begun is None else (self.snapshot.at - self.memory.begun) / 1000

    def reading(self, section: Section) -> Reading[Any]:
        """A section by its name."""
        found: Reading[Any] = getattr(self.snapshot, section)
        return found


RuleFunction = Callable[[Look], Iterable[Judgement]]


def unsure(rule: str) -> Iterator[Judgement]:
    """Nothing of a rule can be told."""
    yield Unsure(rule)
