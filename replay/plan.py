"""What a replay will read and write, worked out before anything is done; refused where it cannot be right. Pure."""

import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

from replay.log import Extent
from replay.target import Target
from schemas.policy import Policy
from schemas.registry import Registry, RegistryError
from schemas.topics import DERIVED_TOPICS, REFERENCE
from sinks.blocks import Span
from sinks.ledger import Place

BYTES_AN_EVENT = 120
"""Disk that an event takes in the tables of a replay, where none is there to be measured."""

EVENTS_A_SECOND = 90_000.0
"""Where no replay was run yet: two processes on two cores."""


class Refused(Exception):
    """A replay of this range cannot be right; the text says what is missing and what to do, one line a reason."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = list(reasons)


class Wanted(NamedTuple):
    """The range that was asked for: by position, or None and None for all. ``what``: how it was asked for."""

    begins: Mapping[Place, int] | None
    ends: Mapping[Place, int] | None
    what: str


class Experience(NamedTuple):
    """What is known of the size and the pace of such work."""

    bytes_an_event: float = BYTES_AN_EVENT
    events_a_second: float = EVENTS_A_SECOND


class Plan(NamedTuple):
    """What will be read, written and needed. ``spans``: one a partition of the input topics; ``reference``: reference
    data is read to its end, for what is judged depends on it; ``supersedes``: the ends of the live derived topics when
    the plan was made: what they say beyond came later."""

    name: str
    what: str
    spans: tuple[Span, ...]
    partitions: int
    extent: Extent
    supersedes: Mapping[Place, int]
    policies: tuple[str, ...]
    versions: Mapping[str, str]
    disk_bytes: int
    seconds: float

    @property
    def target(self) -> Target:
        return Target.named(self.name)

    @property
    def whole(self) -> bool:
        """Whether it reads all that the log held when it was planned, from its very beginning."""
        return all(span.begin == 0 and span.end == self.extent.ends[span.topic, span.partition] for span in self.spans)

    @property
    def events(self) -> int:
        """At most: positions, of which some hold no record."""
        return sum(span.end - span.begin for span in self.spans)

    def as_json(self) -> dict[str, Any]:
        target = self.target
        return {
            "name": self.name,
            "range": self.what,
            "spans": [list(span) for span in self.spans],
            "partitions": self.partitions,
            "begins": [[*place, at] for place, at in sorted(self.extent.begins.items())],
            "ends": [[*place, at] for place, at in sorted(self.extent.ends.items())],
            "supersedes": [[*place, at] for place, at in sorted(self.supersedes.items())],
            "policies": list(self.policies),
            "versions": dict(self.versions),
            "events": self.events,
            "disk_bytes": self.disk_bytes,
            "seconds": self.seconds,
            "target": {
                "databases": list(target.databases),
                "topics": [target.topic_prefix + topic.name for topic in DERIVED_TOPICS],
                "transactional_ids": f"{target.transactional_id}-<partition>",
            },
        }

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> "Plan":
        """The plan that `as_json` gave."""
        places: dict[str, dict[Place, int]] = {
            name: {(topic, partition): at for topic, partition, at in document[name]}
            for name in ("begins", "ends", "supersedes")
        }
        return cls(
            document["name"],
            document["range"],
            tuple(Span(*span) for span in document["spans"]),
            document["partitions"],
            Extent(places["begins"], places["ends"]),
            places["supersedes"],
            tuple(document["policies"]),
            document["versions"],
            document["disk_bytes"],
            document["seconds"],
        )


def make_plan(
    target: Target,
    wanted: Wanted,
    extent: Extent,
    supersedes: Mapping[Place, int],
    registry: Registry,
    *,
    partitions: int,
    policies: Iterable[Policy],
    experience: Experience,
) -> Plan:
    """The plan of a replay. ``extent``: that of the input topics now. Raises `Refused`."""
    reasons = [*_incompatible(registry), *_eaten(wanted, extent)]
    if reasons:
        raise Refused(reasons)
    spans = []
    for topic, partition in sorted(extent.ends):
        place = (topic, partition)
        begin, end = extent.begins[place], extent.ends[place]
        if wanted.begins is not None and topic != REFERENCE.name:
            begin = max(begin, wanted.begins.get(place, end))
        if wanted.ends is not None:
            end = min(end, wanted.ends.get(place, end))
        spans.append(Span(topic, partition, begin, max(begin, end)))
    events = sum(span.end - span.begin for span in spans)
    return Plan(
        target.name,
        wanted.what,
        tuple(spans),
        partitions,
        extent,
        dict(supersedes),
        tuple(policy.name for policy in policies),
        versions_of(registry),
        int(events * experience.bytes_an_event),
        events / experience.events_a_second,
    )


def versions_of(registry: Registry) -> dict[str, str]:
    """Of what a replay is made with: code, Python, schemas."""
    return {
        "checkline": version("checkline"),
        "python": platform.python_version(),
        "schemas": ", ".join(f"{subject}@{len(registry.versions(subject))}" for subject in registry.subjects),
    }


def _incompatible(registry: Registry) -> list[str]:
    """A log may hold records of every version: today's reader must read them all."""
    try:
        registry.check_compatibility()
    except RegistryError as error:
        return [f"{error}; records of that version in the log could not be read: mend the schema"]
    return []


def _eaten(wanted: Wanted, extent: Extent) -> list[str]:
    """What the range needs and the log holds no more."""
    reasons = []
    for place, begin in sorted(extent.begins.items()):
        topic, partition = place
        whole = wanted.begins is None or topic == REFERENCE.name
        needed = 0 if whole or wanted.begins is None else wanted.begins.get(place, begin)
        if begin > needed:
            reasons.append(
                f"{topic}/{partition}: offsets {needed} to {begin} are in the log no more: retention has taken them"
                + (" (reference data is needed from its beginning)" if topic == REFERENCE.name else "")
            )
    if reasons:
        reasons.append("begin later (--from), where all is still there, or import a case file that holds it")
    return reasons
