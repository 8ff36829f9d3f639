"""Rules about who tells us: sources that do not answer, and the audit."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from infra.alarms.alarm import Condition
from infra.alarms.conditions.judgement import SECTIONS, START_SECONDS, Judgement, Look, Section, Unsure
from infra.alarms.words import lasting, some

# One refused call is not silence: a source is asked again at once.
SILENT_SECONDS = 4.0
# How old the words of a source may be that does not fail.
OLDEST_SECONDS: Mapping[Section, float] = MappingProxyType(
    {"kafka": 30.0, "parts": 30.0, "workers": 30.0, "store": 60.0, "audit": 3600.0, "forecast": 900.0}
)
AUDIT_ROUNDS = 3
AUDIT_SECONDS = 900.0


def source_silent(look: Look) -> Iterator[Judgement]:
    """A source that fails, was never heard of, or whose words are old."""
    at = look.snapshot.at
    for name in SECTIONS:
        reading = look.reading(name)
        age = None if reading.taken_at is None else (at - reading.taken_at) / 1000
        silent = look.memory.seconds("silent", name, at)
        if age is None:
            # A first round of the audit may take long; one that fails says so.
            wrong = look.watched_seconds >= (
                START_SECONDS if reading.failure is not None else OLDEST_SECONDS[name] + START_SECONDS
            )
        else:
            wrong = age > OLDEST_SECONDS[name] or (reading.failure is not None and silent >= SILENT_SECONDS)
        if wrong:
            why = reading.failure or "no new answer"
            heard = f"last heard {lasting(age)} ago" if age is not None else "never heard of"
            heard_zh = f"{lasting(age)}前最后应答" if age is not None else "从未应答"
            yield Condition(
                "SourceSilent", name, f"{name} does not answer ({heard}): {why}", f"{name} 无应答（{heard_zh}）：{why}"
            )


def audit_difference(look: Look) -> Iterator[Judgement]:
    """What the last round of the audit found different, and rows that were written and cannot be read back."""
    audit, store = look.snapshot.audit.known, look.snapshot.store.known
    if store is not None and store.not_read_back:
        yield Condition(
            "AuditDifference",
            "read-back",
            f"{store.not_read_back} rows written lately stand in the ledger and are not in the tables",
            f"近期写入的 {store.not_read_back} 行在台账中而不在表中",
        )
    if audit is None:
        yield Unsure("AuditDifference")
        return
    if store is None:
        yield Unsure("AuditDifference", "read-back")
    for check, number in audit.differences.items():
        if number:
            where = some(audit.places, 3)
            yield Condition(
                "AuditDifference",
                check,
                f"{number} differences by check {check}" + (f": {where}" if where else ""),
                f"稽核项 {check} 有 {number} 处不符" + (f"：{where}" if where else ""),
            )


def audit_stands_still(look: Look) -> Iterator[Judgement]:
    """No round ended for several times as long as one takes at its share of the processor, and a quarter of an hour."""
    audit = look.audit
    since = (look.snapshot.at - audit.finished_at) / 1000
    if since > max(AUDIT_SECONDS, AUDIT_ROUNDS * audit.seconds / look.settings.audit_share):
        yield Condition(
            "AuditStandsStill",
            "audit",
            f"the last round of the audit ended {lasting(since)} ago; it took {lasting(audit.seconds)}",
            f"上一轮稽核已结束 {lasting(since)}，当时用时 {lasting(audit.seconds)}",
        )
