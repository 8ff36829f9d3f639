"""Plans of replays: what they read, and what is refused before anything is read."""

import json
import shutil
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest

from replay.log import Extent
from replay.plan import Experience, Plan, Refused, Wanted, make_plan
from replay.states import States, digests_of
from replay.target import BadName, Target
from schemas.policy import default_policy
from schemas.registry import DEFAULT_DIRECTORY, Registry, default_registry
from schemas.topics import CHECK_INS, INPUT_TOPICS, REFERENCE, partitions_of
from schemas.validity import Limits
from schemas.wire import framing
from schemas.wire.rows import RowCodec
from streams.reference import Reference
from tests.support.batches import Sent, record_batch
from tests.unit.replay.small_campaign import small

EVERYTHING = Wanted(None, None, "the whole log")


def extent(begin: int = 0, end: int = 100) -> Extent:
    places = [(topic.name, number) for topic in INPUT_TOPICS for number in range(partitions_of(topic, 2))]
    return Extent(dict.fromkeys(places, begin), dict.fromkeys(places, end))


def plan(wanted: Wanted = EVERYTHING, found: Extent | None = None, registry: Registry | None = None) -> Plan:
    return make_plan(
        Target.named("one"),
        wanted,
        found or extent(),
        {("risk-changes", 0): 7},
        registry or default_registry(),
        partitions=2,
        policies=[default_policy()],
        experience=Experience(bytes_an_event=10, events_a_second=100),
    )


def test_a_plan_of_everything_reads_every_position_and_says_what_it_takes() -> None:
    made = plan()
    assert made.whole
    assert made.events == 100 * (6 * 2 + 1)
    assert (made.disk_bytes, made.seconds) == (13_000, 13.0)
    assert made.target.databases == ("checkline_replay_one", "checkline_replay_one_restricted")
    assert Plan.parse(json.loads(json.dumps(made.as_json()))) == made


def test_a_range_is_read_alone_but_reference_data_from_its_beginning() -> None:
    wanted = Wanted({(CHECK_INS.name, 1): 20}, {(CHECK_INS.name, 1): 50, (REFERENCE.name, 0): 90}, "a part")
    made = plan(wanted)
    spans = {(span.topic, span.partition): (span.begin, span.end) for span in made.spans if span.end > span.begin}
    assert spans == {(CHECK_INS.name, 1): (20, 50), (REFERENCE.name, 0): (0, 90)}
    assert not made.whole


def test_what_retention_has_eaten_is_named() -> None:
    found = extent()
    begins = {**found.begins, (CHECK_INS.name, 0): 40}
    with pytest.raises(Refused) as refused:
        plan(found=Extent(begins, found.ends))
    assert refused.value.reasons[0].startswith("check-ins/0: offsets 0 to 40 are in the log no more")
    later = Wanted({(CHECK_INS.name, 0): 40}, None, "what is left")
    assert not plan(later, Extent(begins, found.ends)).whole
    begins[REFERENCE.name, 0] = 1
    with pytest.raises(Refused, match="reference data is needed from its beginning"):
        plan(later, Extent(begins, found.ends))


@pytest.mark.parametrize("name", ["", "Upper", "a-b", "1st", "a" * 41, "my_restricted", "a.b"])
def test_a_name_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(BadName):
        Target.named(name)


# ---- schemas
def grown(directory: Path, *more: dict[str, Any]) -> Registry:
    """The registry with one more version of check-ins for each field that is added."""
    shutil.copytree(DEFAULT_DIRECTORY, directory)
    ids = json.loads((directory / "ids.json").read_text())
    versions = len(ids[CHECK_INS.name])
    schema = json.loads((directory / f"{CHECK_INS.name}.v{versions}.avsc").read_text())
    for number, field in enumerate(more, versions + 1):
        schema["fields"].append(field)
        (directory / f"{CHECK_INS.name}.v{number}.avsc").write_text(json.dumps(schema))
        ids[CHECK_INS.name].append(900 + number)
    (directory / "ids.json").write_text(json.dumps(ids))
    return Registry(directory)


WEATHER = {"name": "weather", "type": ["null", "int"], "default": None}
REMARK = {"name": "remark", "type": ["null", "string"], "default": None}


def test_a_log_of_three_versions_gives_what_it_gives_in_one(tmp_path: Path) -> None:
    registry = grown(tmp_path / "grown", WEATHER, REMARK)
    versions = registry.versions(CHECK_INS.name)[-3:]
    assert len(versions) == 3
    plain = [one for one in small().emissions if one.topic == CHECK_INS.name and one.partition == 0]
    codec = RowCodec(default_registry(), CHECK_INS.name)
    mixed = []
    for number, one in enumerate(plain):
        version = versions[number % 3]
        value = one.value
        if value is not None and value[: framing.SIZE] == framing.frame(versions[0].id, b""):
            datum = BytesIO()
            fastavro.schemaless_writer(datum, version.parsed, {**codec.decode(value), "weather": number, "remark": "x"})
            value = framing.frame(version.id, datum.getvalue())
        mixed.append(Sent(one.key, value, one.appended_at))
    as_one = [Sent(one.key, one.value, one.appended_at) for one in plain]
    assert len({sent.value[:5] for sent in mixed if sent.value}) == 3
    digests = []
    for records, read_by in ((as_one, default_registry()), (mixed, registry)):
        states = States(read_by, Reference(Limits()), 8, Limits())
        states.add(CHECK_INS.name, 0, [record_batch(records)])
        digests.append(digests_of(states.conclusions(0), 0))
    assert digests[0].facts.rows > 5
    assert digests[0] == digests[1]


def test_a_schema_that_cannot_read_its_own_past_is_refused_at_plan(tmp_path: Path) -> None:
    registry = grown(tmp_path / "grown", {"name": "weather", "type": "int"})
    with pytest.raises(Refused, match="check-ins: version 3 cannot read data of version 1: field weather"):
        plan(registry=registry)
