"""Rules about the processes of this installation: parts as the supervisor sees them, workers as they see themselves."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from infra.alarms.alarm import Condition
from infra.alarms.conditions.judgement import Judgement, Look, Unsure
from infra.alarms.words import lasting
from infra.embedded.catch_up import SINK_GROUP
from infra.lag.snapshot import PartState
from streams.worker.names import TABLES, app_id

# Deaths of a part within the time that counts as lately from which it is an alarm of its own.
DEATHS = 3
# How long a part that was started again counts as down: it may be ready again before anybody looked.
SHOWN_SECONDS = 5.0
# The share of the patience with a partition that a worker gets which does not answer: to ask it takes time, too.
UNANSWERED_SHARE = 0.5
# After its first start, a part gets so long to join its group and to read what was there before it.
JOINING_SECONDS = 30.0
# Workers open their store before they tell of progress.
RECOVERY_PATIENCE = 3

_OWN_PART = "operations"  # who looks here does run


def worker_down(look: Look) -> Iterator[Judgement]:
    """A worker that the supervisor does not call ready, was started again just now, or runs without an answer."""
    yield from _down(look, "WorkerDown", _is_worker)
    if look.snapshot.workers.known is None:
        yield from (Unsure("WorkerDown", part.name) for part in look.parts if _is_worker(part))
        return
    now = look.snapshot.at
    for (about, name), held in look.memory.held.items():
        if about == "unanswered" and (now - held.at) / 1000 >= UNANSWERED_SHARE * look.settings.stuck_seconds:
            since = lasting((now - held.at) / 1000)
            yield Condition(
                "WorkerDown", name, f"{name} runs and has not answered for {since}", f"{name} 在运行但已 {since} 无应答"
            )


def sink_down(look: Look) -> Iterator[Judgement]:
    """The sink, likewise."""
    yield from _down(look, "SinkDown", _is_sink)


def part_down(look: Look) -> Iterator[Judgement]:
    """Any other part, likewise."""
    yield from _down(
        look, "PartDown", lambda part: not _is_worker(part) and not _is_sink(part) and part.name != _OWN_PART
    )


def part_restarting(look: Look) -> Iterator[Judgement]:
    """A part that ended several times lately."""
    parts = look.parts
    for part in parts:
        times = len(look.memory.deaths.get(part.name, ()))
        if times >= DEATHS:
            lately = lasting(look.settings.lately_seconds)
            yield Condition(
                "PartRestarting",
                part.name,
                f"{part.name} was started again {times} times in {lately}",
                f"{part.name} 在 {lately} 内重启 {times} 次",
            )


def ticks_late(look: Look) -> Iterator[Judgement]:
    """One announcement in a hundred, or more, comes later than it may, or one that waits does."""
    workers = look.workers
    for worker in workers:
        late = worker.tick_lateness.quantile(0.99) if worker.tick_lateness else None
        waits = worker.oldest_due_seconds or 0.0
        if not worker.recovering and max(late or 0.0, waits) > look.settings.tick_late_seconds:
            said = "?" if late is None else ">1 d" if late == float("inf") else lasting(late)
            yield Condition(
                "TicksLate",
                worker.part,
                f"{worker.part} announces deadlines late: 99 of 100 within {said}; {worker.due_waiting} wait, "
                f"the first for {lasting(waits)}",
                f"{worker.part} 提醒延迟：99% 在 {said} 内；{worker.due_waiting} 条待提醒，最早已 {lasting(waits)}",
            )


def recovery_stalled(look: Look) -> Iterator[Judgement]:
    """A worker that recovers, and does not get on."""
    workers = look.workers
    for worker in workers:
        still = look.memory.seconds("recovery", worker.part, look.snapshot.at)
        if worker.recovering and still >= RECOVERY_PATIENCE * look.settings.stuck_seconds:
            left = worker.recovery_remaining
            yield Condition(
                "RecoveryStalled",
                worker.part,
                f"{worker.part} has {left} records to recover and has not moved for {lasting(still)}",
                f"{worker.part} 尚有 {left} 条待恢复，已 {lasting(still)} 无进展",
            )


def first_starting(part: PartState) -> bool:
    """Whether a part is on its way to its first readiness, which is no fault."""
    return part.state in ("waiting", "starting") and part.restarts == 0


def just_started(part: PartState, now: int) -> bool:
    """Whether a part has been ready for the first time for moments only: it joins its group, and reads what waited."""
    ready_ms = now - datetime.fromisoformat(part.since).timestamp() * 1000
    return part.state == "ready" and part.restarts == 0 and ready_ms < JOINING_SECONDS * 1000


def parts_of_group(parts: Iterable[PartState], group: str) -> list[PartState]:
    """The parts whose processes are members of a group."""
    if group in SINK_GROUP:
        return [part for part in parts if _is_sink(part)]
    apps = [app for app in TABLES if app_id(app) == group]
    return [part for part in parts if any(part.name.startswith(f"worker-{app}") for app in apps)]


def recovering(look: Look, part: str) -> bool:
    """Whether a worker says that it recovers."""
    return any(worker.part == part and worker.recovering for worker in look.snapshot.workers.known or ())


def _is_worker(part: PartState) -> bool:
    return part.name.startswith("worker-")


def _is_sink(part: PartState) -> bool:
    return part.name == "sink" or part.name.startswith("sink-")


def _down(look: Look, rule: str, is_meant: Callable[[PartState], bool]) -> Iterator[Judgement]:
    parts = look.parts
    for part in filter(is_meant, parts):
        again = [at for at in look.memory.deaths.get(part.name, ()) if look.snapshot.at - at < SHOWN_SECONDS * 1000]
        if part.state == "ready" and again:
            said = f"{part.name} had ended and was started again ({part.restarts} times so far)"
            said_zh = f"{part.name} 曾退出，已重启（共 {part.restarts} 次）"
        elif part.state == "ready" or first_starting(part):
            continue
        else:
            said = f"{part.name} is {part.state} since {part.since}, after {part.restarts} restarts"
            said_zh = f"{part.name} 自 {part.since} 起状态为 {part.state}，已重启 {part.restarts} 次"
        yield Condition(rule, part.name, said, said_zh)
