"""The world that the stream plays in: persons, devices, a time, records on their way, decks of scenarios."""

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

from xxhash import xxh3_128_intdigest

from schemas.topics import BY_NAME, INPUT_TOPICS
from tests.faults.avro_writer import Writer
from tests.faults.model.judgement import DAY, HOUR, MINUTE, partition_of
from tests.faults.published import Published

START = 1_580_515_200_000
"""2020-02-01T00:00:00Z: when the first record arrives."""

SKEW, HORIZON = 5 * MINUTE, 30 * DAY
"""What the shipped policy allows."""

GATES, SCHOOLS, DESKS = 80, 20, 30
GATE_KINDS = ("MOTORWAY", "ROAD", "RAIL", "AIRPORT", "COACH", "SEAPORT", "BORDER", "COMMUNITY", "WORKPLACE", "VENUE")
LEAD_SOURCES = ("SUPERIOR_NOTICE", "BIG_DATA", "INTERREGIONAL_REQUEST", "PUBLIC_REPORT", "CASE_OR_CONTACT")
SYMPTOMS = ("FEVER", "DRY_COUGH", "DIARRHOEA", "FATIGUE", "BREATHLESSNESS")
AREAS = tuple(f"4201{number:02d}" for number in range(16))
"""Divisions that notices may name; `HOME_AREA` is never named."""
HOME_AREA = "370202"
UNITS = tuple(f"unit-{number}" for number in range(40))
INDICATORS = ("leads-open", "patrols", "masks-in-stock", "tests-taken", "disputes")

Item = TypeVar("Item")
Scenario = Callable[["World"], object]

SCENARIOS: dict[str, list[Scenario]] = {}
"""Scenarios by deck, in the order of their modules."""


def scenario(deck: str) -> Callable[[Scenario], Scenario]:
    """Puts a function into a deck."""

    def put(function: Scenario) -> Scenario:
        SCENARIOS.setdefault(deck, []).append(function)
        return function

    return put


class Deck(Generic[Item]):
    """Draws every item once, in random order, before any of them again."""

    def __init__(self, chance: random.Random, items: Sequence[Item]) -> None:
        self._chance = chance
        self._items = items
        self._rest: list[Item] = []

    def draw(self) -> Item:
        if not self._rest:
            self._rest = list(self._items)
            self._chance.shuffle(self._rest)
        return self._rest.pop()


class Source:
    """A device or desk: its counter, its clock's error, its place."""

    def __init__(self, name: str, site_kind: str = "NOT_STATED", skew: int = 0, zone: int = 480) -> None:
        self.name = name
        self.site = f"site-{name}"
        self.site_kind = site_kind
        self.skew = skew
        self.zone = zone
        self.sequence = 0

    def row(self, kind: str, at: int, sent: int) -> dict[str, Any]:
        """What every event of this source states; takes the next number."""
        self.sequence += 1
        return {
            "kind": kind,
            "source": self.name,
            "sequence": self.sequence,
            "occurred_at": at,
            "sent_at": sent,
            "zone_offset_minutes": self.zone,
        }


class Sent(NamedTuple):
    """A good event that was published, to be repeated, contradicted, confirmed or corrected."""

    topic: str
    key: str
    row: dict[str, Any]
    value: bytes


def token(kind: str, number: int) -> str:
    """A token: kind of subject, epoch 00, 24 letters."""
    digest = xxh3_128_intdigest(f"{kind}/{number}".encode())
    return f"{kind}00" + "".join("abcdefghijklmnopqrstuvwxyz234567"[(digest >> 5 * place) & 31] for place in range(24))


@cache
def key_in(partition: int, partitions: int) -> bytes:
    """The first plain key that lies in a partition."""
    keys = (f"mark-{number}".encode() for number in range(1_000_000))
    return next(key for key in keys if partition_of(key, partitions) == partition)


class World:
    """Where scenarios publish. ``now`` is the time of arrival; ``made`` counts scenarios."""

    def __init__(self, seed: int, persons: int, partitions: int, large_bytes: int) -> None:
        self.chance = chance = random.Random(seed)
        self.now = START
        self.made: Counter[str] = Counter()
        self.partitions = partitions
        self.large_bytes = large_bytes
        self.waiting: list[tuple[int, int, Published]] = []
        self.order = 0
        self.writers = {topic.name: Writer(topic.name) for topic in INPUT_TOPICS}
        self.recent: deque[Sent] = deque(maxlen=3_000)
        """Good events, to be repeated and contradicted."""
        self.alarming: deque[Sent] = deque(maxlen=1_000)
        """Events that raise a level or move a clock, to be corrected."""

        self.versions: list[Sent] = []
        """Notices, rosters and policies, to be published again."""
        self.reporting: list[tuple[str, str]] = []
        """Units and the indicators that rosters want of them."""
        self.districts: list[str] = []
        """Districts of orders, by turns."""

        self.people = [token("p", number) for number in range(persons)]
        chance.shuffle(self.people)
        self.stuck_person = token("p", persons)
        self.followed = self.people[: max(1, persons // 20)]
        """Those with leads, several of them each."""
        self.turn = 0
        self.leads = 0
        self.policy_version = 1

        self.gates = [self._source(f"gate-{number}", chance.choice(GATE_KINDS)) for number in range(GATES)]
        self.schools = [self._source(f"school-{number}", "SCHOOL") for number in range(SCHOOLS)]
        self.desks = [self._source(f"desk-{number}", "NOT_STATED") for number in range(DESKS)]
        self.registry = Source("registry")
        self.decks = {name: Deck(chance, scenarios) for name, scenarios in SCENARIOS.items()}
        self.topics = Deck(chance, [topic.name for topic in INPUT_TOPICS])

    def _source(self, name: str, site_kind: str) -> Source:
        skew = self.chance.choice((0, 0, 0, 0, -90_000, -30_000, 40_000, 240_000))
        zone = self.chance.choice((480, 480, 480, 480, 480, 540, 0, -210))
        return Source(name, site_kind, skew, zone)

    def draw(self, deck: str) -> None:
        """Play the next scenario of a deck."""
        drawn = self.decks[deck].draw()
        self.made[f"{deck}: {drawn.__name__.replace('_', ' ')}"] += 1
        drawn(self)

    def put(self, topic: str, key: bytes | None, value: bytes | None, at: int, partition: int | None = None) -> None:
        """Publish at a time, or now when that has passed."""
        self.order += 1
        heapq.heappush(self.waiting, (max(at, self.now), self.order, Published(topic, key, value, at, partition)))

    def send(self, event: Sent, at: int) -> None:
        """Publish an event, or publish it again."""
        self.put(event.topic, event.key.encode(), event.value, at)

    def written(self, topic: str, key: str, row: dict[str, Any]) -> Sent:
        """The event of a row, not published."""
        return Sent(topic, key, row, self.writers[topic].value(row))

    def event(
        self,
        topic: str,
        key: str,
        kind: str,
        by: Source | None = None,
        at: int | None = None,
        sent: int | None = None,
        arrives: int | None = None,
        remember: bool = True,
        **fields: Any,
    ) -> Sent:
        """Publish a good event. It happens now by the source's clock, or ``at`` a time; is sent at once; and arrives
        when it happened, or now when that has passed; unless said otherwise."""
        by = by or self.chance.choice(self.desks)
        if at is None:
            at = self.now + by.skew - int(self.chance.random() * 20_000)
            arrives = self.now if arrives is None else arrives
        row = {**by.row(kind, at, at + 500 if sent is None else sent), **fields}
        event = self.written(topic, key, row)
        self.send(event, at if arrives is None else arrives)
        if remember:
            self.recent.append(event)
        return event

    def alarm(self, event: Sent) -> Sent:
        """Remember an event that raises a level or moves a clock."""
        self.alarming.append(event)
        return event

    def person(self) -> str:
        """Half of the time whoever's turn it is, so that everyone comes up; else anyone."""
        if self.chance.random() < 0.5:
            self.turn += 1
            return self.people[self.turn % len(self.people)]
        return self.people[int(self.chance.random() * len(self.people))]

    def delays(self) -> dict[str, Any]:
        """Mostly none; else the times of an event that was hours on its way: kept by the device, or after sending."""
        chance = self.chance.random()
        if chance > 0.04:
            return {}
        at = self.now - int(self.chance.random() ** 2 * 30 * HOUR)
        self.made["hours late"] += 1
        return {"at": at, "sent": at + 500 if chance < 0.02 else self.now - 500, "arrives": self.now}

    def good_key(self, topic: str) -> str:
        """A key of the shape that the topic wants."""
        return self.person() if "token" in BY_NAME[topic].key else f"entity-{self.order}"
