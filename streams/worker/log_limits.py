"""Logging of a worker: an outage of the broker must not write five thousand lines."""

import logging
import sys
import time
from collections.abc import Callable

REPEAT_SECONDS = 10.0
LIMITED = ("aiokafka", "faust", "mode")


class RepeatFilter(logging.Filter):
    """Passes a message of one place in the code once in a while, and then says how many it swallowed."""

    def __init__(self, seconds: float = REPEAT_SECONDS, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._now = now
        self._seen: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        place = (record.pathname, record.lineno)
        now = self._now()
        passed_at, swallowed = self._seen.get(place, (-self._seconds, 0))
        if now - passed_at < self._seconds:
            self._seen[place] = (passed_at, swallowed + 1)
            return False
        self._seen[place] = (now, 0)
        if swallowed:
            record.msg = f"{record.getMessage()} ({swallowed} more like it in the last {self._seconds:.0f} s)"
            record.args = ()
        return True


class _ErrorCount(logging.Handler):
    """Counts, and writes nothing."""

    def __init__(self, count: Callable[[], None]) -> None:
        super().__init__(logging.ERROR)
        self._count = count

    def emit(self, record: logging.LogRecord) -> None:
        self._count()


def count_errors(count: Callable[[], None]) -> None:
    """``count`` is called for every message of level ERROR or above."""
    logging.getLogger().addHandler(_ErrorCount(count))


def set_up(level: int = logging.INFO) -> None:
    """Logs to standard error; libraries at WARNING, limited."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-8s %(name)s: %(message)s"))
    limit = RepeatFilter()
    handler.addFilter(lambda record: not record.name.startswith(LIMITED) or limit.filter(record))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in LIMITED:
        logging.getLogger(name).setLevel(logging.WARNING)
