"""What the figures of the Qingdao campaign must be, counted in plain Python from the emissions alone.

Written from the design and the source text, not from the readers: no columns, no SQL, no state store. Every record is
decoded by itself; what cannot be used becomes an expected dead letter; of two contents under one identity the one with
the smaller (sent_at, content hash) counts.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from xxhash import xxh3_128_hexdigest

from replay.campaigns.qingdao_indicators import INDICATORS
from replay.emission import Emission
from schemas import topics
from schemas.codes import Refusal
from schemas.events import RANGES, required_fields
from schemas.identities import NAME_PATTERN, TOKEN_PATTERN, content_hash
from schemas.registry import default_registry
from schemas.wire.partitioner import partition_of_key
from schemas.wire.rows import RowCodec, UndecodableValue

SKEW_MS = 5 * 60 * 1000
HORIZON_MS = 30 * 24 * 3600 * 1000
LATENESS_MS = 30 * 24 * 3600 * 1000

_TOKEN_TOPICS = {"check-ins", "temperatures", "follow-ups", "urgent-care"}
_PERSON_TOPICS = {"check-ins", "temperatures", "follow-ups"}

Row = dict[str, Any]


def _utc(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


END_OF_19_FEBRUARY = _utc("2020-02-20T00:00:00+08:00")
CONFERENCE = _utc("2020-02-20T10:00:00+08:00")


class DeadLetter(NamedTuple):
    topic: str
    reason: str
    value: str


class PlainCount(NamedTuple):
    """``figures`` by figure reference; ``events`` the winning events by topic, each with its key; ``contents`` how many
    distinct contents each topic has, losers included; ``records`` how many usable records, repeats included."""

    figures: dict[str, int]
    dead_letters: Counter[DeadLetter]
    events: dict[str, list[tuple[str, Row]]]
    contents: Counter[str]
    records: Counter[str]
    marks: Counter[str]


def plain_count(emissions: Iterable[Emission], partitions: int = topics.DEFAULT_PARTITIONS) -> PlainCount:
    """Counts all emissions of a campaign."""
    judge = _Judge(partitions)
    dead_letters: Counter[DeadLetter] = Counter()
    known: dict[str, dict[tuple[str, int], dict[bytes, tuple[int, str, Row]]]] = {}
    records: Counter[str] = Counter()
    marks: Counter[str] = Counter()
    for emission in emissions:
        topic = emission.topic
        reason, row = judge.judge(emission)
        letter = DeadLetter(topic, reason.value if reason else "", xxh3_128_hexdigest(emission.value or b""))
        if reason is not None:
            dead_letters[letter] += 1
        if row is None:
            continue
        if row["kind"] == "TIME_MARK":
            marks[topic] += 1
            continue
        records[topic] += 1
        key = emission.key.decode()
        content = content_hash(key, row, judge.fields(topic))
        contents = known.setdefault(topic, {}).setdefault((row["source"], row["sequence"]), {})
        contents[content] = (row["sent_at"], key, row)
    events = {topic: [_winner(contents) for contents in identities.values()] for topic, identities in known.items()}
    distinct = Counter({topic: sum(map(len, identities.values())) for topic, identities in known.items()})
    return PlainCount(_figures(events), dead_letters, events, distinct, records, marks)


def _winner(contents: Mapping[bytes, tuple[int, str, Row]]) -> tuple[str, Row]:
    _, (_, key, row) = min(contents.items(), key=lambda item: (item[1][0], item[0]))
    return key, row


class _Judge:
    """Decides one record: why it is refused, and its row where it is stored."""

    def __init__(self, partitions: int) -> None:
        registry = default_registry()
        names = [topic.name for topic in topics.INPUT_TOPICS]
        self._codecs = {name: RowCodec(registry, name) for name in names}
        self._required = {name: required_fields(name) for name in names}
        self._fields = {name: [field["name"] for field in registry.latest(name).fields] for name in names}
        self._partitions = partitions

    def fields(self, topic: str) -> list[str]:
        return self._fields[topic]

    def judge(self, emission: Emission) -> tuple[Refusal | None, Row | None]:
        try:
            row = self._codecs[emission.topic].decode(emission.value)
        except UndecodableValue as error:
            return error.reason, None
        if reason := self._refusal(emission, row):
            return reason, None
        old = row["sent_at"] - row["occurred_at"] > HORIZON_MS or emission.appended_at - row["sent_at"] > LATENESS_MS
        return (Refusal.BEYOND_HORIZON if old and emission.topic in _PERSON_TOPICS else None), row

    def _refusal(self, emission: Emission, row: Row) -> Refusal | None:
        topic, is_event = emission.topic, row["kind"] != "TIME_MARK"
        pattern = TOKEN_PATTERN if topic in _TOKEN_TOPICS else NAME_PATTERN
        if is_event and not re.match(pattern, emission.key.decode(errors="replace")):
            return Refusal.BAD_KEY
        if topic != "reference" and partition_of_key(emission.key, self._partitions) != emission.partition:
            return Refusal.WRONG_PARTITION
        if any(row[field] in (None, "NOT_STATED") for field in self._required[topic].get(row["kind"], ())):
            return Refusal.MISSING_FIELD
        if not re.fullmatch(NAME_PATTERN, row["source"]):
            return Refusal.OUT_OF_RANGE
        for field, (low, high) in RANGES.items():
            if row.get(field) is not None and not low <= row[field] <= high:
                return Refusal.OUT_OF_RANGE
        if row["occurred_at"] > row["sent_at"] + SKEW_MS:
            return Refusal.OCCURRED_AFTER_SENT
        if is_event and row["sent_at"] > emission.appended_at + SKEW_MS:
            return Refusal.SENT_AFTER_APPENDED
        return None


def _figures(events: Mapping[str, list[tuple[str, Row]]]) -> dict[str, int]:
    return {
        **_entries(events.get("check-ins", [])),
        **_leads(events.get("follow-ups", [])),
        **_enforcement(events.get("enforcement", [])),
        **_reports(events.get("reports", [])),
    }


def _entries(events: list[tuple[str, Row]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    vehicles, persons = set(), set()
    for token, row in events:
        if row["kind"] != "PASSAGE" or row["occurred_at"] >= END_OF_19_FEBRUARY:
            continue
        match row["site_kind"], row["subject_kind"]:
            case "MOTORWAY", "VEHICLE":
                vehicles.add(token)
            case "MOTORWAY", "PERSON":
                counts["motorway-persons"] += 1
            case "ROAD", "PERSON":
                persons.add(token)
            case (("RAIL" | "AIRPORT" | "COACH" | "SEAPORT"), "PERSON"):
                counts["stations"] += 1
    return {
        "A000-03/motorway-vehicles": len(vehicles),
        "A000-03/motorway-persons": counts["motorway-persons"],
        "A000-03/roads": len(persons),
        "A000-03/stations": counts["stations"],
    }


def _leads(events: list[tuple[str, Row]]) -> dict[str, int]:
    reached: dict[str, set[str]] = {}
    sources: set[str] = set()
    for _, row in events:
        if row["occurred_at"] > CONFERENCE or not row["kind"].startswith("LEAD_"):
            continue
        reached.setdefault(row["kind"], set()).add(row["lead_id"])
        if row["kind"] == "LEAD_OPENED":
            sources.add(row["lead_source"])
    dispatched, reported = reached.get("LEAD_DISPATCHED", set()), reached.get("LEAD_REPORTED_BACK", set())
    return {
        "A000-02/sources": len(sources),
        "A000-02/dispatched": len(dispatched),
        "A000-02/reported-back": len(reported),
        "A000-02/open": len(dispatched - reported),
    }


def _enforcement(events: list[tuple[str, Row]]) -> dict[str, int]:
    cases, persons = Counter[str](), Counter[str]()
    for _, row in events:
        if row["occurred_at"] > CONFERENCE:
            continue
        if row["kind"] == "CASE_REGISTERED":
            cases[row["category"]] += 1
        elif row["kind"] == "DISPOSITION" and row["party"] == "PERSON":
            persons[row["disposition"]] += 1
    figures = {f"A000-06/{_slug(category)}": count for category, count in cases.items()}
    figures |= {f"A000-07/{_slug(disposition)}": count for disposition, count in persons.items()}
    figures["A000-06/total"], figures["A000-07/total"] = cases.total(), persons.total()
    figures["A000-08/disturbing-order"] = cases["DISTURBING_ORDER"]
    return figures


def _slug(symbol: str) -> str:
    return symbol.lower().replace("_", "-")


def _reports(events: list[tuple[str, Row]]) -> dict[str, int]:
    last: dict[tuple[str, str], tuple[tuple[int, int, int], int]] = {}
    for unit, row in events:
        if row["kind"] not in ("INDICATOR", "ZERO_REPORT"):
            continue
        until = row["occurred_at"] if row["period_until"] is None else row["period_until"]
        order = (until, row["occurred_at"], row["sent_at"])
        value = 0 if row["kind"] == "ZERO_REPORT" else row["value"]
        place = unit, row["indicator"]
        if place not in last or last[place][0] < order:
            last[place] = order, value
    return {item.ref: last[item.unit, item.indicator][1] for item in INDICATORS if (item.unit, item.indicator) in last}
