"""Where the states of a partition lie: raw bytes, with the changelog's offset in the same write.

The changelog in Kafka is the truth; a store is a copy that saves reading all of it after a restart. What a crash of the
machine takes from the end of a store is read again from the changelog, because states and offset are one write.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from faust.stores import STORES
from faust.stores.base import Store
from faust.types import TP, EventT
from rocksdict import BlockBasedOptions, Cache, DBCompressionType, Options, Rdict, WriteBatch

from streams.fold import Changes
from streams.worker.markers import Marker, Markers, is_marker, marker_key

OFFSET_KEY = b"\0changelog-offset"
"""Key of the local row that holds the offset; it is in no changelog."""

ROCKS_URL = "checkline-rocks://"
MEMORY_URL = "checkline-memory://"

_WRITE_BUFFER_BYTES = 8 << 20
_BLOCK_CACHE_BYTES = 32 << 20


class PartitionedStore(Store[bytes, bytes]):
    """The port that the worker uses: one keyed set of bytes per partition."""

    def load(self, partition: int, keys: list[bytes]) -> Mapping[bytes, bytes]:
        """The states of those keys that have one."""
        raise NotImplementedError

    def write(self, partition: int, changes: Changes, changelog_offset: int) -> None:
        """All of it or nothing. Raises when it cannot be written."""
        raise NotImplementedError

    def states(self, partition: int) -> Iterator[tuple[bytes, bytes]]:
        """All keys and states of a partition."""
        raise NotImplementedError

    def changelog_offset(self, partition: int) -> int | None:
        """Offset of the last changelog record that is in the store."""
        raise NotImplementedError

    def open(self, partition: int) -> None:
        """Takes a partition over."""
        raise NotImplementedError

    def close(self, partition: int) -> None:
        """Gives a partition away."""
        raise NotImplementedError

    def opened(self) -> set[int]:
        """Partitions that are open."""
        raise NotImplementedError

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
            self.open(partition)

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
    """A dictionary per partition. It survives a rebalance that leaves the partition here, and nothing else."""

    def __post_init__(self) -> None:
        self._partitions: dict[int, dict[bytes, bytes]] = {}
        self._offsets: dict[int, int] = {}

    def load(self, partition: int, keys: list[bytes]) -> Mapping[bytes, bytes]:
        states = self._partitions[partition]
        return {key: states[key] for key in keys if key in states}

    def write(self, partition: int, changes: Changes, changelog_offset: int) -> None:
        states = self._partitions[partition]
        for key, state in changes.items():
            if state is None:
                states.pop(key, None)
            else:
                states[key] = state
        self._offsets[partition] = changelog_offset

    def states(self, partition: int) -> Iterator[tuple[bytes, bytes]]:
        return ((key, state) for key, state in self._partitions[partition].items() if not is_marker(key))

    def changelog_offset(self, partition: int) -> int | None:
        return self._offsets.get(partition)

    def open(self, partition: int) -> None:
        self._partitions.setdefault(partition, {})

    def close(self, partition: int) -> None:
        self._partitions.pop(partition, None)
        self._offsets.pop(partition, None)

    def opened(self) -> set[int]:
        return set(self._partitions)


class RocksStore(PartitionedStore):
    """A RocksDB database per partition, under the app's table directory."""

    def __post_init__(self) -> None:
        self._databases: dict[int, Rdict] = {}
        self._cache = Cache(_BLOCK_CACHE_BYTES)

    def load(self, partition: int, keys: list[bytes]) -> Mapping[bytes, bytes]:
        wanted: list[Any] = [*keys]
        values = self._databases[partition].get(wanted) or []
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}

    def write(self, partition: int, changes: Changes, changelog_offset: int) -> None:
        batch = WriteBatch(raw_mode=True)
        for key, state in changes.items():
            if state is None:
                batch.delete(key)
            else:
                batch.put(key, state)
        batch.put(OFFSET_KEY, b"%d" % changelog_offset)
        self._databases[partition].write(batch)

    def states(self, partition: int) -> Iterator[tuple[bytes, bytes]]:
        items: Iterator[tuple[Any, Any]] = self._databases[partition].items()
        return ((key, state) for key, state in items if key != OFFSET_KEY and not is_marker(key))

    def changelog_offset(self, partition: int) -> int | None:
        value = self._databases[partition].get(OFFSET_KEY)
        return None if value is None else int(value)

    def open(self, partition: int) -> None:
        """Raises what RocksDB raises; a locked directory belongs to another worker that still runs."""
        if partition not in self._databases:
            path = self.directory(partition)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._databases[partition] = Rdict(str(path), self._options())

    def close(self, partition: int) -> None:
        self._databases.pop(partition).close()

    def opened(self) -> set[int]:
        return set(self._databases)

    def directory(self, partition: int) -> Path:
        """Where a partition's database lies."""
        return Path(self.app.conf.tabledir) / f"{self.table_name}-{partition}.rocks"

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


def register() -> None:
    """Makes both stores known to Faust under their URLs."""
    STORES.aliases["checkline-rocks"] = f"{__name__}:RocksStore"
    STORES.aliases["checkline-memory"] = f"{__name__}:MemoryStore"
