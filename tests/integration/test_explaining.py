"""What was known then: from the tables and from the log the same, and what a plain reading of the records that had
arrived by then gives."""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from infra.asking_then import extent_of, known_of, overview_of, queue_of
from infra.column_store import reader_address, reader_client
from infra.edge.publisher import Publisher
from infra.home import Home
from replay.as_of import persons
from replay.emission import Emission
from replay.explain import reference_as_of
from replay.known_then import then
from replay.story import story
from schemas import topics
from schemas.codes import ClockOutcome, RiskLevel
from schemas.policy import default_policy
from schemas.registry import default_registry
from schemas.wire.partitioner import partition_of_key
from schemas.wire.rows import RowCodec
from sinks.clickhouse import Address, ClickHouse
from sinks.migrations import migrate
from streams.clocks import Clock, outcome
from streams.facts import PersonFact, facts_of
from streams.person_clocks import clocks
from streams.reference import Reference
from streams.risk import timeline, verdict
from tests.integration.conftest import FedHome, drop_databases
from tests.support.people import HOUR, Desk
from tests.support.plain_count import PlainCount, _Judge, plain_count
from tests.unit.replay.small_campaign import NAME, small

END = max(emission.appended_at for emission in small().emissions)
START = min(emission.appended_at for emission in small().emissions if emission.topic != topics.REFERENCE.name)
TIMES = [START + (END - START) * share // 7 for share in (2, 5)]
ODD = "p00odd" + "2" * 21
_PERSON_TOPICS = {topic.name for topic in topics.PERSON_TOPICS}


@pytest.fixture(scope="module")
def odd_home(fed_home: FedHome) -> FedHome:
    """The fed home with somebody of whom everything that can go wrong with a record went wrong, behind the campaign."""
    at = START + (END - START) // 2
    desk = Desk("odd-desk")
    codec = RowCodec(default_registry(), topics.TEMPERATURES.name)
    key, there = ODD.encode(), partition_of_key(ODD.encode(), fed_home.home.settings.partitions)

    def value(number: int, tenths: int, **instead: Any) -> bytes:
        row = desk.reading(tenths, at, site="odd-site", site_kind="SCHOOL").record().row
        return codec.encode({**row, "sequence": number, **instead})

    records = [
        (value(1, 365), at + 3 * HOUR, there),  # arrived later than its repeat, which lies behind it
        (value(1, 365), at + HOUR, there),
        (value(2, 391), at + 1, there),
        (value(2, 366), at + 2 * HOUR, there),  # another content under one identity
        (value(3, 391, occurred_at=at - 40 * 24 * HOUR), at + 1, there),  # beyond the horizon
        (value(4, 391, sent_at=at + 9 * HOUR), at, there),  # sent after it arrived
        (value(5, 391), at + 1, (there + 1) % fed_home.home.settings.partitions),
        (value(6, 391)[:-3], at + 1, there),
        (None, at + 1, there),
        (value(7, 391, value_tenths=None), at + 1, there),
        (value(8, 374), at + 4 * HOUR, there),
    ]
    with Publisher(fed_home.home.kafka_bootstrap) as publisher:
        for content, appended_at, partition in records:
            publisher.publish_encoded(
                topics.TEMPERATURES.name, key, content, partition=partition, appended_at=appended_at
            )
    fed_home.catch_up()
    return fed_home


@pytest.fixture(scope="module")
def log(odd_home: FedHome) -> list[Emission]:
    """Every record of the input topics, read by a plain consumer."""
    return read_log(odd_home.home)


def read_log(home: Home) -> list[Emission]:
    consumer = KafkaConsumer(
        bootstrap_servers=home.kafka_bootstrap, isolation_level="read_committed", enable_auto_commit=False
    )
    places = [
        TopicPartition(topic.name, number)
        for topic in topics.INPUT_TOPICS
        for number in range(topics.partitions_of(topic, home.settings.partitions))
    ]
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    ends = consumer.end_offsets(places)
    found: list[Emission] = []
    while any(consumer.position(place) < ends[place] for place in places):
        for place, records in consumer.poll(timeout_ms=500).items():
            found += [Emission(place.topic, one.key, one.value, one.timestamp, place.partition) for one in records]
    consumer.close()
    return found


class Plainly:
    """What follows from the records that had arrived by a time, record by record."""

    def __init__(self, log: Iterable[Emission], at: int, partitions: int) -> None:
        self.arrived = [emission for emission in log if emission.appended_at <= at]
        self.count: PlainCount = plain_count(self.arrived, partitions)
        judge = _Judge(partitions)
        reference = Reference(default_policy().arrival.limits)
        facts: defaultdict[str, list[PersonFact]] = defaultdict(list)
        self.seen: set[str] = set()
        for emission in self.arrived:
            reason, row = judge.judge(emission)
            if row is None or row["kind"] == "TIME_MARK":
                continue
            key = emission.key.decode()
            if emission.topic == topics.REFERENCE.name:
                reference.add(key, row, emission.appended_at)
            elif emission.topic in _PERSON_TOPICS:
                self.seen |= {key} if key.startswith("p") else set()
                if reason is None:
                    facts[key] += facts_of(emission.topic, row)
        self.levels = Counter[str]()
        self.clocks: dict[str, Clock] = {}
        for token, found in facts.items():
            now = verdict(timeline(found, reference), at)
            if now and token.startswith("p"):
                self.levels[now.level] += 1
            self.clocks |= clocks(found, reference)
        self.levels[RiskLevel.NONE.value] = len(self.seen) - self.levels.total()


def interesting(log: Iterable[Emission]) -> list[str]:
    """Tokens of conflicts, of what was too old, of poison, of corrections, and some others."""
    judge = _Judge(topics.DEFAULT_PARTITIONS)
    contents: defaultdict[tuple[str, int], set[tuple[str, bytes]]] = defaultdict(set)
    refused, taken_back, levels = set(), set(), Counter[str]()
    for emission in log:
        if emission.topic not in _PERSON_TOPICS:
            continue
        reason, row = judge.judge(emission)
        key = (emission.key or b"").decode()
        if reason is not None and key[:1] in "pvs" and len(key) == len(ODD):
            refused.add(key)
        if row is not None and row["kind"] != "TIME_MARK":
            contents[row["source"], row["sequence"]].add((key, emission.value or b""))
            levels[key] += 1
            if row.get("corrects_source"):
                taken_back.add(key)
    several = {key for found in contents.values() if len(found) > 1 for key, _ in found}
    busy = [key for key, _ in levels.most_common(5)]
    return sorted({*sorted(several)[:4], *sorted(refused)[:4], *sorted(taken_back)[:2], *busy[:2], ODD})


def test_tables_and_log_tell_the_same_story_byte_for_byte(odd_home: FedHome, log: list[Emission]) -> None:
    tokens = interesting(log)
    assert len(tokens) > 8
    told = 0
    for token in tokens:
        for at in TIMES:
            stories = [story(known_of(odd_home.home, token, at, source)) for source in ("tables", "log")]
            of_tables, of_log = (json.dumps(one.as_json()) for one in stories)
            assert of_tables == of_log
            told += bool(stories[0].observed)
    assert told > len(tokens)


def test_what_went_wrong_with_records_is_told_alike_at_every_time(odd_home: FedHome) -> None:
    at = START + (END - START) // 2
    seen: dict[int, list[str]] = {}
    for hours in range(5):
        stories = [
            story(known_of(odd_home.home, ODD, at + hours * HOUR, source)).as_json() for source in ("tables", "log")
        ]
        assert stories[0] == stories[1]
        seen[hours] = [f"{one['event']} {one['states']['value_tenths']}" for one in stories[0]["observed"]]
    first, second = ["odd-desk#3 391"], ["odd-desk#2 391"]
    assert seen[0] == []
    assert seen[1] == [*first, "odd-desk#1 365", *second]
    assert sorted(seen[2]) == sorted([*seen[1], "odd-desk#2 366"])
    assert seen[3] == seen[2]
    assert seen[4] == [*seen[3], "odd-desk#8 374"]


def test_the_command_gives_the_same_bytes_from_both_sources(odd_home: FedHome) -> None:
    at = iso(START + (END - START) // 2 + 2 * HOUR)
    answers = [odd_home.call("explain", ODD, "--at", at, "--from", source, "--json") for source in ("tables", "log")]
    assert [one.returncode for one in answers] == [0, 0]
    assert answers[0].stdout == answers[1].stdout
    assert answers[0].stderr == answers[1].stderr == ""


def iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat()


def test_why_not_names_the_threshold_the_conflict_and_what_was_too_old(odd_home: FedHome) -> None:
    at = iso(START + (END - START) // 2 + 2 * HOUR)
    text = odd_home.call("explain", ODD, "--at", at, "--why-not", "none")
    assert text.returncode == 0
    now = "what is in force is higher, HIGH (refer 建议转送) by temperature 体温"
    assert f"Not NONE (no known risk 未见风险): {now}" in text.stdout
    told = " ".join(text.stdout.split())
    assert "Reading 36.5, SCHOOL (school, 学校): threshold over 37.3 (A002-24" in told
    document = json.loads(odd_home.call("explain", ODD, "--at", at, "--why-not", "HIGH", "--json").stdout)
    assert (document["is_in_force"], document["in_force"]["rule"]) == (True, "temperature")
    reasons = {(one["event"], one["reason"]) for one in document["looked"] if one["event"]}
    assert {("odd-desk#2", "IN_FORCE"), ("odd-desk#2", "CONDITION_NOT_MET"), ("odd-desk#3", "TOO_OLD")} <= reasons
    wrong = odd_home.call("explain", ODD, "--why-not", "SOME")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "one of NONE (no known risk), MEDIUM" in wrong.stderr


@pytest.mark.parametrize("at", [TIMES[0], pytest.param(TIMES[1], marks=pytest.mark.long)])
def test_the_state_as_of_a_time_is_that_of_the_records_that_had_arrived(
    odd_home: FedHome, log: list[Emission], at: int
) -> None:
    plainly = Plainly(log, at, odd_home.home.settings.partitions)
    until = extent_of(odd_home.home).last
    assert until is not None
    found = overview_of(odd_home.home, at, until)
    assert {level.value: number for level, number in found.levels.items() if number} == {
        level: number for level, number in plainly.levels.items() if number
    }
    outcomes = Counter((one.deadline_class, outcome(one, at)) for one in plainly.clocks.values())
    assert found.outcomes == outcomes
    assert found.overdue == sum(number for (_, proven), number in outcomes.items() if proven == ClockOutcome.BREACHED)
    count = plainly.count
    of_topic = Counter(emission.topic for emission in plainly.arrived)
    for one in found.records:
        repeats = count.records[one.topic] - count.contents[one.topic]
        expected = (of_topic[one.topic], repeats, count.marks[one.topic])
        assert (one.records, one.repeats, one.marks) == expected, one.topic
    # An identity that was given to events of two topics has one winner.
    assert {one.topic: one.events for one in found.records if one.events} == {
        topic: len(events) for topic, events in count.events.items()
    }
    assert sum(found.dead_letters.values()) == count.dead_letters.total()
    by_reason = Counter[str]()
    for letter, number in count.dead_letters.items():
        by_reason[letter.reason] += number
    assert found.dead_letters == by_reason
    waiting = queue_of(odd_home.home, at)
    assert {one.clock.clock_id: one.outcome for one in waiting} == {
        clock.clock_id: outcome(clock, at)
        for clock in plainly.clocks.values()
        if outcome(clock, at) in (ClockOutcome.OPEN, ClockOutcome.BREACHED)
    }
    assert [one.clock.due_at for one in waiting] == sorted(one.clock.due_at for one in waiting)


@pytest.mark.long
def test_the_figures_as_of_a_time_are_those_of_a_plain_count_of_what_had_arrived(
    odd_home: FedHome, log: list[Emission]
) -> None:
    at = TIMES[1]
    count = plain_count([one for one in log if one.appended_at <= at], odd_home.home.settings.partitions)
    result = odd_home.call("as-of", iso(at), "--figures", NAME, "--json")
    assert (result.returncode, result.stderr) == (0, "")
    computed = {one["ref"]: one["computed"] for one in json.loads(result.stdout)["figures"]}
    assert computed["A000-02/dispatched"] > 0
    assert {ref: number or 0 for ref, number in computed.items()} == {
        ref: count.figures.get(ref, 0) for ref in computed
    }


def test_at_the_end_the_state_is_what_the_workers_published(odd_home: FedHome) -> None:
    """As of the last arrival, the recomputed levels and clocks are those that stand in the tables."""
    until = extent_of(odd_home.home).last
    assert until is not None
    with ClickHouse(reader_address(odd_home.home)) as client:
        known, reference = then(client, until), reference_as_of(reader_client(odd_home.home), until)
        partitions, limits = odd_home.home.settings.partitions, default_policy().arrival.limits
        found = [*persons(client, known, reference, limits, partitions)]
        at = f"fromUnixTimestamp64Milli({until}, 'UTC')"
        levels = client.rows(
            "SELECT token, toString(level) FROM checkline.risk_segments "
            f"WHERE from_at <= {at} AND {at} < until_at AND level != 'NONE'"
        )
        name = "substring(clock_id, length(token) + 2)"
        told = client.rows(f"SELECT {name}, toUnixTimestamp64Milli(due_at) FROM checkline.sla_clocks FINAL")
    assert {one.token: one.level.value for one in found if one.level is not RiskLevel.NONE} == dict(levels)
    assert {clock.clock_id: clock.due_at for one in found for clock in one.clocks} == dict(told)


def test_the_command_tells_the_state_the_queue_and_answers_of_queries(odd_home: FedHome) -> None:
    at = iso(TIMES[1])
    document = json.loads(odd_home.call("as-of", at, "--json").stdout)
    assert document["as_of"] == TIMES[1]
    text = odd_home.call("as-of", at)
    assert (text.returncode, text.stderr) == (0, "")
    assert f"Follow-up clocks: {document['clocks']['overdue']} overdue" in text.stdout
    queue = json.loads(odd_home.call("as-of", at, "--queue", "--json").stdout)["queue"]
    assert [one["outcome"] for one in queue][: document["clocks"]["overdue"]] == ["BREACHED"] * (
        document["clocks"]["overdue"]
    )
    assert len(odd_home.call("as-of", at, "--queue").stdout.splitlines()) == len(queue) + 1
    query = "SELECT count() FROM checkline.valid_follow_ups"
    rows = json.loads(odd_home.call("as-of", at, "--query", query, "--json").stdout)["rows"]
    assert rows == [[one["events"]] for one in document["topics"] if one["topic"] == "follow-ups"]
    person = odd_home.call("as-of", at, "--person", ODD, "--json")
    assert person.stdout == odd_home.call("explain", ODD, "--at", at, "--json").stdout


def test_a_time_before_the_first_record_and_one_after_the_last(odd_home: FedHome) -> None:
    early = odd_home.call("as-of", iso(START - 1))
    assert (early.returncode, early.stdout) == (1, "")
    assert early.stderr.startswith(f"nothing was known at {iso(START - 1)}: the first record arrived at 2020-")
    late = odd_home.call(
        "as-of", "2199-01-01T00:00:00Z", "--query", "SELECT 1 FROM checkline.reports LIMIT 1", "--json"
    )
    assert late.returncode == 0
    assert json.loads(late.stdout)["rows"] == [[1]]
    assert json.loads(late.stdout)["known_until"] == extent_of(odd_home.home).last
    assert late.stderr.startswith("known until 2")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--queue", "--query", "SELECT 1"), "--queue and --query: ask for one of them at a time"),
        (("--query", "SELECT * FROM checkline.sla_clocks"), "sla_clocks holds only what was known last"),
        (("--query", "SELECT nothing"), "clickhouse refused the query"),
        (("--query", "SELECT count() FROM counts"), "clickhouse refused the query"),
        (("--person", "somebody"), "somebody is no token"),
        (("--figures", "nowhere-2020"), "no campaign named nowhere-2020"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_question_is_one_line(odd_home: FedHome, options: tuple[str, ...], line: str) -> None:
    result = odd_home.call("as-of", iso(TIMES[0]), *options)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert line in result.stderr


def test_parts_that_were_written_before_get_the_index_of_tokens(address: Address) -> None:
    """Written under the schema of before, a table has the index in every part once the migration has run."""
    with ClickHouse(address) as client:
        drop_databases(client)
        migrate(client, up_to=7)
        client.execute("INSERT INTO checkline.follow_ups (token, kind, hour) VALUES ('p00', 'ATTEMPT', 0)")
        migrate(client)
        left = "SELECT count() FROM system.mutations WHERE database = 'checkline' AND NOT is_done"
        wait_until(lambda: client.rows(left) == [(0,)])
        parts = client.rows(
            "SELECT rows, secondary_indices_compressed_bytes > 0 FROM system.parts "
            "WHERE database = 'checkline' AND table = 'follow_ups' AND active"
        )
        assert parts == [(1, 1)]
        plan = client.rows("EXPLAIN indexes = 1 SELECT count() FROM checkline.follow_ups WHERE token = 'p01'")
        assert any("of_token" in line for (line,) in plan)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.05)
