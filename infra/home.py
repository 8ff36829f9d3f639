"""The home directory of an installation: what it holds, and who may use it.

clock            the clock of this home, fixed at its first start
brokers          the number of nodes of the embedded Kafka, fixed at its first start
ports.json       the ports of the embedded parts
users.json       ClickHouse's two users and their generated passwords (readable by the owner only)
supervisor.lock  held by the supervisor that runs on this home; holds its process id
parts.json       which parts run, as the supervisor sees them
kafka/ clickhouse/ workers/   data of the parts
logs/            one file per part
figures/         figures as last computed
operations/      users of the operations page, and the journal of alarms
"""

import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from infra.embedded.ports import LOOPBACK, free_ports
from infra.errors import DiskFull, HomeInUse, MissingPart, WrongSetting
from infra.settings import Clock, Settings

MINIMUM_FREE_BYTES = 512 * 1024 * 1024
OWNER_ONLY = 0o600
# Urgent care, and the raw bytes of refused records: not for analysts, those of a replay neither.
RESTRICTED_DATABASES = ["checkline_restricted", "checkline_*_restricted"]
LOCK_SECONDS = 0.3


class User(NamedTuple):
    """A ClickHouse user and the password that lets it in."""

    name: str
    password: str


class ClickHouseAddress(NamedTuple):
    """Where ClickHouse answers the native protocol, and its two users."""

    host: str
    port: int
    database: str
    secure: bool
    ca_file: str | None
    writer: User
    reader: User

    def client_options(self, user: User) -> dict[str, Any]:
        """The keyword arguments of `clickhouse_driver.Client` for one of the two users."""
        options: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "database": self.database,
            "user": user.name,
            "password": user.password,
            "secure": self.secure,
        }
        if self.ca_file is not None:
            options["ca_certs"] = self.ca_file
        return options


class KafkaNode(NamedTuple):
    """A node of the embedded Kafka: the name of its part, where its data lies, and its ports."""

    name: str
    directory: Path
    port: int
    controller_port: int


class Home:
    """A home directory that exists. `Home.open` makes it; `Home.existing` only finds it."""

    def __init__(self, directory: Path, settings: Settings) -> None:
        self.directory = directory.resolve()
        self.settings = settings

    @classmethod
    def open(cls, settings: Settings) -> "Home":
        """The home the settings name, made and given its clock and number of brokers if that was never done.

        Raises WrongSetting when it has another clock or number, or is no directory one can write to, DiskFull when
        there is no room for the parts' data.
        """
        home = cls(settings.home, settings)
        try:
            for directory in (home.directory, home.logs, home.figures):
                directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WrongSetting(
                f"CHECKLINE_HOME: {home.directory} cannot be made a home: {error.strerror}; name another directory"
            ) from error
        home.require_space()
        home._fix_brokers()
        home._fix_clock()
        return home

    @classmethod
    def existing(cls, settings: Settings) -> "Home":
        """The home the settings name. Raises MissingPart when nothing was ever started there."""
        home = cls(settings.home, settings)
        if not home._clock_file.exists():
            raise MissingPart(f"nothing was ever started in {home.directory}; run checkline up, or set CHECKLINE_HOME")
        home._fix_brokers()
        home._fix_clock()
        return home

    @property
    def clock(self) -> Clock:
        """What now means here: the machine's clock, or the time marks of the log."""
        return "event" if self._clock_file.read_text(encoding="utf-8").strip() == "event" else "wall"

    @property
    def brokers(self) -> int:
        """How many nodes the embedded Kafka has: 1 or 3."""
        return int(self._brokers_file.read_text(encoding="utf-8"))

    @property
    def logs(self) -> Path:
        """The directory of the parts' log files."""
        return self.directory / "logs"

    @property
    def figures(self) -> Path:
        """The directory of the figures as last computed."""
        return self.directory / "figures"

    @property
    def kafka_directory(self) -> Path:
        """Configuration and data of the embedded Kafka; of several nodes, each has its own directory there."""
        return self.directory / "kafka"

    @property
    def kafka_nodes(self) -> list[KafkaNode]:
        """The nodes of the embedded Kafka, in the order of their ids."""
        if self.brokers == 1:
            return [KafkaNode("kafka", self.kafka_directory, self.port("kafka"), self.port("kafka_controller"))]
        return [
            KafkaNode(
                f"kafka-{number}",
                self.kafka_directory / f"node-{number}",
                self.port(f"kafka_{number}"),
                self.port(f"kafka_controller_{number}"),
            )
            for number in range(1, self.brokers + 1)
        ]

    @property
    def clickhouse_directory(self) -> Path:
        """Data of the embedded ClickHouse."""
        return self.directory / "clickhouse"

    @property
    def users_file(self) -> Path:
        """The users of the embedded ClickHouse, as its server reads them."""
        return self.directory / "users.json"

    @property
    def parts_file(self) -> Path:
        """Which parts run: written by the supervisor at each change."""
        return self.directory / "parts.json"

    def part_directory(self, part: str) -> Path:
        """The data directory of a worker or sink, made if it is not there."""
        directory = self.directory / "workers" / part
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def ready_file(self, part: str) -> Path:
        """Where a part of our own says that it is ready."""
        return self.directory / "workers" / f"{part}.ready"

    def port(self, name: str) -> int:
        """The remembered port of an embedded part (`port_names`); all are chosen, free, at the first call."""
        file = self.directory / "ports.json"
        ports: dict[str, int] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        if missing := [part for part in dict.fromkeys([*self.port_names, name]) if part not in ports]:
            ports |= dict(zip(missing, free_ports(len(missing)), strict=True))
            write_whole(file, json.dumps(ports, indent=2) + "\n")
        return ports[name]

    @property
    def port_names(self) -> list[str]:
        """What has a port in `ports.json`."""
        nodes = [""] if self.brokers == 1 else [f"_{number}" for number in range(1, self.brokers + 1)]
        kafka = [f"kafka{kind}{node}" for node in nodes for kind in ("", "_controller")]
        return [*kafka, "clickhouse", "operations", *self.metrics_port_names]

    @property
    def operations_directory(self) -> Path:
        """What the operations page keeps, made if it is not there: its users, and the journal of alarms."""
        directory = self.directory / "operations"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return directory

    @property
    def operations_port(self) -> int:
        """Where the operations page and the scrape are served."""
        return self.settings.operations.port or self.port("operations")

    @property
    def operations_address(self) -> str:
        """The address of the operations page."""
        return f"http://{self.settings.operations.host}:{self.operations_port}"

    @property
    def metrics_port_names(self) -> list[str]:
        """The workers, each of which serves its metrics on the port of this name."""
        risk = [f"worker-risk-{number}" for number in range(1, self.settings.workers + 1)]
        return [*risk, "worker-enforcement-1", "worker-reports-1", "worker-urgent-care-1"]

    def metrics_addresses(self, parts: Collection[str]) -> dict[str, str]:
        """Where the workers among these parts serve their metrics; of an app with one worker the part has no number."""
        file = self.directory / "ports.json"
        ports: dict[str, int] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        found = {part: ports.get(part) or ports.get(f"{part}-1") for part in parts if part.startswith("worker-")}
        return {part: f"{LOOPBACK}:{port}" for part, port in found.items() if port}

    def users(self) -> dict[str, User]:
        """ClickHouse's `writer` and `reader`; passwords of the embedded engine are generated at the first call."""
        configured = self.settings.clickhouse
        if not configured.embedded:
            return {
                "writer": User(configured.writer, configured.writer_password.get_secret_value()),
                "reader": User(configured.reader, configured.reader_password.get_secret_value()),
            }
        if not self.users_file.exists():
            generated: dict[str, dict[str, Any]] = {
                "writer": {"password": secrets.token_urlsafe(24)},
                "reader": {
                    "password": secrets.token_urlsafe(24),
                    "readonly": True,
                    "hidden_databases": RESTRICTED_DATABASES,
                },
            }
            write_whole(self.users_file, json.dumps(generated, indent=2) + "\n", mode=OWNER_ONLY)
        stored = json.loads(self.users_file.read_text(encoding="utf-8"))
        if stored["reader"].get("hidden_databases") != RESTRICTED_DATABASES:  # written by an earlier release
            stored["reader"]["hidden_databases"] = RESTRICTED_DATABASES
            write_whole(self.users_file, json.dumps(stored, indent=2) + "\n", mode=OWNER_ONLY)
        return {name: User(name, stored[name]["password"]) for name in ("writer", "reader")}

    @property
    def kafka_bootstrap(self) -> str:
        """The addresses Kafka's clients start from, with commas between: any that answers tells of the others."""
        return self.settings.kafka.bootstrap or ",".join(f"{LOOPBACK}:{node.port}" for node in self.kafka_nodes)

    @property
    def kafka_replication(self) -> int:
        """How many brokers keep a copy of each record."""
        return self.brokers if self.settings.kafka.embedded else self.settings.kafka.replication

    @property
    def clickhouse(self) -> ClickHouseAddress:
        """Where ClickHouse answers and who may ask."""
        configured, users = self.settings.clickhouse, self.users()
        return ClickHouseAddress(
            host=configured.host or LOOPBACK,
            port=self.port("clickhouse") if configured.embedded else configured.port,
            database=configured.database,
            secure=configured.secure,
            ca_file=str(configured.ca_file) if configured.ca_file else None,
            writer=users["writer"],
            reader=users["reader"],
        )

    def require_space(self) -> None:
        """Raises DiskFull when the parts would soon fail for want of room."""
        free = shutil.disk_usage(self.directory).free
        if free < MINIMUM_FREE_BYTES:
            raise DiskFull(
                f"{self.directory}: {free // 2**20} MB are free and at least {MINIMUM_FREE_BYTES // 2**20} MB are "
                "needed; free some, or set CHECKLINE_HOME to another disk"
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold this home for the one supervisor that runs on it. Raises HomeInUse.

        The kernel lets go of the lock when the process ends, however it ends.
        """
        with self._lock_file.open("a+", encoding="utf-8") as lock:
            if not _lock_within(lock, LOCK_SECONDS):
                raise HomeInUse(
                    f"process {self.supervisor_pid()} already runs on {self.directory}; end it with checkline down, or "
                    "set CHECKLINE_HOME to another directory"
                )
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield
            lock.truncate(0)

    def supervisor_pid(self) -> int | None:
        """The process that runs on this home now; None when there is none."""
        if not self._lock_file.exists():
            return None
        with self._lock_file.open("r", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = lock.read().strip()
                return int(text) if text else None
            return None

    @property
    def _clock_file(self) -> Path:
        return self.directory / "clock"

    @property
    def _brokers_file(self) -> Path:
        return self.directory / "brokers"

    @property
    def _lock_file(self) -> Path:
        return self.directory / "supervisor.lock"

    def _fix_brokers(self) -> None:
        wanted = self.settings.brokers
        if wanted is not None and not self.settings.kafka.embedded:
            raise WrongSetting(
                f"brokers: {self.settings.kafka.bootstrap} is used (setting kafka.bootstrap) and has its own number of "
                "brokers; leave one of the two settings out"
            )
        if not self._brokers_file.exists():
            # A home that has a clock was started before there could be several.
            number = 1 if self._clock_file.exists() else wanted or 1
            write_whole(self._brokers_file, f"{number}\n")
        if wanted is not None and wanted != self.brokers:
            raise WrongSetting(
                f"brokers: {self.directory} has {self.brokers} since its first start, not {wanted}; set CHECKLINE_HOME "
                "to another directory"
            )

    def _fix_clock(self) -> None:
        wanted = self.settings.clock
        if not self._clock_file.exists():
            write_whole(self._clock_file, (wanted or "wall") + "\n")
        elif wanted is not None and wanted != self.clock:
            raise WrongSetting(
                f"clock: {self.directory} runs on the {self.clock} clock since its first start, not on the {wanted} "
                "clock; set CHECKLINE_HOME to another directory"
            )


def _lock_within(file: TextIO, seconds: float) -> bool:
    """Take the lock; a look at it by `supervisor_pid` holds it for a moment only."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)


def write_whole(file: Path, text: str, mode: int = 0o644) -> None:
    """Write a file so that a reader sees the old text or the new one, never half of it."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    temporary.replace(file)
