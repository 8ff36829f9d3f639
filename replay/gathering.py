"""From a log to states: the reference data first, then everything else, in any order."""

from collections.abc import Callable, Iterable, Sequence

from replay.log import Extent, Log
from replay.states import Letters, States
from schemas.policy import Policy
from schemas.registry import Registry
from schemas.topics import REFERENCE
from schemas.validity import Limits
from sinks.blocks import Span
from streams.reference import Reference
from streams.reference_log import ReferenceLog


def reference_of(
    log: Log, registry: Registry, limits: Limits, extent: Extent, overlay: Sequence[Policy] = ()
) -> Reference:
    """All reference data of the log up to the extent's end. ``overlay``: policies to judge by instead.

    Raises `replay.log.LogGone`.
    """
    reference = Reference(limits, overlay)
    taking = ReferenceLog(registry, limits, reference.add)
    place = (REFERENCE.name, 0)
    for _, batches in log.read([Span(*place, extent.begins[place], extent.ends[place])]):
        taking.take(batches)
    return reference


def gather(log: Log, spans: Iterable[Span], states: States, tell: Callable[[Span], None] = lambda _: None) -> Letters:
    """Adds what some spans of different partitions hold to the states; returns the dead letters of what is unusable.

    ``tell`` hears of every piece that is done. Raises `replay.log.LogGone`, `CorruptBatch`.
    """
    letters: Letters = []
    for piece, batches in log.read([span for span in spans if span.topic in states.topics]):
        letters += states.add(piece.topic, piece.partition, batches)
        tell(piece)
    return letters
