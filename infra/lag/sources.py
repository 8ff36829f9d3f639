"""The sources of a home: what is asked, how often, and how long an answer may take."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from infra.column_store import reader_address
from infra.embedded.catch_up import GROUPS
from infra.home import Home
from infra.lag.audit_state import AuditRounds, pause_seconds
from infra.lag.forecasting import Forecaster
from infra.lag.kafka_state import KafkaCollector
from infra.lag.parts_state import WorkersCollector, parts_state
from infra.lag.store_state import StoreCollector
from infra.lag.watcher import Ask, Source, even
from sinks.clickhouse import ClickHouse

KAFKA_SECONDS = 1.0
PARTS_SECONDS = 1.0
STORE_SECONDS = 2.0
FORECAST_SECONDS = 30.0
QUERY_SECONDS = 30.0
PATIENCE = 5.0
AUDIT_PATIENCE = 600.0


class HomeTime:
    """Now, by the home's clock: the machine's, or that of the newest record in the log of an event-clock home. UTC ms.

    The source that asks Kafka tells it of the newest record; before that it is 0.
    """

    def __init__(self, clock: str, machine: Callable[[], int]) -> None:
        self._machine = machine
        self._moves_with_log = clock == "event"
        self._newest = 0
        self._lock = threading.Lock()

    @property
    def moves_with_log(self) -> bool:
        return self._moves_with_log

    def __call__(self) -> int:
        return self._newest if self._moves_with_log else self._machine()

    def saw(self, newest: int) -> None:
        with self._lock:
            self._newest = max(self._newest, newest)


def sources(home: Home, now: HomeTime) -> list[Source]:
    """All sources of a home."""

    collector = KafkaCollector(
        home.kafka_bootstrap,
        GROUPS,
        home.settings.kafka.client_options(),
        home.kafka_replication,
        patience_seconds=PATIENCE,
    )

    @contextmanager
    def kafka() -> Iterator[Ask]:
        with collector:

            def ask() -> object:
                if now.moves_with_log:
                    now.saw(collector.newest_record())
                return collector.collect(now())

            yield ask

    @contextmanager
    def store() -> Iterator[Ask]:
        with ClickHouse(reader_address(home), "checkline-operations", QUERY_SECONDS) as client:
            collector = StoreCollector(client, home.settings.operations, home.clock)
            yield lambda: collector.collect(now())

    @contextmanager
    def forecast() -> Iterator[Ask]:
        with ClickHouse(reader_address(home), "checkline-forecast", QUERY_SECONDS) as client:
            forecaster = Forecaster(client)
            yield lambda: forecaster.forecast(now())

    rounds = AuditRounds(home)
    share = home.settings.operations.audit_share
    return [
        Source("kafka", kafka, even(KAFKA_SECONDS), PATIENCE),
        Source("parts", _asking(lambda: parts_state(home)), even(PARTS_SECONDS), PATIENCE),
        Source("workers", _asking(WorkersCollector(home).collect), even(PARTS_SECONDS), PATIENCE),
        Source("store", store, even(STORE_SECONDS), QUERY_SECONDS),
        Source("audit", _asking(rounds.round), lambda _: pause_seconds(rounds.worked_seconds, share), AUDIT_PATIENCE),
        Source("forecast", forecast, even(FORECAST_SECONDS), 2 * QUERY_SECONDS),
    ]


def _asking(ask: Ask) -> Callable[[], AbstractContextManager[Ask]]:
    """A source that needs no connection."""

    @contextmanager
    def connect() -> Iterator[Ask]:
        yield ask

    return connect
