"""An outage is told, not shouted: one line per place in a while, with the number of those left out."""

import logging

import pytest

from streams.worker.log_limits import RepeatFilter, count_errors


def record(line: int, text: str = "no connection to %s") -> logging.LogRecord:
    return logging.LogRecord("aiokafka", logging.ERROR, "client.py", line, text, ("broker",), None)


def test_repeats_of_one_place_are_swallowed_and_counted() -> None:
    now = [100.0]
    limit = RepeatFilter(seconds=10.0, now=lambda: now[0])
    assert limit.filter(record(1))
    assert not any(limit.filter(record(1)) for _ in range(5))
    now[0] += 10.0
    again = record(1)
    assert limit.filter(again)
    assert again.getMessage() == "no connection to broker (5 more like it in the last 10 s)"


def test_another_place_is_not_swallowed() -> None:
    limit = RepeatFilter(now=lambda: 0.0)
    assert limit.filter(record(1))
    assert limit.filter(record(2))


@pytest.mark.expects_errors("of this level")
def test_errors_are_counted_and_warnings_are_not() -> None:
    errors: list[None] = []
    before = list(logging.getLogger().handlers)
    count_errors(lambda: errors.append(None))
    try:
        for level in (logging.WARNING, logging.ERROR, logging.CRITICAL):
            logging.getLogger("streams").log(level, "of this level")
    finally:
        for handler in set(logging.getLogger().handlers) - set(before):
            logging.getLogger().removeHandler(handler)
    assert len(errors) == 2
