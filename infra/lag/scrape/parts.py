"""The parts of an installation, and what its workers say of themselves."""

from collections.abc import Sequence
from typing import get_args

from infra.embedded.supervisor import State
from infra.lag import metrics as m
from infra.lag.scrape.bounded_rows import Section
from infra.lag.scrape.merging import largest, the_sum, together, whole
from infra.lag.scrape.text_format import Exposition
from infra.lag.snapshot import PartState, WorkerState

PART_STATES: tuple[str, ...] = get_args(State)

_PARTS: Section[PartState] = Section(
    lambda row: (row.name,),
    lambda rows: rows[0]._replace(
        state=rows[0].state if len({row.state for row in rows}) == 1 else "waiting",
        restarts=sum(row.restarts for row in rows),
        resident_bytes=whole(the_sum(row.resident_bytes for row in rows)),
        cpu_seconds=the_sum(row.cpu_seconds for row in rows),
    ),
    m.PARTS,
)
_WORKERS: Section[WorkerState] = Section(
    lambda row: (row.part,),
    lambda rows: rows[0]._replace(
        recovering=any(row.recovering for row in rows),
        recovery_seconds=largest(row.recovery_seconds for row in rows),
        recovery_remaining=sum(row.recovery_remaining for row in rows),
        watermarks={},
        due_waiting=sum(row.due_waiting for row in rows),
        tick_lateness=together(row.tick_lateness for row in rows),
        store_bytes=whole(the_sum(row.store_bytes for row in rows)),
        resident_bytes=whole(the_sum(row.resident_bytes for row in rows)),
        rebalances=sum(row.rebalances for row in rows),
        tick_lateness_so_far=together(row.tick_lateness_so_far for row in rows),
        oldest_due_seconds=largest(row.oldest_due_seconds for row in rows),
    ),
    m.PARTS,
)
_WATERMARKS: Section[tuple[str, int, int]] = Section(
    lambda row: row[:2], lambda rows: min(rows, key=lambda row: row[2]), m.PARTITIONS, rank=lambda row: -row[2], fold=1
)


def put_parts(page: Exposition, parts: Sequence[PartState]) -> None:
    found, cut = _PARTS.bound(parts)
    page.put(m.SERIES_CUT, cut, ("parts",))
    for place, part in found.items():
        page.put(m.PART_UP, int(part.state == "ready"), place)
        for state in PART_STATES:
            page.put(m.PART_STATE, int(state == part.state), (*place, state))
        page.put(m.PART_RESTARTS, part.restarts, place)
        page.put(m.PART_MEMORY, part.resident_bytes, place)
        page.put(m.PART_CPU, part.cpu_seconds, place)


def put_workers(page: Exposition, workers: Sequence[WorkerState], now: int) -> None:
    found, cut = _WORKERS.bound(workers)
    page.put(m.SERIES_CUT, cut, ("workers",))
    for place, worker in found.items():
        page.put(m.WORKER_RECOVERING, int(worker.recovering), place)
        page.put(m.WORKER_RECOVERY_SECONDS, worker.recovery_seconds, place)
        page.put(m.WORKER_RECOVERY_REMAINING, worker.recovery_remaining, place)
        page.put(m.DUE_WAITING, worker.due_waiting, place)
        page.put(m.OLDEST_DUE, worker.oldest_due_seconds, place)
        page.put_histogram(m.TICK_LATENESS, worker.tick_lateness_so_far, place)
        page.put_summary(m.TICK_LATENESS_LATELY, worker.tick_lateness, place)
        page.put(m.WORKER_STORE, worker.store_bytes, place)
        page.put(m.WORKER_MEMORY, worker.resident_bytes, place)
        page.put(m.WORKER_REBALANCES, worker.rebalances, place)
    marks = [(worker.part, number, at) for worker in workers for number, at in worker.watermarks.items()]
    watermarks, cut = _WATERMARKS.bound(marks)
    page.put(m.SERIES_CUT, cut, ("watermarks",))
    for place, (_, _, at) in watermarks.items():
        page.put(m.WATERMARK_LAG, max(0, now - at) / 1000, place)
