"""A worker that waits for the broker says so."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest
from aiokafka import AIOKafkaProducer

from streams.worker import long_waits
from streams.worker.transactions import PartitionTransactions

TIMES = 3


class Words(logging.Handler):
    """What is logged; ``enough`` is set after `TIMES` lines."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.enough = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        if len(self.lines) == TIMES:
            self.enough.set()


WAITS: dict[str, tuple[str, Callable[[PartitionTransactions], Awaitable[object]]]] = {
    "start": ("start", lambda owner: owner.start()),
    "settle": ("begin_transaction", lambda owner: owner.settle()),
    "write": ("begin_transaction", lambda owner: owner.write({}, "changelog", {}, 0)),
}


@pytest.mark.parametrize("step", WAITS)
def test_a_step_that_waits_for_the_broker_says_so_again_and_again(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waits_in, take = WAITS[step]

    async def waited_for() -> list[str]:
        words = Words()

        async def no_answer(producer: AIOKafkaProducer) -> None:
            await words.enough.wait()
            raise ConnectionError("the broker is gone")

        monkeypatch.setattr(AIOKafkaProducer, waits_in, no_answer)
        long_waits.log.addHandler(words)
        owner = PartitionTransactions(["127.0.0.1:1"], "app", 3, {})
        try:
            with pytest.raises(ConnectionError):
                await take(owner)
        finally:
            long_waits.log.removeHandler(words)
            await owner.stop()
        return words.lines

    monkeypatch.setattr(long_waits, "TELL_SECONDS", 0.001)
    *waiting, end = asyncio.run(waited_for())
    assert len(waiting) == TIMES
    assert all(line.startswith("app-3: ") and "waited for" in line for line in waiting)
    assert "failed after" in end


def test_what_does_not_last_is_not_talked_about(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def short() -> None:
        with long_waits.LongWait("something"):
            pass
        passed = asyncio.Event()
        asyncio.get_running_loop().call_later(0.002, passed.set)
        await passed.wait()

    monkeypatch.setattr(long_waits, "TELL_SECONDS", 0.001)
    asyncio.run(short())
    assert not caplog.records
