"""Retrying letters of a home: what was asked, what speaks against it, and what became of it."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from infra.dead_letters.letters import Letter, stored_contents
from infra.dead_letters.records import RecordReader
from infra.dead_letters.retrying import AlreadyStored, Refused, Retrier, Surroundings, candidate, object_to
from infra.home import Home
from schemas.events import Event
from schemas.policy import default_policy
from sinks.clickhouse import ClickHouse


class Answer(NamedTuple):
    """What became of the retry of one letter."""

    position: str
    outcome: str
    to: str | None
    why: str | None


class Retries:
    """Retries letters of one home. Without ``retrier`` nothing is published."""

    def __init__(self, home: Home, client: ClickHouse, records: RecordReader, retrier: Retrier | None) -> None:
        self._home = home
        self._client = client
        self._records = records
        self._retrier = retrier

    def retry(self, letter: Letter, by: str, corrected: Event | None = None, *, force: bool = False) -> Answer:
        """Publishes a letter's record again, as it came or ``corrected``. Raises PublishFailed."""
        position = str(letter.position)
        raw = self._records.raw(letter)
        around = self._surroundings()
        found = candidate(letter, raw, corrected, around)
        if isinstance(found, Refused):
            return Answer(position, "refused", None, found.text)
        stored = stored_contents(self._client, found.identity) if found.identity else set()
        objection = object_to(found, raw, around, stored, force=force)
        if isinstance(objection, Refused):
            may = " (--force publishes it all the same)" if objection.may_force else ""
            return Answer(position, "refused", None, objection.text + may)
        if isinstance(objection, AlreadyStored):
            return Answer(position, "stored already", None, "its event is stored with the same content")
        if self._retrier is None:
            return Answer(position, "would be retried", f"{found.topic}/{found.partition}", None)
        return Answer(position, "retried", str(self._retrier.publish(found, by).to), None)

    def _surroundings(self) -> Surroundings:
        limits = default_policy().arrival.limits
        event_clock = self._home.clock == "event"
        return Surroundings(self._home.settings.partitions, limits, event_clock, time.time_ns() // 1_000_000)


@contextmanager
def retries(home: Home, client: ClickHouse, *, dry_run: bool = False) -> Iterator[Retries]:
    """Connected to the home's Kafka. Raises MissingPart when no broker answers."""
    options = home.settings.kafka.client_options()
    with ExitStack() as stack:
        records = stack.enter_context(RecordReader(home.kafka_bootstrap, options))
        retrier = None
        if not dry_run:
            event_clock = home.clock == "event"
            retrier = stack.enter_context(Retrier(home.kafka_bootstrap, options, keeps_append_time=event_clock))
        yield Retries(home, client, records, retrier)
