"""From the records of the topic `reference` to reference data."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from schemas.registry import Registry
from schemas.topics import REFERENCE
from schemas.validity import Limits, check
from schemas.wire.batches import RecordBatch
from schemas.wire.columns import ColumnCodec

_PARTITION = 0

AddReference = Callable[[str, Mapping[str, Any], int], None]
"""``add(entity_id, row, appended_at)``; raises ValueError when the row says something that cannot be used."""

log = logging.getLogger(__name__)


class ReferenceLog:
    """Feeds ``add`` with the usable rows of record batches; the others are logged, and the sinks account for them."""

    def __init__(self, registry: Registry, limits: Limits, add: AddReference) -> None:
        self._codec = ColumnCodec(registry, REFERENCE.name)
        self._limits = limits
        self._add = add
        self.passed: int | None = None
        """Append time, UTC milliseconds, of the latest time mark that was taken in."""

    def take(self, batches: Sequence[RecordBatch]) -> None:
        """Raises `CorruptBatch`."""
        frame, refused = self._codec.decode(batches)
        checked = check(frame, REFERENCE.name, _PARTITION, 1, self._limits)
        unusable = [(bad.offset, bad.reason, bad.detail) for bad in refused]
        unusable += [(bad.offset, bad.reason, bad.detail) for bad in checked.invalid]
        for offset, reason, detail in unusable:
            log.error("%s/%d: reference record refused: %s: %s", REFERENCE.name, offset, reason.value, detail)
        for row in checked.frame.to_dicts():
            key, appended_at = row.pop("key"), row["appended_at"]
            if row["kind"] == "TIME_MARK":
                self.passed = appended_at if self.passed is None else max(self.passed, appended_at)
                continue
            try:
                self._add(key.decode(), row, appended_at)
            except ValueError as error:
                log.error("%s/%d: reference record cannot be used: %s", REFERENCE.name, row["offset"], error)
