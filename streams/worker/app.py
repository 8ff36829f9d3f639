"""`BatchApp`: a Faust app whose agent gets whole batches of a partition instead of single events.

app = BatchApp(settings)
persons = app.bytes_table("persons")

@app.batch_agent(app.topic("check-ins"), app.topic("temperatures"), table=persons, clock=WallClock())
def fold(turns: Sequence[Turn]) -> Sequence[Decide]: ...

@fold.on_due(next_due)
def announce(partition, states, as_of) -> Announced: ...
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TopicT
from mode import Service

from schemas.topics import DEFAULT_PARTITIONS
from schemas.wire.aiokafka_private import set_transaction_backoff
from streams.worker import stores
from streams.worker.agent import BatchAgent, Handler, ReferenceGate
from streams.worker.clock import Clock
from streams.worker.consumer import BatchConsumer
from streams.worker.faust_private import PromptTableManager
from streams.worker.metrics import Metrics

TRANSACTION_BACKOFF_SECONDS = 0.005
SESSION_SECONDS = 6.0
"""The least that a broker allows by default (``group.min.session.timeout.ms``): nobody else gets the partitions of a
dead worker sooner, unless it is started again. A worker that stands still for longer leaves, see
`streams.worker.hang`; one that stands still for less goes on with its transaction, whose timeout is longer."""

RAW: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}


@dataclass(frozen=True)
class WorkerSettings:
    """Settings of one worker process.

    ``app_id``: consumer group and prefix of transactional ids; ``bootstrap``: ``host:port`` of brokers, by commas;
    ``data_directory``: its own, no other worker's; ``instance_id``: stays the same over restarts, so that a restarted
    worker gets its partitions back at once; ``session_seconds``: how long a silent worker keeps its partitions;
    ``neighbours``: data directories that the app's other workers on this machine have by now, whose stores
    it may take over; ``outputs``: topics that the app writes to, besides its changelog.
    """

    app_id: str
    bootstrap: str
    data_directory: Path
    instance_id: str
    partitions: int = DEFAULT_PARTITIONS
    store: str = stores.ROCKS_URL
    session_seconds: float = SESSION_SECONDS
    commit_seconds: float = 0.5
    fetch_bytes: int = 1 << 20
    neighbours: Callable[[], Iterable[Path]] = tuple
    outputs: Sequence[str] = ()


class BatchTransport(driver.Transport):
    Consumer = BatchConsumer


class BatchApp(faust.App):
    """One agent, one table, one transaction per partition and turn."""

    def __init__(self, settings: WorkerSettings) -> None:
        stores.register()
        set_transaction_backoff(TRANSACTION_BACKOFF_SECONDS)
        self.settings = settings
        self._declared: BatchAgent | None = None
        self._beside: list[Service] = []
        self.metrics = Metrics()
        super().__init__(
            settings.app_id,
            broker=[f"kafka://{server}" for server in settings.bootstrap.split(",")],
            datadir=str(settings.data_directory),
            store=settings.store,
            topic_partitions=settings.partitions,
            topic_allow_declare=False,
            topic_disable_leader=True,
            table_standby_replicas=0,
            stream_recovery_delay=0.0,
            broker_session_timeout=settings.session_seconds,
            broker_heartbeat_interval=settings.session_seconds / 10,
            broker_commit_interval=settings.commit_seconds,
            consumer_max_fetch_size=settings.fetch_bytes,
            consumer_group_instance_id=f"{settings.app_id}-{settings.instance_id}",
            TableManager=PromptTableManager,
            web_enabled=False,
            worker_redirect_stdouts=False,
        )
        self.transport = BatchTransport(self.conf.broker_consumer, self)

    @property
    def declared(self) -> BatchAgent:
        """The app's batch agent. Raises RuntimeError before one is declared."""
        if self._declared is None:
            raise RuntimeError(f"{self.settings.app_id} has no batch agent: declare one with @app.batch_agent")
        return self._declared

    def run_beside(self, service: Service) -> None:
        """Starts a service with the app, before its table is recovered; when it crashes, so does the worker."""
        self._beside.append(service)

    async def on_start(self) -> None:
        await super().on_start()
        for service in self._beside:
            await self.add_runtime_dependency(service)

    def bytes_topic(self, name: str) -> TopicT:
        """A topic whose keys and values stay as they are."""
        return self.topic(name, **RAW)

    def bytes_table(self, name: str) -> Any:
        """A table of raw states, one part per partition."""
        return self.Table(name, partitions=self.settings.partitions, schema=faust.Schema(**RAW))

    def batch_agent(
        self, *topics: TopicT, table: Any, clock: Clock, reference: ReferenceGate | None = None
    ) -> Callable[[Handler], BatchAgent]:
        """Decorator of the app's agent: ``handler(turns) -> decisions``, see `streams.worker.agent`."""
        if self._declared is not None:
            raise RuntimeError("a batch app has one agent: its transactional ids belong to its partitions")

        def register(handler: Handler) -> BatchAgent:
            names = frozenset(topic.get_topic_name() for topic in topics)
            self._declared = BatchAgent(handler, names, table, clock, reference)
            for topic in topics:
                self.topics.add(topic)  # subscribe
            return self._declared

        return register
