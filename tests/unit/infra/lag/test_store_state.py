"""What the collector of the tables does without tables: what is named, what is left out, what is asked how often."""

from collections.abc import Mapping
from typing import Any, cast

import pytest

from infra.lag import questions, store_state
from infra.lag.questions import DELAY_BOUNDS, HELD_DUTIES, NOT_STATED, OTHER, QUESTIONS, Span, of_spans
from infra.lag.read_back import MOST_TEXT, ReadBack, in_parts
from infra.lag.snapshot import ClockQueue, DeviceState, Distribution
from infra.lag.store_state import MOST_DEVICES, MOST_DISTRICTS, StoreCollector, bounded, loudest_last
from infra.settings import OperationsSettings
from schemas.policy import parse_policy, policy_text, shipped_policies
from sinks.clickhouse import ClickHouse

NOW = 1_582_080_000_000
MINUTE = 60_000


class Answering:
    """Stands in for a connection: answers a question that it recognises by its end, nothing otherwise."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, list[tuple[Any, ...]]] = {}

    def rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        name = self._name(query)
        self.asked.append(name)
        return self.answers.get(name, [(0,)] if name in ("breaches", "store_size") else [])

    def _name(self, query: str) -> str:
        signs = {question.name: question.sql.strip()[-60:] for question in QUESTIONS}
        if "AS breaches" in query:  # ends with the time of the look
            return "breaches"
        return next((name for name, sign in signs.items() if query.strip().endswith(sign)), "another")

    @property
    def client(self) -> ClickHouse:
        return cast(ClickHouse, self)


def looked(answering: Answering, most_districts: int = 40) -> ReadBack:
    """One that has looked once: the ledger of check-ins 0 ends at 100."""
    answering.answers["ledger_ends"] = [("check-ins", 0, 100)]
    read = ReadBack(answering.client, 300, most_districts, lambda: 0.0)
    read.look(NOW, {})
    answering.asked.clear()
    return read


def block(begin: int, end: int, stored: int, partition: int = 0) -> tuple[Any, ...]:
    return "check-ins", partition, begin, end, NOW * 1000, stored, [1_582_077_600]


def test_a_question_is_asked_as_of_a_time_and_with_another_meaning_of_lately() -> None:
    for question in QUESTIONS:
        assert "now" not in question.at(NOW, 60).lower().replace("unknown", "")
        assert questions.LATELY not in question.at(NOW, 60)
    assert f"fromUnixTimestamp64Milli({NOW}, 'UTC') - INTERVAL 60 SECOND" in questions.BREACHES.at(NOW, 60)


def test_every_question_has_a_name_of_its_own_and_titles_in_both_languages() -> None:
    assert len({question.name for question in QUESTIONS}) == len(QUESTIONS)
    for question in QUESTIONS:
        assert question.title_en.isascii()
        assert not question.title_zh.isascii()
        assert "checkline." in question.sql or "system.parts" in question.sql


def test_whoever_is_held_is_held_under_the_names_that_the_policies_use() -> None:
    handed_over = {
        duty.name
        for policy in map(parse_policy, map(policy_text, shipped_policies()))
        for duty in policy.duties
        if duty.opened_by == "TRANSFER_STARTED"
    }
    assert handed_over == set(HELD_DUTIES) - {"RELEASE", "LIFTING"}


def test_a_block_is_read_from_where_the_ledger_was_and_only_once() -> None:
    answering = Answering()
    read = looked(answering)
    answering.answers["blocks"] = [block(50, 100, 9), block(80, 130, 50), block(130, 140, 10), block(0, 7, 7, 1)]
    answering.answers["queryable"] = [("check-ins", "site-1", 3, 47, 30.0, NOW)]
    read.look(NOW + 1, {"site-1": "370202"})
    fresh, *_ = read.delays()
    assert (fresh.topic, fresh.district, fresh.delay.count, fresh.delay.total) == ("check-ins", "370202", 47, 30.0)
    assert fresh.delay.counts[2] == 47
    # How many rows the part of a block should have is not known, so each is looked for.
    assert answering.asked == ["blocks", "queryable", "not_read_back"]
    answering.asked.clear()
    read.look(NOW + 2, {})
    assert answering.asked == ["blocks"]


def test_rows_beyond_all_bounds_stand_in_the_last_bucket() -> None:
    answering = Answering()
    read = looked(answering)
    answering.answers["blocks"] = [block(100, 101, 1)]
    answering.answers["queryable"] = [("check-ins", "", 0, 1, 1e6, NOW)]
    read.look(NOW, {})
    (one,) = read.delays()
    assert (one.district, one.delay.counts[-1], one.delay.quantile(0.5)) == (NOT_STATED, 1, float("inf"))
    assert read.heard == {}
    assert answering.asked == ["blocks", "queryable"]  # all rows were there


def test_districts_keep_their_names_and_those_that_come_too_late_are_others() -> None:
    answering = Answering()
    read = looked(answering, most_districts=1)
    districts = {"a": "370202", "b": "370203"}
    for number, place in enumerate(("a", "b", "a", "")):
        answering.answers["blocks"] = [block(100 + number, 101 + number, 1)]
        answering.answers["queryable"] = [("check-ins", place, 1, 1, 0.1, NOW)]
        read.look(NOW, districts)
    assert {one.district: one.delay.count for one in read.delays()} == {"370202": 2, OTHER: 1, NOT_STATED: 1}


def test_what_was_lost_is_told_until_it_is_no_longer_lately() -> None:
    answering = Answering()
    read = looked(answering)
    answering.answers["blocks"] = [block(100, 110, 10)]
    answering.answers["queryable"] = [("check-ins", "a", 1, 7, 0.1, NOW)]
    answering.answers["not_read_back"] = [("check-ins", 0, 3, 107)]
    read.look(NOW, {})
    assert read.lost == 3
    answering.answers["blocks"] = []
    read.look(NOW + 4 * MINUTE, {})
    assert (read.lost, [one.delay.count for one in read.delays()]) == (3, [7])
    read.look(NOW + 5 * MINUTE, {})
    assert (read.lost, [one.delay.count for one in read.delays()]) == (0, [0])
    assert [one.so_far for one in read.delays()] == [
        Distribution(DELAY_BOUNDS, (7, *[0] * len(DELAY_BOUNDS)), 0.1),
    ]


def test_a_statement_names_no_more_spans_than_the_server_reads() -> None:
    spans = [Span("check-ins", 0, place, place + 1, NOW * 1000, tuple(range(place % 300))) for place in range(2000)]
    parts = list(in_parts(spans))
    assert [span for part in parts for span in part] == spans
    assert len(parts) > 1
    for question in (questions.QUERYABLE, questions.NOT_READ_BACK):
        assert max(len(of_spans(question, part)) for part in parts) < 2 * MOST_TEXT < 256 * 1024
    of_many_hours = Span("check-ins", 0, 0, 1, 0, tuple(range(20_000)))
    assert list(in_parts([of_many_hours])) == [[of_many_hours]]


def test_in_an_event_clock_home_no_delay_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_state, "flows", lambda *_: ())
    answering = Answering()
    asked = StoreCollector(answering.client, OperationsSettings(), "event", lambda: NOW, lambda: 0.0)
    assert asked.collect(NOW).queryable == ()
    assert not {"ledger_ends", "blocks", "queryable"} & set(answering.asked)


def test_a_question_rests_for_its_pace_and_for_twenty_times_what_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_state, "flows", lambda *_: ())
    seconds = 1000.0

    class Slow(Answering):
        def rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
            nonlocal seconds
            found = super().rows(query)
            if self.asked[-1] == "clocks":
                seconds += 0.5
            return found

    answering = Slow()
    asked = StoreCollector(answering.client, OperationsSettings(), "event", lambda: NOW, lambda: seconds)

    def asked_at(when: float) -> set[str]:
        nonlocal seconds
        seconds = when
        answering.asked.clear()
        asked.collect(NOW)
        return {"breaches", "clocks", "devices"} & set(answering.asked)

    assert asked_at(1000.0) == {"breaches", "clocks", "devices"}
    assert asked_at(1002.0) == {"breaches"}
    assert asked_at(1010.6) == {"breaches", "clocks"}
    assert asked_at(1031.0) == {"breaches", "clocks", "devices"}


def test_districts_with_the_most_open_clocks_are_told_apart_and_nothing_is_left_out() -> None:
    many = [ClockQueue("RELEASE", f"{number:06}", number, 1, 0, NOW - number, True) for number in range(1, 51)]
    found = bounded([*many, ClockQueue("RELEASE", NOT_STATED, 1, 0, 1, NOW, True)])
    assert len(found) == MOST_DISTRICTS + 2
    others = next(queue for queue in found if queue.district == OTHER)
    assert others == ClockQueue("RELEASE", OTHER, sum(range(1, 11)), 10, 0, NOW - 10, True)
    assert sum(queue.open for queue in found) == sum(range(1, 51)) + 1


def test_of_too_many_devices_those_heard_just_now_are_left_out() -> None:
    heard = [DeviceState(f"d{number}", None, None, True, float(number), None, 0) for number in range(MOST_DEVICES)]
    stranger = DeviceState("stranger", None, None, False, 9e9, None, 0)
    never = DeviceState("never", None, None, True, None, None, 0)
    found = loudest_last([*heard, stranger, never])
    assert len(found) == MOST_DEVICES
    assert found[0] == never
    assert found[1].silent_seconds == MOST_DEVICES - 1
    assert "d0" not in {one.device for one in found}
    assert loudest_last([stranger, never]) == (never, stranger)
