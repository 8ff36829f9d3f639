"""Blocks into ClickHouse. A block goes through four steps, in this order:

1. its rows into the event table (or derived tables),
2. its arrivals, and the conflicts that they take part in,
3. its ledger row,
4. the recount of the hours it touched, and the ledger row again, with `recounted` set.

What happens if we die right there, or a statement fails (the process stops, its supervisor starts it again):
- before or after 1: the ledger does not know the span. It is read again and inserted again; each content is one row
  whatever the number of times, and of equal contents the smallest offset stays.
- after 2: the same; arrivals are rows by position and a pair of conflict is a row. The next span may end elsewhere:
  spans may overlap, they leave no gap.
- after 3: the block is done. Its ledger row says that its hours wait for a recount, which the next owner of the
  partition does first (see `sinks.counts`).
- after 4's cells, before its ledger row: the hours are counted once more, with the same result.

Several blocks may take a step together: those of one turn of the reader share their inserts.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl

from schemas.registry import Registry
from schemas.topics import BY_NAME, partitions_of
from schemas.validity import Limits
from schemas.wire.batches import RecordBatch
from sinks import conflicts
from sinks.blocks import Batches, Block, BlockBuilder, Rows, Span, block_builder
from sinks.clickhouse import ClickHouse
from sinks.ledger import Ledger

MAX_DAYS = 100
"""ClickHouse refuses an insert into more table partitions (days) than this."""

_DAY_MS = 24 * 3_600_000

log = logging.getLogger(__name__)


class Writer:
    """Writes blocks over one connection. ``partitions`` is that of the person topics; ``still_ours`` is asked before
    the ledger is written, and raises when these are not the tables to be written to."""

    def __init__(
        self,
        client: ClickHouse,
        registry: Registry,
        partitions: int,
        written_by: str,
        limits: Limits | None = None,
        still_ours: Callable[[ClickHouse], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._still_ours = still_ours
        self._registry = registry
        self._partitions = partitions
        self._limits = limits or Limits()
        self._builders: dict[str, BlockBuilder] = {}
        self.ledger = Ledger(client, written_by)

    def write(self, spans: Mapping[Span, Sequence[RecordBatch]]) -> list[Block]:
        """Steps 1 to 3 for some blocks; nothing is acknowledged unless all of them are done.

        Raises `StatementFailed`, `CorruptBatch`, `CannotEncode`.
        """
        written = [self._builder(topic).build(of_topic) for topic, of_topic in _by_topic(spans).items()]
        for rows in written:
            for table, frame in rows.tables:
                self._insert(table, frame)
        self._arrive(written)
        blocks = [block for rows in written for block in rows.blocks]
        self._still_ours(self._client)
        self.ledger.record(blocks)
        return blocks

    def _builder(self, topic: str) -> BlockBuilder:
        if topic not in self._builders:
            partitions = partitions_of(BY_NAME[topic], self._partitions)
            self._builders[topic] = block_builder(self._registry, topic, partitions, self._limits)
        return self._builders[topic]

    def _arrive(self, written: Sequence[Rows]) -> None:
        arrivals = [rows.arrivals for rows in written if len(rows.arrivals)]
        if not arrivals:
            return
        self._client.insert("checkline.arrivals", pl.concat(arrivals).get_columns())
        stored = [block.span for rows in written for block in rows.blocks if block.stored]
        conflicts.find(self._client, stored)

    def _insert(self, table: str, frame: pl.DataFrame) -> None:
        for part in split_by_days(frame):
            self._client.insert(table, stated_columns(part))


def split_by_days(frame: pl.DataFrame) -> list[pl.DataFrame]:
    """Parts of at most `MAX_DAYS` days each, by the column ``hour`` (ms); the frame itself where that holds."""
    if "hour" not in frame.columns:
        return [frame]
    days = frame["hour"].to_numpy() // _DAY_MS
    if days.max() - days.min() < MAX_DAYS or len(distinct := np.unique(days)) <= MAX_DAYS:
        return [frame]
    groups = np.searchsorted(distinct, days) // MAX_DAYS
    return [frame.filter(pl.Series(groups == group)) for group in range(int(groups.max()) + 1)]


def stated_columns(frame: pl.DataFrame) -> list[pl.Series]:
    """The columns that say something in at least one row: the others take their defaults in the table."""
    return [column for column in frame.get_columns() if not _absent(column)]


def _absent(column: pl.Series) -> bool:
    if column.null_count() == len(column):
        return True
    if isinstance(column.dtype, pl.List):
        return not (column.list.len() > 0).any()
    if isinstance(column.dtype, pl.Enum) and column.dtype.categories[0] == "NOT_STATED":
        return column.to_physical().max() == 0
    return False


def _by_topic(spans: Batches) -> dict[str, dict[Span, Sequence[RecordBatch]]]:
    found: dict[str, dict[Span, Sequence[RecordBatch]]] = defaultdict(dict)
    for span, batches in spans.items():
        found[span.topic][span] = batches
    return found
