"""Ports of the loopback interface, the only one the embedded parts listen on."""

import socket
from contextlib import ExitStack

from infra.errors import PortInUse

LOOPBACK = "127.0.0.1"


def require_free(port: int, part: str) -> None:
    """Raises PortInUse when something listens on this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise PortInUse(
                f"{part}: port {port} of {LOOPBACK} is in use by another process; end that process, or remove the "
                "line from ports.json in CHECKLINE_HOME to have a free port chosen"
            ) from error


def is_listened_on(host: str, port: int, timeout: float = 1.0) -> bool:
    """Whether something accepts connections there; a client library asked before would log its failure."""
    try:
        socket.create_connection((host, port), timeout=timeout).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """A port that nothing listens on now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Different ports that nothing listens on now."""
    with ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for _ in range(count)]
        for probe in sockets:
            probe.bind((LOOPBACK, 0))
        return [int(probe.getsockname()[1]) for probe in sockets]
