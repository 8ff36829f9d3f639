"""What any other client sees of an installation: Apache Kafka's own tools, and a plain clickhouse-driver."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections import Counter
from contextlib import suppress

import pytest
from clickhouse_driver import Client

from infra.cli import INTERRUPTED
from infra.column_store import reader_client
from infra.embedded.kafka import run_tool
from infra.embedded.kafka.tools import CONSOLE_CONSUMER, CONSUMER_GROUPS
from schemas import topics
from tests.integration.conftest import FedHome

QUERIES = [
    "SELECT topic, sum(stored), sum(refused) FROM checkline.ledger FINAL GROUP BY topic ORDER BY topic",
    "SELECT kind, count() FROM checkline.valid_follow_ups GROUP BY kind ORDER BY kind",
    "SELECT topic, site, kind, measure, sum(value) FROM checkline.counts GROUP BY ALL ORDER BY ALL LIMIT 50",
    "SELECT token, occurred_at, toString(health_code) FROM checkline.check_ins FINAL ORDER BY ALL LIMIT 20",
    "SELECT name, type FROM system.columns WHERE database = 'checkline' ORDER BY ALL",
]


@pytest.mark.parametrize("query", QUERIES)
def test_sql_answers_what_a_plain_client_gets(fed_home: FedHome, query: str) -> None:
    client: Client = reader_client(fed_home.home)
    with client:
        rows, columns = client.execute(query, with_column_types=True)
    assert rows
    answer = json.loads(fed_home.call("sql", "--json", query).stdout)
    assert [(one["name"], one["type"]) for one in answer["columns"]] == columns
    plain = [[value.isoformat() if hasattr(value, "isoformat") else value for value in row] for row in rows]
    assert answer["rows"] == plain


def test_the_console_consumer_reads_every_topic_to_its_end(fed_home: FedHome) -> None:
    """As many records of all eleven topics as the sinks have accounted for; one less and it would wait in vain."""
    fed_home.catch_up()
    with reader_client(fed_home.home) as client:
        query = "SELECT topic, uniqExact(partition, offset) FROM checkline.arrivals GROUP BY topic"
        arrived = dict(client.execute(query))
        clocks = {clock for (clock,) in client.execute("SELECT clock_id FROM checkline.sla_clocks FINAL")}
        entities = {entity for (entity,) in client.execute("SELECT entity_id FROM checkline.reference FINAL")}
        tokens = {token for (token,) in client.execute("SELECT token FROM checkline.valid_check_ins")}
    names = {topic.name for topic in topics.ALL_TOPICS}
    assert set(arrived) == names
    assert len(names) == 11
    records = sum(arrived.values())
    result = run_tool(
        CONSOLE_CONSUMER,
        *("--bootstrap-server", fed_home.home.kafka_bootstrap, "--include", "|".join(names), "--from-beginning"),
        *("--isolation-level", "read_committed", "--max-messages", str(records), "--timeout-ms", "30000"),
        *("--formatter-property", "print.key=true", "--formatter-property", "print.value=false"),
    )
    assert result.returncode == 0, result.stderr
    keys = Counter(result.stdout.splitlines())
    assert keys.total() == records
    assert set(keys) >= clocks | entities | tokens


def lag_by_kafka(fed_home: FedHome) -> dict[tuple[str, int], tuple[int, int, int]]:
    result = run_tool(
        CONSUMER_GROUPS,
        *("--bootstrap-server", fed_home.home.kafka_bootstrap, "--describe", "--group", "checkline-sinks"),
    )
    rows = [line.split() for line in result.stdout.splitlines() if line.startswith("checkline-sinks ")]
    return {(row[1], int(row[2])): (int(row[3]), int(row[4]), int(row[5])) for row in rows}


def test_the_lag_of_the_sinks_is_what_apache_kafka_says(fed_home: FedHome) -> None:
    for _ in range(5):  # a while after its last write a worker ends its transactions once more: ends move between looks
        fed_home.catch_up()
        before = lag_by_kafka(fed_home)
        document = json.loads(fed_home.call("lag", "--json").stdout)
        theirs = lag_by_kafka(fed_home)
        if before == theirs:
            break
    ours = {
        (one["topic"], one["partition"]): (one["committed"], one["end"], one["lag"])
        for one in document["lag"]
        if one["group"] == "checkline-sinks"
    }
    assert len(ours) == sum(topics.partitions_of(topic) for topic in topics.ALL_TOPICS)
    assert ours == theirs


def test_lag_is_told_by_group_and_topic_and_is_no_failure(fed_home: FedHome) -> None:
    fed_home.catch_up()
    result = fed_home.call("lag")
    assert result.returncode == 0
    header, *rows = [line.split() for line in result.stdout.splitlines()]
    assert header[:3] == ["group", "topic", "partitions"]
    assert ["checkline-risk", "check-ins", "8", "0", "0.0"] in rows
    assert ["checkline-sinks", "reference", "1", "0", "0.0"] in rows


def test_every_partition_has_a_row_and_every_group_its_state_where_asked(fed_home: FedHome) -> None:
    fed_home.catch_up()
    partitions, groups = fed_home.call("lag", "--partitions").stdout.split("\n\n")
    header, *rows = [line.split() for line in partitions.splitlines()]
    assert header[2] == "partition"
    assert ["checkline-risk", "check-ins", "7"] in [row[:3] for row in rows]
    assert len({tuple(row[:3]) for row in rows}) == len(rows)
    assert ["checkline-sinks", "Stable", "1", "0"] in [line.split() for line in groups.splitlines()]


def test_watched_lag_is_redrawn_in_a_terminal_until_it_is_interrupted(fed_home: FedHome) -> None:
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
    environment = {**os.environ, "CHECKLINE_HOME": str(fed_home.home.directory), "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "infra.cli", "lag", "--watch"]
    with subprocess.Popen(command, stdin=end, stdout=end, stderr=end, env=environment) as watching:
        os.close(end)
        written, text, drawn = b"", "", 0
        with suppress(OSError), os.fdopen(terminal, "rb", buffering=0) as screen:  # EIO: the other end is closed
            while piece := screen.read(65536):
                written += piece
                text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written.decode(errors="replace"))
                before, drawn = drawn, len(set(re.findall(r"checkline lag  [0-9:]{8} UTC", text)))
                if before < drawn == 2:
                    watching.send_signal(signal.SIGINT)
    assert watching.returncode == INTERRUPTED
    assert "1 of 1 brokers" in text
    assert re.search(r"ok +checkline-risk +check-ins +8 +0", text)
