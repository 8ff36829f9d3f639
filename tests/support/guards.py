"""Guards of the whole session: what a test starts or opens it must end, and an unexpected ERROR log fails it."""

import logging
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

# Inherited by every process a test starts, so that one whose parent has died is still found.
SESSION_VARIABLE = "TEST_SESSION_OF_CHECKLINE"
END_SECONDS = 5.0


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_over(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail the session when a process, a listening port or a temporary directory outlives its tests."""
    scratch = tmp_path_factory.mktemp("scratch")
    session = secrets.token_hex(8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SESSION_VARIABLE, session)
        patch.setenv("TMPDIR", str(scratch))
        patch.setattr(tempfile, "tempdir", str(scratch))
        ports_before = listening_ports()
        yield
        left = [*processes_of(session), *(listening_ports() - ports_before), *left_files(scratch)]
    if left:
        pytest.fail("left over after the tests: " + ", ".join(left), pytrace=False)


@pytest.fixture(autouse=True)
def no_unexpected_errors(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that logs at ERROR, unless it is marked `expects_errors(pattern)` and each matches the pattern."""
    marker = request.node.get_closest_marker("expects_errors")
    expected = re.compile(marker.args[0]) if marker else None
    handler = _Collector(logging.ERROR)
    root = logging.getLogger()
    root.addHandler(handler)
    yield
    root.removeHandler(handler)
    unexpected = [text for text in handler.texts if not (expected and expected.search(text))]
    if unexpected:
        pytest.fail("unexpected ERROR logs: " + "; ".join(unexpected), pytrace=False)


class _Collector(logging.Handler):
    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(f"{record.name}: {record.getMessage()}")


def processes_of(session: str) -> list[str]:
    """The processes that were started in this session and do not end by themselves within a moment."""
    mine = [process for process in psutil.process_iter() if _belongs(process, session)]
    _, alive = psutil.wait_procs(mine, END_SECONDS)
    return [f"process {process.pid} ({' '.join(process.cmdline()[-3:])})" for process in alive]


def _belongs(process: psutil.Process, session: str) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        return process.environ().get(SESSION_VARIABLE) == session
    except (psutil.Error, OSError):
        return False


def listening_ports() -> set[str]:
    """The ports on which this very process listens; those of others end with them."""
    connections = psutil.Process().net_connections("inet")
    return {f"port {one.laddr.port}" for one in connections if one.status == psutil.CONN_LISTEN}


def left_files(scratch: Path) -> list[str]:
    """What lies in the session's temporary directory."""
    return [str(entry) for entry in scratch.iterdir()]
