"""A batch agent: what an app does with everything that one turn brought to its partitions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from schemas.wire.batches import RecordBatch
from streams.fold import Changes, Load, Outputs
from streams.worker.clock import Clock
from streams.worker.markers import Markers
from streams.worker.ticks import DueRule, NextDue


class Turn(NamedTuple):
    """What one turn brought to a partition. ``batches``: Kafka topic to record batches, in the order of the log.

    A batch may begin below the topic's marker: records up to the marker's offset are applied already.
    """

    partition: int
    batches: Mapping[str, list[RecordBatch]]
    markers: Markers
    load: Load


class Step(NamedTuple):
    """What follows from a turn, to be written as one. ``outputs``: Kafka topic to pairs of key and value.

    ``markers`` has the new marker of every topic of the turn; ``as_of`` is the clock after the turn and the append time
    that the outputs carry.
    """

    changes: Changes
    outputs: Outputs
    markers: Markers
    as_of: int


class Announced(NamedTuple):
    """What follows from a tick."""

    changes: Changes
    outputs: Outputs


Decide = Callable[[], Step]
"""Folds what one turn brought to one partition."""

Handler = Callable[[Sequence[Turn]], Sequence[Decide]]
"""Sees the turns of several partitions at once, for looking at columns costs the same for few records and for many;
each is then decided by itself."""

TickHandler = Callable[[int, Mapping[bytes, bytes], int], Announced]


ExpectHandler = Callable[[int, int, Load, int], tuple[Announced, int]]
"""``handler(partition, begin, load, as_of)``: what reference data expects of the states of a partition, from the
``begin``-th row on, and where to go on."""


class Ticks(NamedTuple):
    """When states are due, and ``handler(partition, states, as_of)``, whose states must no longer be due."""

    rule: DueRule
    handler: TickHandler


class ReferenceGate(Protocol):
    """Says what time the reference data is known for."""

    def covers(self, moment: int) -> bool:
        """Whether records appended at ``moment`` (UTC milliseconds), and ticks as of it, can be decided."""
        ...

    async def wait_for_more(self, timeout: float) -> None:
        """Returns when more is known, or after ``timeout`` seconds."""
        ...


class BatchAgent:
    """Declared with `BatchApp.batch_agent`. Handler and ticks are pure and synchronous."""

    def __init__(
        self, handler: Handler, topics: frozenset[str], table: Any, clock: Clock, reference: ReferenceGate | None
    ) -> None:
        self.handler = handler
        self.topics = topics
        self.table = table
        self.clock = clock
        self.reference = reference
        self.ticks: Ticks | None = None
        self.expect: ExpectHandler | None = None
        self.expected: Callable[[], int] = lambda: 0
        """How many rows of reference data expect something by now."""

    def on_due(self, next_due: NextDue, version: str = "1") -> Callable[[TickHandler], TickHandler]:
        """Decorator: ``handler(partition, {key: state}, as_of) -> Announced`` is called for states that are due.

        ``version`` is that of ``next_due``: another one has the index of due times made anew.
        """

        def register(handler: TickHandler) -> TickHandler:
            self.ticks = Ticks(DueRule(next_due, version), handler)
            self.table.data.index_by(self.ticks.rule)
            return handler

        return register

    def may_decide(self, moment: int) -> bool:
        """Whether the reference data of that moment is known, where the app uses any."""
        return self.reference is None or self.reference.covers(moment)
