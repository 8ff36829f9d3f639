"""A process that is stuck ends itself: others wait for its partitions."""

import logging
import os
import threading
import time

EXIT_HUNG = 70
EXIT_FAILED = 1
EXIT_CANNOT_START = 2

_LOOK_SECONDS = 0.1

log = logging.getLogger(__name__)


def exit_after_hang(limit_seconds: float) -> None:
    """Ends the process with `EXIT_HUNG` when it did not run for longer than its session.

    It has been replaced by then. aiokafka would join again under the same ``group.instance.id`` and so push out and
    fence its own replacement.
    """

    def watch() -> None:
        last = time.monotonic()
        while True:
            time.sleep(_LOOK_SECONDS)
            now = time.monotonic()
            if now - last > limit_seconds:
                os.write(
                    2, b"stood still for %d s, longer than the session: leaving to the replacement\n" % (now - last)
                )
                os._exit(EXIT_HUNG)
            last = now

    threading.Thread(target=watch, name="hang-watch", daemon=True).start()


def exit_unless_stopped(within_seconds: float, why: str) -> None:
    """Ends the process with `EXIT_FAILED` when it still runs after so long: a stop that hangs must not last."""

    def end() -> None:
        os.write(2, f"not stopped within {within_seconds:.0f} s ({why}): leaving at once\n".encode())
        os._exit(EXIT_FAILED)

    timer = threading.Timer(within_seconds, end)
    timer.daemon = True
    timer.start()
