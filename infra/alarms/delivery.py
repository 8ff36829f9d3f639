"""Takes alarms to desks: webhooks, text messages through a webhook, e-mail. What came of each is a step.

Nothing is tried twice here and nothing is forgotten: `infra.alarms.outbox` says what is owed, until a step says that it
was delivered.
"""

import asyncio
import logging
import smtplib
import ssl
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from email.message import EmailMessage

import aiohttp

from infra.alarms import messages
from infra.alarms.outbox import Delivery
from infra.alarms.steps import Kind, Step
from infra.settings import OperationsSettings

log = logging.getLogger(__name__)

SECONDS = 5.0
"""How long a desk may take to answer."""
KEY_HEADER = "Idempotency-Key"
LONGEST_REASON = 300


class Courier:
    """``console``: the address of the page, for the link. ``machine``: the machine's clock, UTC ms."""

    def __init__(
        self,
        settings: OperationsSettings,
        console: str,
        machine: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        seconds: float = SECONDS,
    ) -> None:
        self._settings = settings
        self._console = console
        self._machine = machine
        self._seconds = seconds

    async def deliver(self, deliveries: Sequence[Delivery], done: Callable[[Sequence[Step]], None]) -> None:
        """Makes all deliveries, side by side; ``done`` gets the steps of each as soon as it is known what came of it.
        Webhooks get alarms one by one; a letter or a text message is about all that its desk is owed."""
        batches: dict[tuple[str, ...], list[Delivery]] = defaultdict(list)
        for one in deliveries:
            alone = (one.key,) if one.channel == "webhook" else ()
            batches[one.channel, one.contact, one.address, *alone].append(one)
        timeout = aiohttp.ClientTimeout(total=self._seconds)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await asyncio.gather(*(self._make(session, batch, done) for batch in batches.values()))

    async def _make(
        self, session: aiohttp.ClientSession, batch: Sequence[Delivery], done: Callable[[Sequence[Step]], None]
    ) -> None:
        try:
            await self._send(session, batch)
        except Exception as error:  # whatever it is, it is on record, and the other desks are told
            why = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST_REASON]
            if batch[0].attempt == 1:
                log.warning(
                    "%d alarms not delivered to %s by %s: %s", len(batch), batch[0].contact, batch[0].channel, why
                )
            done([self._step(Kind.DELIVERY_FAILED, one, why) for one in batch])
        else:
            done([self._step(Kind.DELIVERED, one) for one in batch])

    def _step(self, kind: Kind, delivery: Delivery, why: str = "") -> Step:
        detail = {
            "key": delivery.key,
            "contact": delivery.contact,
            "channel": delivery.channel,
            "attempt": delivery.attempt,
            **({"why": why} if why else {}),
        }
        return Step(self._machine(), kind, delivery.alarm.identity, "operations", detail)

    async def _send(self, session: aiohttp.ClientSession, batch: Sequence[Delivery]) -> None:
        first = batch[0]
        if not first.address:
            raise Undeliverable(f"settings.operations.contacts gives no address of {first.contact}")
        key = {KEY_HEADER: messages.batch_key(batch)}
        match first.channel:
            case "webhook":
                await _post(session, first.address, messages.document(first, self._console), key)
            case "sms":
                text = {"to": first.contact, "text": messages.short_text(batch)}
                await _post(session, first.address, text, key)
            case "email":
                letter = messages.email(batch, self._settings.sender, self._console)
                await asyncio.to_thread(self._post_letter, letter)

    def _post_letter(self, letter: EmailMessage) -> None:
        settings = self._settings
        if not settings.smtp_host:
            raise Undeliverable("settings.operations.smtp_host names no relay for e-mail")
        with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=self._seconds) as relay:
            if settings.smtp_tls:
                relay.starttls(context=ssl.create_default_context())
            if settings.smtp_user:
                relay.login(settings.smtp_user, settings.smtp_password.get_secret_value())
            relay.send_message(letter)


class Undeliverable(Exception):
    """There is no way to a desk; the text says what is missing."""


async def _post(session: aiohttp.ClientSession, address: str, body: object, headers: dict[str, str]) -> None:
    async with session.post(address, json=body, headers=headers, allow_redirects=False) as answer:
        if not 200 <= answer.status < 300:
            said = (await answer.content.read(LONGEST_REASON)).decode(errors="replace")
            raise Undeliverable(f"{answer.status} {answer.reason}: {said}")
