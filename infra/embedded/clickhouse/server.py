"""The listener: accepts connections on the loopback interface and stops gracefully."""

import socket
import threading
import time

from infra.embedded.clickhouse.engine import Engine
from infra.embedded.clickhouse.errors import TOO_MANY_SIMULTANEOUS_QUERIES, ServerError
from infra.embedded.clickhouse.protocol import Connection, exception_packet

MAX_CONNECTIONS = 64
WATCH_SECONDS = 0.1


def listen(port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises OSError where the port is in use."""
    return socket.create_server(("127.0.0.1", port), backlog=MAX_CONNECTIONS)


class Server:
    """Serves `listener` (see `listen`) from `start` until `stop`."""

    def __init__(self, engine: Engine, listener: socket.socket) -> None:
        self._engine = engine
        self._listener = listener
        self._lock = threading.Lock()
        self._connections: set[Connection] = set()
        self._stopping = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._accept, daemon=True, name="clickhouse-accept").start()
        threading.Thread(target=self._watch, daemon=True, name="clickhouse-watch").start()

    def stop(self, seconds: float = 10.0) -> None:
        """No new connections; running statements get some seconds to end."""
        self._stopping.set()
        self._listener.close()
        deadline = time.monotonic() + seconds
        while any(connection.running for connection in self._current()) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _current(self) -> list[Connection]:
        with self._lock:
            return list(self._connections)

    def _ended(self, connection: Connection) -> None:
        with self._lock:
            self._connections.discard(connection)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed by stop
                return
            if len(self._current()) >= MAX_CONNECTIONS:
                self._refuse(client)
                continue
            connection = Connection(self._engine, client, self._ended)
            with self._lock:
                self._connections.add(connection)
            connection.start()

    @staticmethod
    def _refuse(client: socket.socket) -> None:
        text = f"Too many simultaneous connections, the maximum is {MAX_CONNECTIONS}."
        error = ServerError(TOO_MANY_SIMULTANEOUS_QUERIES, f"{text} (TOO_MANY_SIMULTANEOUS_QUERIES)")
        with client:
            client.setblocking(False)
            client.send(exception_packet(error))

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_SECONDS):
            for connection in self._current():
                connection.kill_if_left()
