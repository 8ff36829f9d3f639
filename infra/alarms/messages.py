"""What is said about alarms: the document of a webhook, an e-mail, a short text; English and Chinese.

Nothing here names a person: alarms are about partitions, parts, devices, sites and numbers.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256
from typing import Any

from infra.alarms.outbox import Delivery
from infra.alarms.rules import rule_of
from infra.dead_letters.event_forms import time_text

SMS_CHARACTERS = 280


def document(delivery: Delivery, console: str) -> dict[str, Any]:
    """What is posted to a webhook, one alarm each."""
    alarm, rule = delivery.alarm, rule_of(delivery.alarm.rule)
    return {
        "alarm": alarm.identity,
        "occasion": delivery.telling.occasion,
        "level": delivery.telling.level,
        "contact": delivery.contact,
        "nobody_on_call": delivery.telling.nobody_on_call,
        "rule": alarm.rule,
        "subject": alarm.subject,
        "severity": alarm.severity,
        "title": {"en": rule.title_en, "zh": rule.title_zh},
        "detail": {"en": alarm.detail_en, "zh": alarm.detail_zh},
        "remedy": {"en": rule.remedy_en, "zh": rule.remedy_zh},
        "behind": rule.behind,
        "raised_at": time_text(alarm.raised_at),
        "cleared_at": None if alarm.cleared_at is None else time_text(alarm.cleared_at),
        "console": console,
        "acknowledge": acknowledge_command(delivery),
    }


def acknowledge_command(delivery: Delivery) -> str:
    """How whoever is told takes the alarm on."""
    return f"checkline alarms acknowledge {delivery.alarm.identity} --by {delivery.contact}"


def email(deliveries: Sequence[Delivery], sender: str, console: str) -> EmailMessage:
    """One letter about all alarms that one desk is owed now."""
    worst = deliveries[0]
    rule = rule_of(worst.alarm.rule)
    more = f" (+{len(deliveries) - 1})" if len(deliveries) > 1 else ""
    message = EmailMessage()
    level = f" [{worst.telling.occasion}]" if worst.telling.level else ""
    subject = f"{worst.alarm.severity.upper()}{level} {rule.title_en} · {rule.title_zh}: {worst.alarm.subject}{more}"
    message["Subject"] = " ".join(subject.split())
    message["From"] = sender
    message["To"] = worst.address
    message["Message-ID"] = f"<{batch_key(deliveries)}@checkline>"
    message["Date"] = format_datetime(datetime.fromtimestamp(max(one.telling.at for one in deliveries) / 1000, UTC))
    message.set_content("\n\n".join([*(_paragraphs(one) for one in deliveries), f"Console 运行台: {console}"]) + "\n")
    return message


def short_text(deliveries: Sequence[Delivery]) -> str:
    """A text message about all alarms that one desk is owed now: the worst in words, the number of the others."""
    worst = deliveries[0].alarm
    rule = rule_of(worst.rule)
    more = f" 另有 +{len(deliveries) - 1}" if len(deliveries) > 1 else ""
    text = f"[checkline {worst.severity}] {rule.title_zh} {rule.title_en}: {worst.detail_zh}"
    room = SMS_CHARACTERS - len(more)
    return (text if len(text) <= room else text[: room - 1] + "…") + more


def batch_key(deliveries: Sequence[Delivery]) -> str:
    """The key of several deliveries made as one, as a header may hold it: the same for the same ones."""
    keys = "\n".join(sorted(one.key for one in deliveries))
    whole = len(deliveries) == 1 and keys.isascii() and keys.isprintable()
    return keys if whole else sha256(keys.encode()).hexdigest()[:32]


def _paragraphs(delivery: Delivery) -> str:
    alarm, rule = delivery.alarm, rule_of(delivery.alarm.rule)
    lines = [
        f"{alarm.severity.upper()} {rule.name}: {rule.title_en} · {rule.title_zh}",
        f"{alarm.detail_en}",
        f"{alarm.detail_zh}",
        f"Since 自: {time_text(alarm.raised_at)}",
    ]
    if alarm.cleared_at is not None:
        lines.append(f"The condition ended 已消失: {time_text(alarm.cleared_at)}")
    if delivery.telling.level:
        lines.append("Nobody has acknowledged it 尚无人确认")
    if delivery.telling.nobody_on_call:
        lines.append("Nobody is on call: everybody is told 无人值班，已通知全部联系人")
    lines += [
        f"What to do: {rule.remedy_en}",
        f"处置：{rule.remedy_zh}",
        f"Behind it 依据: {rule.behind}",
        f"Take it on 确认: {acknowledge_command(delivery)}",
    ]
    return "\n".join(lines)
