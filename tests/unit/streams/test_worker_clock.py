"""The clock of a partition: time marks and nothing else, kept with the markers."""

from streams.worker.clock import BEFORE_TIME, EventClock, WallClock
from streams.worker.markers import Marker, as_changes, is_marker, marker_key


def test_an_event_clock_shows_the_smallest_of_its_topics_latest_marks() -> None:
    clock = EventClock(["a", "b"])
    assert clock.as_of({"a": Marker(5, 2_000), "b": Marker(9, 1_000)}) == 1_000


def test_a_topic_without_a_mark_holds_the_event_clock() -> None:
    clock = EventClock(["a", "b"])
    assert clock.as_of({"a": Marker(5, 2_000)}) == BEFORE_TIME
    assert clock.as_of({"a": Marker(5, 2_000), "b": Marker(10**9)}) == BEFORE_TIME


def test_topics_of_others_do_not_hold_the_event_clock() -> None:
    assert EventClock(["a"]).as_of({"a": Marker(5, 2_000), "b": Marker(1, 1)}) == 2_000


def test_a_wall_clock_is_the_machines_whatever_the_marks_say() -> None:
    assert WallClock(now=lambda: 77).as_of({"a": Marker(5, 2_000)}) == 77


def test_a_marker_keeps_offset_and_mark() -> None:
    for marker in (Marker(0), Marker(2**40, 0), Marker(7, 1_582_000_000_000)):
        assert Marker.decoded(marker.encoded()) == marker


def test_markers_are_rows_that_no_event_key_can_meet() -> None:
    changes = as_changes({"check-ins": Marker(3, 4)})
    assert changes == {marker_key("check-ins"): Marker(3, 4).encoded()}
    assert all(is_marker(key) and key[:1] == b"\0" for key in changes)
    assert not is_marker(b"p01" + b"a" * 24)
