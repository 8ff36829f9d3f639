"""What people read: the catalogue and the messages."""

import re

import pytest
import typer

from infra.alarms import messages
from infra.alarms.alarm import Alarm, Rule
from infra.alarms.outbox import Channel, Delivery
from infra.alarms.roster import Duty, first_telling
from infra.alarms.rules import RULES, rule_of
from infra.alarms.steps import identity
from infra.alarms.words import lasting, some
from infra.cli import app
from tests.unit.infra.alarms.snapshots import AT

NAMES = """
PartitionStuck GroupLagging GroupWithoutMembers UnreadDataExpiring UnreadDataLost WorkerDown SinkDown PartDown
PartRestarting BrokerDown SourceSilent CheckpointSilent DeviceSkewed DeadLettersGrowing AuditDifference AuditStandsStill
LedgerBehind BreachWave ReleaseOverdue ReportsMissing TicksLate RecoveryStalled Congestion DeadlinesWillBeMissed
ConflictsSeen"""
COMMAND = re.compile(r"checkline ((?:[a-z]+(?:-[a-z]+)*\b ?){1,2})")
OPTION = re.compile(r"(?<= )--[a-z-]+")


def delivery(rule: str = "SinkDown", channel: Channel = "email", detail_zh: str = "入库进程停止") -> Delivery:
    name = identity(rule, "sink", AT)
    alarm = Alarm(name, rule, "sink", "critical", "sink is failed", detail_zh, AT, None, None, None, 0)
    telling = first_telling(Duty((("desk-day",),), ()), AT)
    return Delivery(f"{name}:raised:desk-day:{channel}", alarm, telling, "desk-day", channel, "desk@example.org", 1)


def test_the_catalogue_has_every_kind_of_alarm_once_in_both_languages() -> None:
    assert [rule.name for rule in RULES] == NAMES.split()
    for rule in RULES:
        assert all(field.strip() == field and field for field in rule)
        for chinese in (rule.title_zh, rule.remedy_zh):
            assert re.search(r"[\u4e00-\u9fff]", chinese)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_command_that_a_remedy_names_is_one_of_the_command_line(rule: Rule) -> None:
    commands = typer.main.get_command(app)
    found = []
    for text in (rule.remedy_en, rule.remedy_zh, rule.behind):
        for words in COMMAND.findall(text):
            first, *rest = words.split()
            command = commands.commands.get(first)  # type: ignore[attr-defined]
            assert command is not None, words
            if rest and hasattr(command, "commands"):
                assert rest[0] in command.commands, words
            found.append(first)
    assert found


def test_options_of_the_queries_behind_are_real() -> None:
    commands = typer.main.get_command(app)
    for rule in RULES:
        words = rule.behind.split(" ")
        command = commands.commands[words[1]]  # type: ignore[attr-defined]
        if words[1] == "sql":
            continue
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(OPTION.findall(rule.behind)) <= known, rule.name


def test_a_rule_that_is_known_no_more_has_its_name() -> None:
    assert rule_of("OfOld").title_en == "OfOld"


def test_a_letter_says_in_both_languages_what_is_wrong_what_to_do_and_where_to_look() -> None:
    letter = messages.email([delivery()], "checkline@example.org", "http://127.0.0.1:1/")
    rule = rule_of("SinkDown")
    assert letter["To"] == "desk@example.org"
    for said in (rule.title_en, rule.title_zh, "CRITICAL", "sink"):
        assert said in letter["Subject"]
    body = letter.get_content()
    for said in (
        rule.remedy_en,
        rule.remedy_zh,
        rule.behind,
        "http://127.0.0.1:1/",
        "2026-09-21T14:13:20",
        "入库进程停止",
    ):
        assert said in body
    assert f"checkline alarms acknowledge SinkDown:sink:{AT}" in body


def test_several_alarms_are_one_letter_with_a_key_of_their_own() -> None:
    both = [delivery(), delivery("TicksLate")]
    letter = messages.email(both, "checkline@example.org", "")
    assert "(+1)" in letter["Subject"]
    assert rule_of("TicksLate").title_zh in letter.get_content()
    assert messages.batch_key(both) == messages.batch_key(both[::-1]) != messages.batch_key(both[:1])
    assert messages.batch_key(both[:1]) == both[0].key


def test_a_subject_that_is_not_ascii_has_a_key_that_a_header_may_hold() -> None:
    odd = delivery()._replace(key="CheckpointSilent:卡口:1:raised:desk-day:webhook")
    assert messages.batch_key([odd]).isascii()


def test_a_text_message_is_short_however_long_the_detail() -> None:
    text = messages.short_text([delivery(detail_zh="停" * 500), delivery("TicksLate")])
    assert len(text) <= messages.SMS_CHARACTERS
    assert "入库进程" in text
    assert text.endswith("+1")


def test_the_document_of_a_webhook_names_the_alarm_and_how_to_take_it_on() -> None:
    document = messages.document(delivery(channel="webhook"), "http://127.0.0.1:1/")
    assert document["alarm"] == f"SinkDown:sink:{AT}"
    assert document["title"]["zh"] == rule_of("SinkDown").title_zh
    assert document["occasion"] == "raised"


def test_the_identity_of_an_alarm_has_no_blanks() -> None:
    assert identity("SinkDown", "a b", 1) == "SinkDown:a_b:1"


@pytest.mark.parametrize(
    ("seconds", "said"), [(45, "45 s"), (720, "12 min"), (12_600, "3.5 h"), (259_200, "3.0 d"), (-60, "-60 s")]
)
def test_stretches_of_time_are_told_as_people_say_them(seconds: float, said: str) -> None:
    assert lasting(seconds) == said


def test_of_many_names_the_first_are_told_and_how_many_more() -> None:
    assert some("abc", 2) == "a, b (+1)"
    assert some([]) == ""
