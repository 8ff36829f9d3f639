"""Stand-ins for what the operations page needs of the rest, and the page served from them."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from argon2 import PasswordHasher

from infra.alarms.alarm import Alarm, Rule
from infra.alarms.rules import RULES
from infra.console.application import application
from infra.console.ports import OpenLetter, Refused
from infra.console.serving import serving
from infra.console.users import Users
from infra.lag.snapshot import Snapshot
from tests.support.snapshots import AT

USER, PASSWORD = "wang.li", "correct horse battery"
QUICK_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class GivenPipeline:
    """Says what it was given. ``stands``: whether its next looks wait until they may go on."""

    def __init__(self, found: Snapshot, letters: Sequence[OpenLetter] = ()) -> None:
        self.found = found
        self.letters = list(letters)
        self.looks = 0
        self.retried: list[tuple[str, str]] = []
        self.fails: Exception | None = None
        self.goes_on = threading.Event()
        self.goes_on.set()

    def snapshot(self) -> Snapshot:
        self.looks += 1
        self.goes_on.wait(10)
        if self.fails:
            raise self.fails
        return self.found

    def exposition(self) -> tuple[bytes, str]:
        return b"checkline_up 1\n", "text/plain; version=0.0.4; charset=utf-8"

    def open_letters(self, limit: int) -> Sequence[OpenLetter]:
        return self.letters[:limit]

    def retry_letter(self, position: str, by: str) -> str:
        if position not in [letter.position for letter in self.letters]:
            raise Refused(f"no record was refused at {position}")
        self.letters = [letter for letter in self.letters if letter.position != position]
        self.retried.append((position, by))
        return f"published again to {position}"


class GivenDesk:
    """Keeps alarms and notes in memory."""

    def __init__(self, found: Sequence[Alarm] = ()) -> None:
        self.found = list(found)
        self.notes: list[tuple[str, str]] = []
        self.fails: Exception | None = None

    def rules(self) -> Sequence[Rule]:
        return RULES

    def alarms(self) -> Sequence[Alarm]:
        if self.fails:
            raise self.fails
        return list(self.found)

    def acknowledge(self, identity: str, by: str) -> Alarm:
        for place, alarm in enumerate(self.found):
            if alarm.identity == identity:
                self.found[place] = alarm._replace(acknowledged_at=AT, acknowledged_by=by)
                self.notes.append((by, f"acknowledges {identity}"))
                return self.found[place]
        raise Refused(f"no alarm {identity} is open")

    def hand_over(self) -> str:
        return "# Hand-over\n\n" + "\n".join(f"- {alarm.rule} {alarm.subject}" for alarm in self.found)

    def note(self, by: str, what: str) -> None:
        self.notes.append((by, what))


def letters() -> list[OpenLetter]:
    """Three that wait; one is of a restricted topic."""
    return [
        OpenLetter("check-ins/2/118210", "UNDECODABLE", "site", "byte 14: no text follows", "gate-qd-020", AT, "open"),
        OpenLetter(
            "temperatures/5/9120", "OUT_OF_RANGE", "tenths", "tenths is 9999", "thermo-wh-003", AT - 9_000, "open"
        ),
        OpenLetter("urgent-care/1/77", "MISSING_FIELD", "kind", "kind of a need", "desk-kz-001", AT - 90_000, "open"),
    ]


def users(directory: Path) -> Users:
    """One user, whose password is hashed as quickly as may be."""
    found = Users(directory / "users.json", QUICK_HASHER)
    found.add(USER, PASSWORD)
    return found


@contextmanager
def page(
    pipeline: GivenPipeline, desk: GivenDesk, directory: Path, look_seconds: float = 0.2, port: int = 0
) -> Iterator[str]:
    """Serves the page from stand-ins; gives its address."""
    app = application(pipeline, desk, users(directory), look_seconds=look_seconds)
    with serving(app, "127.0.0.1", port) as address:
        yield address
