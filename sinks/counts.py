"""Cells: recomputed from the event rows of one (topic, partition, hour), without the losers of conflicts, replacing
what stood there. Nothing is ever added to a cell, so counting twice, late, or in the middle of a repair does no harm.

Only the owner of a partition counts its hours. A cell's version is the end of what the partition's ledger holds, then
a number of the recount: what an owner that lost its partition still writes is older than what the new one writes.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sinks import conflicts, recounts
from sinks.blocks import Block
from sinks.clickhouse import ClickHouse
from sinks.ledger import Ledger, Place, hours_of
from sinks.tables import EVENT_TABLES, EventTable

NUMBERS_PER_POSITION = 1 << 16
_ROOM = 256
"""Numbers left free for a recount that the last owner may have in flight."""

HOURS_PER_STATEMENT = 2000
"""About 30 bytes of statement each, of the 256 KiB that ClickHouse parses."""

_RECOUNT = """
INSERT INTO checkline.cells (topic, hour, site, kind, measure, partition, value, version, previous)
SELECT
    '{topic}', hour, site, kind, measure, partition, sum(counted),
    transform(partition, {partitions}, arrayMap(version -> toUInt64(version), {versions}), toUInt64(0)), max(known)
FROM
(
    SELECT
        hour, {site} AS site, toString(kind) AS kind, {measure} AS measure, partition,
        count() AS counted, toInt64(-1) AS known
    FROM {table} FINAL
    WHERE (hour, partition) IN ({hours}) AND (identity, content) NOT IN
    (
        SELECT identity, loser_content FROM checkline.conflicts WHERE loser_topic = '{topic}'
    )
    GROUP BY hour, site, kind, measure, partition
    UNION ALL
    SELECT hour, site, kind, measure, partition, toUInt64(0), toInt64(value)
    FROM checkline.cells FINAL
    WHERE topic = '{topic}' AND (hour, partition) IN ({hours})
)
GROUP BY hour, site, kind, measure, partition
"""


def recount(
    client: ClickHouse, table: EventTable, hours: Mapping[int, Iterable[int]], versions: Mapping[int, int]
) -> None:
    """Count hours (UTC, ms) of partitions again; a cell that became empty is written as zero.

    ``versions``: that of the new cells, by partition. Raises `StatementFailed`.
    """
    if table.site is None or table.measure is None:
        return
    pairs = [(hour // 1000, partition) for partition, of_partition in hours.items() for hour in sorted(of_partition)]
    for part in _parts(pairs):
        partitions = sorted({partition for _, partition in part})
        statement = _RECOUNT.format(
            topic=table.topic,
            table=table.name,
            site=table.site,
            measure=table.measure,
            partitions=partitions,
            versions=[versions[partition] for partition in partitions],
            hours=", ".join(f"({hour}, {partition})" for hour, partition in part),
        )
        client.execute(statement)


def _parts(pairs: Sequence[tuple[int, int]]) -> Iterator[Sequence[tuple[int, int]]]:
    for start in range(0, len(pairs), HOURS_PER_STATEMENT):
        yield pairs[start : start + HOURS_PER_STATEMENT]


class Recounter:
    """Collects the hours that blocks touched, that conflicts concern or that a repair mended, and counts them together.

    `disown` and `add` may be called by another thread than `own` and `run`, which use the connection.
    """

    def __init__(self, client: ClickHouse, written_by: str) -> None:
        self._client = client
        self._ledger = Ledger(client, written_by)
        self._lock = threading.Lock()
        self._ends: dict[Place, int] = {}  # of the partitions that are ours
        self._versions: dict[Place, int] = {}  # the last one used
        self._blocks: list[Block] = []
        self._hours: dict[Place, set[int]] = defaultdict(set)
        self._known_losers: set[conflicts.Loser] = set()
        self._known_asked: set[recounts.Asked] = set()

    def own(self, ends: Mapping[Place, int]) -> None:
        """Partitions that are ours from now on, with the ends of their ledgers; what was left undone is taken up."""
        mine = {place: end for place, end in ends.items() if place[0] in EVENT_TABLES}
        pending = self._ledger.pending(mine)
        versions = self._written_versions()
        lost = [*conflicts.not_counted(self._client), *recounts.not_counted(self._client)]
        with self._lock:
            self._ends.update(mine)
            self._versions.update({place: versions.get(place, -_ROOM) + _ROOM for place in mine})
            self._blocks += pending
            for place, hour in lost:
                if place in mine:
                    self._hours[place].add(hour)

    def disown(self, places: Iterable[Place]) -> None:
        """Partitions that are another's from now on, with all that is still to do for them."""
        with self._lock:
            for place in places:
                self._ends.pop(place, None)
                self._hours.pop(place, None)
            self._blocks = [block for block in self._blocks if _place(block) in self._ends]

    def add(self, blocks: Iterable[Block]) -> None:
        """Blocks whose ledger rows stand."""
        with self._lock:
            for block in blocks:
                place = _place(block)
                if place in self._ends:
                    self._ends[place] = max(self._ends[place], block.span.end)
                    if block.hours:
                        self._blocks.append(block)

    def run(self) -> int:
        """Count what is due; returns the number of hours, summed over partitions.

        Raises `StatementFailed`: the ledger still says then what is due, for the next owner.
        """
        losers = conflicts.recent(self._client)
        asked = self._newly_asked()
        left_undone = self._ledger.pending({one.place for one in asked}) if asked else []
        with self._lock:
            self._blocks += [block for block in left_undone if _place(block) in self._ends]
            for one in asked:
                if one.place in self._ends:
                    self._hours[one.place].update(one.hours)
            blocks, self._blocks = self._blocks, []
            hours, self._hours = self._hours, defaultdict(set)
            mine = {loser for loser in losers if loser.place in self._ends}
            for loser in mine - self._known_losers:
                hours[loser.place].add(loser.hour)
            self._known_losers = mine
            for place, of_blocks in hours_of(blocks).items():
                hours[place] |= of_blocks
            versions = {place: self._next_version(place) for place in hours}
        for topic in {topic for topic, _ in hours}:
            of_topic = {partition: due for (of, partition), due in hours.items() if of == topic}
            recount(self._client, EVENT_TABLES[topic], of_topic, {p: versions[topic, p] for p in of_topic})
        self._ledger.record(blocks, recounted=True)
        return sum(map(len, hours.values()))

    def _newly_asked(self) -> set[recounts.Asked]:
        asked = set(recounts.recent(self._client))
        new, self._known_asked = asked - self._known_asked, asked
        return new

    def _next_version(self, place: Place) -> int:
        version = max(self._ends[place] * NUMBERS_PER_POSITION, self._versions[place] + 1)
        self._versions[place] = version
        return version

    def _written_versions(self) -> dict[Place, int]:
        query = "SELECT topic, partition, max(version) FROM checkline.cells GROUP BY topic, partition"
        return {(topic, partition): version for topic, partition, version in self._client.rows(query)}


def _place(block: Block) -> Place:
    return block.span.topic, block.span.partition
