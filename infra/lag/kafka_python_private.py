"""Every private name of kafka-python 3.0.12 that is touched, and why. A test fails when another version changes one.

| name | why |
| --- | --- |
| `KafkaAdminClient._manager`, its `run`, `send` | a fetch of the first records of many partitions in one request |
| `net.compat.KafkaNetClient` | to close one that was opened in vain, and for a setting |

For the first its consumer would do, but hands out one partition after the other: a second for some milliseconds.
"""

from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.net.compat import KafkaNetClient

KAFKA_PYTHON_VERSION = "3.0.12"


def connect(**options: Any) -> KafkaAdminClient:
    """A client that has found a broker. Raises kafka-python's errors: then nothing is left open, where the library
    alone would leave a thread and its sockets behind, once for each attempt."""
    opened: list[Any] = []

    def network(**configs: Any) -> Any:
        # Which the admin client has no setting for: ten seconds for each node that hangs.
        setup_ms = configs["request_timeout_ms"]
        opened.append(KafkaNetClient(socket_connection_setup_timeout_ms=setup_ms, **configs))
        return opened[-1]

    try:
        return KafkaAdminClient(kafka_client=network, **options)
    except BaseException:
        for client in opened:
            client.close()
        raise


def send(client: KafkaAdminClient, request: Any, node: int, timeout_seconds: float) -> Any:
    """The answer of a node to a request of the protocol. Raises kafka-python's errors."""
    manager = client._manager
    return manager.run(manager.send, request, node, timeout_seconds * 1000)
