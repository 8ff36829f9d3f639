"""What rules need of earlier looks: since when something has been as it is."""

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from infra.embedded.catch_up import SINK_GROUP
from infra.lag.snapshot import PartState, Snapshot, StoreState, WorkerState
from infra.settings import OperationsSettings

About = Literal["silent", "restarts", "unanswered", "recovery", "covered", "uncounted", "conflicts", "unheard"]


class Held(NamedTuple):
    """A value and since when it has been so (machine's UTC ms); ``before``: the one it replaced, None at first."""

    value: int
    at: int
    before: int | None = None


class Answered(NamedTuple):
    """An answer about the ledger: when it was asked, and up to where each partition was read when it was first seen
    (``taken_at``: as of when). The next answer must know of all that."""

    asked_at: int
    taken_at: int
    committed: Mapping[str, int]


class Memory(NamedTuple):
    """``begun``: the first look. ``held``: by what it is about and whose it is. ``deaths``: when each part was started
    again, lately. ``ledger``: its newest answer, and ``ledger_before``: the one before. Each look makes a new one."""

    begun: int | None = None
    held: Mapping[tuple[About, str], Held] = {}
    deaths: Mapping[str, tuple[int, ...]] = {}
    ledger: Answered | None = None
    ledger_before: Answered | None = None

    def seconds(self, about: About, name: str, now: int) -> float:
        """How long a value has stood still; 0 where there is none."""
        found = self.held.get((about, name))
        return 0.0 if found is None else (now - found.at) / 1000


def remember(memory: Memory, snapshot: Snapshot, settings: OperationsSettings) -> Memory:
    """The memory after a look. What a silent source said stays as it was."""
    at, asked = snapshot.at, asked_at(snapshot, "coverage")
    parts, workers, store = snapshot.parts.known, snapshot.workers.known, snapshot.store.known
    said: dict[About, dict[str, int]] = {"silent": dict(_silent(snapshot))}
    if parts is not None:
        said["restarts"] = {part.name: part.restarts for part in parts}
    if parts is not None and workers is not None:
        said["unanswered"] = dict(_unanswered(parts, workers))
    if workers is not None:
        said["recovery"] = {worker.part: worker.recovery_remaining for worker in workers if worker.recovering}
    if store is not None:
        said |= _of_store(store)
    held = {key: value for key, value in memory.held.items() if key[0] not in said}
    for about, values in said.items():
        for name, value in values.items():
            when = asked if about in ("covered", "uncounted") else at
            held[about, name] = _held(memory.held.get((about, name)), value, when, growing=about == "uncounted")
    ledger, before = memory.ledger, memory.ledger_before
    if store is not None and (ledger is None or ledger.asked_at != asked_at(snapshot, "coverage")):
        ledger, before = _answered(snapshot), ledger
    since = at - settings.lately_seconds * 1000
    deaths = {name: tuple(one for one in times if one > since) for name, times in memory.deaths.items()}
    for (about, name), now in held.items():
        if about == "restarts" and now.at == at and now.before is not None and now.value > now.before:
            deaths[name] = (*deaths.get(name, ()), *[at] * (now.value - now.before))
    return Memory(at if memory.begun is None else memory.begun, held, deaths, ledger, before)


def place(topic: str, partition: int) -> str:
    """A partition by its name."""
    return f"{topic}/{partition}"


def asked_at(snapshot: Snapshot, question: str) -> int:
    """When the tables last answered a question; with the whole section, where its name is not given."""
    times = dict(snapshot.store.value.asked_at) if snapshot.store.value is not None else {}
    return times.get(question, snapshot.store.taken_at or 0)


def _answered(snapshot: Snapshot) -> Answered | None:
    kafka = snapshot.kafka.known
    if kafka is None or snapshot.kafka.taken_at is None:
        return None
    committed = {
        place(one.topic, one.partition): one.committed
        for one in kafka.partitions
        if one.group in SINK_GROUP and one.committed is not None
    }
    return Answered(asked_at(snapshot, "coverage"), snapshot.kafka.taken_at, committed)


def _held(last: Held | None, value: int, at: int, *, growing: bool) -> Held:
    if last is None:
        return Held(value, at)
    if growing:  # since it has not fallen; `before` is what it was then
        fell = value < last.value or value == 0
        return (
            Held(value, at, value) if fell else Held(value, last.at, last.value if last.before is None else last.before)
        )
    return last if value == last.value else Held(value, at, last.value)


def _silent(snapshot: Snapshot) -> Iterator[tuple[str, int]]:
    for name in ("kafka", "parts", "workers", "store", "audit", "forecast"):
        if getattr(snapshot, name).known is None:
            yield name, 1


def _unanswered(parts: tuple[PartState, ...], workers: tuple[WorkerState, ...]) -> Iterator[tuple[str, int]]:
    """Workers that run and do not say how they are."""
    heard = {worker.part for worker in workers}
    for part in parts:
        if part.name.startswith("worker-") and part.state == "ready" and part.name not in heard:
            yield part.name, 1


def _of_store(store: StoreState) -> dict[About, dict[str, int]]:
    return {
        "covered": {place(one.topic, one.partition): one.covered_until for one in store.coverage},
        "uncounted": {place(one.topic, one.partition): one.uncounted for one in store.coverage},
        "conflicts": {one.topic: one.conflicts for one in store.topics},
        "unheard": {one.device: 1 for one in store.devices if one.expected and one.silent_seconds is None},
    }
