"""What a retry publishes, and what it refuses: a retried event is not a new event."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from infra.cli.dead_letters import app, check_call
from infra.dead_letters.description import NEVER_SHOWN, WHAT_TO_DO, describe
from infra.dead_letters.event_forms import time_text
from infra.dead_letters.judging import Arriving, judge
from infra.dead_letters.letters import Letter
from infra.dead_letters.positions import Position, parse_position
from infra.dead_letters.records import Raw
from infra.dead_letters.retrying import (
    AlreadyStored,
    Candidate,
    Decision,
    Refused,
    Surroundings,
    candidate,
    object_to,
)
from infra.edge.event_files import GoodLine, read_events
from infra.edge.publisher import row_codec
from infra.errors import CannotRun, WrongSetting
from schemas.codes import Refusal
from schemas.events import Event, Reading, TimeMark, UrgentNeed
from schemas.identities import content_hash
from schemas.registry import default_registry
from schemas.validity import Limits
from schemas.wire.partitioner import partition_of_key
from tests.support.people import DAY, NOON, TOKEN, Desk

PARTITIONS = 8
PLACE = partition_of_key(TOKEN.encode(), PARTITIONS)
EVENT_CLOCK = Surroundings(PARTITIONS, Limits(), keeps_append_time=True, now=NOON + 365 * DAY)
WALL_CLOCK = EVENT_CLOCK._replace(keeps_append_time=False, now=NOON + DAY)


def reading(**fields: Any) -> Reading:
    event = Desk("gate-1").reading(391, **fields)
    assert isinstance(event, Reading)
    return event


def encoded(event: Event, **instead: Any) -> bytes:
    topic, _, row = event.record()
    return row_codec(topic).encode({**row, **instead})


def content(event: Event) -> bytes:
    topic, key, row = event.record()
    return content_hash(key.decode(), row, [shape.name for shape in default_registry().latest(topic).shapes])


def letter(reason: Refusal, topic: str = "temperatures", **fields: Any) -> Letter:
    place = Position(topic, PLACE, 17)
    found = Letter(place, NOON + 1000, reason, None, "", 2, "risk", "", None, (PLACE, 0), None, "open")
    return found._replace(**fields)


def refused(value: bytes | None, key: bytes | None = TOKEN.encode(), topic: str = "temperatures") -> Raw:
    return Raw(key, value, NOON + 1000, Position(topic, PLACE, 17))


def decide(
    raw: Raw | None,
    corrected: Event | None = None,
    stored: set[bytes] | None = None,
    *,
    reason: Refusal = Refusal.TRUNCATED,
    around: Surroundings = EVENT_CLOCK,
    force: bool = False,
    **fields: Any,
) -> tuple[Candidate | None, Decision]:
    found = candidate(letter(reason, **fields), raw, corrected, around)
    if isinstance(found, Refused):
        return None, found
    return found, object_to(found, raw, around, stored or set(), force=force)


def why(decision: Decision) -> str:
    assert isinstance(decision, Refused)
    return decision.text


TRUNCATED = refused(encoded(reading())[:-10])


# ---- judging


@pytest.mark.parametrize(
    ("value", "reason", "field"),
    [
        (None, Refusal.NULL_VALUE, None),
        (b"{}", Refusal.FOREIGN_MAGIC, None),
        (encoded(reading(), value_tenths=9), Refusal.OUT_OF_RANGE, "value_tenths"),
        (encoded(reading(), value_tenths=None), Refusal.MISSING_FIELD, "value_tenths"),
        (encoded(reading(), sent_at=NOON + DAY), Refusal.SENT_AFTER_APPENDED, "sent_at"),
        (encoded(reading(), occurred_at=NOON - 31 * DAY), Refusal.BEYOND_HORIZON, "occurred_at"),
    ],
)
def test_a_record_is_judged_as_workers_and_sinks_would(value: bytes | None, reason: Refusal, field: str | None) -> None:
    record = Arriving("temperatures", TOKEN.encode(), value, PLACE, PARTITIONS, NOON + 1000)
    objection = judge(record, Limits())
    assert objection is not None
    assert (objection.reason, objection.field) == (reason, field)
    assert judge(record._replace(value=encoded(reading())), Limits()) is None


def test_a_record_in_the_wrong_partition_or_under_a_bad_key_is_judged_so() -> None:
    good = Arriving("temperatures", TOKEN.encode(), encoded(reading()), PLACE, PARTITIONS, NOON)
    for record, reason in (
        (good._replace(partition=(PLACE + 1) % PARTITIONS), Refusal.WRONG_PARTITION),
        (good._replace(key=b"Zhang"), Refusal.BAD_KEY),
        (good._replace(key=None), Refusal.BAD_KEY),
    ):
        objection = judge(record, Limits())
        assert objection is not None
        assert objection.reason is reason


# ---- what is published


def test_original_bytes_go_to_their_topic_under_their_key_where_the_partitioner_puts_it() -> None:
    raw = refused(encoded(reading()))
    place = Position("temperatures", (PLACE + 1) % PARTITIONS, 3)
    found, decision = decide(raw, reason=Refusal.WRONG_PARTITION, position=place)
    assert decision is None
    assert found is not None
    assert (found.topic, found.key, found.value, found.corrected) == ("temperatures", raw.key, raw.value, False)
    assert found.partition == PLACE


def test_an_event_clock_home_keeps_the_time_of_the_first_arrival_and_a_wall_clock_home_does_not() -> None:
    kept, _ = decide(TRUNCATED, reading())
    now, _ = decide(TRUNCATED, reading(), around=WALL_CLOCK)
    assert kept is not None
    assert now is not None
    assert (kept.appended_at, now.appended_at) == (NOON + 1000, WALL_CLOCK.now)


def test_the_times_of_a_corrected_event_are_those_of_the_file() -> None:
    event = reading()
    found, _ = decide(TRUNCATED, event)
    assert found is not None
    row = row_codec("temperatures").decode(found.value)
    assert (row["occurred_at"], row["sent_at"]) == (event.occurred_at, event.sent_at)
    assert found.corrected


def test_a_correction_that_changes_nothing_is_none() -> None:
    found, _ = decide(refused(encoded(reading())), reading(), reason=Refusal.WRONG_PARTITION)
    assert found is not None
    assert not found.corrected


# ---- what is refused


def test_what_would_become_a_dead_letter_again_is_refused_unless_forced() -> None:
    _, decision = decide(TRUNCATED)
    assert why(decision).startswith("as it is it would become a dead letter again: TRUNCATED: ")
    assert isinstance(decision, Refused)
    assert decision.may_force
    assert decide(TRUNCATED, force=True)[1] is None


def test_an_event_that_is_late_by_now_is_refused_in_a_wall_clock_home() -> None:
    _, decision = decide(TRUNCATED, reading(), around=WALL_CLOCK._replace(now=NOON + 40 * DAY))
    assert "BEYOND_HORIZON" in why(decision)
    assert decide(TRUNCATED, reading())[1] is None


@pytest.mark.parametrize(("name", "value"), [("source", "gate-2"), ("sequence", 2)])
def test_another_identity_is_refused_even_with_force_and_the_difference_is_told(name: str, value: object) -> None:
    other = reading().model_copy(update={name: value})
    for force in (False, True):
        _, decision = decide(TRUNCATED, other, force=force)
        assert f"{name}: " in why(decision)
        assert f"{value!r} is in the file" in why(decision)
        assert isinstance(decision, Refused)
        assert not decision.may_force


def test_an_identity_that_cannot_be_read_binds_nobody() -> None:
    assert decide(refused(b"{}"), reading(), reason=Refusal.FOREIGN_MAGIC)[1] is None
    nameless = refused(encoded(reading(), source=""))
    assert decide(nameless, reading(), reason=Refusal.MISSING_FIELD)[1] is None


def test_when_the_bytes_are_gone_the_table_still_knows_the_identity() -> None:
    assert "hold its bytes any more" in why(decide(None)[1])
    assert decide(None, reading(), source="gate-1", sequence=1)[1] is None
    assert "sequence: 7 was refused" in why(decide(None, reading(), source="gate-1", sequence=7)[1])


def test_another_subject_is_refused_but_a_key_that_is_none_may_be_replaced() -> None:
    other = reading(token="p00" + "b" * 24)
    _, decision = decide(TRUNCATED, other)
    assert why(decision).startswith("key: the corrected event is of another subject")
    assert decide(refused(encoded(reading()), b"Zhang"), reading(), reason=Refusal.BAD_KEY)[1] is None


def test_another_topic_is_refused_but_for_a_record_that_names_that_topics_schema() -> None:
    passage = Desk("gate-1").passage()
    assert why(decide(TRUNCATED, passage)[1]).startswith("topic: the corrected event is of check-ins")
    astray = refused(encoded(reading()), topic="check-ins")
    found, decision = decide(astray, reading(), reason=Refusal.OTHER_SUBJECT, position=Position("check-ins", PLACE, 1))
    assert decision is None
    assert found is not None
    assert found.topic == "temperatures"


def test_another_content_under_a_stored_identity_would_be_a_conflict() -> None:
    _, decision = decide(TRUNCATED, reading(), {bytes(16)})
    assert "another content is stored under its identity gate-1#1" in why(decision)
    assert decide(TRUNCATED, reading(), {bytes(16)}, force=True)[1] is None


def test_what_is_stored_already_is_not_published_again() -> None:
    _, decision = decide(TRUNCATED, reading(), {content(reading())})
    assert isinstance(decision, AlreadyStored)
    assert str(decision.identity) == "gate-1#1"


def test_what_is_stored_but_was_not_folded_may_be_retried() -> None:
    raw = refused(encoded(reading()))
    assert decide(raw, stored={content(reading())}, reason=Refusal.RULE_ERROR)[1] is None


def test_a_time_mark_is_no_event() -> None:
    row = TimeMark(source="clock", sequence=1, at=NOON).row("temperatures")
    mark = refused(row_codec("temperatures").encode(row))
    assert why(decide(mark, reason=Refusal.WRONG_PARTITION, force=True)[1]).startswith("it is a time mark")


# ---- telling


def test_the_event_form_is_what_an_event_file_takes(tmp_path: Path) -> None:
    event = reading(symptoms=["DRY_COUGH"], site="gate-1")
    found = describe(letter(Refusal.WRONG_PARTITION), refused(encoded(event)), PARTITIONS, Limits())
    file = tmp_path / "event.jsonl"
    file.write_text(json.dumps(found.event) + "\n", encoding="utf-8")
    ((result,),) = (read.results for read in read_events(file))
    assert isinstance(result, GoodLine)
    assert result.event == event


def test_the_event_form_of_a_cut_off_record_holds_what_could_be_read() -> None:
    value = encoded(reading())
    found = describe(letter(Refusal.TRUNCATED), refused(value[:15]), PARTITIONS, Limits())
    assert found.event == {
        "topic": "temperatures",
        "kind": "READING",
        "token": TOKEN,
        "source": "gate-1",
        "sequence": 1,
    }


def test_nothing_of_urgent_care_is_told() -> None:
    need = Desk("ward-7").event(UrgentNeed, need="secret need")
    for topic in ("urgent-care", "temperatures"):
        raw = refused(encoded(need), topic=topic)
        found = describe(letter(Refusal.MISSING_FIELD, topic), raw, PARTITIONS, Limits())
        told = json.dumps(found.as_json())
        assert (found.restricted, found.raw, found.event) == (True, None, None)
        assert "secret" not in told
        assert "ward-7" not in told
        assert TOKEN not in told
    assert "urgent care" in NEVER_SHOWN


def test_an_identity_of_urgent_care_that_differs_is_named_without_its_value() -> None:
    need = Desk("ward-7").event(UrgentNeed, need="secret need")
    other = need.model_copy(update={"source": "ward-8"})
    raw = refused(encoded(need), topic="urgent-care")
    _, decision = decide(raw, other, reason=Refusal.MISSING_FIELD, position=Position("urgent-care", PLACE, 1))
    assert "(source)" in why(decision)
    assert "ward" not in why(decision)


def test_a_record_that_only_the_sinks_refused_is_explained_by_the_same_checks() -> None:
    alone = letter(Refusal.OUT_OF_RANGE, letter=None, owner="")
    found = describe(alone, refused(encoded(reading(), value_tenths=9)), PARTITIONS, Limits())
    assert (found.letter.field, found.letter.source, found.letter.sequence) == ("value_tenths", "gate-1", 1)
    assert "between 250 and 450" in found.letter.detail


def test_for_every_reason_it_is_said_what_to_do() -> None:
    assert set(WHAT_TO_DO) == set(Refusal)


@pytest.mark.parametrize(
    ("milliseconds", "offset", "text"),
    [
        (NOON, 480, "2020-02-19T12:00:00.000+08:00"),
        (NOON + 1, None, "2020-02-19T04:00:00.001+00:00"),
        (NOON, 9999, "2020-02-19T04:00:00.000+00:00"),
        (2**62, 480, 2**62),
        (-(2**62), 480, -(2**62)),
    ],
)
def test_a_time_that_no_calendar_has_stays_a_number(milliseconds: int, offset: object, text: str | int) -> None:
    assert time_text(milliseconds, offset) == text


# ---- the call


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["list", "--reason", "BAD"], "--reason BAD: write one of: "),
        (["list", "--topic", "weather"], "--topic weather: write one of: "),
        (["list", "--since", "yesterday"], "--since yesterday: not an ISO 8601 time"),
        (["list", "--open", "--all"], "choose one"),
        (["show", "temperatures"], "is no position of an input topic"),
        (["retry"], "name the positions to retry"),
        (["retry", "reports/0/1", "--by", " "], "--by is empty"),
        (["retry", "reports/0/1", "--with", "/nowhere.jsonl"], "/nowhere.jsonl cannot be read"),
    ],
)
def test_a_wrong_call_is_told_before_anything_is_asked(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, CannotRun)
    assert words in str(result.exception)
    assert result.stdout == ""


def test_a_bad_line_of_the_corrected_file_is_named_and_nothing_is_published(tmp_path: Path) -> None:
    file = tmp_path / "fix.jsonl"
    file.write_text(json.dumps({"topic": "temperatures", "kind": "READING"}) + "\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["retry", "temperatures/0/1", "--with", str(file)])
    assert result.exit_code == 1
    assert "line 1: value_tenths: missing; add it" in result.stderr


def test_a_position_is_read_as_it_is_written() -> None:
    assert parse_position("follow-ups/3/17") == Position("follow-ups", 3, 17)
    assert str(Position("follow-ups", 3, 17)) == "follow-ups/3/17"


@pytest.mark.parametrize(
    "text", ["", "temperatures", "temperatures/3", "weather/1/1", "dead-letters/0/1", "reports/-1/2"]
)
def test_what_is_no_position_of_an_input_topic_is_refused(text: str) -> None:
    with pytest.raises(WrongSetting, match="is no position of an input topic"):
        parse_position(text)


@pytest.mark.parametrize(
    ("positions", "with_file", "every", "topic", "force", "words"),
    [
        ([], None, False, None, False, "name the positions"),
        (["reports/0/1"], None, True, None, False, "name the positions"),
        (["reports/0/1"], None, False, "reports", False, "choose among --all"),
        ([], None, True, None, True, "--force"),
        (["reports/0/1", "reports/0/2"], Path("e"), False, None, False, "one event for one position"),
        ([], Path("e"), True, None, False, "one event for one position"),
    ],
)
def test_options_that_contradict_each_other_are_a_wrong_call(
    positions: list[str], with_file: Path | None, every: bool, topic: str | None, force: bool, words: str
) -> None:
    with pytest.raises(WrongSetting, match=words):
        check_call(positions, with_file, every, topic, None, force)


README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^checkline dead-letters (\w+) ?(.*?)#(.*)$", README, re.M)


@pytest.mark.parametrize(("command", "words", "comment"), SHOWN)
def test_every_command_and_option_that_the_readme_shows_is_there(command: str, words: str, comment: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"], env={"TERMINAL_WIDTH": "200"})
    assert result.exit_code == 0
    assert all(f"{option} " in result.stdout for option in re.findall(r"--[a-z-]+", words + comment))


def test_the_readme_shows_all_three_commands() -> None:
    assert {command for command, _, _ in SHOWN} == {"list", "show", "retry"}
