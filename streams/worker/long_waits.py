"""Words about a wait that lasts: aiokafka asks a broker that says "not yet" again for ever, and says nothing."""

import asyncio
import logging
from types import TracebackType

TELL_SECONDS = 10.0

log = logging.getLogger(__name__)


class LongWait:
    """A context manager: while its body lasts, the log says every `TELL_SECONDS` what is waited for. ``what``: a noun
    phrase. Cheap, for it is entered with every transaction. To be used in the thread of a running event loop."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._told = False

    def __enter__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._timer = self._loop.call_later(TELL_SECONDS, self._tell)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._told:
            log.warning("%s: %s after %.1f s", self._what, "failed" if error else "done", self._seconds)

    @property
    def _seconds(self) -> float:
        return self._loop.time() - self._began

    def _tell(self) -> None:
        self._told = True
        log.warning("%s: waited for, %.0f s by now", self._what, self._seconds)
        self._timer = self._loop.call_later(TELL_SECONDS, self._tell)
