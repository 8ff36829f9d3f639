"""What a campaign published: the account that every later comparison is held to."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

from xxhash import xxh3_128_hexdigest

from schemas.codes import Refusal


class ExpectedDeadLetter(NamedTuple):
    """A record that must stand in the dead letters. ``value`` is the xxh3-128 of its raw bytes (none if null)."""

    topic: str
    reason: Refusal
    value: str


@dataclass(frozen=True)
class Manifest:
    """Account of one run. ``events`` are distinct planned events: {topic: {kind: number}}; the rest count records.

    ``late`` events were sent more than an hour after they occurred, those ``beyond_horizon`` more than the policy's 30
    days; ``disordered`` records arrived more than a minute after they were sent. ``synthetic`` says which splits no
    source publishes. ``digest`` is the xxh3-128 of all emissions in their order.
    """

    campaign: str
    seed: int
    scale: float
    leads_scale: float
    partitions: int
    events: dict[str, dict[str, int]]
    time_marks: dict[str, int]
    duplicates: dict[str, int]
    conflicts: dict[str, int]
    disordered: dict[str, int]
    late: dict[str, int]
    beyond_horizon: dict[str, int]
    poison: dict[str, int]
    dead_letters: tuple[ExpectedDeadLetter, ...]
    synthetic: tuple[str, ...]
    emissions: int
    digest: str

    def to_json(self) -> str:
        """The manifest as a JSON document; dead letters are sorted."""
        document = asdict(self)
        document["dead_letters"] = [
            {"topic": topic, "reason": reason.value, "value": value}
            for topic, reason, value in sorted(self.dead_letters, key=lambda letter: (letter[0], letter[1], letter[2]))
        ]
        return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


@dataclass
class Account:
    """Counts kept while a campaign is generated."""

    events: dict[str, Counter[str]] = field(default_factory=dict)
    time_marks: Counter[str] = field(default_factory=Counter)
    duplicates: Counter[str] = field(default_factory=Counter)
    conflicts: Counter[str] = field(default_factory=Counter)
    disordered: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    beyond_horizon: Counter[str] = field(default_factory=Counter)
    poison: Counter[str] = field(default_factory=Counter)
    dead_letters: list[ExpectedDeadLetter] = field(default_factory=list)

    def expect_dead_letter(self, topic: str, reason: Refusal, value: bytes | None) -> None:
        self.dead_letters.append(ExpectedDeadLetter(topic, reason, xxh3_128_hexdigest(value or b"")))

    def add_events(self, topic: str, kinds: Counter[str]) -> None:
        self.events.setdefault(topic, Counter()).update(kinds)
