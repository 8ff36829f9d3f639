"""The desk: looks at snapshots, keeps alarms, has them delivered and escalated, writes the hand-over.

`look` is called every second and only thinks; the journal is written when something happened. A thread of the desk's
own delivers, another asks for the roster: neither a slow desk nor a dead column store delays an alarm.
"""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.alarms import handover, roster
from infra.alarms.alarm import Alarm, Condition, Rule
from infra.alarms.conditions import judge
from infra.alarms.conditions.memory import About, Held, Memory
from infra.alarms.delivery import Courier
from infra.alarms.journal import Journal, JournalFailed
from infra.alarms.lifecycle import Sightings, escalations, step_on
from infra.alarms.outbox import Delivery, due
from infra.alarms.places import Places, shift_of
from infra.alarms.roster import Entry
from infra.alarms.rules import RULES
from infra.alarms.standing import as_document, standing
from infra.alarms.steps import Kind, Record, Records, Step, apply, open_alarms
from infra.console.ports import Refused
from infra.home import Home, write_whole
from infra.lag.snapshot import Snapshot
from infra.settings import OperationsSettings

log = logging.getLogger(__name__)

DELIVERY_SECONDS = 0.5
ROSTER_SECONDS = 15.0
STANDING_MS = 10_000
STOP_SECONDS = 10.0

RosterRows = Callable[[], Sequence[Entry]]


class AlarmDesk:
    """Entered, it delivers; `look` and all else work as well without. May be shared by threads.

    ``rows``: the roster's entries, asked now and then in a thread; what it raises leaves the last known roster in
    force. ``machine``: the machine's clock, UTC ms.
    """

    def __init__(
        self,
        directory: Path,
        settings: OperationsSettings,
        rows: RosterRows,
        courier: Courier,
        machine: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._places = Places(directory)
        self._settings = settings
        self._rows = rows
        self._courier = courier
        self._machine = machine
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._more = threading.Event()
        self._threads = [
            threading.Thread(target=self._deliver_until_stopped, name="alarm-delivery", daemon=True),
            threading.Thread(target=self._ask_until_stopped, name="alarm-roster", daemon=True),
        ]
        self._journal = Journal(self._places.journal)
        self._records: dict[str, Record] = {}
        self._on_disk: dict[str, Record] = {}
        self._not_read_back: list[Step] = []
        self._read_to = 0
        self._opened = 0
        self._sightings = Sightings()
        self._entries = self._last_known_roster()
        self._levels: list[list[str]] | None = None
        self._home_now: int | None = None
        last, conflicts = self._places.last_standing()
        self._standing = last
        held: dict[tuple[About, str], Held] = {("conflicts", topic): Held(seen, 0) for topic, seen in conflicts.items()}
        self._memory = Memory(held=held)
        self._kept_at = 0
        self._unreadable: str | None = None
        self._read_journal()

    @classmethod
    def of_home(cls, home: Home) -> "AlarmDesk":
        """The desk of a home, with its roster from the column store."""
        from infra.alarms.roster_table import roster_entries
        from infra.column_store import reader_address
        from sinks.clickhouse import ClickHouse

        def rows() -> Sequence[Entry]:
            with ClickHouse(reader_address(home), "checkline-roster") as client:
                return roster_entries(client)

        settings = home.settings.operations
        return cls(home.operations_directory, settings, rows, Courier(settings, home.operations_address))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._more.set()
        deadline = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._journal.close()

    def rules(self) -> Sequence[Rule]:
        """Every kind of alarm."""
        return RULES

    def look(self, snapshot: Snapshot) -> None:
        """Takes in a snapshot: raises, clears, escalates. What the command line wrote in the meantime counts."""
        with self._lock:
            self._read_journal()
            self._home_now = snapshot.now
            self._standing = standing(snapshot)
            judgements, self._memory = judge(snapshot, self._memory, self._settings)
            if failure := self._journal.failure or self._unreadable:
                judgements.append(_journal_fails(failure))
            on_duty = roster.duty(self._entries, self._settings.contacts, snapshot.now)
            steps, self._sightings = step_on(self._records, judgements, self._sightings, snapshot, on_duty)
            self._record(steps)
            escalation_ms = self._settings.escalation_seconds * 1000
            self._record(escalations(self._records, on_duty, snapshot.at, escalation_ms))
            self._look_at_shift(snapshot)
            self._keep_standing(snapshot.at)
            if self._journal.waiting:
                self._journal.append(())
                self._read_journal()
            self._more.set()

    def alarms(self) -> Sequence[Alarm]:
        """All that are open, the worst first."""
        with self._lock:
            return open_alarms(self._records)

    def acknowledge(self, identity: str, by: str) -> Alarm:
        """Takes an alarm on; on record. Who has it already keeps it. Raises Refused: no such alarm is open."""
        with self._lock:
            self._read_journal()
            record = self._records.get(identity)
            if record is None or not record.alarm.is_open:
                raise Refused(f"no alarm {identity} is open; checkline alarms list names those that are")
            if record.alarm.acknowledged_at is not None:
                return record.alarm
            step = Step(self._machine(), Kind.ACKNOWLEDGED, identity, by)
            taken = {identity: record}
            apply(taken, [step])
            self._record([step])
            return taken[identity].alarm

    def note(self, by: str, what: str) -> None:
        """Puts an action on record."""
        with self._lock:
            self._record([Step(self._machine(), Kind.ACTION, by=by, detail={"what": what})])

    def hand_over(self, by: str | None = None, since: int | None = None) -> str:
        """The hand-over log from what is open now, as Markdown; on record where ``by`` says who hands over."""
        with self._lock:
            self._read_journal()
            shift = shift_of(self._places, self._journal, self._records, self._entries, self._machine(), since, by)
            shift = shift._replace(now=self._home_now or shift.now, standing=self._standing)
            text = handover.as_markdown(shift)
            if by is not None:
                self._record([Step(shift.at, Kind.HANDED_OVER, by=by, detail={"text": text})])
            return text

    async def deliver(self) -> None:
        """Makes the deliveries that are owed now. What came of each is on record when this returns."""
        await self._courier.deliver(self._owed(), self._on_record)

    def ask_roster(self) -> None:
        """Takes in the roster, and keeps it for when it cannot be asked. Raises whatever the source raises, OSError."""
        entries = list(self._rows())
        with self._lock:
            news = set(entries) != set(self._entries) or not self._places.roster.exists()
            self._entries = entries
        if news:
            roster.keep(self._places.roster, entries)

    def _owed(self) -> list[Delivery]:
        with self._lock:
            return due(self._records, self._settings.contacts, self._machine())

    def _deliver_until_stopped(self) -> None:
        while not self._stop.is_set():
            self._more.wait(DELIVERY_SECONDS)
            self._more.clear()
            try:
                if self._owed():
                    asyncio.run(self.deliver())
            except Exception:  # the next round tries again; alarms must go on being delivered
                log.exception("a round of deliveries failed")

    def _ask_until_stopped(self) -> None:
        failing = False
        while not self._stop.is_set():
            try:
                self.ask_roster()
                failing = False
            except Exception as error:  # the last known roster stays in force
                if not failing:
                    log.warning("the roster cannot be asked, the last known one is in force: %s", error)
                failing = True
            self._stop.wait(ROSTER_SECONDS)

    def _on_record(self, steps: Sequence[Step]) -> None:
        with self._lock:
            self._record(steps)

    def _record(self, steps: Iterable[Step]) -> None:
        """Steps count at once; on disk too, where it takes them."""
        steps = list(steps)
        for step in steps:
            if step.kind is Kind.RAISED:
                log.warning("ALARM %s: %s", step.alarm, step.detail["en"])
        if steps:
            self._not_read_back += steps
            self._journal.append(steps)
            self._read_journal()

    def _read_journal(self) -> None:
        """The records are those of the journal, which others write as well, and of our steps that are not in it yet."""
        try:
            steps = self._journal.read(self._read_to)
            if self._journal.opened != self._opened:  # the file may have been put aside, or back
                steps, self._on_disk, self._opened = self._journal.read(), {}, self._journal.opened
        except JournalFailed as error:
            if self._unreadable is None:
                log.error("%s; alarms go on in memory", error)
            self._unreadable = str(error)
        else:
            self._unreadable = None
            self._not_read_back = list(self._journal.waiting)
            if steps:
                apply(self._on_disk, steps)
                self._on_disk = _open(self._on_disk)
                self._read_to = steps[-1].number
        self._records = dict(self._on_disk)
        apply(self._records, self._not_read_back)
        self._records = _open(self._records)

    def _last_known_roster(self) -> list[Entry]:
        try:
            return roster.read_last_known(self._places.roster)
        except (OSError, ValueError, TypeError) as error:
            log.warning("%s cannot be read and is left aside: %s", self._places.roster, error)
            return []

    def _look_at_shift(self, snapshot: Snapshot) -> None:
        """At a change of shift the hand-over writes itself."""
        if not self._entries:
            return
        levels = roster.on_call(self._entries, snapshot.now)
        if self._levels is not None and levels != self._levels:
            self.hand_over("operations")
        self._levels = levels

    def _keep_standing(self, at: int) -> None:
        if self._standing is None or at - self._kept_at < STANDING_MS:
            return
        self._kept_at = at
        conflicts = {name: held.value for (about, name), held in self._memory.held.items() if about == "conflicts"}
        document = {"standing": as_document(self._standing), "conflicts": conflicts}
        try:
            self._places.directory.mkdir(parents=True, exist_ok=True)
            write_whole(self._places.standing, json.dumps(document, ensure_ascii=False) + "\n")
        except OSError as error:
            log.warning("%s cannot be written: %s", self._places.standing, error)


def _open(records: Records) -> dict[str, Record]:
    """What need be kept at hand: the journal has the others."""
    return {name: record for name, record in records.items() if record.alarm.is_open}


def _journal_fails(why: str) -> Condition:
    return Condition(
        "SourceSilent",
        "journal",
        f"the journal of alarms fails ({why}): acknowledge on the page, and free the disk",
        f"告警日志故障（{why}）：请在页面确认，并清理磁盘",
    )
