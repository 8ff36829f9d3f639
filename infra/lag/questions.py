"""What the column store is asked for the operations page: one readable query behind each number.

Anyone can ask the same with `checkline sql`: a text is complete as it stands, and speaks of now and of the last five
minutes. The collector asks it as of the time of its look.
"""

from collections.abc import Iterable
from typing import NamedTuple

from schemas.topics import INPUT_TOPICS

NOW = "now64(3, 'UTC')"
LATELY = "INTERVAL 300 SECOND"

NOT_STATED = "NOT_STATED"
"""In place of a district where reference data names none."""

OTHER = "OTHER"
"""All districts together that are too many to be told apart."""

HELD_DUTIES = ("RELEASE", "LIFTING", "TRANSFER")
"""Until they are done a person is held, or something is closed: quarantine and follow-up past their stop criterion,
orders that outlast a downgrade, and the hand-over of somebody who waits at a checkpoint."""

DELAY_BOUNDS = (
    *(0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0),
    *(3600.0, 21_600.0, 86_400.0),
)
"""Seconds from an event to its row being readable: fine where the pipeline should be, coarse where a device was off."""

MOST_MISSING = 500
"""So many missing reports are named, the newest; all are counted in the totals."""


class Question(NamedTuple):
    """``pace_seconds``: it is not asked again sooner than this, being dear."""

    name: str
    title_en: str
    title_zh: str
    sql: str
    pace_seconds: float = 0.0

    def at(self, now_ms: int, lately_seconds: int) -> str:
        """The query as of a time, UTC milliseconds, with so many seconds for "lately"."""
        text = self.sql.replace(NOW, f"fromUnixTimestamp64Milli({now_ms}, 'UTC')")
        return text.replace(LATELY, f"INTERVAL {lately_seconds} SECOND")


class Span(NamedTuple):
    """A stretch of one partition that a block brought. ``written_at``: UTC microseconds; ``hours``: UTC seconds."""

    topic: str
    partition: int
    begin: int
    end: int
    written_at: int
    hours: tuple[int, ...]


_INPUTS = ", ".join(f"'{topic.name}'" for topic in INPUT_TOPICS)
_HELD = ", ".join(f"'{duty}'" for duty in HELD_DUTIES)

_FRESH_BLOCKS = f"""
    SELECT
        toString(block.topic) AS topic, block.partition AS partition, block.span_begin AS span_begin,
        block.span_end AS span_end, min(block.written_at) AS written_at, any(block.hours) AS hours
    FROM checkline.ledger AS block
    WHERE block.written_at > {NOW} - {LATELY} AND notEmpty(block.hours)
    GROUP BY topic, partition, span_begin, span_end
"""
_ALL_ARRIVALS = "arrival.outcome = 'STORED'"

BLOCKS = Question(
    "blocks",
    "Blocks that were written lately, by the ledger",
    "近期写入的数据块(台账)",
    f"""
SELECT
    topic, partition, span_begin, span_end, toUnixTimestamp64Micro(min(written_at)), max(stored),
    arrayMap(hour -> toUnixTimestamp(hour), any(hours))
FROM checkline.ledger
WHERE written_at > {NOW} - {LATELY} AND notEmpty(hours)
GROUP BY topic, partition, span_begin, span_end
ORDER BY topic, partition, span_begin, span_end
""",
)

LEDGER_ENDS = Question(
    "ledger_ends",
    "The end of the last block of each partition",
    "各分区最后数据块的终点",
    "SELECT topic, partition, max(span_end) FROM checkline.ledger GROUP BY topic, partition",
)

QUERYABLE = Question(
    "queryable",
    "From events to their rows being queryable: the rows of the blocks written lately, read back",
    "从事件发生到可查询的时延(读回近期写入的行)",
    f"""
WITH fresh AS
({_FRESH_BLOCKS})
SELECT
    topic,
    place,
    arrayFirstIndex(bound -> seconds <= bound, {[*DELAY_BOUNDS]}) AS bucket,
    count() AS rows,
    sum(seconds) AS total,
    toUnixTimestamp64Milli(max(appended_at)) AS last_appended_at
FROM
(
    SELECT
        position.topic AS topic,
        position.place AS place,
        position.appended_at AS appended_at,
        greatest(0, dateDiff('millisecond', position.occurred_at, fresh.written_at) / 1000) AS seconds
    FROM checkline.event_positions AS position
    ASOF INNER JOIN fresh
        ON position.topic = fresh.topic AND position.partition = fresh.partition
        AND position.offset >= fresh.span_begin
    WHERE position.hour IN (SELECT arrayJoin(hours) FROM fresh) AND position.offset < fresh.span_end
    LIMIT 1 BY position.topic, position.partition, position.offset
)
GROUP BY topic, place, bucket
ORDER BY topic, place, bucket
""",
)

NOT_READ_BACK = Question(
    "not_read_back",
    "Rows that the ledger says stand in the tables and that are not found there, of the blocks written lately",
    "台账已记而表中未读到的行(近期写入的数据块)",
    f"""
WITH
    fresh AS
    ({_FRESH_BLOCKS}),
    arrived AS
    (
        SELECT
            toString(arrival.topic) AS topic, arrival.hour AS hour, arrival.partition AS partition,
            arrival.offset AS offset, arrival.identity AS identity, arrival.content AS content
        FROM checkline.arrivals AS arrival
        ASOF INNER JOIN fresh
            ON toString(arrival.topic) = fresh.topic AND arrival.partition = fresh.partition
            AND arrival.offset >= fresh.span_begin
        WHERE {_ALL_ARRIVALS} AND arrival.offset < fresh.span_end
    )
SELECT topic, partition, uniqExact(offset) AS rows, min(offset) AS first
FROM arrived
WHERE (topic, hour, identity, content) NOT IN
(
    SELECT topic, hour, identity, content
    FROM checkline.event_positions
    WHERE hour IN (SELECT arrayJoin(hours) FROM fresh) AND identity IN (SELECT identity FROM arrived)
)
GROUP BY topic, partition
ORDER BY topic, partition
""",
)

CLOCKS = Question(
    "clocks",
    "Open clocks, those due within the hour and overdue, by class and district",
    "未结时限:一小时内到期、已逾期,按类别和辖区",
    f"""
SELECT
    duty,
    if(district = '', '{NOT_STATED}', district) AS placed,
    count() AS open,
    countIf(due_at > {NOW} AND due_at <= {NOW} + INTERVAL 1 HOUR) AS due_soon,
    countIf(due_at <= {NOW}) AS overdue,
    toUnixTimestamp64Milli(min(due_at)) AS oldest_due_at,
    duty IN ({_HELD}) AS releases
FROM checkline.open_clocks
GROUP BY duty, placed
ORDER BY overdue DESC, due_soon DESC, open DESC, duty, placed
""",
)

BREACHES = Question(
    "breaches",
    "Deadlines that passed unproven lately, as they were announced",
    "近期公布的逾期数",
    f"""
SELECT uniqExact(partition, offset) AS breaches
FROM checkline.sla_notices
WHERE kind = 'BREACHED' AND as_of > {NOW} - {LATELY} AND as_of <= {NOW}
""",
)

DEAD_LETTERS = Question(
    "dead_letters",
    "Dead letters that wait for somebody, by topic and reason",
    "待处理死信,按主题和原因",
    """
SELECT topic, reason, count() AS open
FROM checkline.dead_letter_states
WHERE state = 'open'
GROUP BY topic, reason
ORDER BY open DESC, topic, reason
""",
    pace_seconds=5.0,
)

DEAD_LETTERS_LATELY = Question(
    "dead_letters_lately",
    "Records refused lately, by topic and reason",
    "近期拒收记录,按主题和原因",
    f"""
SELECT topic, reason, count() AS recent
FROM checkline.refusals
WHERE appended_at > {NOW} - {LATELY}
GROUP BY topic, reason
ORDER BY recent DESC, topic, reason
""",
    pace_seconds=4.0,
)

TOPICS = Question(
    "topics",
    "Events of each input topic: all that arrived, refused, repeated, and contradicting others of the same identity",
    "各主题事件:到达、拒收、重复、冲突",
    f"""
SELECT arrived.topic AS topic, arrived.events AS events, refused.events AS refused,
    arrived.stored - said.contents AS repeats, contradicted.pairs AS conflicts
FROM
(
    SELECT toString(topic) AS topic, countIf(outcome != 'MARK') AS events, countIf(outcome = 'STORED') AS stored
    FROM checkline.arrivals FINAL
    WHERE topic IN ({_INPUTS})
    GROUP BY topic
) AS arrived
LEFT JOIN
(
    SELECT toString(topic) AS topic, count() AS events FROM checkline.refusals GROUP BY topic
) AS refused ON arrived.topic = refused.topic
LEFT JOIN
(
    SELECT toString(topic) AS topic, count() AS contents FROM checkline.identities FINAL GROUP BY topic
) AS said ON arrived.topic = said.topic
LEFT JOIN
(
    SELECT toString(loser_topic) AS topic, uniqExact(identity, loser_content) AS pairs
    FROM checkline.conflicts
    GROUP BY topic
) AS contradicted ON arrived.topic = contradicted.topic
ORDER BY topic
""",
    pace_seconds=30.0,
)

CONFLICTS = Question(
    "conflicts",
    "Contents that contradict another under the same identity, by topic",
    "同一标识内容冲突数,按主题",
    """
SELECT loser_topic AS topic, uniqExact(identity, loser_content) AS pairs
FROM checkline.conflicts
GROUP BY topic
ORDER BY topic
""",
    pace_seconds=4.0,
)

TOPICS_LATELY = Question(
    "topics_lately",
    "Events of each input topic that arrived lately",
    "各主题近期到达事件数",
    f"""
SELECT topic, uniqExact(partition, offset) AS events
FROM checkline.arrivals
WHERE appended_at > {NOW} - {LATELY} AND outcome != 'MARK' AND topic IN ({_INPUTS})
GROUP BY topic
ORDER BY topic
""",
    pace_seconds=4.0,
)

DEVICES = Question(
    "devices",
    "Every device that reference data names, and every other source: last heard, skew of its clock, missing counters",
    "各设备与数据源:最近消息、时钟偏差、缺失序号",
    """
SELECT
    named.device AS device,
    named.site AS site,
    if(named.district != '', named.district, placed.district) AS district,
    named.expected AS expected,
    named.source_hash AS source_hash,
    heard.last_at AS last_appended_at,
    heard.skew AS skew_milliseconds,
    counted.missing AS missing
FROM
(
    SELECT
        if(station.name != '', station.name, source.name) AS device,
        if(station.name != '', station.site, source.site) AS site,
        station.district AS district,
        station.name != '' AS expected,
        if(expected, station.source_hash, source.source_hash) AS source_hash
    FROM checkline.source_names AS source
    FULL OUTER JOIN (SELECT * FROM checkline.stations WHERE is_device) AS station ON source.name = station.name
) AS named
LEFT JOIN checkline.districts AS placed ON placed.place = named.site
LEFT JOIN
(
    SELECT
        source_hash,
        toNullable(toUnixTimestamp64Milli(max(appended_at))) AS last_at,
        toNullable(argMax(dateDiff('millisecond', appended_at, sent_at), (appended_at, sequence))) AS skew
    FROM checkline.arrivals
    WHERE outcome = 'STORED' AND source_hash != 0
    GROUP BY source_hash
) AS heard ON named.source_hash = heard.source_hash
LEFT JOIN
(
    SELECT source_hash, toInt64(sum(greatest(0, sequence - before - 1))) AS missing
    FROM
    (
        SELECT source_hash, sequence, lagInFrame(sequence, 1, sequence) OVER (
            PARTITION BY source_hash ORDER BY sequence ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
        ) AS before
        FROM checkline.identities
    )
    GROUP BY source_hash
) AS counted ON named.source_hash = counted.source_hash
ORDER BY expected DESC, last_appended_at ASC NULLS FIRST, device
""",
    pace_seconds=30.0,
)

DEVICES_LATELY = Question(
    "devices_lately",
    "Sources that were heard lately, by their hash: last heard, skew of their clock",
    "近期有消息的数据源:最近消息、时钟偏差",
    f"""
SELECT
    source_hash,
    toUnixTimestamp64Milli(max(appended_at)) AS last_appended_at,
    argMax(dateDiff('millisecond', appended_at, sent_at), (appended_at, sequence)) AS skew_milliseconds
FROM checkline.arrivals
WHERE appended_at > {NOW} - {LATELY} AND outcome = 'STORED' AND source_hash != 0
GROUP BY source_hash
ORDER BY source_hash
""",
    pace_seconds=4.0,
)

SITES = Question(
    "sites",
    "Transport checkpoints of which reference data names no device, and when each was last heard of",
    "未登记设备的交通查控点及其最近消息",
    """
SELECT station.name AS site, station.district AS district, heard.last_at AS last_appended_at
FROM checkline.stations AS station
LEFT JOIN
(
    SELECT place, max(toNullable(toUnixTimestamp64Milli(last_appended_at))) AS last_at
    FROM
    (
        SELECT toString(assumeNotNull(site)) AS place, max(appended_at) AS last_appended_at
        FROM checkline.check_ins
        WHERE site IS NOT NULL
        GROUP BY site
        UNION ALL
        SELECT toString(assumeNotNull(site)) AS place, max(appended_at) AS last_appended_at
        FROM checkline.temperatures
        WHERE site IS NOT NULL
        GROUP BY site
    )
    GROUP BY place
) AS heard ON heard.place = station.name
WHERE NOT station.is_device
ORDER BY last_appended_at ASC NULLS FIRST, site
""",
    pace_seconds=30.0,
)

DISTRICTS = Question(
    "districts",
    "The district of each site, unit and order in effect",
    "现行各场所、单位、封控令所属辖区",
    "SELECT place, district FROM checkline.districts ORDER BY place",
    pace_seconds=10.0,
)

REPORT_TOTALS = Question(
    "report_totals",
    "Reports due within the last day: expected, missing, and the share that came",
    "近一日应报、缺报与完整率",
    f"""
SELECT
    schedule, indicator, toString(date) AS day, slot, count() AS expected, countIf(reported_at IS NULL) AS missing,
    1 - missing / expected AS completeness
FROM checkline.expected_reports
WHERE due_at > {NOW} - INTERVAL 1 DAY AND due_at <= {NOW}
GROUP BY schedule, indicator, date, slot
ORDER BY missing DESC, schedule, indicator, day, slot
""",
    pace_seconds=5.0,
)

MISSING_REPORTS = Question(
    "missing_reports",
    "Who owes a report that was due within the last day",
    "近一日缺报单位",
    f"""
SELECT
    report.unit_id, placed.district, report.schedule, report.indicator, toUnixTimestamp64Milli(report.due_at) AS due
FROM checkline.expected_reports AS report
LEFT JOIN checkline.districts AS placed ON placed.place = report.unit_id
WHERE report.reported_at IS NULL AND report.due_at > {NOW} - INTERVAL 1 DAY AND report.due_at <= {NOW}
ORDER BY due DESC, report.unit_id, report.schedule, report.indicator
LIMIT {MOST_MISSING}
""",
    pace_seconds=5.0,
)

COVERAGE = Question(
    "coverage",
    "Up to where the ledger holds blocks without a hole, and how many touched hours are not counted again yet",
    "台账连续覆盖位置与待重算小时数",
    """
SELECT
    topic,
    partition,
    ifNull(minOrNullIf(reached, span_begin > reached), max(span_end)) AS covered_until,
    uniqExactArrayIf(hours, NOT recounted) AS uncounted
FROM
(
    SELECT
        topic, partition, span_begin, span_end, hours, recounted,
        max(span_end) OVER (
            PARTITION BY topic, partition ORDER BY span_begin, span_end ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS before,
        min(span_begin) OVER (PARTITION BY topic, partition) AS first,
        greatest(before, first) AS reached
    FROM checkline.ledger FINAL
)
GROUP BY topic, partition
ORDER BY topic, partition
""",
    pace_seconds=5.0,
)

STORE_SIZE = Question(
    "store_size",
    "Bytes on disk",
    "占用磁盘字节数",
    """
SELECT sum(bytes_on_disk) AS bytes
FROM system.parts
WHERE active AND startsWith(database, 'checkline')
""",
    pace_seconds=10.0,
)

QUESTIONS = (
    *(QUERYABLE, NOT_READ_BACK, BLOCKS, LEDGER_ENDS),
    *(CLOCKS, BREACHES),
    *(DEAD_LETTERS, DEAD_LETTERS_LATELY, TOPICS, TOPICS_LATELY, CONFLICTS),
    *(DEVICES, DEVICES_LATELY, SITES, DISTRICTS),
    *(REPORT_TOTALS, MISSING_REPORTS, COVERAGE, STORE_SIZE),
)


def of_spans(question: Question, spans: Iterable[Span]) -> str:
    """`QUERYABLE` or `NOT_READ_BACK` of some spans alone, instead of all blocks written lately."""
    spans = list(spans)
    columns = (
        "topic String, partition UInt16, span_begin Int64, span_end Int64, written_at DateTime64(6, \\'UTC\\'), "
        "hours Array(DateTime(\\'UTC\\'))"
    )
    values = ", ".join(
        f"('{span.topic}', {span.partition}, {span.begin}, {span.end}, "
        f"fromUnixTimestamp64Micro({span.written_at}, 'UTC'), {[*span.hours]})"
        for span in spans
    )
    within = " OR ".join(
        f"arrival.topic = '{span.topic}' AND arrival.partition = {span.partition} AND arrival.offset >= {span.begin} "
        f"AND arrival.offset < {span.end}"
        for span in spans
    )
    text = question.sql.replace(_FRESH_BLOCKS, f"SELECT * FROM values('{columns}', {values})")
    return text.replace(_ALL_ARRIVALS, f"{_ALL_ARRIVALS} AND ({within})")
