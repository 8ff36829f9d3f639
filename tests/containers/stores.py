"""An empty Kafka and an empty ClickHouse in containers, for one installation; both can be killed and started again.

Their ports on the loopback interface are fixed, so that a container that was killed comes back where it was; its files
stay with it until it is removed.
"""

import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from infra.deploy import images as recipes
from infra.embedded.kafka.broker import brokers_known_to
from infra.embedded.kafka.configuration import server_properties
from infra.embedded.parts import answers_query
from infra.embedded.ports import LOOPBACK, free_port, is_listened_on
from tests.containers.images import Images, daemon, why_not_had

# A broker is ready within five seconds; on a machine with twenty other processes per core it took eighty.
READY_SECONDS = 180.0
POLL_SECONDS = 0.05
USERS = Path(recipes.__file__).parent / "clickhouse" / "users.d" / "checkline.xml"
KAFKA_PORT, INTERNAL_PORT, CONTROLLER_PORT = 9092, 9094, 9093
CLICKHOUSE_PORT = 9000


class Store(NamedTuple):
    """A container, and how to see that it answers."""

    container: DockerContainer
    answers: Callable[[], bool]

    def kill_and_start(self) -> None:
        """SIGKILL to everything in the container, and start it again; returns before it answers."""
        wrapped = self.container.get_wrapped_container()
        wrapped.kill(signal="KILL")
        wrapped.wait()
        wrapped.start()

    def wait_until_ready(self) -> None:
        """Raises TimeoutError with the last words of the container."""
        deadline = time.monotonic() + READY_SECONDS
        while not self.answers():
            if time.monotonic() > deadline:
                words = b"\n".join(self.container.get_logs())[-2_000:].decode(errors="replace")
                raise TimeoutError(f"{self.container.image} did not answer within {READY_SECONDS:.0f} s: {words}")
            time.sleep(POLL_SECONDS)


class Stores(NamedTuple):
    """The two stores, and the settings that lead to them."""

    kafka: Store
    clickhouse: Store
    variables: Mapping[str, str]


@contextmanager
def running_stores(images: Images) -> Iterator[Stores]:
    """Start both; remove them, with all they hold, at the end. Raises TimeoutError."""
    _settle_who_removes()
    kafka_port, clickhouse_port = free_port(), free_port()
    passwords = {f"CHECKLINE_CLICKHOUSE_{user}_PASSWORD": secrets.token_urlsafe(16) for user in ("WRITER", "READER")}
    writer: dict[str, Any] = {
        "host": LOOPBACK,
        "port": clickhouse_port,
        "user": "writer",
        "password": passwords["CHECKLINE_CLICKHOUSE_WRITER_PASSWORD"],
        "connect_timeout": 2,
        "send_receive_timeout": 2,
    }
    stores = Stores(
        Store(kafka_container(images.kafka, kafka_port), lambda: kafka_answers(kafka_port)),
        Store(
            clickhouse_container(images.clickhouse, clickhouse_port, passwords),
            lambda: is_listened_on(LOOPBACK, clickhouse_port) and answers_query(writer),
        ),
        {
            "CHECKLINE_KAFKA_BOOTSTRAP": f"{LOOPBACK}:{kafka_port}",
            "CHECKLINE_CLICKHOUSE_HOST": LOOPBACK,
            "CHECKLINE_CLICKHOUSE_PORT": str(clickhouse_port),
            **passwords,
        },
    )
    with ExitStack() as running:
        for store in (stores.kafka, stores.clickhouse):
            running.enter_context(store.container)
        for store in (stores.kafka, stores.clickhouse):
            store.wait_until_ready()
        yield stores


def kafka_answers(port: int) -> bool:
    """Whether the broker behind a port of this machine answers."""
    # Docker listens for the broker before it does itself: the client library would log what is no error here.
    log = logging.getLogger("kafka")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        return bool(brokers_known_to(f"{LOOPBACK}:{port}"))
    finally:
        log.setLevel(before)


def kafka_container(image: str, port: int) -> DockerContainer:
    """One KRaft node, with the settings of the embedded one."""
    text = server_properties(Path("/var/lib/kafka/data"), KAFKA_PORT, 1, [CONTROLLER_PORT])
    lines = [line.split("=", 1) for line in text.splitlines() if not line.startswith("#")]
    listeners = {
        "listeners": f"CLIENTS://:{KAFKA_PORT},INTERNAL://:{INTERNAL_PORT},CONTROLLER://:{CONTROLLER_PORT}",
        # Clients come through the machine's port; the node itself stays inside.
        "advertised.listeners": f"CLIENTS://{LOOPBACK}:{port},INTERNAL://{LOOPBACK}:{INTERNAL_PORT}",
        "inter.broker.listener.name": "INTERNAL",
        "listener.security.protocol.map": "CLIENTS:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
    }
    settings = dict(lines) | listeners
    variables = {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in settings.items()}
    return _with_port(DockerContainer(image).with_envs(**variables), KAFKA_PORT, port)


def clickhouse_container(image: str, port: int, passwords: Mapping[str, str]) -> DockerContainer:
    """One server with the users `writer` and `reader`."""
    container = DockerContainer(image).with_envs(**passwords)
    container.with_volume_mapping(str(USERS), f"/etc/clickhouse-server/users.d/{USERS.name}", "ro")
    return _with_port(container, CLICKHOUSE_PORT, port)


def _with_port(container: DockerContainer, inner: int, port: int) -> DockerContainer:
    # testcontainers names only a port, and would listen on every interface; the client below it takes an address too.
    ports: dict[str, Any] = container.ports
    ports[f"{inner}/tcp"] = (LOOPBACK, port)
    return container


@cache
def _settle_who_removes() -> None:
    """Ryuk removes what a killed test run leaves behind; where its image cannot be had, a run that ends does alone."""
    if "TESTCONTAINERS_RYUK_DISABLED" in os.environ:
        return
    client = daemon()
    try:
        testcontainers_config.ryuk_disabled = bool(why_not_had(client, testcontainers_config.ryuk_image, pull=True))
    finally:
        client.close()
