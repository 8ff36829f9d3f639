"""What an alarm is: a condition that a rule found, kept until somebody acknowledged it."""

from typing import Literal, NamedTuple

Severity = Literal["warning", "critical"]


class Rule(NamedTuple):
    """A kind of alarm. ``name`` is also that of the Prometheus alert; ``remedy``: what whoever is on duty does now;
    ``behind``: the command or query that shows what is behind it."""

    name: str
    severity: Severity
    title_en: str
    title_zh: str
    remedy_en: str
    remedy_zh: str
    behind: str


class Condition(NamedTuple):
    """What a rule finds wrong in a snapshot, in words. ``subject``: a partition, a part, a device ..."""

    rule: str
    subject: str
    detail_en: str
    detail_zh: str


class Alarm(NamedTuple):
    """A condition on record. ``identity``: rule, subject and the time at which it was raised.

    It stays until it was acknowledged and its condition has ended (``cleared_at``), in whichever order. ``level``: how
    far it was escalated, 0 the first of the on-call roster. Times are UTC milliseconds.
    """

    identity: str
    rule: str
    subject: str
    severity: Severity
    detail_en: str
    detail_zh: str
    raised_at: int
    cleared_at: int | None
    acknowledged_at: int | None
    acknowledged_by: str | None
    level: int

    @property
    def is_open(self) -> bool:
        return self.cleared_at is None or self.acknowledged_at is None
