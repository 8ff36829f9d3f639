"""The journal: every step about every alarm, appended and never altered, in one SQLite file.

The part writes it and the command line reads it, and acknowledges in it, at the same time. A step is on disk when
`append` returns; where the disk takes none, steps are kept here and tried again with the next ones.
"""

import json
import logging
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.alarms.steps import Kind, Step

log = logging.getLogger(__name__)

BUSY_SECONDS = 5.0

_TABLE = """
CREATE TABLE IF NOT EXISTS steps (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    alarm TEXT NOT NULL,
    by TEXT NOT NULL,
    detail TEXT NOT NULL
)
"""
_TIMES = "CREATE INDEX IF NOT EXISTS steps_at ON steps (at)"
_INSERT = "INSERT INTO steps (at, kind, alarm, by, detail) VALUES (?, ?, ?, ?, ?)"
_SELECT = "SELECT at, kind, alarm, by, detail, number FROM steps"


class JournalFailed(Exception):
    """The journal cannot be read or written; the text says why."""


class Journal:
    """A journal file; made, with its directory, by the first step. May be shared by threads.

    ``failure``: why the last attempt to write failed, None when it went well; ``waiting``: the steps that are not on
    disk for that reason; ``opened``: how often the file was opened: it may be another one then.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.failure: str | None = None
        self.waiting: list[Step] = []
        self.opened = 0
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def append(self, steps: Sequence[Step]) -> None:
        """Writes steps, and before them those that could not be written earlier, in one transaction. Raises nothing:
        `failure` says how it went."""
        with self._lock:
            self.waiting += steps
            if not self.waiting:
                return
            rows = [
                (one.at, one.kind.value, one.alarm, one.by, json.dumps(one.detail, ensure_ascii=False))
                for one in self.waiting
            ]
            try:
                connection = self._connected()
                with connection:
                    connection.executemany(_INSERT, rows)
            except (sqlite3.Error, OSError) as error:
                self._fail(error)
            else:
                if self.failure is not None:
                    log.warning("the journal of alarms is written again: %d steps that waited", len(rows))
                self.failure, self.waiting = None, []

    def read(self, after: int = 0, since: int | None = None) -> list[Step]:
        """Steps with a number above ``after`` that were made at ``since`` (UTC ms) or later, in their order. Raises
        JournalFailed."""
        with self._lock:
            if self._connection is None and not self.file.exists():
                return []
            condition, values = ("number > ?", [after])
            if since is not None:
                condition, values = f"{condition} AND at >= ?", [after, since]
            try:
                rows = self._connected().execute(f"{_SELECT} WHERE {condition} ORDER BY number", values).fetchall()
            except (sqlite3.Error, OSError) as error:
                self._disconnect()
                raise JournalFailed(f"{self.file} cannot be read: {error}") from error
        return [
            Step(at, Kind(kind), alarm, by, json.loads(detail), number) for at, kind, alarm, by, detail, number in rows
        ]

    def last(self, kind: Kind) -> Step | None:
        """The newest step of a kind. Raises JournalFailed."""
        with self._lock:
            if self._connection is None and not self.file.exists():
                return None
            query = f"{_SELECT} WHERE kind = ? ORDER BY number DESC LIMIT 1"
            try:
                row = self._connected().execute(query, [kind.value]).fetchone()
            except (sqlite3.Error, OSError) as error:
                self._disconnect()
                raise JournalFailed(f"{self.file} cannot be read: {error}") from error
        return None if row is None else Step(row[0], Kind(row[1]), row[2], row[3], json.loads(row[4]), row[5])

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._disconnect()

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.file, timeout=BUSY_SECONDS, check_same_thread=False)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")  # a step outlives the machine, too
                with connection:
                    connection.execute(_TABLE)
                    connection.execute(_TIMES)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
            self.opened += 1
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _fail(self, error: Exception) -> None:
        if self.failure is None:
            log.error("%s cannot be written: %s; alarms go on in memory, and are tried again", self.file, error)
        self.failure = str(error)
        self._disconnect()
