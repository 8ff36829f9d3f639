"""The reference data of a log: to be read before anything is judged by it."""

from replay.log import Extent, Log
from schemas.registry import Registry
from schemas.topics import REFERENCE
from schemas.validity import Limits
from sinks.blocks import Span
from streams.reference import Reference
from streams.reference_log import ReferenceLog


def reference_of(log: Log, registry: Registry, limits: Limits, extent: Extent) -> Reference:
    """All reference data of the log up to the extent's end. Raises `replay.log.LogGone`."""
    reference = Reference(limits)
    taking = ReferenceLog(registry, limits, reference.add)
    place = (REFERENCE.name, 0)
    for _, batches in log.read([Span(*place, extent.begins[place], extent.ends[place])]):
        taking.take(batches)
    return reference
