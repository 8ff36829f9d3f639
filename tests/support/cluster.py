"""One real broker and one real ClickHouse engine per test session, started when the first test asks for them."""

import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from infra.embedded.kafka import EmbeddedKafka, create_topics
from infra.embedded.kafka.topics import topic_specs
from infra.embedded.ports import LOOPBACK, free_port
from infra.embedded.tether import tethered
from infra.settings import Clock

START_SECONDS = 60.0
STOP_SECONDS = 20.0


class KafkaCluster(NamedTuple):
    """The session's broker: the address clients start from, and the node itself."""

    bootstrap: str
    node: EmbeddedKafka

    def fresh_topics(self, clock: Clock = "event", partitions: int = 8) -> str:
        """Create all topics of the system once more under a prefix nobody used; returns the prefix."""
        prefix = f"t{secrets.token_hex(4)}."
        create_topics(self.bootstrap, topic_specs(partitions=partitions, clock=clock, prefix=prefix))
        return prefix


class ClickHouseServer(NamedTuple):
    """The session's ClickHouse: where it listens, and the passwords of its two users `writer` and `reader`."""

    host: str
    port: int
    writer_password: str
    reader_password: str


@pytest.fixture(scope="session")
def kafka_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """A real Apache Kafka for the whole session."""
    directory = tmp_path_factory.mktemp("kafka")
    node = EmbeddedKafka(directory, free_port(), free_port())
    try:
        node.start()
        yield KafkaCluster(node.bootstrap, node)
    finally:
        node.stop()
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    """A real ClickHouse engine behind the native protocol for the whole session."""
    directory = tmp_path_factory.mktemp("clickhouse")
    server = ClickHouseServer(LOOPBACK, free_port(), secrets.token_urlsafe(16), secrets.token_urlsafe(16))
    users = directory / "users.json"
    users.write_text(
        json.dumps(
            {
                "writer": {"password": server.writer_password},
                "reader": {"password": server.reader_password, "readonly": True},
            }
        ),
        encoding="utf-8",
    )
    log_file = directory / "clickhouse.log"
    process = _start_clickhouse(directory / "data", server.port, users, log_file)
    try:
        yield server
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(directory)


def _start_clickhouse(data: Path, port: int, users: Path, log_file: Path) -> subprocess.Popen[str]:
    """Start the server and return when it says that it listens."""
    command = [sys.executable, "-m", "infra.embedded.clickhouse", str(data), "--port", str(port), "--users", str(users)]
    with log_file.open("a", encoding="utf-8") as log:
        process = subprocess.Popen(tethered(command), stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()  # ends as well when the process does
    if not line.startswith("listening"):
        process.kill()
        process.wait()
        pytest.fail(f"clickhouse did not start ({line!r}): {log_file.read_text(encoding='utf-8')[-2000:]}")
    return process
