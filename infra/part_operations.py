"""The operations part: watches everything, raises and delivers alarms, serves the page and the scrape.

One process. Sources, alarms and page do not wait for one another; what any of them cannot know it says.
"""

import logging
import signal
import threading
import time
from collections.abc import Sequence

from infra.alarms.desk import AlarmDesk
from infra.column_store import reader_address
from infra.console.application import application
from infra.console.ports import OpenLetter, Refused
from infra.console.serving import serving
from infra.console.users import Users, users_file
from infra.dead_letters.letters import OPEN, Selection, find_letter, find_letters
from infra.dead_letters.positions import parse_position
from infra.dead_letters.retries import retries
from infra.embedded.readiness import announce_ready
from infra.errors import CannotRun
from infra.home import Home
from infra.lag.exporter import exposition
from infra.lag.snapshot import Snapshot
from infra.lag.sources import HomeTime, sources
from infra.lag.watcher import Watcher
from sinks.clickhouse import ClickHouse, StatementFailed

LOOK_SECONDS = 1.0
QUERY_SECONDS = 20.0

log = logging.getLogger(__name__)


def run(home: Home) -> None:
    """Watch until SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = home.settings.operations
    now = HomeTime(home.clock, lambda: time.time_ns() // 1_000_000)
    with (
        AlarmDesk.of_home(home) as desk,
        Watcher(sources(home, now), home.clock, now) as watcher,
        serving(
            application(WatchedPipeline(home, watcher, desk), desk, Users(users_file(home)), settings),
            settings.host,
            home.operations_port,
        ) as address,
    ):
        log.info("the operations page is at %s, the scrape at %s/metrics", address, address)
        announce_ready()
        while not stop.wait(LOOK_SECONDS):
            desk.look(watcher.snapshot())


class WatchedPipeline:
    """What the page asks of the pipeline."""

    def __init__(self, home: Home, watcher: Watcher, desk: AlarmDesk) -> None:
        self._home = home
        self._watcher = watcher
        self._desk = desk

    def snapshot(self) -> Snapshot:
        return self._watcher.snapshot()

    def exposition(self) -> tuple[bytes, str]:
        return exposition(self._watcher.snapshot(), self._desk.alarms(), self._home.settings.operations)

    def open_letters(self, limit: int) -> Sequence[OpenLetter]:
        with self._store() as client:
            return [
                OpenLetter(
                    str(letter.position),
                    letter.reason.name,
                    letter.field,
                    letter.detail,
                    letter.source,
                    letter.appended_at,
                    letter.state,
                )
                for letter in find_letters(client, Selection(states=(OPEN,)), limit)
            ]

    def retry_letter(self, position: str, by: str) -> str:
        try:
            with self._store() as client, retries(self._home, client) as doing:
                letter = find_letter(client, parse_position(position))
                if letter is None:
                    raise Refused(f"no record was refused at {position}")
                answer = doing.retry(letter, by)
        except (CannotRun, StatementFailed) as error:
            raise Refused(f"{position}: {error}") from error
        if answer.outcome == "refused":
            raise Refused(f"{position}: {answer.why}")
        return f"{position}: {answer.outcome}" + (f" as {answer.to}" if answer.to else f": {answer.why}")

    def _store(self) -> ClickHouse:
        return ClickHouse(reader_address(self._home), "checkline-operations-page", QUERY_SECONDS)
