"""What the tables say: delays, clocks, dead letters, devices, reports, the ledger, checkpoints."""

from collections.abc import Callable, Iterable, Sequence

from infra.alarms.conditions.work import NEWS_MS
from infra.lag import metrics as m
from infra.lag.scrape.bounded_rows import Labels, Section, label
from infra.lag.scrape.kafka import ends
from infra.lag.scrape.merging import largest, the_sum, together, whole
from infra.lag.scrape.text_format import Exposition
from infra.lag.snapshot import (
    CheckpointFlow,
    ClockQueue,
    Coverage,
    DeadLetterCount,
    DeviceState,
    Distribution,
    KafkaState,
    QueryableDelay,
    ReportTotal,
    StoreState,
    TopicCount,
)
from infra.settings import OperationsSettings

_DELAYS: Section[QueryableDelay] = Section(
    lambda row: (row.topic, row.district),
    lambda rows: rows[0]._replace(
        delay=together(row.delay for row in rows) or Distribution((), (0,), 0.0),
        so_far=together(row.so_far for row in rows),
    ),
    m.DELAYS,
    fold=1,
)
_QUEUES: Section[ClockQueue] = Section(
    lambda row: (row.duty, row.district),
    lambda rows: rows[0]._replace(
        open=sum(row.open for row in rows),
        due_soon=sum(row.due_soon for row in rows),
        overdue=sum(row.overdue for row in rows),
        oldest_due_at=min((row.oldest_due_at for row in rows if row.oldest_due_at is not None), default=None),
        releases=any(row.releases for row in rows),
    ),
    m.QUEUES,
    rank=lambda row: (row.overdue, row.due_soon, row.open),
    fold=1,
)
_RELEASES = _QUEUES._replace(rank=lambda row: row.overdue)
_LETTERS: Section[DeadLetterCount] = Section(
    lambda row: (row.topic, row.reason),
    lambda rows: rows[0]._replace(open=sum(row.open for row in rows), recent=sum(row.recent for row in rows)),
    m.LETTERS,
    rank=lambda row: (row.recent, row.open),
    fold=1,
)
_TOPICS: Section[TopicCount] = Section(
    lambda row: (row.topic,),
    lambda rows: TopicCount(rows[0].topic, *(sum(column) for column in zip(*(row[1:] for row in rows), strict=True))),
    m.TOPICS,
    rank=lambda row: row.arrived,
)
_MISSING: Section[tuple[str, str | None, int, int]] = Section(
    lambda row: row[:2],
    lambda rows: (*rows[0][:2], sum(row[2] for row in rows), sum(row[3] for row in rows)),
    m.TOTALS,
    rank=lambda row: row[2:],
    fold=1,
)
_TOTALS: Section[ReportTotal] = Section(
    lambda row: (row.schedule, row.indicator),
    lambda rows: rows[0]._replace(
        expected=sum(row.expected for row in rows),
        missing=sum(row.missing for row in rows),
        completeness=min((row.completeness for row in rows if row.completeness is not None), default=None),
    ),
    m.TOTALS,
    rank=lambda row: row.missing,
    fold=1,
)
_COVERAGE: Section[tuple[Coverage, int | None]] = Section(
    lambda row: (row[0].topic, row[0].partition),
    lambda rows: (
        rows[0][0]._replace(
            covered_until=min(row.covered_until for row, _ in rows), uncounted=sum(row.uncounted for row, _ in rows)
        ),
        whole(largest(behind for _, behind in rows)),
    ),
    m.PARTITIONS,
    rank=lambda row: (row[1] or 0, row[0].uncounted),
    fold=1,
)
_LANES: Section[CheckpointFlow] = Section(
    lambda row: (row.site, row.district, row.lane),
    lambda rows: rows[0]._replace(
        per_minute=sum(row.per_minute for row in rows),
        waiting=whole(the_sum(row.waiting for row in rows)),
        wait=together(row.wait for row in rows),
    ),
    m.LANES,
    rank=lambda row: (row.waiting or 0, row.per_minute),
    fold=2,
)


def put_store(page: Exposition, store: StoreState, now: int, at: int, settings: OperationsSettings) -> None:
    delays, cut = _DELAYS.bound(store.queryable)
    page.put(m.SERIES_CUT, cut, ("delays",))
    for place, delay in delays.items():
        page.put_histogram(m.QUERYABLE, delay.so_far, place)
        page.put_summary(m.QUERYABLE_LATELY, delay.delay, place)
    queues, cut = _QUEUES.bound(store.clocks)
    page.put(m.SERIES_CUT, cut, ("clocks",))
    for place, queue in queues.items():
        page.put(m.CLOCKS_OPEN, queue.open, place)
        page.put(m.CLOCKS_DUE_SOON, queue.due_soon, place)
        page.put(m.CLOCKS_OVERDUE, queue.overdue, place)
        page.put(m.CLOCKS_OLDEST, max(0, now - (queue.oldest_due_at or now)) / 1000, place)
    for place, queue in _RELEASES.bound(queue for queue in store.clocks if queue.releases).rows.items():
        page.put(m.RELEASES_OVERDUE, queue.overdue, place)
    _put_topics(page, store)
    _put_devices(page, store.devices, settings)
    _put_reports(page, store, now)
    lanes, cut = _LANES.bound(store.flows)
    page.put(m.SERIES_CUT, cut, ("lanes",))
    for place, lane in lanes.items():
        page.put(m.PASSAGES, lane.per_minute, place)
        page.put(m.WAITING, lane.waiting, place)
        page.put_summary(m.WAIT, lane.wait, place)
    for name, answered_at in store.asked_at[: m.QUESTIONS]:
        page.put(m.QUESTION_AGE, max(0, at - answered_at) / 1000, (label(name),))
    page.put(m.NOT_READ_BACK, store.not_read_back)
    page.put(m.BREACHES_LATELY, store.breaches_recent)
    page.put(m.COLUMN_STORE, store.bytes_on_disk)


def _put_topics(page: Exposition, store: StoreState) -> None:
    topics, cut = _TOPICS.bound(store.topics)
    page.put(m.SERIES_CUT, cut, ("topics",))
    for place, topic in topics.items():
        page.put(m.ARRIVED, topic.arrived, place)
        page.put(m.ARRIVED_LATELY, topic.recent_arrived, place)
        page.put(m.REFUSED, topic.refused, place)
        page.put(m.REFUSED_LATELY, topic.recent_refused, place)
        page.put(m.DUPLICATES, topic.repeats, place)
        page.put(m.CONFLICTS, topic.conflicts, place)
    letters, cut = _LETTERS.bound(store.dead_letters)
    page.put(m.SERIES_CUT, cut, ("dead_letters",))
    for place, letter in letters.items():
        page.put(m.DEAD_LETTERS_OPEN, letter.open, place)
        page.put(m.DEAD_LETTERS_LATELY, letter.recent, place)
        arrived = topics[place[:1]].recent_arrived if place[:1] in topics else 0
        page.put(m.DEAD_LETTER_RATIO, letter.recent / arrived if arrived else None, place)


_COUNTS = (m.DEVICES_KNOWN, m.DEVICES_SILENT, m.DEVICES_NEVER, m.DEVICES_SKEWED, m.DEVICES_GAPS)
_DISTRICTS: Section[tuple[str | None, Sequence[int]]] = Section(
    lambda row: row[:1],
    lambda rows: (None, [sum(column) for column in zip(*(counts for _, counts in rows), strict=True)]),
    m.DISTRICTS,
    rank=lambda row: (row[1][1], row[1][0]),
)


def _put_devices(page: Exposition, devices: Sequence[DeviceState], settings: OperationsSettings) -> None:
    def counted(device: DeviceState) -> Sequence[int]:
        never = device.expected and device.silent_seconds is None
        silent = never or (device.expected and (device.silent_seconds or 0.0) > settings.silence_seconds)
        return 1, int(silent), int(never), int(abs(device.skew_seconds or 0.0) > settings.skew_seconds), device.missing

    found, cut = _DISTRICTS.bound((device.district, counted(device)) for device in devices)
    page.put(m.SERIES_CUT, cut, ("districts",))
    for place, (_, counts) in found.items():
        for metric, count in zip(_COUNTS, counts, strict=True):
            page.put(metric, count, place)
    _put_worst(page, m.DEVICE_SILENCE, devices, lambda one: one.silent_seconds if one.expected else None)
    _put_worst(page, m.DEVICE_SKEW, devices, lambda one: one.skew_seconds)
    _put_worst(page, m.DEVICE_GAPS, devices, lambda one: one.missing or None)
    page.put(m.SERIES_CUT, max(0, len(devices) - m.DEVICES), ("devices",))


def _put_worst(
    page: Exposition, metric: m.Metric, devices: Iterable[DeviceState], measure: Callable[[DeviceState], float | None]
) -> None:
    """The devices with the largest amounts; none stands for the others, whose number the districts' counts tell."""
    measured = [(value, device) for device in devices if (value := measure(device)) is not None]
    measured.sort(key=lambda pair: (-abs(pair[0]), pair[1].device))
    found: dict[Labels, float] = {}
    for value, device in measured[: metric.rows]:
        found.setdefault((label(device.device), label(device.site), label(device.district)), value)
    for place, value in found.items():
        page.put(metric, value, place)


def _put_reports(page: Exposition, store: StoreState, now: int) -> None:
    missing, cut = _MISSING.bound(
        (row.schedule, row.district, int(now - row.due_at < NEWS_MS), 1) for row in store.missing
    )
    page.put(m.SERIES_CUT, cut, ("missing_reports",))
    for place, (_, _, new, count) in missing.items():
        page.put(m.REPORTS_MISSING_NEW, new, place)
        page.put(m.REPORTS_MISSING, count, place)
    newest: dict[tuple[str, str], ReportTotal] = {}
    for total in sorted(store.totals, key=lambda total: (total.date, total.slot)):
        newest[total.schedule, total.indicator] = total
    totals, cut = _TOTALS.bound(newest.values())
    page.put(m.SERIES_CUT, cut, ("totals",))
    for place, total in totals.items():
        page.put(m.REPORTS_EXPECTED, total.expected, place)
        page.put(m.REPORT_COMPLETENESS, total.completeness, place)


def put_coverage(page: Exposition, coverage: Sequence[Coverage], kafka: KafkaState | None) -> None:
    known = () if kafka is None else ends(kafka)
    end_of = {(topic, partition): end for topic, partition, end in known}

    def behind(row: Coverage) -> int | None:
        end = end_of.get((row.topic, row.partition))
        return None if end is None else max(0, end - row.covered_until)

    found, cut = _COVERAGE.bound((row, behind(row)) for row in coverage)
    page.put(m.SERIES_CUT, cut, ("coverage",))
    for place, (row, missing) in found.items():
        page.put(m.LEDGER_COVERED, row.covered_until, place)
        page.put(m.LEDGER_BEHIND, missing, place)
        page.put(m.LEDGER_UNCOUNTED, row.uncounted, place)
