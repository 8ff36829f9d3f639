"""When a condition becomes an alarm, when that ends, who is told, and when again."""

from collections.abc import Mapping

from infra.alarms.alarm import Condition
from infra.alarms.conditions.judgement import Judgement, Unsure
from infra.alarms.lifecycle import CLEAR_LOOKS, Sightings, escalations, step_on
from infra.alarms.outbox import LONGEST_PAUSE_MS, due, undelivered
from infra.alarms.roster import Duty, Entry, next_change, on_call, place_in_order
from infra.alarms.steps import Kind, Record, Step, apply
from infra.settings import Contact
from tests.unit.infra.alarms.snapshots import AT, later, snapshot

DUTY = Duty((("desk-1",), ("desk-2",)), ("desk-1", "desk-2", "desk-3"))
DOWN = Condition("WorkerDown", "worker-risk-1", "down", "停")
LAGGING = Condition("GroupLagging", "checkline-risk/check-ins", "late", "迟")
CONTACTS = {name: Contact(webhook=f"http://127.0.0.1/{name}") for name in ("desk-1", "desk-2", "desk-3")}


class Desk:
    """The pure parts, one look after the other."""

    def __init__(self, duty: Duty = DUTY) -> None:
        self.duty = duty
        self.records: dict[str, Record] = {}
        self.sightings = Sightings()
        self.seconds = 0

    def look(self, *judgements: Judgement, after: int = 1, answered: bool = True) -> list[Kind]:
        """The kinds of the steps that a look gives; ``answered``: whether sources have answered since the last."""
        self.seconds += after
        found = later(snapshot(), 1000 * self.seconds) if answered else snapshot()
        steps, self.sightings = step_on(self.records, judgements, self.sightings, found, self.duty)
        apply(self.records, steps)
        return [step.kind for step in steps]

    def escalate(self, seconds: float) -> list[tuple[str, ...]]:
        """Who is told at a time."""
        steps = escalations(self.records, self.duty, AT + round(1000 * seconds), 300_000)
        apply(self.records, steps)
        return [tuple(step.detail["contacts"]) for step in steps]

    @property
    def only(self) -> Record:
        (record,) = self.records.values()
        return record

    def say(self, kind: Kind, by: str = "desk-1", at: int = AT, **detail: object) -> None:
        apply(self.records, [Step(at, kind, self.only.alarm.identity, by, detail)])


def test_a_fact_is_an_alarm_at_once_and_a_measurement_when_two_answers_agree() -> None:
    assert Desk().look(DOWN) == [Kind.RAISED]
    desk = Desk()
    assert desk.look(LAGGING) == []
    assert desk.look(LAGGING) == [Kind.RAISED]


def test_two_looks_at_one_answer_are_one() -> None:
    desk = Desk()
    assert [desk.look(LAGGING, answered=False) for _ in range(5)] == [[]] * 5
    assert desk.look(LAGGING) == [Kind.RAISED]


def test_a_measurement_that_was_well_in_between_begins_anew_and_an_unknown_one_does_not() -> None:
    desk = Desk()
    assert [desk.look(LAGGING), desk.look(), desk.look(LAGGING)] == [[], [], []]
    desk = Desk()
    assert [desk.look(LAGGING), desk.look(Unsure("GroupLagging")), desk.look(LAGGING)] == [[], [], [Kind.RAISED]]


def test_an_alarm_is_cleared_when_several_answers_agree_and_never_by_what_is_unknown() -> None:
    desk = Desk()
    desk.look(DOWN)
    for unsure in (Unsure("WorkerDown"), Unsure("WorkerDown", "worker-risk-1")):
        assert [desk.look(unsure) for _ in range(CLEAR_LOOKS + 1)] == [[]] * (CLEAR_LOOKS + 1)
    assert desk.look(Unsure("WorkerDown", "worker-risk-2")) == []
    assert [desk.look() for _ in range(CLEAR_LOOKS - 1)] == [[], [Kind.CLEARED]]
    assert desk.only.alarm.is_open


def test_an_alarm_that_nobody_took_on_comes_back_as_itself_and_a_closed_one_as_another() -> None:
    desk = Desk()
    desk.look(DOWN)
    for _ in range(CLEAR_LOOKS):
        desk.look()
    assert desk.look(DOWN) == [Kind.CHANGED]
    assert desk.only.alarm.cleared_at is None
    desk.say(Kind.ACKNOWLEDGED)
    for _ in range(CLEAR_LOOKS):
        desk.look()
    assert not desk.only.alarm.is_open
    assert desk.look(DOWN) == [Kind.RAISED]
    assert len(desk.records) == 2


def test_new_words_are_written_down_once_a_minute_and_ever_more_seldom() -> None:
    desk = Desk()
    desk.look(DOWN)
    words = (DOWN._replace(detail_en=f"down for {second} s") for second in range(1, 4000))
    changes = [second for second, condition in enumerate(words, 1) if desk.look(condition)]
    assert changes[0] == 60
    assert len(changes) < 20
    assert desk.look(desk_words(desk)) == []


def desk_words(desk: Desk) -> Condition:
    alarm = desk.only.alarm
    return DOWN._replace(detail_en=alarm.detail_en, detail_zh=alarm.detail_zh)


def test_an_alarm_of_a_rule_that_is_known_no_more_ends() -> None:
    desk = Desk()
    desk.look(DOWN)
    record = desk.only
    desk.records = {record.alarm.identity: record._replace(alarm=record.alarm._replace(rule="OfOld"))}
    assert desk.look() == [Kind.CLEARED]


# ---- who is told
def test_nobody_acknowledges_so_the_next_desk_is_told_then_everybody_again_and_again() -> None:
    desk = Desk()
    desk.look(DOWN, after=0)
    assert desk.only.tellings[0].contacts == ("desk-1",)
    assert desk.escalate(299) == []
    assert desk.escalate(300) == [("desk-2",)]
    assert desk.escalate(301) == []
    assert desk.escalate(600) == [("desk-1", "desk-2", "desk-3")]
    assert desk.escalate(900) == [("desk-1", "desk-2", "desk-3")]
    assert desk.only.alarm.level == 2
    assert len({telling.occasion for telling in desk.only.tellings}) == 4


def test_who_took_it_on_is_not_called_and_what_ended_by_itself_wakes_nobody() -> None:
    desk = Desk()
    desk.look(DOWN, after=0)
    desk.say(Kind.ACKNOWLEDGED)
    assert desk.escalate(900) == []
    desk = Desk()
    desk.look(DOWN, after=0)
    desk.say(Kind.CLEARED)
    assert desk.escalate(900) == []


def test_where_nobody_is_on_call_everybody_is_told_and_that_is_on_record() -> None:
    desk = Desk(Duty((), ("desk-2", "desk-3")))
    desk.look(DOWN, after=0)
    assert desk.only.tellings[0].contacts == ("desk-2", "desk-3")
    assert desk.only.tellings[0].nobody_on_call
    assert desk.escalate(300) == [("desk-2", "desk-3")]
    nobody = Desk(Duty())
    nobody.look(DOWN, after=0)
    assert nobody.only.tellings[0].contacts == ()
    assert nobody.escalate(300) == []


def entry(contact: str, order: int, begins: int, ends: int | None) -> Entry:
    return Entry(f"{contact}-{begins}", contact, order, begins, ends)


def test_the_roster_says_who_is_on_call_now_in_which_order_and_who_is_next() -> None:
    entries = [
        entry("day", 1, 100, 200),
        entry("night", 1, 200, 300),
        entry("chief", 2, 0, None),
        entry("aid", 1, 100, 200),
    ]
    assert on_call(entries, 99) == [["chief"]]
    assert on_call(entries, 100) == [["aid", "day"], ["chief"]]
    assert on_call(entries, 199) == [["aid", "day"], ["chief"]]
    assert on_call(entries, 200) == [["night"], ["chief"]]
    assert [next_change(entries, at) for at in (50, 100, 200, 300)] == [100, 200, 300, None]
    assert on_call([], 0) == []


def test_a_change_of_entries_that_names_the_same_desk_is_no_change_of_shift() -> None:
    entries = [entry("day", 1, 100, 200), entry("day", 1, 200, 300)]
    assert next_change(entries, 100) == 300


def test_the_order_of_an_entry_is_its_category_and_one_without_stands_last() -> None:
    assert sorted(["x", "10", None, "2"], key=place_in_order)[:2] == ["2", "10"]


# ---- what is owed
def owed(desk: Desk, now: int, contacts: Mapping[str, Contact] = CONTACTS) -> list[tuple[str, str, int]]:
    return [(one.contact, one.channel, one.attempt) for one in due(desk.records, contacts, now)]


def key(desk: Desk, contact: str = "desk-1", channel: str = "webhook") -> str:
    return f"{desk.only.alarm.identity}:raised:{contact}:{channel}"


def test_a_delivery_is_owed_until_it_is_on_record() -> None:
    desk = Desk()
    desk.look(DOWN, after=0)
    both = {
        **CONTACTS,
        "desk-1": Contact(webhook="http://127.0.0.1/", email="desk@example.org", sms_webhook="http://[::1]/"),
    }
    assert owed(desk, AT, both) == [("desk-1", "webhook", 1), ("desk-1", "email", 1), ("desk-1", "sms", 1)]
    desk.say(Kind.DELIVERED, key=key(desk))
    assert owed(desk, AT, both) == [("desk-1", "email", 1), ("desk-1", "sms", 1)]
    desk.escalate(300)
    assert owed(desk, AT, CONTACTS) == [("desk-2", "webhook", 1)]
    desk.say(Kind.ACKNOWLEDGED)
    assert owed(desk, AT, both) == []


def test_what_failed_is_tried_again_after_longer_and_longer_pauses_and_told_meanwhile() -> None:
    desk = Desk()
    desk.look(DOWN, after=0)
    now, pauses = AT, []
    for attempt in range(1, 12):
        desk.say(Kind.DELIVERY_FAILED, at=now, key=key(desk), attempt=attempt, why="refused")
        pause = next(pause for pause in range(1000, LONGEST_PAUSE_MS + 2000, 1000) if owed(desk, now + pause))
        assert owed(desk, now + pause) == [("desk-1", "webhook", attempt + 1)]
        pauses.append(pause)
        now += pause
    assert pauses == sorted(pauses)
    assert pauses[0] == 2000
    assert pauses[-1] == LONGEST_PAUSE_MS
    assert [why for _, _, why in undelivered(desk.records)] == ["refused"]


def test_a_desk_without_an_address_is_owed_what_cannot_be_delivered() -> None:
    desk = Desk()
    desk.look(DOWN, after=0)
    (delivery,) = due(desk.records, {}, AT)
    assert delivery.address == ""
