"""What a node is told: its server properties, as one of a cluster or alone.

Three nodes keep every partition three times and acknowledge a record when two of them have it, so any one may die. How
long the flow then stands still is decided by the times below: the others miss a dead controller after
`controller.quorum.fetch.timeout.ms`, elect another within about `controller.quorum.election.timeout.ms`, and a dead
broker's partitions move when its session has ended.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from infra.embedded.ports import LOOPBACK

SESSION_MS = 2_500
LONGEST_PAUSE_SECONDS = 15
"""Of three nodes one is killed: so long at most until what was published meanwhile is acknowledged, folded and written.
Measured on two cores with twenty others in line for them: 6 s (acknowledged after 4 s) for a broker, 12 s (7 to 8 s)
for the one that is the active controller. Where the processors are short for much longer, a worker's transaction
outlives its time, and the worker leaves and is started again."""


class Membership(NamedTuple):
    """A node's place in its cluster. `controller_ports` are those of all nodes, in the order of their ids, from 1."""

    node_id: int
    controller_ports: Sequence[int]
    cluster_id: str


def least_in_sync(replication: int) -> int:
    """How many replicas must have a record before it is acknowledged: more than half."""
    return replication // 2 + 1


def server_properties(data: Path, port: int, node_id: int, controller_ports: Sequence[int]) -> str:
    """The text of `server.properties` for the node with this id; every topic is on all nodes."""
    replication = len(controller_ports)
    voters = ",".join(f"{number}@{LOOPBACK}:{voter}" for number, voter in enumerate(controller_ports, 1))
    controller_port = controller_ports[node_id - 1]
    return SERVER_PROPERTIES.format(
        host=LOOPBACK,
        port=port,
        controller_port=controller_port,
        node_id=node_id,
        voters=voters,
        data=data.as_posix(),
        replication=replication,
        in_sync=least_in_sync(replication),
        session_ms=SESSION_MS,
    ) + (CLUSTER_PROPERTIES if replication > 1 else "")


SERVER_PROPERTIES = """\
process.roles=broker,controller
node.id={node_id}
controller.quorum.voters={voters}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor={replication}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={replication}
offsets.topic.num.partitions=8
transaction.state.log.replication.factor={replication}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=8
share.coordinator.state.topic.replication.factor={replication}
share.coordinator.state.topic.min.isr={in_sync}
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
# A node that was killed may register again only when its former session has ended.
broker.session.timeout.ms={session_ms}
broker.heartbeat.interval.ms=500
# A dead owner's open transaction must not hide the records behind it for long.
transaction.max.timeout.ms=60000
transaction.abort.timed.out.transaction.cleanup.interval.ms=2000
"""

CLUSTER_PROPERTIES = """\
# Nodes stop one after the other, and the last would wait for a controller that is gone to take its partitions.
controlled.shutdown.enable=false
controller.quorum.fetch.timeout.ms=1500
controller.quorum.election.timeout.ms=500
controller.quorum.election.backoff.max.ms=500
# A node that came back leads its share again soon.
leader.imbalance.check.interval.seconds=30
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
# Two lines a second for each node that is down, from each of the others.
logger.network.name=org.apache.kafka.clients.NetworkClient
logger.network.level=error
"""
