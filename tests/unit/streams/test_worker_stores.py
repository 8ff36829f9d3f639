"""Both stores keep raw states of partitions, with the changelog offset in the same write."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from faust.types import TP

from streams.worker.app import BatchApp, WorkerSettings
from streams.worker.markers import Marker, as_changes
from streams.worker.store_partition import StoreLocked
from streams.worker.stores import MEMORY_URL, ROCKS_URL, STALE_SECONDS, PartitionedStore

CHANGELOG = "app-persons-changelog"


def open_store(url: str, directory: Path, neighbours: tuple[Path, ...] = ()) -> PartitionedStore:
    settings = WorkerSettings(
        "app", "127.0.0.1:1", directory, "one", partitions=3, store=url, neighbours=lambda: neighbours
    )
    app = BatchApp(settings)
    store = app.bytes_table("persons").data
    assert isinstance(store, PartitionedStore)
    return store


@pytest.fixture(params=[ROCKS_URL, MEMORY_URL])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PartitionedStore]:
    store = open_store(request.param, tmp_path)
    store.open(0)
    store.open(1)
    yield store
    for partition in store.opened():
        store.close(partition)


def test_states_and_offset_are_written_together(store: PartitionedStore) -> None:
    store.write(0, {b"a": b"1", b"b": b""}, 17)
    assert store.load(0, [b"a", b"b", b"c"]) == {b"a": b"1", b"b": b""}
    assert store.changelog_offset(0) == store.persisted_offset(TP(CHANGELOG, 0)) == 17


def test_none_deletes_and_deleting_nothing_is_no_error(store: PartitionedStore) -> None:
    store.write(0, {b"a": b"1"}, 1)
    store.write(0, {b"a": None, b"never": None}, 2)
    assert store.load(0, [b"a", b"never"]) == {}
    assert list(store.states(0)) == []


def test_partitions_do_not_share_anything(store: PartitionedStore) -> None:
    store.write(0, {b"a": b"1"}, 5)
    assert store.load(1, [b"a"]) == {}
    assert store.changelog_offset(1) is None


def test_markers_are_read_back_and_are_no_states(store: PartitionedStore) -> None:
    markers = {"check-ins": Marker(8, 3), "temperatures": Marker(9)}
    store.write(0, {b"a": b"1", **as_changes(markers)}, 5)
    assert store.markers(0, ["check-ins", "temperatures", "follow-ups"]) == markers
    assert dict(store.states(0)) == {b"a": b"1"}


async def rebalance(store: PartitionedStore, *partitions: int) -> None:
    await store.on_rebalance({TP(CHANGELOG, number) for number in partitions}, set(), set())


@pytest.mark.parametrize("url", [ROCKS_URL, MEMORY_URL])
def test_a_rebalance_opens_what_is_ours_and_closes_what_is_not(url: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        store = open_store(url, tmp_path)
        await rebalance(store, 0, 1)
        store.write(1, {b"a": b"1"}, 5)
        await rebalance(store, 1, 2)
        assert store.opened() == {1, 2}
        assert store.load(1, [b"a"]) == {b"a": b"1"}
        await rebalance(store)
        assert store.opened() == set()

    asyncio.run(scenario())


def test_a_rocks_store_is_there_again_after_a_restart(tmp_path: Path) -> None:
    first = open_store(ROCKS_URL, tmp_path)
    first.open(0)
    first.write(0, {b"a": b"1"}, 17)
    first.close(0)
    second = open_store(ROCKS_URL, tmp_path)
    second.open(0)
    assert (second.load(0, [b"a"]), second.changelog_offset(0)) == ({b"a": b"1"}, 17)
    second.close(0)


def test_a_directory_that_another_store_has_open_is_refused(tmp_path: Path) -> None:
    first, second = open_store(ROCKS_URL, tmp_path), open_store(ROCKS_URL, tmp_path)
    first.open(0)
    with pytest.raises(StoreLocked, match="locked by a worker that runs"):
        second.open(0)
    first.close(0)


def test_a_store_that_is_being_given_away_is_waited_for(tmp_path: Path) -> None:
    first, second = open_store(ROCKS_URL, tmp_path), open_store(ROCKS_URL, tmp_path)

    async def scenario() -> None:
        await rebalance(first, 0)
        first.write(0, {b"a": b"1"}, 5)
        taking = asyncio.ensure_future(rebalance(second, 0))
        await asyncio.sleep(0)
        assert not taking.done()
        await rebalance(first)
        await taking
        assert second.changelog_offset(0) == 5
        await rebalance(second)

    asyncio.run(scenario())


def test_what_a_neighbour_left_is_taken_over_unless_it_runs(tmp_path: Path) -> None:
    dead, alive = open_store(ROCKS_URL, tmp_path / "dead"), open_store(ROCKS_URL, tmp_path / "alive")
    for store, partition in ((dead, 0), (alive, 1)):
        store.open(partition)
        store.write(partition, {b"a": b"1"}, 17)
    dead.close(0)
    ours = open_store(ROCKS_URL, tmp_path / "ours", neighbours=(tmp_path / "dead", tmp_path / "alive"))
    for partition in (0, 1, 2):
        ours.open(partition)
    assert [ours.changelog_offset(partition) for partition in (0, 1, 2)] == [17, None, None]
    with pytest.raises(StoreLocked):
        dead.open(0)
    for store in (ours, alive):
        for partition in store.opened():
            store.close(partition)
    assert not any((tmp_path / "ours").rglob("persons-0.rocks"))


@pytest.mark.parametrize(("seconds", "offset"), [(STALE_SECONDS - 3_600, 7), (STALE_SECONDS + 3_600, None)])
def test_a_store_that_may_have_missed_deletions_is_not_trusted(
    seconds: float, offset: int | None, tmp_path: Path
) -> None:
    old = open_store(ROCKS_URL, tmp_path / "old")
    old.open(0)
    old.write(0, {b"gone": b"1"}, 7)
    old.close(0)
    then = time.time() - seconds
    for file in (tmp_path / "old").rglob("*"):
        os.utime(file, (then, then))
    ours = open_store(ROCKS_URL, tmp_path / "ours", neighbours=(tmp_path / "old",))
    for store in (ours, old):  # a neighbour's, and our own
        store.open(0)
        assert store.changelog_offset(0) == offset
        store.close(0)


def test_our_own_store_goes_before_a_neighbours(tmp_path: Path) -> None:
    for name, offset in (("ours", 3), ("neighbour", 17)):
        store = open_store(ROCKS_URL, tmp_path / name)
        store.open(0)
        store.write(0, {}, offset)
        store.close(0)
    ours = open_store(ROCKS_URL, tmp_path / "ours", neighbours=(tmp_path / "neighbour",))
    ours.open(0)
    assert ours.changelog_offset(0) == 3
    ours.close(0)
