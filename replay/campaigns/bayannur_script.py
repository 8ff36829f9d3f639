"""How the Bayannur exercise is written down: events under the numbers of their sources, at local times (seed 004)."""

from collections import Counter
from typing import Any

from replay.campaigns.drafts import ZONE_OFFSET_MINUTES, local
from replay.campaigns.tokens import Tokens
from schemas import events

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


REFERENCE_FROM = local("2020-10-11T08:00")
START = local("2020-10-12T00:00")
MEDIUM_FROM = local("2020-10-20T10:00")
HIGH_FROM = local("2020-10-24T18:00")
MEDIUM_AGAIN = local("2020-11-07T00:00")
LOW_AGAIN = local("2020-11-14T00:00")
UNTIL = local("2020-11-21T00:00")
"""After the last deadline."""

REPORTS_FROM = START - 4 * HOUR_MS
REPORTS_UNTIL = LOW_AGAIN + DAY_MS + 20 * HOUR_MS
"""Communities report for days that end at 20:00: of 12 October to 15 November."""

DAYS = tuple(range(START, REPORTS_UNTIL, DAY_MS))
"""Midnights of these days."""

_NAMED = {"person": "p", "vehicle": "v"}


class Script:
    """What is written down so far. Each source numbers its own events, from 0 in the order of writing."""

    def __init__(self, seed: int) -> None:
        self.events: list[events.Event] = []
        self._sequences: Counter[str] = Counter()
        self._tokens = {kind: Tokens(seed, f"exercise {kind}", letter) for kind, letter in _NAMED.items()}
        self._known: dict[tuple[str, str], str] = {}

    def add(self, model: type[events.Event], source: str, at: str | int, /, **stated: Any) -> events.Event:
        """Write down what ``source`` states of a local time (or of UTC milliseconds) and sends a second later."""
        occurred = local(at) if isinstance(at, str) else at
        identity = {"source": source, "sequence": self._sequences[source]}
        self._sequences[source] += 1
        times = {"occurred_at": occurred, "sent_at": occurred + SECOND_MS, "zone_offset_minutes": ZONE_OFFSET_MINUTES}
        event = model.model_validate({**identity, **times, **stated})
        self.events.append(event)
        return event

    def person(self, name: str) -> str:
        """Token of somebody in the script; the name stands nowhere but here."""
        return self._token("person", name)

    def vehicle(self, name: str) -> str:
        """Token of a vehicle in the script."""
        return self._token("vehicle", name)

    def _token(self, kind: str, name: str) -> str:
        if (kind, name) not in self._known:
            number = sum(of == kind for of, _ in self._known)
            self._known[kind, name] = self._tokens[kind].one(number)
        return self._known[kind, name]
