"""A whole home on the wall clock, kept busy, with short patience, for faults to strike."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from unittest.mock import patch

import psutil

from infra.edge.publisher import Publisher
from infra.embedded.parts import parts
from infra.embedded.supervisor import Supervisor
from infra.home import Home
from infra.settings import read_settings
from schemas import codes, events
from tests.support.steady_flow import token_of

SITE = "motorway-exit-7"
GATE = "gate-7"
"""The device of the checkpoint that goes silent."""

OTHER_GATE = "gate-8"
SILENCE_SECONDS = 15.0
ENVIRONMENT = {"CHECKLINE_OPERATIONS_SILENCE_SECONDS": str(SILENCE_SECONDS), "CHECKLINE_PARTITIONS": "4"}
DAY_MS = 24 * 3600 * 1000
FIRST_OF_THE_HERD = 1_000_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Installation(NamedTuple):
    """A running home and what feeds it."""

    home: Home
    supervisor: Supervisor
    devices: "Devices"

    @property
    def address(self) -> str:
        """Of the page and the scrape."""
        return self.home.operations_address

    def process(self, part: str) -> psutil.Process:
        """The process of a part that runs."""
        pids = {one.name: one.pid for one in self.supervisor.status()}
        pid = pids[part]
        assert pid is not None, f"{part} does not run"
        return psutil.Process(pid)

    def is_ready(self, part: str) -> bool:
        return any(one.name == part and one.state == "ready" for one in self.supervisor.status())


@contextmanager
def installation(directory: Path) -> Iterator[Installation]:
    """Runs while entered; its devices publish a few events each second."""
    with patch.dict(os.environ, ENVIRONMENT):  # the parts are processes of their own and read it
        home = Home.open(read_settings(home=directory, clock="wall"))
        with (
            home.locked(),
            Supervisor(parts(home), home.logs, status_file=home.parts_file) as supervisor,
            Devices(home) as devices,
        ):
            yield Installation(home, supervisor, devices)


class Devices:
    """Publishes passages of two checkpoints and readings of fever, twice a second, while it is entered."""

    def __init__(self, home: Home) -> None:
        self._publisher = Publisher(home.kafka_bootstrap, linger_ms=0)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="devices", daemon=True)
        self._sequences: dict[str, int] = {}
        self._failures: list[BaseException] = []
        self.silent: set[str] = set()
        """Devices that publish no more."""

    def __enter__(self) -> Self:
        sites = [
            events.Unit(
                **self._stamp("desk"), entity_id="unit-1", name_en="First team", division="370202", valid_from=0
            ),
            events.Site(
                **self._stamp("desk"),
                entity_id=SITE,
                name_en="Motorway exit 7",
                site_kind=codes.SiteKind.MOTORWAY,
                division="370202",
                valid_from=0,
            ),
            *(
                events.Device(**self._stamp("desk"), entity_id=gate, parent=SITE, valid_from=0)
                for gate in (GATE, OTHER_GATE)
            ),
        ]
        self.publish(*sites)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._publisher.close()

    def publish(self, *wanted: events.Event) -> None:
        """Returns when all are acknowledged."""
        with self._lock:
            for event in wanted:
                self._publisher.publish(event)
            self._publisher.flush()

    def publish_raw(self, topic: str, key: bytes, values: list[bytes]) -> None:
        """Bytes that no device of ours would send."""
        with self._lock:
            for value in values:
                self._publisher.publish_encoded(topic, key, value)
            self._publisher.flush()

    def leads_due(self, count: int, due_at: int, first: int = 0) -> None:
        """Leads whose 24 hours end at a moment, each of another person, numbered from ``first``."""
        self.publish(
            *(
                events.LeadOpened(
                    **self._stamp("leads-desk"),
                    token=token_of(FIRST_OF_THE_HERD + number),
                    lead_id=f"lead-{due_at}-{number}",
                    lead_source=codes.LeadSource.BIG_DATA,
                    push_mode=codes.PushMode.BATCH,
                    home_province=True,
                    received_at=due_at - DAY_MS,
                )
                for number in range(first, first + count)
            )
        )

    def _stamp(self, source: str) -> dict[str, Any]:
        self._sequences[source] = self._sequences.get(source, now_ms() * 1000) + 1
        now = now_ms()
        return {
            "source": source,
            "sequence": self._sequences[source],
            "occurred_at": now,
            "sent_at": now,
            "zone_offset_minutes": 480,
        }

    def _run(self) -> None:
        number = 0
        while not self._stop.wait(0.5):
            number += 1
            try:
                self.publish(*self._round(number))
            except Exception as error:  # a broker that was killed: the publisher is asked again
                self._failures.append(error)

    def _round(self, number: int) -> list[events.Event]:
        found: list[events.Event] = []
        for gate in {GATE, OTHER_GATE} - self.silent:
            found.append(
                events.Passage(
                    **self._stamp(gate),
                    token=token_of(number % 200),
                    site=SITE,
                    site_kind=codes.SiteKind.MOTORWAY,
                    direction=codes.Direction.ENTERING,
                    subject_kind=codes.SubjectKind.PERSON,
                    lane="1" if gate == GATE else "2",
                )
            )
            found += [
                events.Reading(
                    **self._stamp(gate),
                    token=token_of(number * 8 % 200 + one),
                    value_tenths=391,
                    method=codes.ThermometryMethod.AXILLARY,
                )
                for one in range(8)
            ]
        return found
