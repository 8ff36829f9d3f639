"""Every private name of kafka-python 3.0.12 that is touched, and why. A test fails when another version changes one.

| name | why |
| --- | --- |
| `KafkaAdminClient._manager`, its `run`, `send` | a fetch of the first records of many partitions in one request |

Its consumer would do, but hands out one partition after the other: a second for what takes some milliseconds.
"""

from typing import Any

from kafka.admin import KafkaAdminClient

KAFKA_PYTHON_VERSION = "3.0.12"


def send(client: KafkaAdminClient, request: Any, node: int, timeout_seconds: float) -> Any:
    """The answer of a node to a request of the protocol. Raises kafka-python's errors."""
    manager = client._manager
    return manager.run(manager.send, request, node, timeout_seconds * 1000)
