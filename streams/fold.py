"""The port between the worker and the pure rules: rows in, changed states and derived records out.

A fold reads no clock and does no I/O: states come through ``load``, the time through ``as_of``.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import polars as pl

from schemas.topics import Topic
from schemas.validity import Invalid

Changes = dict[bytes, bytes | None]
"""Key to new state; None deletes."""

Outputs = dict[str, list[tuple[bytes, bytes]]]
"""Derived topic to (key, framed value); written to the partition that the source records came from."""

Load = Callable[[list[bytes]], Mapping[bytes, bytes]]
"""Keys to the states that exist."""

Rows = dict[str, list[tuple[bytes, dict[str, Any]]]]
"""Topic to (key, row); a row holds all fields of the topic's newest schema, and ``offset`` and ``appended_at``."""


class FoldResult(NamedTuple):
    """What a fold or a tick asks to be written; ``errors`` names rows that gave no fact, by topic."""

    changes: Changes
    outputs: Outputs
    errors: dict[str, list[Invalid]]


class Fold(Protocol):
    """The rules of one app."""

    topics: tuple[Topic, ...]

    def screen(self, topic: str, frame: pl.DataFrame) -> pl.Expr:
        """Rows that can matter, by the row and the policy alone."""
        ...

    def fold(self, rows: Rows, load: Load, as_of: int) -> FoldResult:
        """Unites the facts of the rows with the states of their keys. ``as_of`` is the clock, UTC milliseconds."""
        ...

    def expected(self) -> int:
        """How many rows of reference data expect something of somebody by now."""
        ...

    def expectations(self, begin: int, limit: int) -> tuple[list[tuple[bytes, dict[str, Any]]], int]:
        """What reference data expects of whom, at most ``limit`` rows from the ``begin``-th on: (key of a state, row to
        be folded as one of the topic `reference`), and where to go on."""
        ...

    def next_due(self, state: bytes) -> int | None:
        """Next time (UTC milliseconds) at which the state wants a tick; None: never."""
        ...

    def tick(self, states: Mapping[bytes, bytes], as_of: int) -> FoldResult:
        """Announces what is due by ``as_of``; the states returned are no longer due."""
        ...
