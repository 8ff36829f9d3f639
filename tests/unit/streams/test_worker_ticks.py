"""The index of deadlines: what is due comes, once settled it does not come again, and nothing is forgotten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.worker.ticks import StillDue, TickIndex


def due_of(state: bytes) -> int | None:
    return int(state) if state else None


def armed(*states: tuple[bytes, bytes | None]) -> TickIndex:
    index = TickIndex(due_of)
    index.arm(states)
    return index


def test_what_is_due_comes_earliest_first_and_no_more_than_asked_for() -> None:
    index = armed((b"late", b"30"), (b"first", b"10"), (b"second", b"20"))
    assert index.due(as_of=25, limit=10) == [b"first", b"second"]
    assert index.due(as_of=99, limit=1) == [b"first"]


def test_a_state_without_a_deadline_is_not_in_the_index() -> None:
    index = armed((b"a", b""), (b"b", None))
    assert len(index) == 0
    assert not index.has_due(as_of=10**15)


def test_a_deadline_that_moved_comes_at_its_new_time_only() -> None:
    index = armed((b"a", b"10"))
    index.arm([(b"a", b"50")])
    assert not index.has_due(as_of=49)
    assert index.due(as_of=50, limit=9) == [b"a"]


def test_a_key_that_is_gone_is_never_due() -> None:
    index = armed((b"a", b"10"))
    index.arm([(b"a", None)])
    assert index.due(as_of=99, limit=9) == []


def test_keys_come_again_until_their_new_states_are_armed() -> None:
    index = armed((b"a", b"10"))
    assert index.due(as_of=10, limit=9) == index.due(as_of=10, limit=9) == [b"a"]
    index.arm([(b"a", b"")])
    assert index.due(as_of=10, limit=9) == []


def test_a_tick_that_leaves_its_state_due_is_an_error_that_names_the_key() -> None:
    index = armed((b"a", b"10"), (b"b", b"11"))
    index.arm([(b"b", b"")])
    index.require_settled([b"b"], as_of=20)
    with pytest.raises(StillDue, match="b'a' is still due at 10"):
        index.require_settled([b"a", b"b"], as_of=20)


CHANGES = st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.one_of(st.none(), st.integers(0, 9))), max_size=30)


@given(CHANGES, st.integers(0, 9))
def test_the_index_says_what_the_states_say(changes: list[tuple[bytes, int | None]], as_of: int) -> None:
    index, states = TickIndex(due_of), dict[bytes, int | None]()
    for key, due in changes:
        index.arm([(key, None if due is None else b"%d" % due)])
        states[key] = due
    expected = {key for key, due in states.items() if due is not None and due <= as_of}
    assert set(index.due(as_of, limit=10)) == expected
    assert index.has_due(as_of) == bool(expected)
