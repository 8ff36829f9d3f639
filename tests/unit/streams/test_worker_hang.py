"""A process that stood still, or does not stop, ends itself."""

import subprocess
import sys

from streams.worker.hang import EXIT_FAILED, EXIT_HUNG


def status_of(code: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    return done.returncode, done.stderr


def test_a_process_that_stood_still_for_longer_than_its_session_leaves() -> None:
    # A limit below the watch's own pace stands for any gap that is longer than the session.
    status, words = status_of(
        "import threading; from streams.worker.hang import exit_after_hang;"
        "exit_after_hang(0.01); threading.Event().wait()"
    )
    assert status == EXIT_HUNG
    assert "longer than the session" in words


def test_a_stop_that_hangs_does_not_last() -> None:
    status, words = status_of(
        "import threading; from streams.worker.hang import exit_unless_stopped;"
        "exit_unless_stopped(0.05, 'told to'); threading.Event().wait()"
    )
    assert status == EXIT_FAILED
    assert "told to" in words


def test_a_stop_in_time_is_left_alone() -> None:
    assert status_of("from streams.worker.hang import exit_unless_stopped; exit_unless_stopped(9, 'x')")[0] == 0
