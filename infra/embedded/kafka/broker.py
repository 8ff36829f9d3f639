"""One Kafka node (KRaft: broker and controller in one process) on the loopback interface, alone or one of a cluster.

The directory holds its configuration and data; it is formatted once. `command()` is for a supervisor, `start()` and
`stop()` for whoever runs the node itself.
"""

import shutil
import signal
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from infra.embedded.kafka.configuration import LOG_PROPERTIES, Membership, server_properties
from infra.embedded.kafka.tools import STORAGE, java_command
from infra.embedded.ports import LOOPBACK, is_listened_on, require_free
from infra.embedded.tether import tethered
from infra.errors import PartFailed
from infra.home import write_whole

MAIN_CLASS = "kafka.Kafka"
JVM_OPTIONS = ("-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData")
ALONE = ("-Xms256m", "-Xmx1g")
# Several share a machine: less memory each, and without the second compiler 4 s of processor time to start, not 6.5.
OF_SEVERAL = ("-Xms128m", "-Xmx512m", "-XX:TieredStopAtLevel=1")
PROBE_TIMEOUT_MS = 1_000
POLL_SECONDS = 0.05


class EmbeddedKafka:
    """A broker whose configuration and data lie in `directory`, listening on `port` and `controller_port`.

    Without `membership` it is a cluster of its own. One of several is not ready before most of them run.
    """

    def __init__(self, directory: Path, port: int, controller_port: int, membership: Membership | None = None) -> None:
        self.directory = directory.resolve()
        self.port = port
        self.controller_port = controller_port
        self._membership = membership
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """The address clients start from, `host:port`."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def node_id(self) -> int:
        """The node's number in its cluster, from 1."""
        return self._membership.node_id if self._membership else 1

    @property
    def log_file(self) -> Path:
        """Where the node logs when `start()` runs it (a supervisor has its own file)."""
        return self.directory / "kafka.log"

    @property
    def pid(self) -> int | None:
        """The process id of the node that `start()` runs."""
        return self._process.pid if self._process else None

    def prepare(self) -> None:
        """Write the configuration and format the data directory if that was never done.

        Raises MissingPart, JarMismatch, PortInUse and PartFailed (the format tool's own words).
        """
        for port in (self.port, self.controller_port):
            require_free(port, "kafka")
        data = self.directory / "data"
        data.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir()
        self._server_file.write_text(
            server_properties(data, self.port, self.node_id, self._controller_ports), encoding="utf-8"
        )
        self._log_configuration.write_text(LOG_PROPERTIES, encoding="utf-8")
        if not (data / "meta.properties").exists():
            self._format()

    def command(self) -> list[str]:
        """The command line of the node, to be run after `prepare()`. Raises MissingPart, JarMismatch."""
        # The temporary files of a killed Java process would stay for ever in the machine's own directory.
        options = (
            *(ALONE if len(self._controller_ports) == 1 else OF_SEVERAL),
            *JVM_OPTIONS,
            f"-Djava.io.tmpdir={self._scratch}",
            f"-Dlog4j2.configurationFile={self._log_configuration.as_uri()}",
        )
        return java_command(MAIN_CLASS, str(self._server_file), options=options)

    def is_ready(self) -> bool:
        """Whether the node answers, and counts itself among the running brokers."""
        return self.node_id in brokers_known_to(self.bootstrap)

    def start(self, timeout: float = 60.0) -> None:
        """Run the node and return when it is ready. Raises what `prepare` raises, and PartFailed."""
        self.prepare()
        with self.log_file.open("ab") as log:
            process = subprocess.Popen(
                tethered(self.command()), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._process = process
        deadline = time.monotonic() + timeout
        while not self.is_ready():
            with suppress(subprocess.TimeoutExpired):
                status = process.wait(POLL_SECONDS)
                self._process = None
                raise PartFailed(f"kafka ended with status {status} at its start; see {self.log_file}")
            if time.monotonic() > deadline:
                self.stop()
                raise PartFailed(f"kafka was not ready within {timeout:.0f} s; see {self.log_file}")

    def stop(self, timeout: float = 20.0) -> None:
        """End the node: SIGTERM, and SIGKILL when it takes longer than `timeout` seconds."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End the node at once, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def _server_file(self) -> Path:
        return self.directory / "server.properties"

    @property
    def _log_configuration(self) -> Path:
        return self.directory / "log4j2.properties"

    @property
    def _scratch(self) -> Path:
        return self.directory / "tmp"

    @property
    def _controller_ports(self) -> Sequence[int]:
        return self._membership.controller_ports if self._membership else (self.controller_port,)

    def _format(self) -> None:
        cluster = self._membership.cluster_id if self._membership else new_cluster_id()
        # `=`: an id may begin with a dash, and would be read as an option.
        command = java_command(STORAGE, "format", f"--cluster-id={cluster}", "--config", str(self._server_file))
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            words = " ".join((result.stderr or result.stdout).split())
            raise PartFailed(f"kafka: formatting {self.directory / 'data'} failed: {words}")


def new_cluster_id() -> str:
    """An id for a new cluster; all of its nodes are formatted with the same."""
    return urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def remembered_cluster_id(directory: Path) -> str:
    """The id of the cluster whose nodes lie in `directory`, made at the first call."""
    file = directory / "cluster-id"
    if not file.exists():
        directory.mkdir(parents=True, exist_ok=True)
        write_whole(file, new_cluster_id() + "\n")
    return file.read_text(encoding="utf-8").strip()


def brokers_known_to(bootstrap: str) -> set[int]:
    """The ids of the running brokers by the word of the one at `bootstrap` (`host:port`); none when it is silent."""
    host, _, port = bootstrap.rpartition(":")
    if not is_listened_on(host, int(port)):
        return set()
    try:
        client = KafkaAdminClient(
            bootstrap_servers=bootstrap,
            client_id="checkline-readiness",
            bootstrap_timeout_ms=PROBE_TIMEOUT_MS,
            request_timeout_ms=PROBE_TIMEOUT_MS,
        )
    except KafkaError:
        return set()
    try:
        brokers = client.describe_cluster()["brokers"]
        return {broker["broker_id"] for broker in brokers if not broker.get("is_fenced")}
    except KafkaError:
        return set()
    finally:
        client.close()
