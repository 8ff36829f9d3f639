"""What is owed to whom: a pure function of the records, the addresses and the time.

A delivery is made at least once: until it is on record it is owed, also after a crash. Its key, by which a receiver
can tell that it has it already, is the alarm's identity, the occasion, the desk and the channel.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from infra.alarms.alarm import Alarm
from infra.alarms.steps import Record, Records, Telling
from infra.settings import Contact

Channel = Literal["webhook", "email", "sms"]

FIRST_PAUSE_MS = 2_000
LONGEST_PAUSE_MS = 300_000


class Delivery(NamedTuple):
    """One alarm for one desk over one channel. ``attempt``: 1 is the first; ``address`` is empty where the settings
    give the desk none: that is a failed delivery, too."""

    key: str
    alarm: Alarm
    telling: Telling
    contact: str
    channel: Channel
    address: str
    attempt: int


def due(records: Records, contacts: Mapping[str, Contact], now: int) -> list[Delivery]:
    """What is to be sent now. Nothing more is sent about an alarm that somebody took on."""
    found = [
        delivery
        for record in records.values()
        if record.alarm.is_open and record.alarm.acknowledged_at is None
        for telling in record.tellings
        for delivery in _deliveries(record, telling, contacts)
        if delivery.key not in record.delivered and _may_try(record, delivery, now)
    ]
    return sorted(found, key=lambda one: (one.attempt, one.alarm.severity != "critical", one.telling.at))


def undelivered(records: Records) -> list[tuple[Alarm, str, str]]:
    """Open alarms whose delivery failed so far: (alarm, key, why)."""
    return [
        (record.alarm, key, failed.why)
        for record in records.values()
        if record.alarm.is_open
        for key, failed in record.failed.items()
        if key not in record.delivered
    ]


def channels(contact: Contact) -> Iterator[tuple[Channel, str]]:
    """The ways to reach a desk."""
    if contact.webhook:
        yield "webhook", contact.webhook
    if contact.email:
        yield "email", contact.email
    if contact.sms_webhook:
        yield "sms", contact.sms_webhook


def _deliveries(record: Record, telling: Telling, contacts: Mapping[str, Contact]) -> Iterator[Delivery]:
    for name in telling.contacts:
        contact = contacts.get(name)
        ways: list[tuple[Channel, str]] = list(channels(contact)) if contact else []
        for channel, address in ways or [("webhook", "")]:
            key = f"{record.alarm.identity}:{telling.occasion}:{name}:{channel}"
            failed = record.failed.get(key)
            attempt = failed.attempts + 1 if failed else 1
            yield Delivery(key, record.alarm, telling, name, channel, address, attempt)


def _may_try(record: Record, delivery: Delivery, now: int) -> bool:
    failed = record.failed.get(delivery.key)
    if failed is None:
        return True
    pause = min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** min(failed.attempts - 1, 20))
    return bool(now - failed.at >= pause)
