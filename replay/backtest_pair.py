"""One log under two policies at once: the states that follow under those in effect, and under a candidate while it is
valid. Facts kept depend on the policy, so each side keeps its own."""

from collections.abc import Mapping, Sequence
from typing import Any

from replay.states import Conclusion, Heed, States
from schemas.policy import Policy
from schemas.registry import Registry
from schemas.topics import PERSON_TOPICS
from schemas.validity import Limits
from schemas.wire.batches import RecordBatch
from streams.fold import Rows
from streams.reference import Reference
from streams.reference_log import ReferenceLog


class Pair:
    """Decodes each record once for both sides. ``heed`` hears of the rows that can matter to either.

    All reference data must be added before the records that it can concern.
    """

    def __init__(self, registry: Registry, candidate: Policy, partitions: int, limits: Limits, heed: Heed) -> None:
        self.reference = Reference(limits)
        """What is in effect; the other side differs from it by the candidate alone."""
        self._of_candidate = Reference(limits, [candidate])
        self._taking = ReferenceLog(registry, limits, self._refer)
        self.baseline = States(registry, self.reference, partitions, limits)

        def both(rows: Rows) -> None:
            heed(rows)
            self.baseline.unite(rows)

        # Its screen knows one policy more than the baseline's: what the baseline needs passes it as well.
        self.candidate = States(registry, self._of_candidate, partitions, limits, both)
        self._newest = 0

    def _refer(self, entity_id: str, row: Mapping[str, Any], appended_at: int) -> None:
        self.reference.add(entity_id, row, appended_at)
        self._of_candidate.add(entity_id, row, appended_at)

    def add_reference(self, batches: Sequence[RecordBatch]) -> None:
        """Takes in reference data. Raises `CorruptBatch`."""
        self._taking.take(batches)

    def add(self, topic: str, partition: int, batches: Sequence[RecordBatch]) -> None:
        """Unites the facts of some batches of a person topic with what both sides know. Raises `CorruptBatch`."""
        self.candidate.add(topic, partition, batches)
        self._newest = max([self._newest, *(batch.max_timestamp for batch in batches)])

    @property
    def log_time(self) -> int:
        """What time it is in the log, UTC milliseconds: that of its time marks, or else of its newest record."""
        marks = self.candidate.marks
        wanted = {topic.name for topic in PERSON_TOPICS}
        return min(marks[topic] for topic in wanted) if wanted <= marks.keys() else self._newest

    @property
    def tokens(self) -> set[str]:
        """Who has facts on either side."""
        return self.baseline.tokens | self.candidate.tokens

    @property
    def longest_ms(self) -> int:
        """How long after it happened something can follow from an event on either side: milliseconds."""
        return self._of_candidate.policies.longest_ms

    def expect(self) -> None:
        """Unites what rosters expect by now with what both sides know."""
        self.baseline.expect()
        self.candidate.expect()

    def conclude(self, token: str, as_of: int, until: int) -> tuple[Conclusion, Conclusion]:
        """What follows for a person on both sides, of schedules up to ``until``; facts that are past their end as of a
        time are left out."""
        return self.baseline.conclusion(token, as_of, until), self.candidate.conclusion(token, as_of, until)

    def forget(self, as_of: int) -> None:
        """Lets go of facts that are past their end."""
        self.baseline.forget(as_of)
        self.candidate.forget(as_of)
