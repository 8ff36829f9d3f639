"""What the audit says: one line a difference."""

from typing import NamedTuple


class Finding(NamedTuple):
    """A difference: what was compared, the table that is wrong, the positions of the log or the hour (UTC, '' where it
    is about none) that it concerns, what differs, and what to do. ``begin`` = ``end`` = 0: it has no position."""

    check: str
    table: str
    topic: str
    partition: int
    begin: int
    end: int
    hour: str
    detail: str
    action: str

    def __str__(self) -> str:
        where = f"{self.topic}/{self.partition}"
        if self.end > self.begin:
            where = f"{where} [{self.begin}, {self.end})"
        if self.hour:
            where = f"{where} {self.hour}"
        return f"{self.check}: {self.table}: {where}: {self.detail}. To do: {self.action}"
