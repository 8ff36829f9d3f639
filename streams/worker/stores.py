"""Where the states of a partition lie: raw bytes, with the changelog's offset in the same write.

The changelog in Kafka is the truth; a store is a copy that saves reading all of it after a restart. What a crash of the
machine takes from the end of a store is read again from the changelog, because states and offset are one write.
"""

import asyncio
import logging
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from faust.stores import STORES
from faust.stores.base import Store
from faust.types import TP, EventT
from rocksdict import BlockBasedOptions, Cache, DBCompressionType, Options

from streams.fold import Changes
from streams.worker.markers import Marker, Markers, marker_key
from streams.worker.store_partition import MemoryPartition, RocksPartition, StoreLocked, StorePartition
from streams.worker.ticks import DueRule

ROCKS_URL = "checkline-rocks://"
MEMORY_URL = "checkline-memory://"

LOCKED_SECONDS = 3.0
_LOCKED_POLL_SECONDS = 0.05

STALE_SECONDS = 28 * 86_400
"""The changelog tells for a month that a key is gone (`delete.retention.ms`); an older store may never hear of it."""

_WRITE_BUFFER_BYTES = 8 << 20
_BLOCK_CACHE_BYTES = 32 << 20

log = logging.getLogger(__name__)


class PartitionedStore(Store[bytes, bytes]):
    """The port that the worker uses: one keyed set of bytes per partition, with an index of due times."""

    def __post_init__(self) -> None:
        self._partitions: dict[int, StorePartition] = {}
        self._rule: DueRule | None = None

    def _opened(self, partition: int) -> StorePartition:
        raise NotImplementedError

    def index_by(self, rule: DueRule) -> None:
        """Keeps the index by this rule. To be called before a partition is opened."""
        if self._partitions:
            raise RuntimeError(f"partitions {self.opened()} are open: give the rule of the index before")
        self._rule = rule

    def open(self, partition: int) -> None:
        """Takes a partition over. Raises what the store raises; done as well when it is open."""
        if partition not in self._partitions:
            self._partitions[partition] = self._opened(partition)

    def close(self, partition: int) -> None:
        """Gives a partition away."""
        self._partitions.pop(partition).close()

    def opened(self) -> set[int]:
        """Partitions that are open."""
        return set(self._partitions)

    def load(self, partition: int, keys: list[bytes]) -> Mapping[bytes, bytes]:
        """The states of those keys that have one."""
        return self._partitions[partition].load(keys)

    def write(self, partition: int, changes: Changes, changelog_offset: int, *, recovered: bool = False) -> None:
        """All of it or nothing; ``recovered``: read from the changelog. Raises when it cannot be written."""
        self._partitions[partition].write(changes, changelog_offset, recovered=recovered)

    def states(self, partition: int) -> Iterator[tuple[bytes, bytes]]:
        """All keys and states of a partition."""
        return self._partitions[partition].states()

    def changelog_offset(self, partition: int) -> int | None:
        """Offset of the last changelog record that is in the store."""
        return self._partitions[partition].changelog_offset()

    def has_due(self, partition: int, as_of: int) -> bool:
        """Whether a state's time has come."""
        return self._partitions[partition].has_due(as_of)

    def due(self, partition: int, as_of: int, limit: int) -> list[bytes]:
        """At most ``limit`` keys whose time has come, the earliest first; they stay so until their states change."""
        return self._partitions[partition].due(as_of, limit)

    def first_due(self, partition: int) -> int | None:
        """The earliest due time of a state, whether it has come or not."""
        return self._partitions[partition].first_due()

    def count_due(self, partition: int, as_of: int, limit: int) -> int:
        """How many states' time has come, counted up to ``limit``."""
        return self._partitions[partition].count_due(as_of, limit)

    def bytes_on_disk(self, partition: int) -> int:
        """What the partition takes on disk."""
        return self._partitions[partition].bytes_on_disk()

    def make_index(self, partition: int) -> Iterator[int]:
        """Makes the index where there is none by the present rule; yields, step by step, how many states were seen.

        Nothing is due before it is made."""
        return self._partitions[partition].make_index()

    def markers(self, partition: int, topics: Iterable[str]) -> Markers:
        """The markers of these topics."""
        keys = {marker_key(topic): topic for topic in topics}
        found = self.load(partition, list(keys))
        return {keys[key]: Marker.decoded(value) for key, value in found.items() if key in keys}

    # -- what Faust asks of a store ------------------------------------------------------------------------------

    def persisted_offset(self, tp: TP) -> int | None:
        return self.changelog_offset(tp.partition)

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        ours = {tp.partition for tp in assigned if tp.topic in self.table.changelog_topic.topics}
        for partition in self.opened() - ours:
            self.close(partition)
        for partition in ours:
            await self._open_soon(partition)

    async def _open_soon(self, partition: int) -> None:
        """A store that its last user is about to close is waited for, at most `LOCKED_SECONDS`."""
        end = time.monotonic() + LOCKED_SECONDS
        while True:
            try:
                return self.open(partition)
            except StoreLocked:
                if time.monotonic() > end:
                    raise
            await asyncio.sleep(_LOCKED_POLL_SECONDS)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Nothing is left to do: see `streams.worker.recovery`."""

    async def on_stop(self) -> None:
        for partition in self.opened():
            self.close(partition)

    def apply_changelog_batch(
        self, batch: Iterable[EventT[Any]], to_key: Callable[[Any], bytes], to_value: Callable[[Any], bytes]
    ) -> None:
        """Faust's own recovery, event by event, never gets one: `streams.worker.recovery` writes in bulk."""
        if any(True for _ in batch):
            raise NotImplementedError("changelog records are applied in bulk, see streams.worker.recovery")

    def set_persisted_offset(self, tp: TP, offset: int) -> None:
        raise NotImplementedError("the changelog offset is part of every write")

    async def need_active_standby_for(self, tp: TP) -> bool:
        return False

    def reset_state(self) -> None:
        raise NotImplementedError("remove the worker's data directory instead, while it does not run")

    async def backup_partition(self, tp: TP | int, flush: bool = True, purge: bool = False, keep: int = 1) -> None:
        raise NotImplementedError("the changelog is the backup")

    def restore_backup(self, tp: TP | int, latest: bool = True, backup_id: int = 0) -> None:
        raise NotImplementedError("the changelog is the backup")


class MemoryStore(PartitionedStore):
    """It survives a rebalance that leaves the partition here, and nothing else."""

    def _opened(self, partition: int) -> StorePartition:
        return MemoryPartition(self._rule)


class RocksStore(PartitionedStore):
    """Databases under the app's table directory.

    A partition that was never here may have a database in the directory of another worker on the same machine, which
    died or gave the partition away: it is opened where it lies, if nobody has it open. RocksDB's lock, which the kernel
    takes from a dead process, says so.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self._cache = Cache(_BLOCK_CACHE_BYTES)

    def _opened(self, partition: int) -> StorePartition:
        own = self.directory(partition)
        _forget_if_stale(own)
        if not own.exists():
            for other in self._of_others(own):
                if _is_stale(other):
                    continue
                try:
                    found = RocksPartition(other, self._options(), self._rule)
                    log.info("partition %d: taken over with %s", partition, other)
                    return found
                except StoreLocked:
                    log.info("partition %d: %s is open elsewhere", partition, other)
        return RocksPartition(own, self._options(), self._rule)

    def directory(self, partition: int) -> Path:
        """Where a partition's database lies, if it is our own."""
        return Path(self.app.conf.tabledir) / f"{self.table_name}-{partition}.rocks"

    def _of_others(self, own: Path) -> list[Path]:
        settings: Any = self.app.settings  # type: ignore[attr-defined]  # a BatchApp
        place = own.relative_to(settings.data_directory.absolute())
        return [path for other in settings.neighbours() if (path := other / place).exists()]

    def _options(self) -> Options:
        blocks = BlockBasedOptions()
        blocks.set_block_cache(self._cache)
        blocks.set_bloom_filter(10, block_based=False)
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_block_based_table_factory(blocks)
        options.set_write_buffer_size(_WRITE_BUFFER_BYTES)
        options.set_compression_type(DBCompressionType.lz4())
        options.set_keep_log_file_num(2)
        return options


def _is_stale(directory: Path) -> bool:
    newest = max((file.stat().st_mtime for file in directory.iterdir()), default=0.0)
    return time.time() - newest > STALE_SECONDS


def _forget_if_stale(directory: Path) -> None:
    if directory.exists() and _is_stale(directory):
        log.warning("%s is not of this month: it is made anew from the changelog", directory)
        shutil.rmtree(directory)


def register() -> None:
    """Makes both stores known to Faust under their URLs."""
    STORES.aliases["checkline-rocks"] = f"{__name__}:RocksStore"
    STORES.aliases["checkline-memory"] = f"{__name__}:MemoryStore"
