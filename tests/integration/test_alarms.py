"""Alarms that reach somebody: real webhooks, a real mail server, a part that dies between raising and delivering, the
roster from the tables."""

import asyncio
import email.policy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from infra.alarms.alarm import Alarm
from infra.alarms.delivery import KEY_HEADER, Courier
from infra.alarms.desk import AlarmDesk
from infra.alarms.journal import Journal
from infra.alarms.places import Places
from infra.alarms.roster import Entry, on_call
from infra.alarms.roster_table import roster_entries
from infra.alarms.rules import RULES, rule_of
from infra.alarms.steps import Kind, Step, fold
from infra.console.serving import serving
from infra.settings import Contact, OperationsSettings
from schemas import events
from schemas.registry import default_registry
from sinks.clickhouse import ClickHouse
from sinks.writer import Writer
from tests.unit.infra.alarms.snapshots import parts, snapshot
from tests.unit.sinks.log import HOUR, NOON, PARTITIONS, Gate, Log

WAIT_SECONDS = 20.0
CONSOLE = "http://127.0.0.1:1/"
SINK_DOWN = snapshot(parts=parts(sink=("failed", 8)))

# Raises an alarm, says so, and goes on delivering until it is killed.
DESK = """
import sys, threading
from pathlib import Path
from infra.alarms.delivery import Courier
from infra.alarms.desk import AlarmDesk
from infra.settings import Contact, OperationsSettings
from tests.integration.test_alarms import SINK_DOWN

settings = OperationsSettings(contacts={"desk-day": Contact(webhook=sys.argv[2])})
with AlarmDesk(Path(sys.argv[1]), settings, list, Courier(settings, sys.argv[3]), lambda: SINK_DOWN.at) as desk:
    desk.look(SINK_DOWN)
    threading.Event().wait()
"""


class Receiver:
    """A webhook on a port of its own. ``answers``: the status of each call, the last one again and again; None: it
    never answers."""

    def __init__(self, *answers: int | None) -> None:
        self.answers = list(answers)
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.came = threading.Condition()
        self.url = ""
        application = web.Application()
        application.router.add_post("/{tail:.*}", self._answer)
        self._served = serving(application, "127.0.0.1", 0)

    def __enter__(self) -> "Receiver":
        self.url = f"{self._served.__enter__()}/alarms"
        return self

    def __exit__(self, *_: object) -> None:
        self._served.__exit__(None, None, None)

    def wait(self, number: int) -> list[tuple[str, dict[str, Any]]]:
        """The first calls, (key, document), once there are so many."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.got) >= number, WAIT_SECONDS), self.got
            return self.got[:number]

    async def _answer(self, request: web.Request) -> web.Response:
        document = await request.json()
        with self.came:
            self.got.append((request.headers[KEY_HEADER], document))
            self.came.notify_all()
            status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if status is None:
            await asyncio.sleep(WAIT_SECONDS)
        return web.Response(status=status or 200, text="no such desk" if status != 200 else "")


class Relay:
    """A mail server that keeps what it is given, and lets nobody in but one."""

    def __init__(self) -> None:
        self.letters: list[tuple[Envelope, EmailMessage]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # the server's name for it
        assert isinstance(envelope.content, bytes)
        letter = BytesParser(policy=email.policy.default).parsebytes(envelope.content)
        assert isinstance(letter, EmailMessage)
        self.letters.append((envelope, letter))
        return "250 kept"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"checkline", b"secret")
        return AuthResult(success=known, handled=False)


@pytest.fixture
def relay() -> Iterator[tuple[Relay, int]]:
    kept = Relay()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    options: dict[str, Any] = {"authenticator": kept.authenticate, "auth_required": True, "auth_require_tls": False}
    controller = Controller(kept, hostname="127.0.0.1", port=port, **options)
    controller.start()
    yield kept, port
    controller.stop()


def wait_for(what: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def desk_with(directory: Path, seconds: float = 5.0, **settings: Any) -> AlarmDesk:
    found = OperationsSettings(**settings)
    return AlarmDesk(directory, found, list, Courier(found, CONSOLE, seconds=seconds))


def steps_of(directory: Path, kind: Kind) -> list[Step]:
    with Journal(Places(directory).journal) as journal:
        return [step for step in journal.read() if step.kind is kind]


def raised(desk: AlarmDesk) -> Alarm:
    desk.look(SINK_DOWN)
    (alarm,) = desk.alarms()
    return alarm


def test_an_alarm_reaches_its_desk_by_webhook_by_mail_and_as_a_text(tmp_path: Path, relay: tuple[Relay, int]) -> None:
    kept, port = relay
    with Receiver(200) as hook, Receiver(200) as texts:
        contact = Contact(webhook=hook.url, email="desk@example.org", sms_webhook=texts.url)
        login: dict[str, Any] = {
            "smtp_host": "127.0.0.1",
            "smtp_port": port,
            "smtp_user": "checkline",
            "smtp_password": "secret",
        }
        with desk_with(tmp_path, contacts={"desk-day": contact}, sender="watch@example.org", **login) as desk:
            alarm = raised(desk)
            ((key, document),) = hook.wait(1)
            ((_, text),) = texts.wait(1)
            ((envelope, letter),) = wait_for(lambda: kept.letters)
            wait_for(lambda: len(steps_of(tmp_path, Kind.DELIVERED)) == 3)
    assert key == f"{alarm.identity}:raised:desk-day:webhook"
    assert document["alarm"] == alarm.identity
    assert document["remedy"]["zh"] == rule_of("SinkDown").remedy_zh
    assert document["console"] == CONSOLE
    assert text["to"] == "desk-day"
    assert rule_of("SinkDown").title_zh in text["text"]
    assert (envelope.mail_from, envelope.rcpt_tos) == ("watch@example.org", ["desk@example.org"])
    assert rule_of("SinkDown").title_zh in letter["Subject"]
    for said in (rule_of("SinkDown").remedy_en, rule_of("SinkDown").remedy_zh, CONSOLE, alarm.detail_en):
        assert said in letter.get_content()
    assert len(hook.got) == len(texts.got) == len(kept.letters) == 1


def test_what_is_refused_is_on_record_with_the_reason_and_made_again_under_the_same_key(tmp_path: Path) -> None:
    with Receiver(503, 200) as hook:
        contacts = {"desk-day": Contact(webhook=hook.url)}
        with desk_with(tmp_path, contacts=contacts) as desk:
            raised(desk)
            first, second = hook.wait(2)
            (delivered,) = wait_for(lambda: steps_of(tmp_path, Kind.DELIVERED))
            text = desk.hand_over()
    assert first == second
    (failed,) = steps_of(tmp_path, Kind.DELIVERY_FAILED)
    assert "503" in failed.detail["why"]
    assert "no such desk" in failed.detail["why"]
    assert delivered.detail["attempt"] == 2
    assert "NOT DELIVERED 未送达" in text
    assert "### Not delivered" not in text  # it was, in the end


@pytest.mark.parametrize(
    ("contact", "settings", "why"),
    [
        ({"webhook": "http://127.0.0.1:9/"}, {}, "Cannot connect"),
        ({"webhook": "no address"}, {}, "InvalidUrl"),
        ({"email": "desk@example.org"}, {}, "smtp_host names no relay"),
        ({"email": "desk@example.org"}, {"smtp_user": "stranger"}, "Authentication"),
        ({"email": "desk@example.org"}, {"smtp_tls": True}, "STARTTLS"),
        ({}, {}, "gives no address of desk-day"),
    ],
)
def test_why_a_desk_cannot_be_reached_is_on_record_and_handed_on(
    tmp_path: Path, relay: tuple[Relay, int], contact: dict[str, str], settings: dict[str, Any], why: str
) -> None:
    kept, port = relay
    if settings:
        settings = {"smtp_host": "127.0.0.1", "smtp_port": port, **settings}
    desk = desk_with(tmp_path, contacts={"desk-day": Contact(**contact)}, **settings)
    raised(desk)
    asyncio.run(desk.deliver())
    (failed,) = steps_of(tmp_path, Kind.DELIVERY_FAILED)
    assert why in failed.detail["why"]
    assert why in desk.hand_over()
    assert kept.letters == []


def test_a_desk_that_never_answers_holds_up_nobody_else(tmp_path: Path) -> None:
    with Receiver(None) as silent, Receiver(200) as hook:
        contacts = {"desk-day": Contact(webhook=silent.url), "desk-night": Contact(webhook=hook.url)}
        desk = desk_with(tmp_path, 0.5, contacts=contacts)
        raised(desk)
        asyncio.run(desk.deliver())
        assert len(silent.got) == len(hook.got) == 1
    (delivered,), (failed,) = steps_of(tmp_path, Kind.DELIVERED), steps_of(tmp_path, Kind.DELIVERY_FAILED)
    assert delivered.detail["contact"] == "desk-night"
    assert "TimeoutError" in failed.detail["why"]


def test_a_part_that_is_killed_between_raising_and_delivering_delivers_after_its_next_start(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    with Receiver(None, 200) as hook:
        process = subprocess.Popen([sys.executable, "-c", DESK, str(tmp_path), hook.url, CONSOLE], cwd=root)
        try:
            hook.wait(1)  # it was sent, and nobody said that it arrived
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        (record,) = fold(steps_of(tmp_path, Kind.RAISED)).values()
        assert steps_of(tmp_path, Kind.DELIVERED) == []
        with desk_with(tmp_path, contacts={"desk-day": Contact(webhook=hook.url)}) as desk:
            first, second = hook.wait(2)
            wait_for(lambda: steps_of(tmp_path, Kind.DELIVERED))
            assert list(desk.alarms()) == [record.alarm]
        assert first == second
        assert first[0].startswith(record.alarm.identity)


# ---- the tables
@pytest.fixture(scope="module")
def on_duty(migrated: ClickHouse) -> ClickHouse:
    """Shifts of a team, one of them given to another desk, and rosters that are none."""
    log, desk = Log(), Gate("registry")

    def entry(name: str, member: str, order: str | None, begins: int, ends: int | None, **more: Any) -> None:
        stated = {"parent": "operations", "schedule": "ON_CALL", "category": order, "valid_until": ends, **more}
        log.publish(desk.event(events.Roster, NOON - HOUR, entity_id=name, member=member, valid_from=begins, **stated))

    entry("shift-1", "desk-day", "1", NOON, NOON + 8 * HOUR)
    entry("shift-2", "desk-night", "1", NOON + 8 * HOUR, NOON + 16 * HOUR)
    entry("shift-2", "desk-late", "1", NOON + 12 * HOUR, NOON + 16 * HOUR)
    entry("chief", "desk-chief", "2", NOON, None)
    entry("other-team", "desk-lab", "1", NOON, None, parent="laboratory")
    entry("no-duty", "unit-1", None, NOON, None, schedule="DAILY_REPORT")
    Writer(migrated, default_registry(), PARTITIONS, "test").write(log.spans())
    return migrated


def test_the_roster_comes_from_reference_data_with_past_and_coming_shifts(on_duty: ClickHouse) -> None:
    entries = roster_entries(on_duty)
    assert Entry("shift-1", "desk-day", 1, NOON, NOON + 8 * HOUR) in entries
    assert Entry("chief", "desk-chief", 2, NOON, None) in entries
    on = [on_call(entries, NOON + hours * HOUR) for hours in (-1, 0, 8, 12, 16)]
    chief = ["desk-chief"]
    assert on == [[], [["desk-day"], chief], [["desk-night"], chief], [["desk-late"], chief], [chief]]


@pytest.mark.parametrize("rule", [rule for rule in RULES if " sql " in rule.behind], ids=lambda rule: rule.name)
def test_the_query_behind_an_alarm_is_one_that_the_tables_answer(on_duty: ClickHouse, rule: Any) -> None:
    on_duty.rows(rule.behind.removeprefix('checkline sql "').removesuffix('"'))
