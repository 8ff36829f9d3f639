"""The embedded ClickHouse as plain clickhouse-driver sees it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from infra.embedded.tether import tethered
from tests.support.cluster import ClickHouseServer

Connect = Callable[..., Any]
Create = Callable[..., str]
DEADLINE_SECONDS = 20.0


@pytest.fixture(scope="module")
def connect(clickhouse_server: ClickHouseServer) -> Iterator[Connect]:
    """Opens clients of the session's server, as the writer unless told otherwise; closes them at the end."""
    passwords = {"writer": clickhouse_server.writer_password, "reader": clickhouse_server.reader_password}
    opened = []

    def client(user: str = "writer", **options: Any) -> Any:
        options = {"password": passwords[user], "send_receive_timeout": 30, **options}
        opened.append(Client(clickhouse_server.host, port=clickhouse_server.port, user=user, **options))
        return opened[-1]

    yield client
    for one in opened:
        one.disconnect()


@pytest.fixture(scope="module")
def writer(connect: Connect) -> Any:
    client = connect()
    client.execute("CREATE DATABASE lab")
    return client


@pytest.fixture
def table(writer: Any) -> Create:
    """Makes table lab.t anew from its columns and engine."""

    def create(columns: str, engine: str = "MergeTree ORDER BY tuple()") -> str:
        writer.execute(f"CREATE OR REPLACE TABLE lab.t ({columns}) ENGINE = {engine}")
        return "lab.t"

    return create


AT = datetime(2020, 2, 20, 23, 50, 0, 123000, tzinfo=UTC)
VALUES: dict[str, list[object]] = {
    "UInt64": [0, 2**64 - 1],
    "Int64": [-(2**63), 7],
    "UInt128": [0, 2**128 - 1],
    "Bool": [True, False],
    "String": ["", "长" * 300],
    "FixedString(16)": ["0123456789abcdef", "x" * 16],
    "LowCardinality(String)": ["motorway", "station"],
    "LowCardinality(Nullable(String))": ["motorway", None],
    "Enum8('NOT_STATED' = 0, 'a(' = 1, 'b,' = 2)": ["a(", "b,"],
    "Date": [date(2020, 2, 20), date(1970, 1, 1)],
    "DateTime64(3, 'UTC')": [AT, AT.replace(year=1971)],
    "Nullable(DateTime64(3, 'UTC'))": [AT, None],
    "Nullable(Int32)": [None, -1],
    "Nullable(String)": [None, ""],
    "Array(String)": [["a", "b" * 200], []],
    "Array(LowCardinality(String))": [[], ["a"]],
    "Array(Array(String))": [[["a"], []], []],
    "Array(Array(Nullable(Int64)))": [[[None, 1], []], [[]]],
    "Map(String, UInt64)": [{}, {"k": 1}],
    "Tuple(a UInt8, `b c` String)": [(1, "x"), (2, "y")],
    "Decimal(20, 3)": [Decimal("1.500"), Decimal(-2)],
}


@pytest.mark.parametrize("columnar", [True, False], ids=["columns", "rows"])
@pytest.mark.parametrize("compression", [False, "lz4"])
@pytest.mark.parametrize(("spec", "values"), VALUES.items(), ids=VALUES.keys())
def test_what_is_inserted_is_selected(
    connect: Connect,
    table: Create,
    spec: str,
    values: list[object],
    compression: str | bool,
    columnar: bool,
) -> None:
    name = table(f"n UInt8, x {spec}", "MergeTree ORDER BY n")
    with connect(compression=compression) as client:
        numbers = list(range(len(values)))
        data = [numbers, values] if columnar else list(zip(numbers, values, strict=True))
        assert client.execute(f"INSERT INTO {name} (n, x) VALUES", data, columnar=columnar) == len(values)
        assert [value for (value,) in client.execute(f"SELECT x FROM {name} ORDER BY n")] == values
        assert client.execute(f"SELECT x FROM {name} WHERE n > 200", with_column_types=True) == ([], [("x", spec)])


def test_numpy_columns_are_inserted_and_selected(connect: Connect, table: Create) -> None:
    rows = 70_000  # more than one block of the driver
    kind = "Enum8('NOT_STATED' = 0, 'passage' = 1, 'decision' = 2)"
    name = table(
        f"n UInt64, kind {kind}, place LowCardinality(String), token String, at DateTime64(3, 'UTC'), "
        "level Nullable(Int64), seen Bool, small Int8",
        "MergeTree ORDER BY n",
    )
    numbers = np.arange(rows, dtype=np.uint64)
    milliseconds = 1_582_000_000_000 + np.arange(rows, dtype=np.int64)
    columns = [
        numbers,
        (numbers % 3).astype(np.int8),
        np.array([f"site-{n % 300}" for n in range(rows)], dtype=object),
        np.array([f"{n:032x}" for n in range(rows)], dtype=object),
        milliseconds.astype("datetime64[ms]"),
        np.array([n if n % 2 == 0 else None for n in range(rows)], dtype=object),
        numbers % 2 == 0,
        (numbers % 100).astype(np.int8),
    ]
    settings = {"use_numpy": True, "insert_block_size": 30_000}
    with connect(settings=settings) as client:
        assert client.execute(f"INSERT INTO {name} VALUES", columns, columnar=True) == rows
        places, ats = client.execute(f"SELECT place, at FROM {name} ORDER BY n", columnar=True)
    assert list(places) == list(columns[2])
    assert (ats.astype("datetime64[ms]").astype(np.int64) == milliseconds).all()
    with connect() as client:
        counts = client.execute(
            f"SELECT kind, count(), countIf(seen), count(level), uniqExact(token) FROM {name} GROUP BY 1"
        )
    thirds = rows // 3
    assert sorted(counts)[0][:2] == ("NOT_STATED", thirds + 1)
    assert sum(row[2] for row in counts) == rows // 2 == sum(row[3] for row in counts)
    assert sum(row[4] for row in counts) == rows


def test_rows_can_be_sent_in_plain_types_and_converted_by_the_engine(writer: Any, table: Create) -> None:
    name = table(
        "kind Enum8('a' = 1, 'b' = 2), place LowCardinality(String), at DateTime64(3, 'UTC'), id FixedString(16)"
    )
    statement = (
        f"INSERT INTO {name} (kind, place, at, id) SELECT kind, place, fromUnixTimestamp64Milli(at, 'UTC'), "
        "reinterpret(bitOr(bitShiftLeft(toUInt128(high), 64), low), 'FixedString(16)') "
        "FROM input('kind Int8, place String, at Int64, low UInt64, high UInt64') FORMAT Native"
    )
    low, high = (int.from_bytes(text, "little") for text in (b"01234567", b"89abcdef"))
    rows = [(1, "x", 1_000, low, high), (2, "y", 2_001, low, high)]
    assert writer.execute(statement, rows) == 2
    assert writer.execute(statement.replace("FORMAT Native", "FORMAT Values"), rows[:1]) == 1
    first = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert writer.execute(f"SELECT DISTINCT * FROM {name} ORDER BY at") == [
        ("a", "x", first, "0123456789abcdef"),
        ("b", "y", first.replace(second=2, microsecond=1000), "0123456789abcdef"),
    ]
    assert writer.execute(f"SELECT count() FROM {name}") == [(3,)]
    assert writer.execute("SELECT 1") == [(1,)]


def test_an_insert_in_plain_types_that_does_not_convert_stores_nothing(writer: Any, table: Create) -> None:
    name = table("kind Enum8('a' = 1)")
    with pytest.raises(ServerException):
        writer.execute(f"INSERT INTO {name} SELECT kind FROM input('kind Int8') FORMAT Native", [(1,), (9,)])
    assert writer.execute(f"SELECT count() FROM {name}") == [(0,)]


def test_columns_that_are_left_out_take_their_defaults(writer: Any, table: Create) -> None:
    name = table("a UInt8, b LowCardinality(String), c Nullable(Int64), d DateTime64(3, 'UTC') DEFAULT '2020-01-01'")
    writer.execute(f"INSERT INTO {name} (a) VALUES", [[1, 2]], columnar=True)
    assert writer.execute(f"SELECT DISTINCT b, c, toYear(d) FROM {name}") == [("", None, 2020)]


def test_the_last_version_of_a_row_replaces_the_others(writer: Any, table: Create) -> None:
    name = table("cell String, version UInt64, value Int64", "ReplacingMergeTree(version) ORDER BY cell")
    for version in (2, 1):
        writer.execute(f"INSERT INTO {name} VALUES", [("a", version, version * 10), ("b", 1, 1)])
    assert writer.execute(f"SELECT cell, value FROM {name} FINAL ORDER BY cell") == [("a", 20), ("b", 1)]
    writer.execute(f"INSERT INTO {name} SELECT cell, version + 5, value + 1 FROM {name} FINAL")
    assert writer.execute(f"SELECT sum(value) FROM {name} FINAL") == [(23,)]
    assert writer.execute(f"SELECT count() FROM {name}") == [(6,)]


def test_tables_by_day_are_altered_and_lose_days(writer: Any, table: Create) -> None:
    name = table("at DateTime64(3, 'UTC'), n UInt64", "MergeTree PARTITION BY toDate(at) ORDER BY at")
    days = [datetime(2020, 2, day, tzinfo=UTC) for day in range(1, 21)]
    writer.execute(f"INSERT INTO {name} VALUES", [days, list(range(20))], columnar=True)
    writer.execute(f"ALTER TABLE {name} ADD COLUMN site LowCardinality(String) DEFAULT 'none'")
    writer.execute(f"ALTER TABLE {name} DROP PARTITION '2020-02-01'")
    assert writer.execute(f"SELECT count(), any(site) FROM {name}") == [(19, "none")]
    parts = "SELECT uniqExact(partition) FROM system.parts WHERE database = 'lab' AND table = 't' AND active"
    assert writer.execute(parts) == [(19,)]


def test_digests_do_not_depend_on_order(writer: Any, table: Create) -> None:
    name = table("id FixedString(16)")
    ids = [bytes([n]) * 16 for n in range(128, 256)]
    writer.execute(f"INSERT INTO {name} VALUES", [ids], columnar=True, settings={"strings_as_bytes": True})
    (digest,) = writer.execute(f"SELECT sumWithOverflow(reinterpretAsUInt64(substring(id, 1, 8))) FROM {name}")[0]
    assert digest == sum(int.from_bytes(one[:8], "little") for one in ids) % 2**64


def test_projections_are_used(writer: Any, table: Create) -> None:
    columns = "hour UInt32, site UInt32, PROJECTION by_site (SELECT site, count() GROUP BY site)"
    name = table(columns, "MergeTree ORDER BY hour")
    writer.execute(f"INSERT INTO {name} SELECT number, number % 7 FROM numbers(70000)")
    query = f"SELECT site, count() FROM {name} GROUP BY site"
    settings = {"force_optimize_projection": 1}
    assert writer.execute(f"{query} ORDER BY site", settings=settings) == [(n, 10_000) for n in range(7)]


def test_an_insert_takes_settings_and_a_query_id(writer: Any, table: Create) -> None:
    name = table("n UInt64")
    settings = {"async_insert": 0, "insert_deduplicate": 0, "max_partitions_per_insert_block": 100}
    for _ in range(2):
        assert (
            writer.execute(f"INSERT INTO {name} VALUES", [[1]], columnar=True, settings=settings, query_id="b-1") == 1
        )
    assert writer.execute(f"SELECT count() FROM {name}") == [(2,)]


def test_settings_hold_for_one_statement(writer: Any) -> None:
    query = "SELECT getSetting('max_threads')"
    before = writer.execute(query)
    assert writer.execute(query, settings={"max_threads": 3}) == [(3,)]
    assert writer.execute(query) == before


def test_parameters_are_bound_by_the_server(connect: Connect) -> None:
    text = "it's a \\ and\na 'quote'"
    with connect(settings={"server_side_params": True}) as client:
        assert client.execute("SELECT {a:UInt8}, {s:String}", {"a": 3, "s": text}) == [(3, text)]


def test_external_tables_and_progress(writer: Any) -> None:
    external = [{"name": "ids", "structure": [("x", "Int32")], "data": [{"x": 1}, {"x": 2}]}]
    for _ in range(2):
        assert writer.execute("SELECT sum(x) FROM ids", external_tables=external) == [(3,)]
    writer.execute("SELECT sum(number) FROM numbers(1000)")
    assert writer.last_query.progress.rows == 1000


def test_times_without_a_zone_are_utc(writer: Any) -> None:
    assert writer.execute("SELECT timezone(), toString(toDateTime(0))") == [("UTC", "1970-01-01 00:00:00")]
    ((tokyo,),) = writer.execute("SELECT toDateTime('2020-01-01 00:00:00', 'Asia/Tokyo')")
    assert tokyo.utcoffset().total_seconds() == 9 * 3600


ERRORS = [
    ("SELECT * FROM lab.nope", 60),
    ("SELECT nope FROM system.one", 47),
    ("SELECT (", 62),
    ("SELECT 1; SELECT 2", 62),
    ("INSERT INTO lab.nope VALUES", 60),
    ("SELECT throwIf(number = 5) FROM numbers(10)", 395),
    ("SELECT 1 GROUP BY 1 WITH TOTALS", 48),
]


@pytest.mark.parametrize(("statement", "code"), ERRORS, ids=[statement for statement, _ in ERRORS])
def test_errors_have_their_code_and_the_connection_goes_on(writer: Any, statement: str, code: int) -> None:
    with pytest.raises(ServerException) as caught:
        writer.execute(statement, [(1,)] if statement.startswith("INSERT") else None)
    assert caught.value.code == code
    assert writer.execute("SELECT 1") == [(1,)]


REFUSED = [
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT file('/etc/passwd')",
    "SELECT 1 IN file('/etc/passwd')",
    "SELECT * FROM (SELECT * FROM `file`('/etc/passwd', 'LineAsString'))",
    "WITH x AS (SELECT * FROM FILE('/etc/passwd', 'LineAsString')) SELECT * FROM x",
    "SELECT * FROM view(SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String'))",
    "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
    "SELECT * FROM executable('id', 'TSV', 'a String')",
    "SELECT * FROM python('x')",
    "SELECT * FROM remote('127.0.0.1', system.users)",
    "SELECT * FROM merge('system', 'users')",
    "SELECT * FROM loop(system.users)",
    "SELECT * FROM eval('SELECT 1')",
    "DESCRIBE TABLE fILe('/etc/passwd')",
    "EXPLAIN SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM system.users",
    "SELECT * FROM `system`.`users`",
    "SELECT * FROM lab.t, system.users",
    "SHOW CREATE TABLE system.users",
    "USE system",
    "USE `system`",
    "SELECT 1 INTO OUTFILE 'x'",
    "SELECT 1; DROP DATABASE lab",
    "DROP DATABASE lab",
    "CREATE TABLE lab.made (n UInt8) ENGINE = Memory",
    "INSERT INTO lab.t VALUES (1)",
    "INSERT INTO lab.t SELECT 1",
    "INSERT INTO FUNCTION file('x') SELECT 1",
    "ALTER TABLE lab.t DELETE WHERE 1",
    "OPTIMIZE TABLE lab.t",
    "SYSTEM STOP MERGES",
    "KILL QUERY WHERE 1",
    "BACKUP DATABASE lab TO Disk('x', 'y')",
    "SET readonly = 0",
    "SET max_threads = 1, `readonly` = 0",
    "SET max_memory_usage = 0",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS `max\\x5fmemory_usage` = 0",
    "SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)",
    "SET PROFILE default",
    "EXECUTE AS default SELECT 1",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_the_reader_only_reads_tables(connect: Connect, table: Create, statement: str) -> None:
    table("n UInt8")
    with connect("reader") as reader:
        with pytest.raises(ServerException) as caught:
            reader.execute(statement)
        assert caught.value.code in (62, 164, 497)
        assert "root:" not in str(caught.value)
        assert reader.execute("SELECT count() FROM lab.t") == [(0,)]


@pytest.mark.parametrize(
    "settings",
    [{"readonly": 0}, {"max_memory_usage": 0}, {"max_memory_usage_for_user": 0}, {"allow_ddl": 1}],
    ids=lambda settings: ",".join(settings),
)
def test_the_reader_cannot_change_its_limits(connect: Connect, settings: dict[str, int]) -> None:
    with connect("reader", settings=settings) as reader:
        with pytest.raises(ServerException) as caught:
            reader.execute("SELECT 1")
        assert caught.value.code == 164


def test_the_reader_cannot_name_a_system_table_by_parameter(connect: Connect) -> None:
    with connect("reader", settings={"server_side_params": True}) as reader:
        with pytest.raises(ServerException) as caught:
            reader.execute("SELECT * FROM {t:Identifier}", {"t": "system.users"})
        assert caught.value.code in (164, 497, 60)
        with pytest.raises(ServerException) as caught:
            reader.execute("SELECT * FROM {d:Identifier}.{t:Identifier}", {"d": "system", "t": "users"})
        assert caught.value.code in (164, 497)


def test_the_reader_has_no_inserts_by_block(connect: Connect, table: Create) -> None:
    name = table("n UInt8")
    with connect("reader") as reader:
        for statement in (
            f"INSERT INTO {name} VALUES",
            f"INSERT INTO {name} SELECT n FROM input('n UInt8') FORMAT Native",
        ):
            with pytest.raises(ServerException) as caught:
                reader.execute(statement, [(1,)])
            assert caught.value.code == 164
        assert reader.execute(f"SELECT count() FROM {name}") == [(0,)]


def test_the_reader_looks_at_tables_and_columns(connect: Connect, table: Create) -> None:
    table("n UInt8, s String")
    with connect("reader", database="lab") as reader:
        assert ("t",) in reader.execute("SELECT name FROM system.tables WHERE database = 'lab'")
        columns = "SELECT name, type FROM system.columns WHERE database = 'lab' AND table = 't' ORDER BY position"
        assert reader.execute(columns) == [("n", "UInt8"), ("s", "String")]
        assert [row[0] for row in reader.execute("DESCRIBE TABLE t")] == ["n", "s"]
        assert ("t",) in reader.execute("SHOW TABLES")
        assert reader.execute("SELECT getSetting('max_threads') SETTINGS max_threads = 1") == [(1,)]
        assert reader.execute("SELECT 'readonly = 0' FROM t SETTINGS max_threads = 1") == []
        assert reader.execute("SELECT sum(number) FROM numbers(10)", settings={"max_block_size": 3}) == [(45,)]


def test_a_database_is_chosen_at_login(connect: Connect, writer: Any) -> None:
    with connect(database="nope") as client, pytest.raises(ServerException) as caught:
        client.execute("SELECT 1")
    assert caught.value.code == 81
    with connect("reader", database="system") as client, pytest.raises(ServerException) as caught:
        client.execute("SELECT 1")
    assert caught.value.code == 497


@pytest.mark.parametrize("user", ["writer", "reader", "nobody"])
def test_a_wrong_password_is_refused(clickhouse_server: ClickHouseServer, user: str) -> None:
    client = Client(clickhouse_server.host, port=clickhouse_server.port, user=user, password="wrong")
    with client:
        with pytest.raises(ServerException) as caught:
            client.execute("SELECT 1")
        assert caught.value.code == 516


def test_bytes_of_another_protocol_are_answered(clickhouse_server: ClickHouseServer, writer: Any) -> None:
    for sent in (b"GET / HTTP/1.1\r\n\r\n", b"\0\xff\xff\xff\xff\x7f", b"\0" + b"\xff" * 12):
        with socket.create_connection((clickhouse_server.host, clickhouse_server.port), timeout=10) as client:
            client.sendall(sent)
            assert b"DB::Exception" in client.recv(1000)
    assert writer.execute("SELECT 1") == [(1,)]


def test_a_statement_ends_when_its_client_leaves(connect: Connect, writer: Any) -> None:
    leaver = connect(send_receive_timeout=60)
    slow = "SELECT sum(sleepEachRow(0.05)) FROM numbers(1000) SETTINGS max_block_size = 1"
    left = threading.Event()

    def run() -> None:
        with pytest.raises((EOFError, OSError, ServerException)):
            leaver.execute(slow)
        left.set()

    thread = threading.Thread(target=run)
    thread.start()
    running = "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sum(sleepEachRow%'"
    wait_until(lambda: writer.execute(running) == [(1,)])
    leaver.connection.socket.shutdown(socket.SHUT_RDWR)
    wait_until(lambda: writer.execute(running) == [(0,)])
    thread.join(DEADLINE_SECONDS)
    assert left.is_set()


# ---- processes of their own

USERS = {
    "writer": {"password": "w"},
    "reader": {"password": "r", "readonly": True, "max_memory_usage": 100_000_000, "hidden_databases": ["secret"]},
}


class Process:
    """A server of this test's own."""

    def __init__(self, directory: Path, port: int = 0) -> None:
        users = directory / "users.json"
        users.write_text(json.dumps(USERS))
        command = [sys.executable, "-m", "infra.embedded.clickhouse", str(directory / "data")]
        self.popen = subprocess.Popen(
            tethered([*command, "--port", str(port), "--users", str(users)]),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_ready(self) -> None:
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        found = re.fullmatch(r"listening (\d+)\n", line)
        assert found, line
        self.port = int(found[1])

    def client(self, user: str = "writer", **options: Any) -> Any:
        options |= {"user": user, "password": user[0], "send_receive_timeout": 30}
        return Client("127.0.0.1", port=self.port, **options)

    def end(self, number: int = signal.SIGKILL) -> tuple[int, str]:
        """Exit status and standard error."""
        self.popen.send_signal(number)
        _, errors = self.popen.communicate(timeout=DEADLINE_SECONDS)
        return self.popen.returncode, errors


@contextmanager
def started(directory: Path) -> Iterator[Process]:
    process = Process(directory)
    try:
        process.wait_ready()
        yield process
    finally:
        process.end()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.02)


def refused_start(directory: Path, port: int = 0) -> str:
    process = Process(directory, port)
    out, errors = process.popen.communicate(timeout=DEADLINE_SECONDS)
    assert process.popen.returncode == 2
    assert out == ""
    assert errors.count("\n") == 1
    return errors


def test_kill_9_keeps_acknowledged_rows(tmp_path: Path) -> None:
    acknowledged = 0
    for _ in range(3):
        with started(tmp_path) as process, process.client() as client:
            client.execute("CREATE DATABASE IF NOT EXISTS lab")
            client.execute("CREATE TABLE IF NOT EXISTS lab.t (n UInt32) ENGINE = MergeTree ORDER BY n")
            assert client.execute("SELECT count() FROM lab.t") == [(acknowledged,)]
            for _ in range(5):
                acknowledged += client.execute("INSERT INTO lab.t VALUES", [list(range(100))], columnar=True)


def make_read_only(directory: Path, on: bool) -> None:
    """Nothing can be made in the directories below; root is held back by an attribute of the file system only."""
    for root, _, _ in os.walk(directory):
        if os.geteuid() == 0:
            subprocess.run(["chattr", "+i" if on else "-i", root], check=True)
        else:
            os.chmod(root, 0o555 if on else 0o755)


def test_an_insert_that_cannot_be_written_is_refused_and_not_acknowledged(tmp_path: Path) -> None:
    with started(tmp_path) as process, process.client() as client:
        client.execute("CREATE TABLE t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
        rows = [(number, "x" * 50) for number in range(10_000)]
        make_read_only(tmp_path / "data" / "store", True)
        try:
            for part in (rows[:10], rows):
                with pytest.raises(ServerException):
                    client.execute("INSERT INTO t VALUES", part)
        finally:
            make_read_only(tmp_path / "data" / "store", False)
        assert client.execute("SELECT count() FROM t") == [(0,)]
        assert client.execute("INSERT INTO t VALUES", rows) == 10_000
        assert client.execute("SELECT count() FROM t") == [(10_000,)]


def test_a_second_server_of_a_directory_and_a_taken_port_end_with_one_line(tmp_path: Path) -> None:
    with started(tmp_path) as process:
        assert f"directory {tmp_path / 'data'} is in use by another server" in refused_start(tmp_path)
        other = tmp_path / "other"
        other.mkdir()
        assert f"port {process.port} on 127.0.0.1: Address already in use" in refused_start(other, process.port)
        with process.client() as client:
            assert client.execute("SELECT 1") == [(1,)]


def test_a_stop_waits_for_the_running_statement(tmp_path: Path) -> None:
    with started(tmp_path) as process, process.client() as client:
        answers: list[object] = []
        statement = "SELECT sum(1 + sleepEachRow(0.1)) FROM numbers(10) SETTINGS max_block_size = 1"
        thread = threading.Thread(target=lambda: answers.append(client.execute(statement)))
        thread.start()
        with process.client() as other:
            running = "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sum(1%'"
            wait_until(lambda: other.execute(running) == [(1,)])
        assert process.end(signal.SIGTERM) == (0, "")
        thread.join(DEADLINE_SECONDS)
        assert answers == [[(10,)]]


def test_the_reader_has_a_memory_limit(tmp_path: Path) -> None:
    with started(tmp_path) as process, process.client("reader") as reader:
        with pytest.raises(ServerException) as caught:
            reader.execute("SELECT length(groupArray(number)) FROM numbers(100000000)")
        assert caught.value.code == 241
        assert reader.execute("SELECT 1") == [(1,)]


@pytest.fixture(scope="module")
def hiding(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A server whose reader does not see the database secret, which two views and a table stand for."""
    with started(tmp_path_factory.mktemp("hiding")) as process, process.client() as writer:
        for statement in (
            "CREATE DATABASE secret",
            "CREATE DATABASE open",
            "CREATE TABLE secret.care (token String, INDEX one token TYPE minmax) ENGINE = MergeTree ORDER BY token",
            "INSERT INTO secret.care VALUES ('p00secret')",
            "CREATE TABLE open.people (token String) ENGINE = MergeTree ORDER BY token",
            "CREATE VIEW open.through AS SELECT * FROM secret.care",
            "CREATE VIEW open.twice AS SELECT * FROM open.through",
            "CREATE VIEW open.fine AS SELECT * FROM open.people",
            "CREATE TABLE open.both AS secret.care ENGINE = Merge(secret, '.*')",
        ):
            writer.execute(statement)
        assert writer.execute("SELECT token FROM open.twice") == [("p00secret",)]
        yield process


HIDDEN = [
    "SELECT * FROM secret.care",
    "SELECT * FROM `secret`.`care`",
    "SELECT * FROM `se\\x63ret`.care",
    'SELECT * FROM "secret".care',
    "SELECT secret.care.token FROM secret.care",
    "SELECT * FROM open.people AS p JOIN secret.care AS c ON p.token = c.token",
    "SELECT * FROM open.people WHERE token IN secret.care",
    "SELECT * FROM open.people WHERE token IN (SELECT token FROM secret.care)",
    "SELECT (SELECT any(token) FROM secret.care)",
    "WITH x AS (SELECT * FROM secret.care) SELECT * FROM x",
    "SELECT 1 UNION ALL SELECT count() FROM secret.care",
    "SELECT * FROM view(SELECT * FROM secret.care)",
    "SELECT * FROM merge('secret', '.*')",
    "SELECT * FROM merge(concat('se', 'cret'), '.*')",
    "SELECT * FROM merge(REGEXP('s.*t'), '.*')",
    "SELECT * FROM remote('127.0.0.1', secret.care)",
    "SELECT * FROM loop(secret.care)",
    "SELECT * FROM mergeTreeIndex(secret, care)",
    "SELECT * FROM open.through",
    "SELECT * FROM open.twice",
    "SELECT * FROM open.both",
    "SHOW CREATE TABLE open.through",
    "EXPLAIN SELECT * FROM secret.care",
    "EXPLAIN ESTIMATE SELECT * FROM secret.care",
    "EXPLAIN AST SELECT * FROM secret.care",
    "DESCRIBE secret.care",
    "EXISTS secret.care",
    "SHOW CREATE TABLE secret.care",
    "SHOW CREATE DATABASE secret",
    "SHOW TABLES FROM secret",
    "SHOW TABLES FROM `se\\x63ret`",
    "SHOW COLUMNS FROM care FROM secret",
    "SHOW INDEX FROM care FROM secret",
    "CHECK TABLE secret.care",
    "USE secret",
    "USE `se\\x63ret`",
    "SELECT hasColumnInTable(concat('se', 'cret'), 'care', 'token')",
    "SELECT joinGet(concat('se', 'cret', '.care'), 'token', 1)",
    "SET additional_table_filters = {}",
    "SET additional_table_filters = DEFAULT",
    "SELECT name FROM system.tables SETTINGS additional_table_filters = {}",
]


@pytest.mark.parametrize("statement", HIDDEN)
def test_a_hidden_database_is_refused_however_it_is_named(hiding: Process, statement: str) -> None:
    with hiding.client("reader") as reader:
        with pytest.raises(ServerException) as caught:
            reader.execute(statement)
        assert caught.value.code in (164, 497)
        assert "p00secret" not in str(caught.value)


def test_a_hidden_database_is_refused_by_parameter_setting_and_login(hiding: Process) -> None:
    with hiding.client("reader", settings={"server_side_params": True}) as reader:
        for statement in (
            "SELECT * FROM {d:Identifier}.care",
            "USE {d:Identifier}",
            "SHOW TABLES FROM {d:Identifier}",
            "DESCRIBE {d:Identifier}.care",
        ):
            with pytest.raises(ServerException) as caught:
                reader.execute(statement, {"d": "secret"})
            assert caught.value.code == 497, statement
        with pytest.raises(ServerException) as caught:
            reader.execute("SELECT 1", settings={"additional_table_filters": "{}"})
        assert caught.value.code == 164
    with hiding.client("reader", database="secret") as reader, pytest.raises(ServerException) as caught:
        reader.execute("SELECT 1")
    assert caught.value.code == 497


def test_a_view_that_comes_to_stand_for_what_is_hidden_is_refused_from_then_on(hiding: Process) -> None:
    with hiding.client() as writer, hiding.client("reader") as reader:
        for statement in ("CREATE VIEW", "CREATE OR REPLACE VIEW", "/* again */ create or replace view"):
            writer.execute(f"{statement} open.turning AS SELECT * FROM open.people")
            assert reader.execute("SELECT * FROM open.turning") == []
            writer.execute("CREATE OR REPLACE VIEW open.turning AS SELECT * FROM secret.care")
            with pytest.raises(ServerException) as caught:
                reader.execute("SELECT * FROM open.turning")
            assert caught.value.code == 497
        writer.execute("RENAME TABLE open.turning TO open.turned")
        with pytest.raises(ServerException) as caught:
            reader.execute("SELECT * FROM open.turned")
        assert caught.value.code == 497
        writer.execute("DROP VIEW open.turned")


LISTINGS = [
    "SELECT database, name FROM system.tables",
    "SELECT database, table, name FROM system.columns",
    "SELECT name FROM system.databases",
    "SELECT database, table FROM system.parts",
    "SELECT database, table FROM system.parts_columns",
    "SELECT database, table FROM system.data_skipping_indices",
    "SELECT t.database, name FROM (SELECT 1) AS one, system.tables AS t",
    "SELECT database, name FROM view(SELECT * FROM system.tables)",
    "SELECT table_schema, table_name FROM information_schema.tables",
    "SELECT table_schema, table_name, column_name FROM information_schema.columns",
    "SELECT schema_name FROM INFORMATION_SCHEMA.SCHEMATA",
    "SHOW DATABASES",
    "SHOW FULL TABLES FROM open",
]


@pytest.mark.parametrize("statement", LISTINGS)
def test_a_hidden_database_is_in_no_listing(hiding: Process, statement: str) -> None:
    def named(rows: list[tuple[object, ...]]) -> bool:
        return any(value in ("secret", "care") for row in rows for value in row)

    with hiding.client("reader") as reader, hiding.client() as writer:
        assert not named(reader.execute(statement))
        assert named(writer.execute(statement)) or statement.startswith("SHOW FULL TABLES")


def test_what_is_not_hidden_is_read_as_before(hiding: Process) -> None:
    with hiding.client("reader") as reader:
        assert reader.execute("SELECT * FROM open.people") == reader.execute("SELECT * FROM open.fine") == []
        assert ("open", "people") in reader.execute("SELECT database, name FROM system.tables")
        assert reader.execute("USE open") == []
        assert reader.execute("SELECT count() FROM people") == [(0,)]
        assert reader.execute("SELECT 1 AS secretly") == [(1,)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Where a server of this test's own keeps its data: 200 MB."""
    disk = tmp_path / "data"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode:
        pytest.skip("only root can mount a small file system")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> None:
    with suppress(OSError), (disk / "ballast").open("wb", buffering=0) as stream:
        while stream.write(bytes(1 << 16)):
            pass


def thousand_rows(client: Any) -> None:
    client.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    for _ in range(10):
        client.execute("INSERT INTO t SELECT number FROM numbers(100)")


def merges_run(client: Any) -> bool:
    try:
        client.execute("OPTIMIZE TABLE t FINAL SETTINGS optimize_throw_if_noop = 1")
    except ServerException as error:
        # ABORTED by the rest, or CANNOT_ASSIGN_OPTIMIZE: the engine had no room before the rest began
        if error.code not in (236, 388):
            raise
        return False
    return True


def test_a_full_disk_refuses_inserts_and_rests_merges_until_there_is_room(tmp_path: Path, small_disk: Path) -> None:
    with started(tmp_path) as server:
        client = server.client()
        thousand_rows(client)
        fill(small_disk)
        wait_until(lambda: not merges_run(client))
        with pytest.raises(ServerException) as caught:
            client.execute("INSERT INTO t SELECT 1")
        assert caught.value.code == 243  # NOT_ENOUGH_SPACE
        assert client.execute("SELECT count() FROM t") == [(1000,)]
        (small_disk / "ballast").unlink()
        wait_until(lambda: merges_run(client))
        client.execute("INSERT INTO t SELECT 1")
        assert client.execute("SELECT count() FROM t") == [(1001,)]


def test_a_part_that_was_merged_into_a_full_disk_costs_no_row(tmp_path: Path, small_disk: Path) -> None:
    with started(tmp_path) as server:
        client = server.client()
        thousand_rows(client)
        client.execute("OPTIMIZE TABLE t FINAL")
        ((part,),) = client.execute("SELECT path FROM system.parts WHERE table = 't' AND active")
        for file in Path(part).iterdir():
            file.write_bytes(b"")  # as the engine leaves it
        fill(small_disk)
        assert server.popen.wait(DEADLINE_SECONDS) == 3
        assert "parts are empty: ['all_1_10_" in server.end()[1]
    with started(tmp_path) as server:
        assert server.client().execute("SELECT count(), sum(a) FROM t") == [(1000, 49500)]
