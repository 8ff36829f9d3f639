"""A whole installation in a temporary home, fed with a campaign, and what came out of it."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest
from kafka import KafkaConsumer, TopicPartition

from infra.auditing import audit_home
from infra.campaigning import found_dead_letters
from infra.column_store import reader_address, reader_client
from infra.edge.publisher import Publisher
from infra.embedded.catch_up import wait_until_caught_up
from infra.embedded.parts import parts
from infra.embedded.supervisor import Restarts, Supervisor
from infra.home import Home
from infra.settings import read_settings
from replay.emission import Emission
from replay.explain import reference_as_of
from schemas import topics
from schemas.registry import default_registry
from schemas.wire.rows import RowCodec, UndecodableValue
from sinks.audit import Finding
from sinks.clickhouse import ClickHouse
from sinks.figures import Figure, compute
from streams.fact_set import decode_state, encode_fact
from streams.facts import facts_of
from streams.person_fold import observed
from streams.reference import Reference
from streams.worker.names import changelog_topics
from tests.support.plain_count import PlainCount

QUICK_RESTARTS = Restarts(first_delay=0.1, longest_delay=0.5, limit=50)
TOKEN_LENGTH = 27
FAR_FUTURE = 2**41
_MS = "arrayMap(time -> toUnixTimestamp64Milli(time), {})"
_TIMELINES = f"""
    SELECT token, {_MS.format("froms")}, {_MS.format("untils")}, arrayMap(one -> toString(one), levels), evidence
    FROM checkline.risk_timelines FINAL
"""
_CLOCK_ID = "substring(clock_id, length(token) + 2)"
_CLOCKS = f"""
    SELECT {_CLOCK_ID}, toUnixTimestamp64Milli(due_at), toUnixTimestamp64Milli(done_at) FROM checkline.sla_clocks FINAL
"""


Timeline = list[tuple[int, int, str, str]]
"""(start, until, level, evidence) of each segment."""


class Outcome(NamedTuple):
    """What an installation made of a log."""

    figures: dict[str, int | None]
    dead_letters: Counter[tuple[str, str, str]]
    facts: dict[str, list[bytes]]
    timelines: dict[str, Timeline]
    clocks: dict[str, tuple[int, int | None]]
    notices: Counter[tuple[str, str]]
    letters_per_record: set[int]
    findings: list[Finding]
    reference: Reference


@contextmanager
def installation(
    directory: Path, workers: int = 1, variables: Mapping[str, str] = MappingProxyType({})
) -> Iterator[tuple[Home, Supervisor]]:
    """A running event-clock home; ``variables`` are settings for it and its parts, such as an external Kafka's."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in variables.items():
            environment.setenv(name, value)
        home = Home.open(read_settings(home=directory, clock="event", workers=workers))
        with home.locked(), Supervisor(parts(home), home.logs, restarts=QUICK_RESTARTS) as supervisor:
            yield home, supervisor


def publish(home: Home, emissions: Iterable[Emission], meanwhile: Callable[[int], None] = lambda _: None) -> None:
    """Publish emissions in order; ``meanwhile`` is told how many are acknowledged, every thousand."""
    with Publisher(home.kafka_bootstrap) as publisher:
        for number, emission in enumerate(emissions, 1):
            topic, key, value, appended_at, partition = emission
            publisher.publish_encoded(topic, key, value, partition=partition, appended_at=appended_at)
            if number % 1000 == 0:
                publisher.flush()
                meanwhile(number)


def outcome(home: Home, supervisor: Supervisor, figures: Iterable[Figure]) -> Outcome:
    """What stands when everything published is folded, written and counted."""
    with ClickHouse(reader_address(home), "test") as client:
        wait_until_caught_up(home, client, supervisor.check, lambda _: None)
        computed = {one.ref: one.computed for one in compute(client, figures)}
        notices = client.rows(f"SELECT {_CLOCK_ID}, toString(kind) FROM checkline.sla_notices FINAL")
        timelines = client.rows(_TIMELINES)
        clocks = client.rows(_CLOCKS)
        letters = client.rows("SELECT count() FROM checkline.dead_letters FINAL GROUP BY topic, partition, offset")
        return Outcome(
            computed,
            Counter(found_dead_letters(home)),
            facts_in_state(home),
            {token: list(zip(*segments, strict=True)) for token, *segments in timelines if segments[0]},
            {lead: (due, done) for lead, due, done in clocks},
            Counter((lead, kind) for lead, kind in notices),
            {count for (count,) in letters},
            audit_home(home),
            reference_as_of(reader_client(home), FAR_FUTURE),
        )


def facts_in_state(home: Home) -> dict[str, list[bytes]]:
    """Observed facts of every person, from the changelog: {token: sorted encoded facts}."""
    changelog = changelog_topics(home.settings.partitions)[0]
    consumer = KafkaConsumer(
        bootstrap_servers=home.kafka_bootstrap, isolation_level="read_committed", enable_auto_commit=False
    )
    places = [TopicPartition(changelog.name, number) for number in range(changelog.partitions)]
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    ends = consumer.end_offsets(places)
    states: dict[bytes, bytes | None] = {}
    deadline = time.monotonic() + 60
    while any(consumer.position(place) < ends[place] for place in places) and time.monotonic() < deadline:
        for records in consumer.poll(timeout_ms=500).values():
            states.update((record.key, record.value) for record in records)
    consumer.close()
    return {
        key.decode(): observed(decode_state(state))
        for key, state in states.items()
        if state is not None and len(key) == TOKEN_LENGTH
    }


def facts_by_hand(emissions: Iterable[Emission], refused: Counter[tuple[str, str, str]]) -> dict[str, list[bytes]]:
    """Facts that every usable, not too old record of the person topics asserts, united without a screen."""
    from xxhash import xxh3_128_hexdigest

    bad = {(topic, value) for topic, _, value in refused}
    codecs = {topic.name: RowCodec(default_registry(), topic.name) for topic in topics.PERSON_TOPICS}
    facts: dict[str, set[bytes]] = {}
    for topic, key, value, _, _ in emissions:
        if topic not in codecs or value is None or (topic, xxh3_128_hexdigest(value)) in bad:
            continue
        try:
            row = codecs[topic].decode(value)
        except UndecodableValue:
            continue
        if row["kind"] != "TIME_MARK":
            facts.setdefault(key.decode(), set()).update(encode_fact(fact) for fact in facts_of(topic, row))
    return {token: sorted(members) for token, members in facts.items() if members}


def expected_dead_letters(count: PlainCount) -> Counter[tuple[str, str, str]]:
    """The plain count's dead letters, once for each content."""
    return Counter({(letter.topic, letter.reason, letter.value) for letter in count.dead_letters})
