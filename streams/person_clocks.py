"""All clocks of a person: deadlines of leads, duties, releases from programmes, slots of schedules."""

from collections.abc import Iterable

from streams.clocks import Clock, lead_clocks
from streams.expected import Expected
from streams.facts import PersonFact, SymptomsStated, TaskStep
from streams.reference import Reference
from streams.tasks import Tasks

_OF_TASKS = frozenset((TaskStep, SymptomsStated, Expected))
"""Facts without which nothing is said about tasks."""


def clocks(facts: Iterable[PersonFact], reference: Reference, as_of: int | None = None) -> dict[str, Clock]:
    """Clocks by clock id. Slots of schedules are there only where a time (UTC milliseconds) says up to when."""
    facts = list(facts)
    found = lead_clocks(facts, reference)
    if not _OF_TASKS.isdisjoint(map(type, facts)):
        found |= tasks(facts, reference).clocks(as_of, reference.policies.longest_ms)
    return found


def tasks(facts: Iterable[PersonFact], reference: Reference) -> Tasks:
    """What the facts say about tasks, under the policies of the reference data."""
    return Tasks(facts, reference.policies.in_effect)
