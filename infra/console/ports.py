"""What the page needs of the rest, as protocols: tests give it stand-ins, `infra.part_operations` the real ones."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from infra.alarms.alarm import Alarm, Rule
from infra.lag.snapshot import Snapshot


class Refused(Exception):
    """An action that cannot be done; the text says why and what to do, for whoever asked for it."""


class OpenLetter(NamedTuple):
    """A dead letter that waits for somebody, without its bytes."""

    position: str
    reason: str
    field: str | None
    detail: str
    source: str
    appended_at: int
    state: str


class Pipeline(Protocol):
    """Blocking calls: the page makes them in a thread."""

    def snapshot(self) -> Snapshot: ...

    def exposition(self) -> tuple[bytes, str]:
        """The scrape, and its content type."""

    def open_letters(self, limit: int) -> Sequence[OpenLetter]: ...

    def retry_letter(self, position: str, by: str) -> str:
        """Publishes the letter's bytes again; what came of it, in a sentence. Raises Refused."""


class AlarmDesk(Protocol):
    """Blocking calls, too."""

    def rules(self) -> Sequence[Rule]: ...

    def alarms(self) -> Sequence[Alarm]:
        """All that are open, the worst first."""

    def acknowledge(self, identity: str, by: str) -> Alarm:
        """Takes an alarm on; on record. Raises Refused: no such alarm is open."""

    def hand_over(self) -> str:
        """The hand-over log from what is open now, as Markdown."""

    def note(self, by: str, what: str) -> None:
        """Puts an action on record."""
