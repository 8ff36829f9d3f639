"""The ledger: one row per block. A sink starts from it, and a recount that a crash interrupted is found in it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import polars as pl

from sinks.blocks import Block, Span
from sinks.clickhouse import ClickHouse

Place = tuple[str, int]
"""Topic and partition."""


class Ledger:
    """Reads and writes `checkline.ledger` over one connection; ``written_by`` names the process in its rows."""

    def __init__(self, client: ClickHouse, written_by: str) -> None:
        self._client = client
        self._written_by = written_by

    def positions(self) -> dict[Place, int]:
        """Where each partition goes on: the end of its last span. A partition that is not here has no block yet."""
        query = "SELECT topic, partition, max(span_end) FROM checkline.ledger GROUP BY topic, partition"
        return {(topic, partition): end for topic, partition, end in self._client.rows(query)}

    def pending(self, places: Iterable[Place]) -> list[Block]:
        """Blocks of some partitions whose hours were not counted again yet."""
        wanted = set(places)
        query = """
            SELECT topic, partition, span_begin, span_end, stored, marks, refused, digest,
                   arrayMap(hour -> toInt64(toUnixTimestamp(hour)) * 1000, hours)
            FROM checkline.ledger FINAL
            WHERE NOT recounted
            ORDER BY topic, partition, span_begin
        """
        rows = self._client.rows(query)
        return [
            Block(Span(topic, partition, begin, end), stored, marks, refused, digest, list(hours))
            for topic, partition, begin, end, stored, marks, refused, digest, hours in rows
            if (topic, partition) in wanted
        ]

    def record(self, blocks: Sequence[Block], recounted: bool = False) -> None:
        """The blocks stand in the tables (and are in the cells). Raises `StatementFailed`."""
        if not blocks:
            return
        spans = [block.span for block in blocks]
        digests = [block.digest.to_bytes(16, "little") for block in blocks]
        self._client.insert(
            "checkline.ledger",
            [
                pl.Series("topic", [span.topic for span in spans]),
                pl.Series("partition", [span.partition for span in spans]),
                pl.Series("span_begin", [span.begin for span in spans]),
                pl.Series("span_end", [span.end for span in spans]),
                pl.Series("stored", [block.stored for block in blocks]),
                pl.Series("marks", [block.marks for block in blocks]),
                pl.Series("refused", [block.refused for block in blocks]),
                pl.Series("digest", digests, dtype=pl.Binary),
                pl.Series("hours", [block.hours for block in blocks], dtype=pl.List(pl.Int64)),
                pl.Series("recounted", [int(recounted or not block.hours) for block in blocks]),
                pl.Series("written_by", [self._written_by] * len(blocks)),
            ],
        )


def hours_of(blocks: Iterable[Block]) -> dict[Place, set[int]]:
    """Hours that blocks touched, by topic and partition."""
    found: dict[Place, set[int]] = defaultdict(set)
    for block in blocks:
        if block.hours:
            found[block.span.topic, block.span.partition].update(block.hours)
    return dict(found)
