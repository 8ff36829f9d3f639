"""A real Apache Kafka, one or three KRaft nodes on the loopback interface, from Python packages alone.

`jars` gets and verifies the jars, `configuration` says what a node is told, `broker` runs a node, `tools` runs Apache
Kafka's own commands, `topics` creates topics.
"""

from infra.embedded.kafka.broker import EmbeddedKafka
from infra.embedded.kafka.tools import run_tool
from infra.embedded.kafka.topics import TopicSpec, create_topics

__all__ = ["EmbeddedKafka", "TopicSpec", "create_topics", "run_tool"]
