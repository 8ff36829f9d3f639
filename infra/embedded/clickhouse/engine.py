"""The engine (chDB): one per directory and process, one session of it per connection."""

import fcntl
import hmac
import json
import re
import secrets
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import chdb

from infra.embedded.clickhouse import access
from infra.embedded.clickhouse.blocks import Structure
from infra.embedded.clickhouse.errors import (
    AUTHENTICATION_FAILED,
    READONLY,
    SYNTAX_ERROR,
    UNKNOWN_SETTING,
    DirectoryInUseError,
    ServerError,
    from_engine,
)
from infra.embedded.clickhouse.room import Room
from infra.embedded.clickhouse.statements import first_word, quote, quote_name, settings_of, strip_comments
from infra.embedded.clickhouse.users import User

VERSION = (26, 9, 2, 1)

Settings = Mapping[str, tuple[str, bool]]
"""Value of each setting, and whether the statement must fail where the engine does not know the setting."""

# `async_insert` is on by default in this engine and would be an ordinary insert anyway.
_SESSION_SETTINGS = "http_max_tries = 1, output_format_native_write_json_as_string = 1, async_insert = 0"
_DEFINITIONS = """
    SELECT name, create_table_query FROM system.tables
    WHERE NOT match(engine, 'MergeTree$|^Memory$|Log$|^System')
        AND database NOT IN ('system', 'INFORMATION_SCHEMA', 'information_schema')
"""
_NOT_FOR_THE_ENGINE = frozenset({"log_comment", "send_logs_level", "network_compression_method"})


def _connect(path: str) -> Any:
    connect: Any = chdb.connect  # ships no types
    return connect(path)


@contextmanager
def directory_lock(directory: Path) -> Iterator[None]:
    """This process alone has `directory`. Raises DirectoryInUseError."""
    with (directory / ".server.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DirectoryInUseError(f"directory {directory} is in use by another server") from error
        yield


_LEAVES_DEFINITIONS = frozenset({"SELECT", "WITH", "INSERT", "SHOW", "DESCRIBE", "EXPLAIN", "EXISTS", "SET", "USE"})
"""First words of the writer's statements after which every view reads what it read before."""


class Engine:
    """The engine over one directory, which the caller has locked."""

    def __init__(self, directory: Path, users: Mapping[str, User]) -> None:
        self.path = str(directory)
        self._users = users
        self._lock = threading.Lock()
        self._reading: dict[frozenset[str], frozenset[str]] = {}
        self._changing: set[int] = set()
        self.room = Room.of(self.path)
        self._admin = _connect(self.path)  # stays open: the engine ends with its last connection
        self.timezone = self._scalar("SELECT timezone()")
        names = self._scalar("SELECT arrayStringConcat(groupArray(lower(name)), ' ') FROM system.table_functions")
        self.table_functions = frozenset(names.split())

    def _scalar(self, statement: str) -> str:
        raw: bytes = self._admin.query(statement, "TSVRaw").bytes()
        return raw.decode().strip()

    def switch_merges(self, run: bool) -> None:
        """Let the merges of all tables run, or stop them and those that are under way."""
        with self._lock:
            self._admin.query(f"SYSTEM {'START' if run else 'STOP'} MERGES", "Null")

    def empty_parts(self) -> list[str]:
        """Names of the active parts whose files are empty."""
        with self._lock:
            raw: bytes = self._admin.query("SELECT path FROM system.parts WHERE active", "TSVRaw").bytes()
        found = []
        for path in map(Path, raw.decode().splitlines()):
            with suppress(FileNotFoundError):  # merged into another one meanwhile
                if (path / "checksums.txt").stat().st_size == 0:
                    found.append(path.name)
        return found

    def login(self, name: str, password: str, database: str) -> "Session":
        """Raises ServerError (516) where name or password is wrong, and the engine's error for an unknown database."""
        user = self._users.get(name)
        expected = user.password if user else secrets.token_hex()
        right = hmac.compare_digest(expected.encode(), password.encode("utf-8", "surrogateescape"))
        if user is None or not right:
            raise ServerError(
                AUTHENTICATION_FAILED,
                f"{name}: Authentication failed: password is incorrect, or there is no user with such name. "
                "(AUTHENTICATION_FAILED)",
            )
        return Session(self, user, database)

    def tables_that_read(self, databases: Collection[str]) -> frozenset[str]:
        """Names of the views, and of tables that stand for others, through which rows of `databases` can be read.

        Kept until somebody runs what may change a definition: to list them all takes longer than a small query.
        """
        asked = frozenset(databases)
        with self._lock:
            if asked in self._reading:
                return self._reading[asked]
            raw: bytes = self._admin.query(_DEFINITIONS, "JSONCompactEachRow").bytes()
            found = access.tables_that_read(databases, [json.loads(line) for line in raw.splitlines()])
            if not self._changing:
                self._reading[asked] = found
        return found

    def begin_change(self, session: int) -> None:
        """A statement begins that may change a definition; until it has ended nothing is kept."""
        with self._lock:
            self._changing.add(session)
            self._reading.clear()

    def end_change(self, session: int) -> None:
        """Whatever the session ran has ended."""
        with self._lock:
            if session in self._changing:
                self._changing.remove(session)
                self._reading.clear()

    def kill(self, token: str) -> None:
        """Cancel the statement that runs under `token` (see Session.new_token), if it has started."""
        with self._lock:
            self._admin.query(f"KILL QUERY WHERE Settings['log_comment'] = {quote(token)} ASYNC", "Null")


class Session:
    """One connection to the engine, with its user's limits and the settings of its current statement."""

    def __init__(self, engine: Engine, user: User, database: str) -> None:
        self.user = user
        self._engine = engine
        self._applied: dict[str, str] = {}  # set for the current statement only
        self._base: dict[str, str] = {}  # set by the client's own SET
        self.connection = _connect(engine.path)
        try:
            kept_free = f"min_free_disk_bytes_to_perform_insert = {engine.room.for_inserts}"
            self.run(f"SET {_SESSION_SETTINGS}, {kept_free}, max_memory_usage = {user.max_memory_usage}")
            if user.readonly:
                if user.hidden_databases:
                    self.run(f"SET additional_table_filters = {access.table_filters(user.hidden_databases)}")
                self.run("SET readonly = 2")
                access.check_database(database, user.hidden_databases)
            if database:
                self.run(f"USE {quote_name(database)}")
        except Exception:
            self.close()
            raise

    def run(self, statement: str, output_format: str = "Null", parameters: Mapping[str, str] | None = None) -> bytes:
        raw: bytes = self.connection.query(statement, output_format, params=dict(parameters or {})).bytes()
        return raw

    def new_token(self) -> str:
        """A name for the next statement, by which Engine.kill finds it and no later one."""
        token = secrets.token_hex(8)
        self.run(f"SET log_comment = '{token}'")
        return token

    def apply(self, settings: Settings) -> None:
        """Make `settings` those of the next statement and take back those of the last one.

        Raises ServerError (164) for a limit of the reader, (115) for an unknown setting that is marked important.
        """
        wanted = {name: value for name, value in settings.items() if name not in _NOT_FOR_THE_ENGINE}
        for name in [name for name in self._applied if name not in wanted]:
            self.run(f"SET {name} = {quote(self._base[name]) if name in self._base else 'DEFAULT'}")
            del self._applied[name]
        for name, (value, important) in wanted.items():
            if self._applied.get(name) == value:
                continue
            if not re.fullmatch(r"\w+", name):
                raise ServerError(UNKNOWN_SETTING, f"Unknown setting '{name}'. (UNKNOWN_SETTING)")
            if self.user.readonly:
                access.check_setting(name)
            try:
                self.run(f"SET {name} = {quote(value)}")
                self._applied[name] = value
            except Exception as error:
                if important or from_engine(error).code != UNKNOWN_SETTING:
                    raise

    def remember(self, statement: str) -> None:
        """A SET of the client's own holds until the connection ends."""
        for name, value in settings_of(statement).items():
            self._base[name] = value
            self._applied.pop(name, None)

    def admit(self, text: str, parameters: Mapping[str, str]) -> str:
        """The statement without leading comments, if the user may run it. Raises ServerError (62, 164, 497)."""
        self._engine.end_change(id(self))  # the statement before this one has ended
        kind = self.connection._conn.classify_query(text)
        if kind["statement_count"] > 1:
            raise ServerError(SYNTAX_ERROR, "Syntax error: Multi-statements are not allowed. (SYNTAX_ERROR)")
        statement = strip_comments(text)
        if self.user.readonly and kind["statement_count"]:
            session_only = first_word(statement) in ("USE", "SET")
            if kind["query_class"].name != "READ_ONLY" and not session_only:
                raise ServerError(READONLY, "Cannot execute query in readonly mode. (READONLY)")
            formatted = self.run(f"SELECT formatQuery({quote(statement)})", "TSVRaw")
            hidden = self.user.hidden_databases
            access.check_formatted(formatted.decode(errors="replace"), hidden)
            tree = self.run(f"EXPLAIN AST {statement}", "TSVRaw", parameters)
            hidden_tables = self._engine.tables_that_read(hidden) if hidden else frozenset()
            access.check_tree(tree.decode(errors="replace"), self._engine.table_functions, hidden, hidden_tables)
        elif first_word(statement) not in _LEAVES_DEFINITIONS:
            self._engine.begin_change(id(self))
        return statement

    def describe(self, query: str, parameters: Mapping[str, str] | None = None) -> Structure:
        """Names and types of a query's columns."""
        return self._describe(f"({query.rstrip().rstrip(';')}\n)", parameters)

    def describe_literal(self, structure: str) -> Structure:
        """Names and types of `structure`, a string literal as table functions take it."""
        return self._describe(f"null({structure})", None)

    def _describe(self, source: str, parameters: Mapping[str, str] | None) -> Structure:
        statement = f"DESCRIBE TABLE {source} SETTINGS print_pretty_type_names = 0"
        raw = self.run(statement, "JSONCompactStrings", parameters)
        return [(name, spec) for name, spec, *_ in json.loads(raw)["data"]]

    def create_temporary(self, name: str, structure: Structure) -> None:
        columns = ", ".join(f"{quote_name(column)} {spec}" for column, spec in structure)
        self.run(f"CREATE TEMPORARY TABLE {quote_name(name)} ({columns}) ENGINE = Memory")

    def drop_temporary(self, name: str) -> None:
        self.run(f"DROP TEMPORARY TABLE IF EXISTS {quote_name(name)}")

    def close(self) -> None:
        self.connection.close()
        self._engine.end_change(id(self))
