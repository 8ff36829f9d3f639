"""Apache Kafka's own commands, run from the same verified jars as the broker."""

import subprocess
from collections.abc import Sequence

from infra.embedded.kafka.jars import classpath, java

CONSOLE_CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer"
CONSUMER_GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
STORAGE = "kafka.tools.StorageTool"

# Java's warnings of what Kafka's own libraries do would stand among the answers and the log lines.
QUIET = ("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED")
# A short run: a small heap, no second compiler, no log lines among the answer.
TOOL_OPTIONS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Dlog4j2.level=OFF")


def java_command(main_class: str, *arguments: str, options: Sequence[str] = TOOL_OPTIONS) -> list[str]:
    """The command line that runs a main class of the jars. Raises MissingPart, JarMismatch."""
    return [str(java()), *QUIET, *options, "-cp", classpath(), main_class, *arguments]


def run_tool(main_class: str, *arguments: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run one of Apache Kafka's tools to its end and return its status and texts; the caller judges the status.

    Raises MissingPart, JarMismatch, and subprocess.TimeoutExpired after `timeout` seconds.
    """
    return subprocess.run(
        java_command(main_class, *arguments), capture_output=True, text=True, timeout=timeout, check=False
    )
