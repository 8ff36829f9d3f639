"""What a worker says of itself in numbers, in Prometheus' text format, on a port of the loopback interface.

A metric is defined once, here, with its meaning and unit; nothing else can be set or served.
"""

import asyncio
import socket
from collections.abc import Mapping
from typing import Literal, NamedTuple

from mode import Service

LOOPBACK = "127.0.0.1"
_REQUEST_SECONDS = 5.0
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metric(NamedTuple):
    """``name`` ends in its unit; ``meaning`` is a sentence; ``labels``: what tells its series apart."""

    name: str
    kind: Literal["gauge", "counter"]
    meaning: str
    labels: tuple[str, ...] = ()


RECOVERING = Metric(
    "checkline_worker_recovering",
    "gauge",
    "1 while the worker waits for its partitions or reads their state back, 0 when it folds events.",
)
RECOVERY_SECONDS = Metric(
    "checkline_worker_recovery_seconds",
    "gauge",
    "Seconds since the recovery under way began to read; when there is none, seconds that the last one took.",
)
RECOVERY_APPLIED = Metric(
    "checkline_worker_recovery_applied_records",
    "gauge",
    "Changelog records of the partition that the present or last recovery has written to the local store.",
    ("partition",),
)
RECOVERY_REMAINING = Metric(
    "checkline_worker_recovery_remaining_offsets",
    "gauge",
    "Changelog offsets of the partition that are still to be read; some hold transaction markers and no record.",
    ("partition",),
)
METRICS = (RECOVERING, RECOVERY_SECONDS, RECOVERY_APPLIED, RECOVERY_REMAINING)


class Undefined(Exception):
    """A metric that is not in `METRICS`, or labels that are not its own."""


class Metrics:
    """Values of the metrics that were set."""

    def __init__(self) -> None:
        self._values: dict[Metric, dict[tuple[str, ...], float]] = {metric: {} for metric in METRICS}

    def set(self, metric: Metric, value: float, **labels: object) -> None:
        """Raises `Undefined`."""
        if metric not in self._values or tuple(labels) != metric.labels:
            raise Undefined(f"{metric.name} with labels {sorted(labels)}: define it in {__name__}")
        self._values[metric][tuple(str(label) for label in labels.values())] = value

    def forget(self, metric: Metric) -> None:
        """Drops all series of a metric, such as those of partitions that others have now."""
        self._values[metric].clear()

    def text(self) -> str:
        """Prometheus' exposition format."""
        lines = []
        for metric, values in self._values.items():
            lines += [f"# HELP {metric.name} {metric.meaning}", f"# TYPE {metric.name} {metric.kind}"]
            lines += [f"{metric.name}{_labels(metric, found)} {value:g}" for found, value in sorted(values.items())]
        return "\n".join(lines) + "\n"


def _labels(metric: Metric, values: tuple[str, ...]) -> str:
    pairs: Mapping[str, str] = dict(zip(metric.labels, values, strict=True))
    return "{" + ",".join(f'{name}="{value}"' for name, value in pairs.items()) + "}" if pairs else ""


def listen(port: int) -> socket.socket:
    """Takes the port. Raises OSError when another process has it."""
    return socket.create_server((LOOPBACK, port))


class MetricsServer(Service):
    """Answers every request on the socket with the text of the metrics."""

    def __init__(self, metrics: Metrics, listening: socket.socket) -> None:
        super().__init__()
        self._metrics = metrics
        self._listening = listening
        self._server: asyncio.Server | None = None

    async def on_start(self) -> None:
        self._server = await asyncio.start_server(self._answer, sock=self._listening)

    async def on_stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                await reader.readuntil(b"\r\n\r\n")
                body = self._metrics.text().encode()
                head = f"HTTP/1.1 200 OK\r\nContent-Type: {_CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n"
                writer.write(head.encode() + b"Connection: close\r\n\r\n" + body)
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asked has gone, or asked for something else
        finally:
            writer.close()
