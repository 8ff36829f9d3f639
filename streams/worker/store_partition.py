"""What a store keeps of one partition: states, how far the changelog is in them, and the index of due times.

All three change in one write, so no crash leaves them apart. The index is derived: a row for each state with a due time
and for nothing else.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, Protocol

from rocksdict import IngestExternalFileOptions, Options, Rdict, SstFileWriter, WriteBatch, WriteOptions

from streams.fold import Changes
from streams.worker.markers import is_marker
from streams.worker.ticks import DueQueue, DueRule, NextDue

OFFSET_KEY = b"\0changelog-offset"
"""Key of the local row that holds the offset; it is in no changelog."""

DUE_PREFIX = b"\0due\0"
"""Beginning of the key of an index row: the due time (eight bytes, in the order of time) and the state's key follow."""

RULE_KEY = b"\0due-rule"
"""Key of the local row with the version of the rule that the index was made by. It is the first behind the index."""

_RESERVED_END = b"\x01"  # no key of an event begins with a zero byte: `schemas.validity` refuses it
_DUE_AT = slice(len(DUE_PREFIX), len(DUE_PREFIX) + 8)
_KEY_FROM = _DUE_AT.stop
_SIGN = 1 << 63
_NEVER = 1 << 63
_NO_RULE = "none"
_CHUNK = 100_000


class StoreLocked(Exception):
    """Another process, or another store of this one, has the database open."""


class StorePartition(Protocol):
    """The port: states of one partition, of which only one process has it open."""

    def load(self, keys: list[bytes]) -> Mapping[bytes, bytes]: ...

    def write(self, changes: Changes, changelog_offset: int, *, recovered: bool = False) -> None: ...

    def states(self) -> Iterator[tuple[bytes, bytes]]: ...

    def changelog_offset(self) -> int | None: ...

    def has_due(self, as_of: int) -> bool: ...

    def due(self, as_of: int, limit: int) -> list[bytes]: ...

    def first_due(self) -> int | None: ...

    def count_due(self, as_of: int, limit: int) -> int: ...

    def make_index(self) -> Iterator[int]: ...

    def bytes_on_disk(self) -> int: ...

    def close(self) -> None: ...


class MemoryPartition:
    """A dictionary."""

    def __init__(self, rule: DueRule | None) -> None:
        self._states: dict[bytes, bytes] = {}
        self._offset: int | None = None
        self._rule = rule
        self._queue = DueQueue()

    def load(self, keys: list[bytes]) -> Mapping[bytes, bytes]:
        return {key: self._states[key] for key in keys if key in self._states}

    def write(self, changes: Changes, changelog_offset: int, *, recovered: bool = False) -> None:
        for key, state in changes.items():
            if state is None:
                self._states.pop(key, None)
            else:
                self._states[key] = state
            if self._rule is not None and not is_marker(key):
                self._queue.put(key, None if state is None else self._rule.next_due(state))
        self._offset = changelog_offset

    def states(self) -> Iterator[tuple[bytes, bytes]]:
        return ((key, state) for key, state in self._states.items() if not is_marker(key))

    def changelog_offset(self) -> int | None:
        return self._offset

    def has_due(self, as_of: int) -> bool:
        return self._queue.has_due(as_of)

    def due(self, as_of: int, limit: int) -> list[bytes]:
        return self._queue.due(as_of, limit)

    def first_due(self) -> int | None:
        return self._queue.first()

    def count_due(self, as_of: int, limit: int) -> int:
        return min(limit, self._queue.count(as_of))

    def make_index(self) -> Iterator[int]:
        return iter(())

    def bytes_on_disk(self) -> int:
        return 0

    def close(self) -> None:
        """What is only in memory is given up."""


class RocksPartition:
    """A RocksDB database.

    Index rows are read in order of time, and only when the earliest of those not read is due. What was read, and what
    becomes due below that point, waits in memory: so no read passes over the tombstones of what was ticked before.

    A new database has no index before `make_index`: to make it at the end of a recovery costs half of what it costs to
    keep it meanwhile, and the changelog may hold a state many times.
    """

    def __init__(self, path: Path, options: Options, rule: DueRule | None) -> None:
        """Raises `StoreLocked`, and what RocksDB raises."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = Rdict(str(path), options)
        except Exception as error:  # RocksDB's errors have no classes
            if "lock" in str(error).lower():
                raise StoreLocked(f"{path} is locked by a worker that runs: {error}") from error
            raise
        self._options = options
        self._rule = rule
        self._version = (rule.version if rule else _NO_RULE).encode()
        self._loaded: dict[bytes, bytes | None] = {}  # since the last write: what a change moves in the index
        self._waiting = DueQueue()
        self._read_to = DUE_PREFIX
        self._unread_from = _NEVER
        self._unread_moved = False  # whether the row that is due at that time may be gone
        self._unlogged = False
        self._without_log = WriteOptions()
        self._without_log.disable_wal = True  # type: ignore[method-assign,assignment]  # the stub takes it for a method
        self._is_indexed = self._database.get(RULE_KEY) == self._version
        self._read_index(-_SIGN, 0)

    def load(self, keys: list[bytes]) -> Mapping[bytes, bytes]:
        wanted: list[Any] = [*keys]
        values = self._database.get(wanted) or []
        self._loaded = dict(zip(keys, values, strict=True))
        return {key: value for key, value in self._loaded.items() if value is not None}

    def write(self, changes: Changes, changelog_offset: int, *, recovered: bool = False) -> None:
        """``recovered``: changes that the changelog has, so RocksDB's own log need not have them as well."""
        if self._unlogged and not recovered:
            self._flush()  # or a crash could keep this write and lose those before it
        batch = WriteBatch(raw_mode=True)
        for key, state in changes.items():
            if state is None:
                batch.delete(key)
            else:
                batch.put(key, state)
        moved = self._moved(changes, self._rule.next_due) if self._rule is not None and self._is_indexed else []
        for key, old, new in moved:
            if old is not None:
                batch.delete(_row(old, key))
            if new is not None:
                batch.put(_row(new, key), b"")
        batch.put(OFFSET_KEY, b"%d" % changelog_offset)
        self._write(batch, logged=not recovered)
        self._loaded.clear()
        for key, old, new in moved:
            self._unread_moved |= old == self._unread_from
            self._note(key, new)

    def states(self) -> Iterator[tuple[bytes, bytes]]:
        items: Iterator[tuple[Any, Any]] = self._database.items(from_key=_RESERVED_END)
        return items

    def changelog_offset(self) -> int | None:
        value = self._database.get(OFFSET_KEY)
        return None if value is None else int(value)

    def has_due(self, as_of: int) -> bool:
        if self._unread_from <= as_of and self._unread_moved:
            self._read_index(-_SIGN, 0)
        return self._unread_from <= as_of or self._waiting.has_due(as_of)

    def first_due(self) -> int | None:
        if self._unread_moved:
            self._read_index(-_SIGN, 0)
        waiting = self._waiting.first()
        first = self._unread_from if waiting is None else min(waiting, self._unread_from)
        return None if first == _NEVER else first

    def count_due(self, as_of: int, limit: int) -> int:
        count = self._waiting.count(as_of)
        if self._unread_from <= as_of and count < limit:
            last = _row(as_of + 1, b"")
            rows: Iterator[Any] = self._database.keys(from_key=self._read_to + b"\0")
            count += sum(1 for _ in takewhile(lambda row: row < last, islice(rows, limit - count)))
        return min(count, limit)

    def due(self, as_of: int, limit: int) -> list[bytes]:
        if self._unread_from <= as_of and len(self._waiting) < limit:
            self._read_index(as_of, limit)
        return self._waiting.due(as_of, limit)

    def make_index(self) -> Iterator[int]:
        """Makes the index where there is none by this rule; yields, now and then, the number of states seen."""
        if self._is_indexed:
            return
        del self._database[RULE_KEY]
        self._database.delete_range(DUE_PREFIX, RULE_KEY)
        seen, states = 0, self.states()
        while self._rule is not None and (chunk := list(islice(states, _CHUNK))):
            next_due = self._rule.next_due
            self._ingest(sorted(_row(due, key) for key, state in chunk if (due := next_due(state)) is not None))
            seen += len(chunk)
            yield seen
        self._flush()
        self._database[RULE_KEY] = self._version
        self._is_indexed = True
        self._read_index(-_SIGN, 0)

    def bytes_on_disk(self) -> int:
        total = 0
        for file in os.scandir(self._database.path()):
            with suppress(FileNotFoundError):  # compacted away meanwhile
                total += file.stat().st_size
        return total

    def close(self) -> None:
        self._database.close()

    def _moved(self, changes: Changes, next_due: NextDue) -> list[tuple[bytes, int | None, int | None]]:
        """Keys whose due time changes, with the old one and the new one."""
        before = self._loaded
        if unknown := [key for key in changes if key not in before and key >= _RESERVED_END]:
            self.load(unknown)
            before = {**before, **self._loaded}
        moved = []
        for key, state in changes.items():
            if key < _RESERVED_END:
                continue
            former = before[key]
            old = None if former is None else next_due(former)
            new = None if state is None else next_due(state)
            if old != new:
                moved.append((key, old, new))
        return moved

    def _note(self, key: bytes, due: int | None) -> None:
        if due is not None and _row(due, key) > self._read_to:
            self._unread_from = min(self._unread_from, due)
            due = None
        self._waiting.put(key, due)

    def _read_index(self, as_of: int, limit: int) -> None:
        """Reads at most ``limit`` further rows that are due by ``as_of``, and when the one behind them is due."""
        self._unread_from, self._unread_moved = _NEVER, False
        if not self._is_indexed:
            return
        rows: Iterator[Any] = self._database.keys(from_key=self._read_to + b"\0")
        for count, row in enumerate(rows):
            if row >= RULE_KEY:
                return
            due = int.from_bytes(row[_DUE_AT], "big") - _SIGN
            if due > as_of or count == limit:
                self._unread_from = due
                return
            self._waiting.put(row[_KEY_FROM:], due)
            self._read_to = row

    def _ingest(self, rows: list[bytes]) -> None:
        """Adds index rows, sorted, as a file of the database: a fifth of what it costs to write them."""
        if not rows:
            return
        file = Path(self._database.path()) / "index.sst.new"
        writer = SstFileWriter(self._options)
        writer.open(str(file))
        for row in rows:
            writer[row] = b""
        writer.finish()
        moved = IngestExternalFileOptions()
        moved.set_move_files(True)
        self._database.ingest_external_file([str(file)], moved)

    def _write(self, batch: WriteBatch, *, logged: bool) -> None:
        if logged:
            self._database.write(batch)
        else:
            self._unlogged = True
            self._database.write(batch, self._without_log)

    def _flush(self) -> None:
        self._database.flush()
        self._unlogged = False


def _row(due: int, key: bytes) -> bytes:
    return DUE_PREFIX + (due + _SIGN).to_bytes(8, "big") + key
