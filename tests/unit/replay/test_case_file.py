"""A case file: what is written is what is read, any damage is found, and what an import publishes says the same."""

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replay.case_file import CaseWriter, NotEmpty, Source
from replay.case_file_manifest import MANIFEST_NAME, Manifest, digest_of, parse_manifest
from replay.case_file_marks import MarkFinder, MarkMaker, key_of_partition
from replay.case_file_merge import CannotDivide, Outgoing, outgoing, uneven_marks
from replay.case_file_records import RecordWriter, read_records
from replay.case_file_verify import verify
from schemas import topics
from schemas.events import TimeMark
from schemas.registry import DEFAULT_DIRECTORY, Registry, default_registry
from schemas.wire.batches import Record
from schemas.wire.partitioner import partition_of_key
from schemas.wire.rows import RowCodec
from sinks.blocks import Span
from tests.support.batches import Sent, record_batch
from tests.unit.replay.small_campaign import small

HOUR = 3_600_000
START = 1_580_000_400_000  # on the hour
READINGS, CHECK_INS, REPORTS = topics.TEMPERATURES.name, topics.CHECK_INS.name, topics.REPORTS.name
REFERENCE = topics.REFERENCE.name
BATCH = 500

Laid = Mapping[tuple[str, int], Sequence[Sent]]
"""Records of each partition, in order."""


def write(
    directory: Path, laid: Laid, partitions: int = 2, clock: Any = "event", codec: str = "none", **source: Any
) -> Manifest:
    """Write a log as a case. Every topic that is named has all its partitions."""
    named = {topic for topic, _ in laid}
    places = [
        (topic, number)
        for topic in sorted(named)
        for number in range(topics.partitions_of(topics.BY_NAME[topic], partitions))
    ]
    spans = [Span(*place, 0, len(laid.get(place, ()))) for place in places]
    with CaseWriter(directory, Source(clock, partitions, **source), spans, default_registry()) as case:
        for topic, number, begin, end in spans:
            for at in range(begin, end, BATCH):
                batch = record_batch(laid[topic, number][at : at + BATCH], at, codec=codec)
                case.add(Span(topic, number, at, min(at + BATCH, end)), [batch])
        return case.finish(START)[0]


def mark(topic: str, partition: int, at: int, partitions: int = 2) -> Sent:
    key, value = MarkMaker(topic, partitions).at(at)[partition]
    return Sent(key, value, at)


def key_in(partition: int, partitions: int = 2) -> bytes:
    return key_of_partition(partition, partitions)


def all_records(directory: Path, name: str) -> list[Record]:
    return [record for chunk in read_records(directory / name, 3) for record in chunk]


def laid_of_campaign(partitions: int = 8) -> Laid:
    laid: dict[tuple[str, int], list[Sent]] = defaultdict(list)
    for topic, key, value, appended_at, partition in small().emissions:
        place = partition_of_key(key, partitions) if partition is None else partition
        laid[topic, place].append(Sent(key, value, appended_at))
    return laid


# ---- what is written is what is read

ODD = [
    Sent(b"key", b"value", START, [("a", b"1"), ("a", None), ("retried", b"")]),
    Sent(None, b"", START + 1),
    Sent(b"", None, START),
    Sent(b"\xff\x00", b"\x00" * 3000, START + 2),
    Sent(None, None, -1),
]


@pytest.mark.parametrize("codec", ["none", "lz4", "gzip"])
def test_records_come_back_as_they_were_poison_included(tmp_path: Path, codec: str) -> None:
    write(tmp_path / "case", {(READINGS, 1): ODD}, codec=codec)
    expected = [
        Record(offset, sent.timestamp, sent.key, sent.value, tuple(sent.headers)) for offset, sent in enumerate(ODD)
    ]
    assert all_records(tmp_path / "case", "temperatures-1.avro") == expected
    assert all_records(tmp_path / "case", "temperatures-0.avro") == []
    assert verify(tmp_path / "case", default_registry()).problems == []


def test_offsets_may_have_holes_and_a_batch_may_begin_before_the_range(tmp_path: Path) -> None:
    sent = [Sent(b"k", bytes([number]), START) for number in range(6)]
    span = Span(READINGS, 0, 11, 15)
    with CaseWriter(tmp_path / "case", Source("event", 1), [span], default_registry()) as case:
        assert case.add(span, [record_batch(sent, 10, without=[2], first_wanted=11)]) == 3
        case.finish(START)
    assert [record.offset for record in all_records(tmp_path / "case", "temperatures-0.avro")] == [11, 13, 14]
    assert verify(tmp_path / "case", default_registry()).problems == []


def test_the_same_records_give_the_same_files_however_they_were_batched(tmp_path: Path) -> None:
    laid = {(READINGS, 0): [Sent(b"k%d" % number, b"v" * 999, START + number) for number in range(1000)]}
    first = write(tmp_path / "one", laid, partitions=1)
    span = Span(READINGS, 0, 0, 1000)
    with CaseWriter(tmp_path / "two", Source("event", 1), [span], default_registry()) as case:
        case.add(span, [record_batch(laid[READINGS, 0], codec="lz4")])
        second, _ = case.finish(START)
    assert first == second


@pytest.fixture(scope="module")
def campaign_case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small campaign as a case."""
    directory = tmp_path_factory.mktemp("campaign") / "case"
    write(directory, laid_of_campaign(), partitions=8)
    return directory


def test_a_campaign_holds_and_its_manifest_says_what_is_in_it(campaign_case: Path) -> None:
    found = verify(campaign_case, default_registry())
    assert (found.problems, found.notes) == ([], [])
    manifest = found.manifest
    assert manifest is not None
    emitted = Counter(emission.topic for emission in small().emissions)
    assert {name: topic.records for name, topic in manifest.topics.items()} == emitted
    marks = small().manifest.time_marks
    assert {name: topic.marks for name, topic in manifest.topics.items()} == marks
    assert {schema.subject for schema in manifest.schemas} == set(emitted)
    assert manifest.unknown_schemas
    assert {policy.name for policy in manifest.policies} >= {"joint-control-2020", "qingdao-2020", "bayannur-2020"}
    assert sum(file.misplaced for file in manifest.files) > 0


def test_a_range_of_time_leaves_reference_whole(tmp_path: Path) -> None:
    sent = [Sent(b"k", b"%d" % number, START + number) for number in (5, 1, 3, 9)]
    laid = {(READINGS, 0): sent, (REFERENCE, 0): sent}
    manifest = write(tmp_path / "case", laid, partitions=1, since=START + 2, before=START + 9)
    assert [record.value for record in all_records(tmp_path / "case", "temperatures-0.avro")] == [b"5", b"3"]
    assert manifest.topics[REFERENCE].records == 4
    assert verify(tmp_path / "case", default_registry()).problems == []


# ---- the digest of what a topic holds

events = st.lists(
    st.tuples(st.binary(max_size=3), st.none() | st.binary(max_size=3), st.integers(0, 3)), min_size=1, max_size=12
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events, st.integers(1, 4), st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_digest_of_a_topic_knows_neither_partitions_nor_order(
    tmp_path: Path, sent: list[tuple[bytes, bytes | None, int]], one: int, other: int, random: Any
) -> None:
    records = [Sent(key, value, START + at) for key, value, at in sent]
    contents = []
    for partitions in (one, other):
        random.shuffle(records)
        laid: dict[tuple[str, int], list[Sent]] = {(READINGS, 0): []}
        for record in records:
            laid.setdefault((READINGS, partition_of_key(record.key or b"", partitions)), []).append(record)
        for number in range(partitions):
            laid.setdefault((READINGS, number), []).append(mark(READINGS, number, START, partitions))
        contents.append(write(tmp_path / "case", laid, partitions).topics[READINGS].content)
        shutil.rmtree(tmp_path / "case")
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    "other",
    [
        Sent(b"k", b"w", START),
        Sent(b"l", b"v", START),
        Sent(b"kv", b"", START),
        Sent(b"k", b"v", START + 1),
        Sent(b"k", b"v", START, [("h", None)]),
        Sent(None, b"kv", START),
    ],
)
def test_the_digest_of_a_topic_tells_contents_apart(tmp_path: Path, other: Sent) -> None:
    one = write(tmp_path / "one", {(READINGS, 0): [Sent(b"k", b"v", START)]}, 1)
    two = write(tmp_path / "two", {(READINGS, 0): [other]}, 1)
    twice = write(tmp_path / "twice", {(READINGS, 0): [Sent(b"k", b"v", START)] * 2}, 1)
    assert len({case.topics[READINGS].content for case in (one, two, twice)}) == 3


# ---- an export that does not end


def test_an_export_that_fails_leaves_nothing(tmp_path: Path) -> None:
    span = Span(READINGS, 0, 0, 1)
    (tmp_path / "empty").mkdir()
    for directory in (tmp_path / "new", tmp_path / "empty"):
        with suppress(KeyboardInterrupt), CaseWriter(directory, Source("event", 1), [span], default_registry()) as case:
            case.add(span, [record_batch([Sent(b"k", b"v")])])
            assert list(directory.iterdir())
            raise KeyboardInterrupt
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


def test_an_export_that_was_killed_does_not_look_complete(tmp_path: Path) -> None:
    write(tmp_path / "case", {(READINGS, 0): [Sent(b"k", b"v")]}, 1)
    (tmp_path / "case" / MANIFEST_NAME).unlink()
    (problem,) = verify(tmp_path / "case", default_registry()).problems
    assert problem == (MANIFEST_NAME, "is missing: this is no case file, or an export that did not end")


def test_a_span_that_is_not_whole_makes_no_case(tmp_path: Path) -> None:
    span = Span(READINGS, 0, 0, 2)
    with CaseWriter(tmp_path / "case", Source("event", 1), [span], default_registry()) as case:
        case.add(span._replace(end=1), [record_batch([Sent(b"k", b"v")])])
        with pytest.raises(ValueError, match="temperatures/0 is not whole"):
            case.finish(START)
    assert not (tmp_path / "case").exists()


def test_a_directory_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(NotEmpty):
        CaseWriter(tmp_path, Source("event", 1), [], default_registry())
    assert (tmp_path / "mine").exists()


# ---- damage


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A case of two partitions with some hundred records."""
    laid = {
        (READINGS, number): [Sent(key_in(number), b"v%d" % at, START + at) for at in range(300)] for number in (0, 1)
    }
    write(tmp_path / "case", laid)
    return tmp_path / "case"


FILE = "temperatures-1.avro"


def cut_off(case: Path) -> None:
    (case / FILE).write_bytes((case / FILE).read_bytes()[:-100])


def altered(case: Path) -> None:
    data = bytearray((case / FILE).read_bytes())
    data[-100] ^= 1
    (case / FILE).write_bytes(data)


def appended(case: Path) -> None:
    with (case / FILE).open("ab") as file:
        file.write(b"\x00")


def emptied(case: Path) -> None:
    (case / FILE).write_bytes(b"")


def missing(case: Path) -> None:
    (case / FILE).unlink()


def extra(case: Path) -> None:
    shutil.copy(case / FILE, case / "temperatures-2.avro")


def exchanged(case: Path) -> None:
    shutil.copy(case / "temperatures-0.avro", case / FILE)


def manifest_altered(case: Path) -> None:
    text = (case / MANIFEST_NAME).read_text(encoding="utf-8")
    (case / MANIFEST_NAME).write_text(text.replace('"records": 600', '"records": 601'), encoding="utf-8")


def manifest_cut_off(case: Path) -> None:
    (case / MANIFEST_NAME).write_bytes((case / MANIFEST_NAME).read_bytes()[:-9])


def sealed(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """A manifest that was altered and given a digest that fits."""

    def damage(case: Path) -> None:
        document = json.loads((case / MANIFEST_NAME).read_text(encoding="utf-8"))
        change(document)
        document["digest"] = digest_of(document)
        (case / MANIFEST_NAME).write_text(json.dumps(document), encoding="utf-8")

    return damage


@pytest.mark.parametrize(
    ("damage", "file", "said"),
    [
        (cut_off, FILE, "bytes, not"),
        (cut_off, FILE, "was altered: its SHA-256 is"),
        (cut_off, FILE, "cannot be read any further"),
        (altered, FILE, "was altered: its SHA-256 is"),
        (appended, FILE, "it was added to"),
        (emptied, FILE, "is no Avro container file"),
        (missing, FILE, "is missing"),
        (extra, "temperatures-2.avro", "does not belong to the case"),
        (exchanged, FILE, "was altered"),
        (exchanged, FILE, "misplaced: 300 found, the manifest says 0"),
        (manifest_altered, MANIFEST_NAME, "was altered: it states the digest"),
        (manifest_cut_off, MANIFEST_NAME, "is not JSON"),
        (sealed(lambda one: one["files"][1].update(records=299)), FILE, "records: 300 found, the manifest says 299"),
        (sealed(lambda one: one["files"][1].update(end=200)), FILE, "offset 200 after 199"),
        (sealed(lambda one: one["files"][1].update(begin=1)), FILE, "offset 0 after 0"),
        (sealed(lambda one: one["files"].pop()), MANIFEST_NAME, "files of the partitions [0]"),
        (sealed(lambda one: one["files"].pop()), FILE, "does not belong to the case"),
        (
            sealed(lambda one: one["topics"][READINGS].update(content="00")),
            MANIFEST_NAME,
            "temperatures: the digest of its content is",
        ),
        (sealed(lambda one: one["topics"][READINGS].update(records=9)), MANIFEST_NAME, "records: 600 found, not 9"),
        (sealed(lambda one: one.update(format_version=2)), MANIFEST_NAME, "format version 2 is not 1"),
        (sealed(lambda one: one.update(format="other")), MANIFEST_NAME, "is no manifest of a case file"),
        (sealed(lambda one: one.update(partitions="many")), MANIFEST_NAME, "partitions: "),
        (sealed(lambda one: one["topics"].update(sensors=one["topics"][READINGS])), MANIFEST_NAME, "no input topic"),
    ],
)
def test_damage_is_found_and_named(case: Path, damage: Callable[[Path], None], file: str, said: str) -> None:
    assert verify(case, default_registry()).problems == []
    damage(case)
    found = verify(case, default_registry())
    assert not found.holds
    assert any(problem.file == file and said in problem.problem for problem in found.problems), found.problems


def test_an_altered_byte_is_found_wherever_it_is(tmp_path: Path) -> None:
    write(tmp_path / "case", {(READINGS, 0): [Sent(b"k", b"v")]}, 1)
    path = tmp_path / "case" / "temperatures-0.avro"
    data = path.read_bytes()
    for place in range(0, len(data), 7):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x81]) + data[place + 1 :])
        assert not verify(tmp_path / "case", default_registry()).holds, place


@pytest.mark.parametrize("offsets", [(0, 0), (1, 0)])
def test_offsets_that_do_not_grow_are_found(tmp_path: Path, offsets: tuple[int, int]) -> None:
    write(tmp_path / "case", {(READINGS, 0): [Sent(b"k", b"v")] * 2}, 1)
    path = tmp_path / "case" / "temperatures-0.avro"
    path.unlink()
    writer = RecordWriter(path)
    writer.write([Record(offset, START, b"k", b"v", ()) for offset in offsets])
    written = writer.finish()
    sealed(lambda one: one["files"][0].update(bytes=written.bytes, sha256=written.sha256))(tmp_path / "case")
    (problem,) = verify(tmp_path / "case", default_registry()).problems
    assert f"offset {offsets[1]} after {offsets[0]}" in problem.problem


def other_registry(directory: Path, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> Registry:
    """The registry with another newest schema of temperatures; ``change`` gets the ids and the definition."""
    shutil.copytree(DEFAULT_DIRECTORY, directory)
    ids = json.loads((directory / "ids.json").read_text(encoding="utf-8"))
    schema = directory / "temperatures.v2.avsc"
    definition = json.loads(schema.read_text(encoding="utf-8"))
    change(ids, definition)
    (directory / "ids.json").write_text(json.dumps(ids), encoding="utf-8")
    schema.write_text(json.dumps(definition), encoding="utf-8")
    return Registry(directory)


def test_a_schema_that_is_not_known_or_says_something_else_is_found(tmp_path: Path) -> None:
    write(tmp_path / "case", {(READINGS, 0): [mark(READINGS, 0, START, 1)]}, 1)
    unknown = other_registry(tmp_path / "unknown", lambda ids, _: ids.update({READINGS: [ids[READINGS][0], 4711]}))
    problems = [one.problem for one in verify(tmp_path / "case", unknown).problems]
    assert any("(temperatures version 2) is not registered here: upgrade first" in one for one in problems)
    changed = other_registry(tmp_path / "changed", lambda _, one: one.update(doc="something else"))
    (problem,) = verify(tmp_path / "case", changed).problems
    assert "says something else here: its SHA-256 is" in problem.problem


def test_what_may_make_results_differ_is_noted(case: Path) -> None:
    sealed(lambda one: one["policies"][0].update(sha256="0"))(case)
    sealed(lambda one: one.update(code_version="0.0.1", lost=[{"topic": READINGS, "partition": 1, "begin": 5}]))(case)
    found = verify(case, default_registry())
    assert found.holds
    assert [note.split()[:3] for note in found.notes] == [
        ["the", "policy", "bayannur-2020"],
        ["exported", "by", "release"],
        ["temperatures/1:", "what", "lay"],
    ]


# ---- time marks


def test_time_marks_are_those_that_a_worker_takes_for_some() -> None:
    codec = RowCodec(default_registry(), READINGS)
    row = TimeMark(source="clock", sequence=1, at=START).row(READINGS)
    sound = codec.encode(row)
    values = [
        Record(0, START, key_in(1), sound, ()),
        Record(1, START, key_in(0), sound, ()),  # in a partition that is not its key's
        Record(2, START, None, sound, ()),
        Record(3, START, key_in(1), codec.encode({**row, "source": ""}), ()),
        Record(4, START, key_in(1), codec.encode({**row, "occurred_at": START + HOUR}), ()),
        Record(5, START, key_in(1), sound[:-1], ()),
        Record(6, START, key_in(1), sound[:4] + b"\x7f" + sound[5:], ()),
        Record(7, START, key_in(1), None, ()),
        Record(8, START, key_in(1), b"", ()),
        Record(9, START, key_in(1), codec.encode({**row, "occurred_at": START - 9}), ()),
    ]
    assert MarkFinder(READINGS, 1, 2).find(values) == {0: START, 9: START - 9}


def test_marks_of_a_campaign_are_found_on_every_topic() -> None:
    found: Counter[str] = Counter()
    for (topic, partition), sent in laid_of_campaign().items():
        records = [Record(at, one.timestamp, one.key, one.value, ()) for at, one in enumerate(sent)]
        finder = MarkFinder(topic, partition, topics.partitions_of(topics.BY_NAME[topic], 8))
        found[topic] += len(finder.find(records))
    assert found == small().manifest.time_marks


# ---- what an import publishes


def published(directory: Path, partitions: int) -> list[Outgoing]:
    manifest, _ = parse_manifest((directory / MANIFEST_NAME).read_bytes())
    return list(outgoing(directory, manifest, partitions))


def laid_again(sent: Iterable[Outgoing]) -> dict[tuple[str, int], list[Sent]]:
    laid: dict[tuple[str, int], list[Sent]] = defaultdict(list)
    for one in sent:
        laid[one.topic, one.partition].append(Sent(one.key, one.value, one.appended_at, one.headers))
    return laid


def plain(laid: Laid) -> dict[tuple[str, int], list[tuple[Any, ...]]]:
    return {
        place: [(one.key, one.value, one.timestamp, list(one.headers)) for one in sent] for place, sent in laid.items()
    }


def test_with_as_many_partitions_the_log_is_what_it_was(tmp_path: Path) -> None:
    laid = {
        (topic.name, number): [*ODD, mark(topic.name, number, START)]
        for topic in topics.PERSON_TOPICS
        for number in (0, 1)
    }
    write(tmp_path / "case", laid)
    assert plain(laid_again(published(tmp_path / "case", 2))) == plain(laid)


def test_with_another_number_of_partitions_it_holds_the_same(tmp_path: Path, campaign_case: Path) -> None:
    """And again with the old number: contents are equal throughout, and every partition has its marks."""
    first, _ = parse_manifest((campaign_case / MANIFEST_NAME).read_bytes())
    divided = write(tmp_path / "divided", laid_again(published(campaign_case, 3)), 3)
    again = write(tmp_path / "again", laid_again(published(tmp_path / "divided", 8)), 8)
    last = {file.topic: file.last_mark for file in first.files}
    for other in (divided, again):
        assert {name: one.content for name, one in other.topics.items()} == {
            name: one.content for name, one in first.topics.items()
        }
        assert all(file.last_mark == last[file.topic] for file in other.files)
        misplaced = [sum(file.misplaced for file in one.files) for one in (first, other)]
        assert misplaced[0] == misplaced[1] > 0
    assert uneven_marks(first, 3) == []


def test_records_of_a_key_keep_their_order(tmp_path: Path) -> None:
    keys = [b"key-%d" % number for number in range(9)]
    laid: dict[tuple[str, int], list[Sent]] = defaultdict(list)
    for number in range(200):  # times of arrival go back now and then
        key = keys[number * 7 % 9]
        laid[REPORTS, partition_of_key(key, 3)].append(Sent(key, b"%d" % number, START + number * 37 % 11))
    write(tmp_path / "case", laid, 3)
    found: dict[bytes, list[int]] = defaultdict(list)
    for one in published(tmp_path / "case", 5):
        found[one.key or b""].append(int(one.value or b""))
    assert sorted(found) == keys
    assert all(numbers == sorted(numbers) for numbers in found.values())


def test_a_record_in_a_wrong_partition_stays_in_one_and_one_without_a_key_goes_anywhere(tmp_path: Path) -> None:
    right, wrong, nobodys = Sent(key_in(1), b"right"), Sent(key_in(0), b"wrong"), Sent(None, b"nobody's")
    write(tmp_path / "case", {(READINGS, 1): [right, wrong, nobodys]})
    for partitions in (3, 5):
        for one in published(tmp_path / "case", partitions):
            belongs = one.key is not None and partition_of_key(one.key, partitions) == one.partition
            assert belongs == (one.value == b"right")
            assert one.partition < partitions
    with pytest.raises(CannotDivide, match="1 records lie in a partition"):
        published(tmp_path / "case", 1)


def test_one_partition_takes_a_case_without_misplaced_records(tmp_path: Path) -> None:
    laid = {(REPORTS, number): [Sent(key_in(number), b"v", START), mark(REPORTS, number, START)] for number in (0, 1)}
    write(tmp_path / "case", laid)
    assert [one.value == b"v" for one in published(tmp_path / "case", 1)] == [True, True, False]


steps = st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(0, 5)), max_size=25)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps, st.sampled_from([1, 2, 5]))
def test_no_clock_is_ahead_of_a_record_that_came_before_the_mark(
    tmp_path: Path, log: list[tuple[int, bool, int]], partitions: int
) -> None:
    """Marks go forward in each partition; times of arrival may go back. At the end every clock has reached what all of
    the old ones had."""
    laid: dict[tuple[str, int], list[Sent]] = {(REPORTS, number): [] for number in range(3)}
    clocks = dict.fromkeys(range(3), 0)
    allowed: dict[bytes, int] = {}
    for number, (place, marks, step) in enumerate(log):
        if marks:
            clocks[place] += step
            laid[REPORTS, place].append(mark(REPORTS, place, START + clocks[place], 3))
        else:
            value = b"event-%d" % number
            allowed[value] = clocks[place]
            laid[REPORTS, place].append(Sent(key_in(place, 3), value, START + clocks[place] - step))
    directory = tmp_path / "case"
    write(directory, laid, 3)
    reached = dict.fromkeys(range(partitions), 0)
    for one in published(directory, partitions):
        assert one.value is not None
        if one.value in allowed:
            assert reached[one.partition] <= allowed[one.value]
        else:
            at = RowCodec(default_registry(), REPORTS).decode(one.value)["occurred_at"] - START
            assert at >= reached[one.partition]
            reached[one.partition] = at
    marked = {place for place, marks, _ in log if marks}
    assert set(reached.values()) == {min(clocks.values()) if len(marked) == 3 else 0}
    shutil.rmtree(directory)


def test_marks_that_end_at_different_times_are_told(tmp_path: Path) -> None:
    laid = {(READINGS, 0): [mark(READINGS, 0, START)], (READINGS, 1): [mark(READINGS, 1, START + HOUR)]}
    manifest = write(tmp_path / "case", laid)
    assert uneven_marks(manifest, 2) == []
    assert uneven_marks(manifest, 3) == [READINGS]


def test_topics_of_persons_that_were_left_out_do_not_hold_the_clock(tmp_path: Path) -> None:
    write(tmp_path / "case", {(READINGS, number): [mark(READINGS, number, START)] for number in (0, 1)})
    sent = published(tmp_path / "case", 2)
    assert [(one.topic, one.partition) for one in sent[2:]] == [
        (topic.name, number) for topic in topics.PERSON_TOPICS if topic.name != READINGS for number in (0, 1)
    ]
    assert {one.appended_at for one in sent} == {START}


# ---- a case of a wall-clock home


def test_a_wall_clock_case_gets_marks_each_hour_and_at_its_end(tmp_path: Path) -> None:
    old = mark(REFERENCE, 0, START - 9 * HOUR, 1)
    laid = {
        (READINGS, 0): [Sent(key_in(0), b"one", START + 5), Sent(key_in(0), b"two", START + 2 * HOUR)],
        (READINGS, 1): [Sent(key_in(1), b"three", START + HOUR - 1)],
        (REPORTS, 0): [Sent(b"unit", b"report", START + 6)],
        (REFERENCE, 0): [old],
    }
    until = START + 2 * HOUR + 7
    write(tmp_path / "case", laid, clock="wall", until=until)
    for partitions in (2, 3):
        sent = published(tmp_path / "case", partitions)
        events = {b"one", b"two", b"three", b"report"}
        shown = [one.value if one.value in events else (one.topic, one.partition, one.appended_at) for one in sent]
        wanted = [*sorted(topic.name for topic in topics.PERSON_TOPICS), REPORTS]
        hours = {
            at: [(name, number, at) for name in sorted(wanted) for number in range(partitions)]
            for at in (START, START + HOUR, START + 2 * HOUR, until)
        }
        assert shown == [
            (REFERENCE, 0, START - 9 * HOUR),
            *hours[START],
            b"one",
            b"report",
            b"three",
            *hours[START + HOUR],
            *hours[START + 2 * HOUR],
            b"two",
            *hours[until],
            (REFERENCE, 0, until),
        ]  # fmt: skip


def test_the_end_of_a_wall_clock_case_is_not_before_its_last_record(tmp_path: Path) -> None:
    manifest = write(tmp_path / "case", {(READINGS, 0): [Sent(b"k", b"v", START + 5)]}, 1, clock="wall", until=START)
    assert manifest.until == START + 5
