"""What a shift hands on of a snapshot: numbers with their names, which can be kept and read when nothing runs."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from infra.alarms.words import lasting, some
from infra.dead_letters.event_forms import time_text
from infra.lag.snapshot import Snapshot, StoreState

UNKNOWN = "unknown 未知"
_SHORT = 12
_SECTIONS = ("kafka", "parts", "workers", "store", "audit", "forecast")


class Line(NamedTuple):
    """One thing that is as it is; ``value`` in words."""

    name_en: str
    name_zh: str
    value: str


class Standing(NamedTuple):
    """How things stood. ``at``: the machine's time, ``now``: that of the home's clock; UTC ms."""

    at: int
    now: int
    lines: tuple[Line, ...]


def standing(snapshot: Snapshot) -> Standing:
    """What the next shift must know. What is not known is said to be unknown, with the age of its last words."""
    return Standing(snapshot.at, snapshot.now, tuple(_lines(snapshot)))


def as_document(found: Standing) -> dict[str, object]:
    """It, as JSON can hold it."""
    return {"at": found.at, "now": found.now, "lines": [list(line) for line in found.lines]}


def from_document(document: dict[str, object]) -> Standing:
    """What `as_document` made."""
    at, now, lines = document["at"], document["now"], document["lines"]
    assert isinstance(at, int)
    assert isinstance(now, int)
    assert isinstance(lines, list)
    return Standing(at, now, tuple(Line(*line) for line in lines))


def _lines(snapshot: Snapshot) -> Iterator[Line]:
    store = snapshot.store.known
    if store is None:
        for name_en, name_zh in _OF_STORE:
            yield Line(name_en, name_zh, UNKNOWN)
    else:
        yield from _of_store(store)
    yield _lag(snapshot)
    yield _audit(snapshot)
    yield _forecast(snapshot)
    silent = [name for name in _SECTIONS if getattr(snapshot, name).known is None]
    if silent:
        ages = (f"{name}: {_age(snapshot, name)}" for name in silent)
        yield Line("Sources that do not answer", "无应答的来源", "; ".join(ages))


_OF_STORE = (
    ("Overdue", "超期"),
    ("Due within the hour", "一小时内到期"),
    ("Overdue releases", "超期未解除"),
    ("Missing reports", "应报未报"),
    ("Dead letters that wait", "待处理死信"),
)


def _of_store(store: StoreState) -> Iterator[Line]:
    overdue, due_soon, releases, missing, letters = _OF_STORE
    work = [one for one in store.clocks if not one.releases]
    held = [one for one in store.clocks if one.releases]
    yield Line(*overdue, _counted((one.duty, one.district, one.overdue) for one in work))
    yield Line(*due_soon, _counted((one.duty, one.district, one.due_soon) for one in work))
    yield Line(*releases, _counted((one.duty, one.district, one.overdue) for one in held))
    reports: dict[tuple[str, str | None], int] = defaultdict(int)
    for report in store.missing:
        reports["/".join(filter(None, (report.schedule, report.indicator))), report.district] += 1
    yield Line(*missing, _counted((what, district, number) for (what, district), number in reports.items()))
    yield Line(*letters, _counted((one.topic, one.reason, one.open) for one in store.dead_letters))


def _lag(snapshot: Snapshot) -> Line:
    kafka = snapshot.kafka.known
    name = "Lag", "积压"
    if kafka is None:
        return Line(*name, UNKNOWN)
    groups: dict[str, list[tuple[int, float | None]]] = defaultdict(list)
    for one in kafka.partitions:
        groups[one.group].append((one.lag, one.lag_seconds))
    said = []
    for group, lags in sorted(groups.items()):
        if events := sum(lag for lag, _ in lags):
            known = [seconds for _, seconds in lags if seconds is not None]
            age = lasting(max(known)) if len(known) == len(lags) else "?"
            said.append(f"{group} {events} ({age})")
    return Line(*name, "; ".join(said) or "0")


def _audit(snapshot: Snapshot) -> Line:
    audit = snapshot.audit.known
    name = "Audit", "稽核"
    if audit is None:
        return Line(*name, UNKNOWN)
    number = sum(audit.differences.values())
    where = f": {some(audit.places, 3)}" if audit.places and number else ""
    return Line(*name, f"{number} differences 处不符{where} ({time_text(audit.finished_at)})")


def _forecast(snapshot: Snapshot) -> Line:
    forecasts = snapshot.forecast.known
    name = "Will be missed at the present pace", "按现进度将超期"
    if forecasts is None:
        return Line(*name, UNKNOWN)
    said = [
        f"{one.duty} {one.district or '?'} {one.will_miss:.0f} ({one.low:.0f}-{one.high:.0f}) / {one.due}"
        for one in sorted(forecasts, key=lambda one: -one.will_miss)
        if one.will_miss >= 0.5
    ]
    return Line(*name, some(said, _SHORT) or "0")


def _counted(numbers: Iterable[tuple[str, str | None, int]]) -> str:
    found = sorted(((-number, what, where or "?") for what, where, number in numbers if number))
    total = -sum(number for number, _, _ in found)
    if not found:
        return "0"
    return f"{total}: " + some((f"{what} {where} {-number}" for number, what, where in found), _SHORT)


def _age(snapshot: Snapshot, name: str) -> str:
    reading = getattr(snapshot, name)
    if reading.taken_at is None:
        return "never heard of 从未应答"
    return f"{lasting((snapshot.at - reading.taken_at) / 1000)} ({reading.failure})"
