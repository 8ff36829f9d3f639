"""One connection of the native protocol, in a thread of its own: the protocol's packets on one side, an engine session
on the other. Numbers with five digits are the protocol revisions from which something is sent."""

import logging
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from infra.embedded.clickhouse.blocks import BLOCK_INFO, Block, Structure, header, read_block
from infra.embedded.clickhouse.engine import VERSION, Engine, Session
from infra.embedded.clickhouse.errors import (
    NOT_IMPLEMENTED,
    QUERY_WAS_CANCELLED,
    UNKNOWN_PACKET_FROM_CLIENT,
    ProtocolError,
    ServerError,
    from_engine,
)
from infra.embedded.clickhouse.statements import (
    Insert,
    InsertInput,
    first_word,
    has_totals,
    parse_insert,
    quote_name,
    strip_format,
    unquote,
)
from infra.embedded.clickhouse.wire import ByteReader, frames, read_frame, string, varint

logger = logging.getLogger(__name__)

REVISION = 54468
OLDEST_REVISION = 54429
CLIENT_HELLO, CLIENT_QUERY, CLIENT_DATA, CLIENT_CANCEL, CLIENT_PING = range(5)
HELLO, DATA, EXCEPTION, PROGRESS, PONG, END_OF_STREAM, PROFILE_INFO = range(7)
PROFILE_EVENTS = 14

LOGIN_SECONDS, PACKET_SECONDS, IDLE_SECONDS = 10.0, 300.0, 3600.0
WRONG_PASSWORD_SECONDS = 0.2  # slows down guessing
MAX_SETTING, MAX_STATEMENT = 1 << 20, 1 << 26  # bytes


def exception_packet(error: Exception) -> bytes:
    told = from_engine(error)
    code = struct.pack("<i", told.code)
    return b"".join(
        (varint(EXCEPTION), code, string("DB::Exception"), string(f"DB::Exception: {told}"), string(""), b"\0")
    )


@contextmanager
def blocks_file() -> Iterator[tuple[IO[bytes], str]]:
    """A file in memory for blocks, to be flushed, and the arguments of the table function `file` that reads it.

    The engine's streamed insert would take blocks as they come, and says nothing when it cannot write them: a plain
    statement over the same bytes does.
    """
    with os.fdopen(os.memfd_create("blocks"), "wb") as file:
        yield file, f"'/proc/self/fd/{file.fileno()}', 'Native'"


class Connection(threading.Thread):
    """Serves one client until it leaves; calls `ended` then. `running` is true while a statement runs."""

    def __init__(self, engine: Engine, client: socket.socket, ended: Callable[["Connection"], None]) -> None:
        super().__init__(daemon=True, name=f"clickhouse-{client.fileno()}")
        self.running = False
        self._engine = engine
        self._client = client
        self._ended = ended
        self._reader = ByteReader(lambda: client.recv(1 << 20))
        self._send_lock = threading.Lock()  # progress comes from the engine's threads
        self._token: str | None = None  # of the running statement, where it can be killed
        self._revision = 0
        self._compressed = False
        self._cancelled = False
        self._progress_sent: dict[str, int] = {}
        self._progress_at = 0

    # ---- life of a connection
    def run(self) -> None:
        session: Session | None = None
        try:
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._client.settimeout(LOGIN_SECONDS)
            session = self._hello()
            self._serve(session)
        except (EOFError, OSError):
            pass  # the client left, or is too slow to be waited for
        except Exception as error:
            if not isinstance(error, ServerError):
                logger.exception("connection ends")
            self._send_quietly(exception_packet(error))
        finally:
            self._client.close()
            if session:
                session.close()
            self._ended(self)

    def _serve(self, session: Session) -> None:
        while True:
            self._client.settimeout(IDLE_SECONDS)
            self._reader.start_packet()
            packet = self._reader.varint()
            self._client.settimeout(PACKET_SECONDS)
            if packet == CLIENT_PING:
                self._send(varint(PONG))
            elif packet == CLIENT_QUERY:
                self._query(session)
            elif packet == CLIENT_DATA:
                self._read_block()  # the rest of an insert that has failed
            elif packet != CLIENT_CANCEL:
                raise ProtocolError(f"Unexpected packet {packet} from client", UNKNOWN_PACKET_FROM_CLIENT)

    def _hello(self) -> Session:
        reader = self._reader
        if reader.varint() != CLIENT_HELLO:
            raise ProtocolError("Expected Hello of the native protocol")
        reader.string(), reader.varint(), reader.varint()  # client's name and version
        self._revision = min(reader.varint(), REVISION)
        if self._revision < OLDEST_REVISION:
            raise ProtocolError("Clients before 20.3 are not supported", NOT_IMPLEMENTED)
        database, name, password = reader.string(), reader.string(), reader.string()
        try:
            session = self._engine.login(name, password, database)
        except ServerError:
            time.sleep(WRONG_PASSWORD_SECONDS)
            raise
        major, minor, patch, _ = VERSION
        answer = [varint(HELLO), string("ClickHouse"), varint(major), varint(minor), varint(REVISION)]
        answer += [string(self._engine.timezone), string("checkline-embedded"), varint(patch)]
        if self._revision >= 54461:
            answer.append(varint(0))  # rules for passwords
        if self._revision >= 54462:
            answer.append(bytes(8))  # nonce between servers
        self._send(*answer)
        if self._revision >= 54458:
            reader.string()  # quota key
        return session

    # ---- bytes to the client
    def _send(self, *parts: bytes) -> None:
        with self._send_lock:
            self._client.sendall(b"".join(parts))

    def _send_quietly(self, *parts: bytes) -> None:
        try:
            self._send(*parts)
        except OSError:
            self._cancelled = True

    def _send_block(self, raw: bytes) -> None:
        raw = BLOCK_INFO + raw
        self._send(varint(DATA), b"\0", frames(raw) if self._compressed else raw)

    @property
    def _custom_serialization(self) -> bool:
        return self._revision >= 54454

    # ---- packets of a statement
    def _read_block(self) -> tuple[str, Block]:
        """The block and its table's name, after the packet's number."""
        outer = self._reader
        table = outer.string()
        reader = ByteReader(lambda: read_frame(outer)) if self._compressed else outer
        while field := reader.varint():  # BlockInfo
            if field > 2:
                raise ProtocolError(f"Unknown field {field} of block info")
            reader.skip(1 if field == 1 else 4)
        return table, read_block(reader, flags_in=self._custom_serialization)

    def _blocks(self) -> Iterator[tuple[str, Block]]:
        """Blocks up to the empty one that ends them."""
        while True:
            self._reader.start_packet()
            packet = self._reader.varint()
            if packet == CLIENT_CANCEL:
                raise ServerError(QUERY_WAS_CANCELLED, "Query was cancelled. (QUERY_WAS_CANCELLED)")
            if packet != CLIENT_DATA:
                raise ProtocolError(f"Unexpected packet {packet} from client (expected Data)")
            table, block = self._read_block()
            if not block.structure:
                return
            yield table, block

    def _read_settings(self) -> dict[str, tuple[str, bool]]:
        settings = {}
        while name := self._reader.string():
            important = bool(self._reader.varint() & 1)
            settings[name] = (self._reader.string(MAX_SETTING), important)
        return settings

    def _skip_client_info(self) -> None:
        reader, revision = self._reader, self._revision
        if not reader.byte():
            return
        reader.string(), reader.string(), reader.string()  # initial user, query id, address
        if revision >= 54449:
            reader.skip(8)  # start time
        reader.byte()  # interface
        reader.string(), reader.string(), reader.string()  # OS user, host, client
        reader.varint(), reader.varint(), reader.varint()  # client's version and revision
        reader.string()  # quota key
        if revision >= 54448:
            reader.varint()  # distributed depth
        reader.varint()  # patch
        if revision >= 54442 and reader.byte():  # trace
            reader.take(24), reader.string(), reader.byte()
        if revision >= 54453:
            reader.varint(), reader.varint(), reader.varint()  # parallel replicas

    # ---- statements
    def _query(self, session: Session) -> None:
        reader = self._reader
        reader.string()  # query id
        self._skip_client_info()
        settings = self._read_settings()
        if self._revision >= 54441:
            reader.string()  # secret between servers
        reader.varint()  # stage
        self._compressed = bool(reader.varint())
        text = reader.string(MAX_STATEMENT)
        quoted = self._read_settings() if self._revision >= 54459 else {}
        parameters = {name: unquote(value) for name, (value, _) in quoted.items()}
        self._cancelled, self._progress_sent, self._progress_at = False, {}, time.monotonic_ns()
        temporary: list[str] = []
        self.running = True
        try:
            external = list(self._blocks())
            session.apply(settings)
            for name, block in external:
                session.create_temporary(name, block.structure)
                temporary.append(name)
                self._fill(session, name, block)
            statement = session.admit(text, parameters)
            insert = parse_insert(statement)
            if isinstance(insert, Insert):
                self._insert(session, insert)
            elif isinstance(insert, InsertInput):
                self._insert_input(session, insert)
            else:
                self._answer(session, strip_format(statement), parameters)
        except (ProtocolError, EOFError, OSError):
            raise
        except Exception as error:
            self._send(varint(END_OF_STREAM) if self._cancelled else exception_packet(error))
        finally:
            self._token = None
            for name in temporary:
                session.drop_temporary(name)
            self.running = False

    @staticmethod
    def _fill(session: Session, table: str, block: Block) -> None:
        if block.rows:
            with blocks_file() as (file, place):
                file.write(block.raw)
                file.flush()
                session.run(f"INSERT INTO {quote_name(table)} SELECT * FROM file({place})")

    def _answer(self, session: Session, statement: str, parameters: Mapping[str, str]) -> None:
        """Any statement but an insert whose rows follow: its blocks, progress, and what they amounted to."""
        if has_totals(statement):
            raise ServerError(
                NOT_IMPLEMENTED,
                "WITH TOTALS is not supported: the engine's Native output drops them. (NOT_IMPLEMENTED)",
            )
        connection = session.connection
        word = first_word(statement)
        self._token = session.new_token()
        structure: Structure = []
        stream: Any = None
        rows = blocks = size = read_rows = read_bytes = 0
        try:
            if word in ("SELECT", "WITH"):
                # The engine sends no block for a result without rows, and forgets the zones of DateTime.
                structure = session.describe(statement, parameters)
                self._send_block(header(structure, self._custom_serialization))
                connection.set_progress_callback(self._progress)
                stream = connection.send_query(statement, "Native", params=dict(parameters))
                chunks = iter(stream.fetch, None)
            else:
                connection.set_progress_callback(self._progress)
                chunks = iter([connection.query(statement, "Native", params=dict(parameters))])
            types = [spec for _, spec in structure] or None
            for chunk in chunks:
                if self._cancelled:
                    break
                read_rows, read_bytes = read_rows + chunk.rows_read(), read_bytes + chunk.bytes_read()
                chunk_reader = ByteReader(iter([chunk.bytes(), b"", b""]).__next__)
                while chunk_reader.has_more():
                    block = read_block(chunk_reader, flags_out=self._custom_serialization, types=types)
                    if not structure:
                        structure = block.structure
                        self._send_block(header(structure, self._custom_serialization))
                    rows, blocks, size = rows + block.rows, blocks + 1, size + len(block.raw)
                    self._send_block(block.raw)
        finally:
            self._token = None
            connection.set_progress_callback(None)
            if stream is not None:
                stream.close()
        if word == "SET":
            session.remember(statement)
        last = self._progress_sent
        self._progress(
            {
                **last,
                "read_rows": max(read_rows, last.get("read_rows", 0)),
                "read_bytes": max(read_bytes, last.get("read_bytes", 0)),
                "total_rows_to_read": max(read_rows, last.get("total_rows_to_read", 0)),
            }
        )
        profile = (varint(rows), varint(blocks), varint(size), b"\0", varint(0), b"\0")
        self._send(varint(PROFILE_INFO), *profile, varint(END_OF_STREAM))

    def _insert(self, session: Session, insert: Insert) -> None:
        structure = session.describe(f"SELECT {insert.columns[1:-1] or '*'} FROM {insert.table}")
        settings = f" SETTINGS {insert.settings}" if insert.settings else ""
        with blocks_file() as (file, place):
            rows = self._receive(structure, file)
            size = file.tell()
            if rows:
                self._token = session.new_token()
                names = ", ".join(quote_name(name) for name, _ in structure)  # as blocks are read: by name
                session.run(f"INSERT INTO {insert.table} {insert.columns}{settings} SELECT {names} FROM file({place})")
        self._end_insert(rows, size)

    def _insert_input(self, session: Session, insert: InsertInput) -> None:
        with blocks_file() as (file, place):
            self._receive(session.describe_literal(insert.structure), file)
            self._token = session.new_token()
            session.run(f"{insert.before} file({place}, {insert.structure}) {insert.after}")
        self._end_insert(0, 0)

    def _receive(self, structure: Structure, file: IO[bytes]) -> int:
        """Ask for the rows of an insert and write their blocks; returns the number of rows."""
        self._send_block(header(structure, self._custom_serialization))
        rows = 0
        for _, block in self._blocks():
            if block.rows:
                file.write(block.raw)
                rows += block.rows
            self._profile_events()
        file.flush()
        return rows

    def _end_insert(self, rows: int, size: int) -> None:
        self._profile_events()
        self._progress({"written_rows": rows, "written_bytes": size})
        self._send(varint(END_OF_STREAM))

    def _profile_events(self) -> None:
        """From 54456 on the client waits for this packet after every block of an insert."""
        if self._revision >= 54456:
            self._send(varint(PROFILE_EVENTS), b"\0", BLOCK_INFO, b"\0\0")

    # ---- while a statement runs
    def _progress(self, total: dict[str, int]) -> None:
        """Send what was added since the last time."""
        names = ["read_rows", "read_bytes", "total_rows_to_read", "written_rows", "written_bytes"]
        if self._revision >= 54463:
            names.insert(3, "total_bytes_to_read")
        added = [max(0, total.get(name, 0) - self._progress_sent.get(name, 0)) for name in names]
        self._progress_sent = dict(total)
        if self._revision >= 54460:
            now = time.monotonic_ns()
            added.append(now - self._progress_at)
            self._progress_at = now
        self._send_quietly(varint(PROGRESS), *map(varint, added))

    def kill_if_left(self) -> None:
        """Kill the running statement when the client cancelled it or is gone. To be called again and again: the
        statement may not have started when it is called."""
        token = self._token
        if token is None:
            return
        try:
            waiting = self._client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            self._cancelled |= waiting in (b"", bytes([CLIENT_CANCEL]))
        except BlockingIOError:
            pass
        except OSError:
            self._cancelled = True
        if self._cancelled:
            self._engine.kill(token)
