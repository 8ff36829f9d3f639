"""One Kafka node (KRaft: broker and controller in one process) on the loopback interface.

The directory holds its configuration and data; it is formatted once. `command()` is for a supervisor, `start()` and
`stop()` for whoever runs the node itself.
"""

import shutil
import signal
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from contextlib import suppress
from pathlib import Path

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from infra.embedded.kafka.tools import STORAGE, java_command
from infra.embedded.ports import LOOPBACK, is_listened_on, require_free
from infra.embedded.tether import tethered
from infra.errors import PartFailed

MAIN_CLASS = "kafka.Kafka"
JVM_OPTIONS = ("-Xms256m", "-Xmx1g", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData")
PROBE_TIMEOUT_MS = 1_000
POLL_SECONDS = 0.05

SERVER_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=8
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
# A node that was killed may register again only when its former session has ended.
broker.session.timeout.ms=2500
broker.heartbeat.interval.ms=500
# A dead owner's open transaction must not hide the records behind it for long.
transaction.max.timeout.ms=60000
transaction.abort.timed.out.transaction.cleanup.interval.ms=2000
"""

LOG_PROPERTIES = """\
status=error
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5p %c{1} %m%n
rootLogger.level=warn
rootLogger.appenderRef.console.ref=console
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=info
"""


class EmbeddedKafka:
    """A broker whose configuration and data lie in `directory`, listening on `port` and `controller_port`."""

    def __init__(self, directory: Path, port: int, controller_port: int) -> None:
        self.directory = directory.resolve()
        self.port = port
        self.controller_port = controller_port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """The address clients start from, `host:port`."""
        return f"{LOOPBACK}:{self.port}"

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
            SERVER_PROPERTIES.format(
                host=LOOPBACK, port=self.port, controller_port=self.controller_port, data=data.as_posix()
            ),
            encoding="utf-8",
        )
        self._log_configuration.write_text(LOG_PROPERTIES, encoding="utf-8")
        if not (data / "meta.properties").exists():
            self._format()

    def command(self) -> list[str]:
        """The command line of the node, to be run after `prepare()`. Raises MissingPart, JarMismatch."""
        # The temporary files of a killed Java process would stay for ever in the machine's own directory.
        options = (
            *JVM_OPTIONS,
            f"-Djava.io.tmpdir={self._scratch}",
            f"-Dlog4j2.configurationFile={self._log_configuration.as_uri()}",
        )
        return java_command(MAIN_CLASS, str(self._server_file), options=options)

    def is_ready(self) -> bool:
        """Whether the node answers a metadata request with itself in it."""
        return answers_metadata(self.bootstrap)

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

    def _format(self) -> None:
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # `=`: an id may begin with a dash, and would be read as an option.
        command = java_command(STORAGE, "format", f"--cluster-id={cluster}", "--config", str(self._server_file))
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            words = " ".join((result.stderr or result.stdout).split())
            raise PartFailed(f"kafka: formatting {self.directory / 'data'} failed: {words}")


def answers_metadata(bootstrap: str) -> bool:
    """Whether a broker at `bootstrap` (`host:port`) answers a metadata request that names at least one broker."""
    host, _, port = bootstrap.rpartition(":")
    if not is_listened_on(host, int(port)):
        return False
    try:
        client = KafkaAdminClient(
            bootstrap_servers=bootstrap,
            client_id="checkline-readiness",
            bootstrap_timeout_ms=PROBE_TIMEOUT_MS,
            request_timeout_ms=PROBE_TIMEOUT_MS,
        )
    except KafkaError:
        return False
    try:
        return bool(client.describe_cluster()["brokers"])
    except KafkaError:
        return False
    finally:
        client.close()
