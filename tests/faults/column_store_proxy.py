"""A proxy before the column store that sees each statement of a sink pass, and can end or cut things at that moment.

The native protocol names the query id and the statement in clear at the start of a packet, and our query ids name the
process and the connection (`sink-HOST-PID-write-...`): so a sink is killed between two of its steps without any hook
in its own code.
"""

import os
import re
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from infra.embedded.ports import LOOPBACK

_HEAD_BYTES = 4096
_QUERY_ID = re.compile(rb"sink-[\w.-]*?-(\d+)-(write|count)-[0-9a-f]{16}")


class Moment(NamedTuple):
    """A place in the work of a sink: a connection of it (`write` or `count`) sends a statement that begins so.

    ``after`` seconds more are waited when the statement has been passed on; None: it is not passed on.
    """

    connection: bytes
    statement: bytes
    after: float | None = None


class ColumnStoreProxy:
    """Listens on a free port of loopback and passes everything on; a context manager."""

    def __init__(self, target: Callable[[], int]) -> None:
        self._target = target
        self._listener = socket.create_server((LOOPBACK, 0))
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._moment: Moment | None = None
        self._killed = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def __enter__(self) -> "ColumnStoreProxy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.cut()

    def kill_at(self, moment: Moment, timeout: float) -> bool:
        """kill -9 of the first sink that comes to this moment; False when none does in time."""
        self._killed.clear()
        self._moment = moment
        try:
            return self._killed.wait(timeout)
        finally:
            self._moment = None

    def cut(self) -> int:
        """Break all connections that are open now; returns their number."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            self._close(pair)
        return len(pairs)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            try:
                server = socket.create_connection((LOOPBACK, self._target()), timeout=5)
                server.settimeout(None)
            except OSError:  # it is down: so are we
                client.close()
                continue
            pair = (client, server)
            with self._lock:
                self._pairs.add(pair)
            for source, sink, look in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pass_on, args=(pair, source, sink, look), daemon=True).start()

    def _pass_on(
        self, pair: tuple[socket.socket, socket.socket], source: socket.socket, sink: socket.socket, look: bool
    ) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 18):
                if look and (moment := self._moment) and (pid := _sender(data, moment)):
                    if moment.after is not None:
                        sink.sendall(data)
                        self._killed.wait(moment.after)
                    self._kill(pid)
                    break
                sink.sendall(data)
        self._close(pair)

    def _kill(self, pid: int) -> None:
        self._moment = None
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self._killed.set()

    def _close(self, pair: tuple[socket.socket, socket.socket]) -> None:
        with self._lock:
            self._pairs.discard(pair)
        for one in pair:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def _sender(data: bytes, moment: Moment) -> int | None:
    """The process that sends this statement, where it is the moment's."""
    head = data[:_HEAD_BYTES]
    found = _QUERY_ID.search(head)
    if found is None or found[2] != moment.connection or moment.statement not in head:
        return None
    return int(found[1])
