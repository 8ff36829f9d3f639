"""A clock: what somebody must do by when, and what is proven of it."""

from typing import NamedTuple


class Clock(NamedTuple):
    """The whole state of a clock, from event times and reference data alone (UTC milliseconds).

    ``duty``: class or duty as the policy names it. ``about``: the lead, task, matter, slot or order. ``before_due``:
    done at ``due_at`` is too late, for midnight belongs to the next day; a deadline of hours is met at its last
    millisecond. ``implied``: a schedule asks for it, and nothing is told of it before it is missing.
    """

    duty: str
    about: str
    opened_at: int
    due_at: int
    done_at: int | None
    withdrawn_at: int | None
    before_due: bool
    subject: str = "PERSON"
    implied: bool = False

    def in_time(self, at: int | None) -> bool:
        """Whether something that happened at a time was in time."""
        if at is None:
            return False
        return at < self.due_at or (at == self.due_at and not self.before_due)

    def outcome(self, now: int) -> str:
        """What is proven as of a time."""
        if self.in_time(self.done_at):
            return "MET"
        if self.in_time(self.withdrawn_at):
            return "WITHDRAWN"
        if self.done_at is not None:
            return "LATE"
        return "BREACHED" if now >= self.due_at else "OPEN"

    def is_breached(self, now: int) -> bool:
        """Whether an announced breach must stand."""
        return self.outcome(now) in ("LATE", "BREACHED") and now >= self.due_at


Clocks = dict[str, list[Clock]]
"""{clock id: clocks}, of which any may be right: more than one where the design does not say which opening counts."""
