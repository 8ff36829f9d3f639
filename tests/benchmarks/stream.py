"""The bench's own stream: check-ins, temperatures and follow-ups, of which by default one row in seven matters."""

import random
from collections.abc import Iterator
from typing import Any

from schemas import events
from schemas.registry import default_registry
from schemas.wire.rows import RowCodec

PERSONS = 100_000
SEED = 2020
ONE_PASSES_IN = 7
_STRIDE = 7919  # a prime: goes through all persons, in an order that looks like none
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def token_of(number: int) -> str:
    """A synthetic person token."""
    letters = []
    for _ in range(24):
        letters.append(_LETTERS[number % 32])
        number = number // 32 * 7 + number % 32 + 1
    return "p00" + "".join(letters)


def stream(
    count: int, begin: int, persons: int = PERSONS, one_passes_in: int = ONE_PASSES_IN
) -> Iterator[tuple[str, bytes, bytes, int]]:
    """``count`` records (topic, key, framed value, append time) from ``begin`` (UTC milliseconds) on, 1 ms apart."""
    chosen = random.Random(SEED)
    tokens = [token_of(number) for number in range(persons)]
    codecs = {topic: RowCodec(default_registry(), topic) for topic in ("check-ins", "temperatures", "follow-ups")}
    common: dict[str, Any] = {
        "source": "bench-1",
        "zone_offset_minutes": 480,
        "occurred_at": begin,
        "sent_at": begin,
        "sequence": 0,
    }
    place: dict[str, Any] = {"site": "site-1", "site_kind": "MOTORWAY"}
    passage = events.Passage(**common, **place, token=tokens[0], direction="ENTERING", subject_kind="PERSON")
    reading = events.Reading(**common, **place, token=tokens[0], value_tenths=366, method="NON_CONTACT")
    lead = events.LeadOpened(
        **common,
        token=tokens[0],
        lead_id="lead",
        lead_source="BIG_DATA",
        push_mode="BATCH",
        home_province=True,
        received_at=begin,
    )
    for number in range(count):
        at = begin + number
        stated: dict[str, Any] = {"sequence": number, "occurred_at": at, "sent_at": at}
        passes = number % one_passes_in == 0
        draw = chosen.random()
        if passes and draw < 0.4:
            record, stated = lead.record(), {**stated, "lead_id": f"lead-{number}", "received_at": at}
        elif draw < 0.7:
            record = passage.record()
            stated["health_code"] = "YELLOW" if passes else "GREEN"
        else:
            record = reading.record()
            stated["value_tenths"] = chosen.randrange(374, 390) if passes else chosen.randrange(358, 372)
        topic, _, row = record
        yield topic, tokens[number * _STRIDE % persons].encode(), codecs[topic].encode({**row, **stated}), at
