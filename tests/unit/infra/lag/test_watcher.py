"""The watcher: sources that answer, fail, hang and come back."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from infra.lag.snapshot import KafkaState, PartState, Snapshot
from infra.lag.watcher import Ask, Source, SourceName, Watcher, even

PARTS = (PartState("kafka", "ready", 7, 0, "2020-02-20T00:00:00Z"),)
KAFKA = KafkaState((), (), 1, 1)
WAIT_SECONDS = 10.0


class Scripted:
    """A source whose answers the test gives, one for each look; it waits for the next while there is none."""

    def __init__(self, name: SourceName, patience: float = 60.0) -> None:
        self.connections = 0
        self.closed = 0
        self._answers: list[object] = []
        self._more = threading.Condition()
        self._finished = False
        self.source = Source(name, self._connect, lambda _: 0.0, patience)

    def answer(self, *answers: object) -> None:
        with self._more:
            self._answers += answers
            self._more.notify_all()

    def finish(self) -> None:
        """From here on every look fails at once: a thread that waits for an answer could not end."""
        with self._more:
            self._finished = True
            self._more.notify_all()

    @contextmanager
    def _connect(self) -> Iterator[Ask]:
        self.connections += 1
        try:
            yield self._ask
        finally:
            self.closed += 1

    def _ask(self) -> object:
        with self._more:
            self._more.wait_for(lambda: self._answers or self._finished)
            answer = self._answers.pop(0) if self._answers else OSError("finished")
        if isinstance(answer, Exception):
            raise answer
        return answer


def wait_for(watcher: Watcher, wanted: Callable[[Snapshot], bool]) -> Snapshot:
    found: list[Snapshot] = []
    waiting = threading.Event()

    def look() -> None:
        while not waiting.is_set():
            found.append(watcher.snapshot())
            if wanted(found[-1]):
                return

    thread = threading.Thread(target=look)
    thread.start()
    thread.join(WAIT_SECONDS)
    waiting.set()
    thread.join()
    assert wanted(found[-1]), found[-1]
    return found[-1]


@pytest.fixture
def parts() -> Scripted:
    return Scripted("parts")


@pytest.fixture
def store() -> Scripted:
    return Scripted("store")


@pytest.fixture
def watcher(parts: Scripted, store: Scripted) -> Iterator[Watcher]:
    with Watcher([parts.source, store.source], "event", lambda: 42, lambda: 1_000) as watcher:
        yield watcher
        for one in (parts, store):
            one.finish()


def test_what_was_never_heard_is_unknown_and_not_zero(watcher: Watcher) -> None:
    snapshot = watcher.snapshot()
    assert (snapshot.now, snapshot.at, snapshot.clock) == (42, 1_000, "event")
    assert snapshot.parts.value is None
    assert snapshot.kafka.value is None


def test_a_source_that_answers_does_not_wait_for_one_that_does_not(watcher: Watcher, parts: Scripted) -> None:
    parts.answer(PARTS)
    snapshot = wait_for(watcher, lambda one: one.parts.value is not None)
    assert snapshot.parts.known == PARTS
    assert snapshot.parts.taken_at == 1_000
    assert snapshot.store.value is None


def test_last_words_stay_with_the_reason_and_are_not_taken_for_now(watcher: Watcher, parts: Scripted) -> None:
    parts.answer(PARTS, OSError("gone"))
    reading = wait_for(watcher, lambda one: one.parts.failure is not None).parts
    assert (reading.value, reading.known, reading.failure, reading.taken_at) == (PARTS, None, "gone", 1_000)


def test_after_a_failure_it_is_asked_again_over_another_connection(watcher: Watcher, parts: Scripted) -> None:
    parts.answer(OSError("gone"), PARTS)
    wait_for(watcher, lambda one: one.parts.known == PARTS)
    assert (parts.connections, parts.closed) == (2, 1)


def test_a_source_that_hangs_is_told_as_silent() -> None:
    hanging = Scripted("kafka", patience=0.05)
    with Watcher([hanging.source], "wall", lambda: 0) as watcher:
        failure = wait_for(watcher, lambda one: one.kafka.failure is not None).kafka.failure
        hanging.answer(KAFKA)
        wait_for(watcher, lambda one: one.kafka.known == KAFKA)
        hanging.finish()
    assert failure is not None
    assert "no answer" in failure


def test_looks_begin_evenly_however_long_one_takes() -> None:
    assert even(2.0)(0.5) == 1.5
    assert even(2.0)(3.0) == 0.0
