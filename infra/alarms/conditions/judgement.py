"""What a rule answers, and what it is given."""

from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple, TypeVar

from infra.alarms.alarm import Condition
from infra.alarms.conditions.memory import Memory
from infra.lag.snapshot import (
    AuditState,
    Forecast,
    KafkaState,
    PartState,
    Reading,
    Snapshot,
    StoreState,
    WorkerState,
)
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


class NotKnown(Exception):
    """Nothing of a rule can be told now, whatever it has found so far."""


T = TypeVar("T")


def _known(reading: Reading[T]) -> T:
    if (value := reading.known) is None:
        raise NotKnown
    return value


class Look(NamedTuple):
    """What rules are given: a snapshot, what earlier ones said, and where things begin to be wrong.

    The sections of the snapshot raise `NotKnown` where their source does not answer; a rule that has something to say
    all the same asks the snapshot itself.
    """

    snapshot: Snapshot
    memory: Memory
    settings: OperationsSettings

    @property
    def watched_seconds(self) -> float:
        """How long somebody has been looking."""
        return 0.0 if self.memory.begun is None else (self.snapshot.at - self.memory.begun) / 1000

    @property
    def kafka(self) -> KafkaState:
        return _known(self.snapshot.kafka)

    @property
    def parts(self) -> tuple[PartState, ...]:
        return _known(self.snapshot.parts)

    @property
    def workers(self) -> tuple[WorkerState, ...]:
        return _known(self.snapshot.workers)

    @property
    def store(self) -> StoreState:
        return _known(self.snapshot.store)

    @property
    def audit(self) -> AuditState:
        return _known(self.snapshot.audit)

    @property
    def forecast(self) -> tuple[Forecast, ...]:
        return _known(self.snapshot.forecast)

    def reading(self, section: Section) -> Reading[Any]:
        """A section by its name."""
        found: Reading[Any] = getattr(self.snapshot, section)
        return found


RuleFunction = Callable[[Look], Iterable[Judgement]]
"""Raises `NotKnown`."""
