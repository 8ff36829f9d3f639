"""The same log and versions give the same facts, timelines, clocks and outcomes, however they are come by."""

import random
from collections.abc import Iterable, Iterator
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.digests import Digests, united
from replay.states import States, digests_of
from schemas.registry import default_registry
from schemas.topics import ALL_TOPICS, BY_NAME, REFERENCE, partitions_of
from schemas.validity import Limits
from schemas.wire.partitioner import murmur2
from streams.reference import Reference
from streams.reference_log import ReferenceLog
from tests.support.batches import Sent, record_batch
from tests.unit.replay.small_campaign import small

LIMITS = Limits()
Place = tuple[str, int]
Log = dict[Place, list[Sent]]


@cache
def log_of(partitions: int) -> Log:
    """The small campaign in so many partitions. Each key lies where Kafka puts it; what was sent to a wrong partition
    lies in a wrong one."""
    log: Log = {}
    for topic, key, value, appended_at, partition in small().emissions:
        count = partitions_of(BY_NAME[topic], partitions)
        right = (murmur2(key) & 0x7FFFFFFF) % count
        was_right = partition is None or partition == (murmur2(key) & 0x7FFFFFFF) % partitions_of(BY_NAME[topic])
        place = topic, right if was_right else (right + 1) % count
        log.setdefault(place, []).append(Sent(key, value, appended_at))
    return log


@cache
def reference() -> Reference:
    found = Reference(LIMITS)
    ReferenceLog(default_registry(), LIMITS, found.add).take([record_batch(log_of(8)[REFERENCE.name, 0])])
    return found


AS_OF = max(emission.appended_at for emission in small().emissions)


def digests(log: Log, places: Iterable[Place], partitions: int, chosen: random.Random) -> Digests:
    """Of some partitions of a log, read in pieces of random size, in any order of topics and partitions."""
    states = States(default_registry(), reference(), partitions, LIMITS)
    pieces = {place: _pieces(log[place], chosen) for place in places if place[0] in states.topics}
    while pieces:
        place = chosen.choice(sorted(pieces))
        try:
            begin, records = next(pieces[place])
        except StopIteration:
            del pieces[place]
            continue
        states.add(*place, [record_batch(records, begin)])
    return digests_of(states.conclusions(AS_OF), AS_OF)


def _pieces(records: list[Sent], chosen: random.Random) -> Iterator[tuple[int, list[Sent]]]:
    begin = 0
    while begin < len(records):
        size = chosen.choice((1, 50, 400, 5000))
        yield begin, records[begin : begin + size]
        begin += size


@cache
def bulk() -> Digests:
    """Everything at once, in the order of the log."""
    log = log_of(8)
    states = States(default_registry(), reference(), 8, LIMITS)
    for place in sorted(log):
        if place[0] in states.topics:
            states.add(*place, [record_batch(log[place])])
    return digests_of(states.conclusions(AS_OF), AS_OF)


def test_there_is_something_to_digest() -> None:
    assert all(digest.rows > 50 for digest in bulk())
    assert {topic.name for topic in ALL_TOPICS} >= {topic for topic, _ in log_of(8)}


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32))
def test_pieces_of_any_size_in_any_order_give_the_same(seed: int) -> None:
    assert digests(log_of(8), log_of(8), 8, random.Random(seed)) == bulk()


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_any_number_of_workers_gives_the_same(workers: int) -> None:
    log = log_of(8)
    shares = [[place for place in log if place[1] % workers == number] for number in range(workers)]
    assert united(digests(log, share, 8, random.Random(workers)) for share in shares) == bulk()


@pytest.mark.parametrize("partitions", [2, 3, 16])
def test_any_number_of_partitions_gives_the_same(partitions: int) -> None:
    log = log_of(partitions)
    assert digests(log, log, partitions, random.Random(partitions)) == bulk()


def test_another_log_gives_another_digest() -> None:
    log = {place: list(records) for place, records in log_of(8).items()}
    place = next(place for place in sorted(log) if place[0] == "follow-ups" and len(log[place]) > 900)
    kept = [record for record in log[place] if not (record.value and b"qd-lead-" in record.value)]
    assert len(kept) < len(log[place])
    log[place] = kept
    changed = digests(log, log, 8, random.Random(0))
    assert changed.facts != bulk().facts
    assert changed.clocks != bulk().clocks
