"""The parts of an installation, in the order of their start."""

import sys
from collections.abc import Sequence

from clickhouse_driver import Client
from clickhouse_driver import errors as clickhouse_errors

from infra import parts_main
from infra.embedded.kafka.broker import EmbeddedKafka, remembered_cluster_id
from infra.embedded.kafka.configuration import Membership
from infra.embedded.kafka.topics import changelog_spec, create_topics, topic_specs
from infra.embedded.ports import is_listened_on, require_free
from infra.embedded.readiness import READY_FILE_VARIABLE, has_announced
from infra.embedded.supervisor import Part, Step
from infra.errors import MissingPart
from infra.home import Home, KafkaNode
from streams.worker.names import changelog_topics

CLICKHOUSE = "clickhouse"
TOPICS = "topics"
MIGRATIONS = "migrations"
PROBE_SECONDS = 2
# Several nodes wait for one another, and share the processors.
KAFKA_START_SECONDS = 60.0


def parts(home: Home, *, only: Sequence[str] = ()) -> list[Part | Step]:
    """What `checkline up` runs on this home; with `only`, just the parts and steps of these names.

    Kafka and ClickHouse are parts only where no others are configured. Raises MissingPart for an unknown name.
    """
    settings = home.settings
    for name in home.metrics_port_names:
        home.port(name)  # chosen before parts that start side by side would choose
    everything: list[Part | Step] = []
    if settings.kafka.embedded:
        everything += kafka_parts(home)
    if settings.clickhouse.embedded:
        everything.append(clickhouse_part(home))
    everything += [Step(TOPICS, lambda: make_topics(home)), Step(MIGRATIONS, lambda: parts_main.migrate(home))]
    everything += [
        own_part(home, name, *words) for name, words in parts_main.own_parts(home.clock, settings.workers).items()
    ]
    if not only:
        return everything
    names = [part.name for part in everything]
    if unknown := [name for name in only if name not in names]:
        raise MissingPart(f"there is no part {unknown[0]}; parts are: {', '.join(names)}")
    return [part for part in everything if part.name in only]


def kafka_parts(home: Home) -> list[Part]:
    """The nodes of the embedded Kafka, started side by side: each is ready when it counts itself among the brokers."""
    nodes = home.kafka_nodes
    controller_ports = [node.controller_port for node in nodes]
    cluster_id = remembered_cluster_id(home.kafka_directory)
    return [_kafka_part(node, Membership(number, controller_ports, cluster_id)) for number, node in enumerate(nodes, 1)]


def _kafka_part(place: KafkaNode, membership: Membership) -> Part:
    node = EmbeddedKafka(place.directory, place.port, place.controller_port, membership)

    def command() -> list[str]:
        node.prepare()
        return node.command()

    start_seconds = KAFKA_START_SECONDS * len(membership.controller_ports)
    first = membership.node_id == 1
    return Part(place.name, command, lambda _: node.is_ready(), start_seconds=start_seconds, beside=not first)


def clickhouse_part(home: Home) -> Part:
    """The embedded ClickHouse; ready when it answers a query."""
    address = home.clickhouse
    client_options = address.client_options(address.writer) | {
        "connect_timeout": PROBE_SECONDS,
        "send_receive_timeout": PROBE_SECONDS,
    }

    def command() -> list[str]:
        require_free(address.port, CLICKHOUSE)
        directory = home.clickhouse_directory
        server = [sys.executable, "-m", "infra.embedded.clickhouse", str(directory)]
        return [*server, "--port", str(address.port), "--users", str(home.users_file)]

    def is_ready(_: int) -> bool:
        return is_listened_on(address.host, address.port) and answers_query(client_options)

    return Part(CLICKHOUSE, command, is_ready, beside=True)


def answers_query(client_options: dict[str, object]) -> bool:
    """Whether a ClickHouse with these `clickhouse_driver.Client` options answers `SELECT 1`."""
    client = Client(**client_options)
    try:
        return bool(client.execute("SELECT 1") == [(1,)])
    except (OSError, EOFError, clickhouse_errors.Error):
        return False
    finally:
        client.disconnect()


def own_part(home: Home, name: str, *words: str) -> Part:
    """A part that is code of ours, `checkline part WORDS`; ready when it says so itself."""
    ready_file = home.ready_file(name)

    def command() -> list[str]:
        ready_file.parent.mkdir(parents=True, exist_ok=True)
        return [sys.executable, "-m", "infra.cli", "part", *words]

    environment = {READY_FILE_VARIABLE: str(ready_file), "CHECKLINE_HOME": str(home.directory), "TZ": "UTC"}
    vital = name != parts_main.OPERATIONS
    return Part(name, command, has_announced(ready_file), environment, beside=True, vital=vital)


def make_topics(home: Home) -> None:
    """Create the topics that are not there yet. Raises TopicsRefused."""
    settings = home.settings
    specs = topic_specs(partitions=settings.partitions, clock=home.clock)
    specs += [changelog_spec(name, partitions) for name, partitions, _ in changelog_topics(settings.partitions)]
    create_topics(
        home.kafka_bootstrap,
        specs,
        replication=home.kafka_replication,
        client_options=settings.kafka.client_options(),
    )
