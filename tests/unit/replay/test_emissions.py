"""Every emission of a small campaign: sound unless it is poison, marked hour by hour, disturbed."""

from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise
from typing import Any

from xxhash import xxh3_128_hexdigest

from replay.emission import Emission
from replay.rows import event_of_row
from schemas import topics
from schemas.codes import Refusal
from schemas.policy import default_policy
from schemas.registry import default_registry
from schemas.validity import Limits, check
from schemas.wire.columns import ColumnCodec
from schemas.wire.partitioner import partition_of_key
from schemas.wire.rows import RowCodec
from tests.support.batches import Sent, record_batch
from tests.unit.replay.small_campaign import small

HOUR = 3_600_000
DAY = 24 * HOUR


def is_mark(emission: Emission) -> bool:
    return emission.key.startswith(b"mark-")


def by_partition() -> dict[tuple[str, int], list[Emission]]:
    groups: dict[tuple[str, int], list[Emission]] = defaultdict(list)
    for emission in small().emissions:
        assert emission.partition is not None
        groups[emission.topic, emission.partition].append(emission)
    return groups


@cache
def decoded() -> list[tuple[Emission, dict[str, Any]]]:
    """Emissions of events with their rows, without marks and poison."""
    letters = small().manifest.dead_letters
    poison = {letter.value for letter in letters if letter.reason is not Refusal.BEYOND_HORIZON}
    codecs = {topic.name: RowCodec(default_registry(), topic.name) for topic in topics.INPUT_TOPICS}
    return [
        (emission, codecs[emission.topic].decode(emission.value))
        for emission in small().emissions
        if not is_mark(emission) and xxh3_128_hexdigest(emission.value or b"") not in poison
    ]


def test_every_value_is_what_model_and_codec_would_have_made_of_it() -> None:
    codecs = {topic.name: RowCodec(default_registry(), topic.name) for topic in topics.INPUT_TOPICS}
    assert len(decoded()) > 9000
    for emission, row in decoded():
        record = event_of_row(emission.topic, emission.key, row).record()
        assert (record.topic, record.key, record.row) == (emission.topic, emission.key, row)
        assert codecs[emission.topic].encode(record.row) == emission.value


def test_readers_of_columns_refuse_the_poison_and_nothing_else() -> None:
    refused: Counter[tuple[str, Refusal]] = Counter()
    for (topic, partition), emissions in by_partition().items():
        batch = record_batch(Sent(e.key, e.value, e.appended_at) for e in emissions)
        columns = ColumnCodec(default_registry(), topic).decode([batch])
        checked = check(columns.frame, topic, partition, topics.DEFAULT_PARTITIONS, default_policy().arrival.limits)
        refused.update((topic, record.reason) for record in columns.refused)
        refused.update((topic, record.reason) for record in checked.invalid)
    letters = small().manifest.dead_letters
    expected = Counter(
        (letter.topic, letter.reason) for letter in letters if letter.reason is not Refusal.BEYOND_HORIZON
    )
    assert refused == expected


def test_every_key_lies_in_its_partition_but_for_the_poison_that_does_not() -> None:
    misplaced = [
        emission
        for emission in small().emissions
        if topics.BY_NAME[emission.topic].partitioned
        and partition_of_key(emission.key, topics.DEFAULT_PARTITIONS) != emission.partition
    ]
    letters = small().manifest.dead_letters
    assert len(misplaced) == sum(letter.reason is Refusal.WRONG_PARTITION for letter in letters) > 0


def test_each_partition_is_in_order_of_arrival_and_marked_at_each_hour() -> None:
    groups = by_partition()
    assert groups.keys() == {
        (topic.name, partition) for topic in topics.INPUT_TOPICS for partition in range(topics.partitions_of(topic))
    }
    spans = set()
    for emissions in groups.values():
        arrivals = [emission.appended_at for emission in emissions]
        assert arrivals == sorted(arrivals)
        marks = [emission.appended_at for emission in emissions if is_mark(emission)]
        assert [after - before for before, after in pairwise(marks)] == [HOUR] * (len(marks) - 1)
        assert is_mark(emissions[-1])
        spans.add((marks[0], marks[-1]))
    assert len(spans) == 1


def test_a_mark_follows_everything_that_arrived_before_it() -> None:
    for emissions in by_partition().values():
        reached = 0
        for emission in emissions:
            assert emission.appended_at >= reached
            if is_mark(emission):
                reached = emission.appended_at


def test_reference_data_is_published_before_anything_else_and_to_the_end() -> None:
    is_reference = [emission.topic == topics.REFERENCE.name for emission in small().emissions]
    assert is_reference == sorted(is_reference, reverse=True)
    last = max(emission.appended_at for emission in small().emissions)
    assert max(e.appended_at for e in small().emissions if e.topic == topics.REFERENCE.name) == last


def test_about_one_record_in_twenty_is_disturbed() -> None:
    manifest = small().manifest
    disturbed = sum(
        sum(counts.values()) for counts in (manifest.duplicates, manifest.disordered, manifest.late, manifest.conflicts)
    )
    events = sum(sum(manifest.events[topic.name].values()) for topic in topics.PERSON_TOPICS)
    assert 0.03 < disturbed / events < 0.08


def test_events_arrive_out_of_order_late_and_beyond_the_horizon() -> None:
    newest: dict[tuple[str, int | None], int] = {}
    overtaken, late, beyond = 0, 0, 0
    for emission, row in decoded():
        place = emission.topic, emission.partition
        overtaken += row["occurred_at"] < newest.get(place, 0) - 60_000
        newest[place] = max(newest.get(place, 0), row["occurred_at"])
        age = row["sent_at"] - row["occurred_at"]
        late += DAY < age < 30 * DAY
        beyond += age > Limits().horizon_ms
    assert overtaken > 100
    assert late > 10
    assert beyond > 5


def test_a_repeat_is_the_same_bytes_under_the_same_key_in_the_same_partition() -> None:
    seen: dict[tuple[str, bytes | None], Emission] = {}
    repeats = 0
    for emission, _ in decoded():
        first = seen.setdefault((emission.topic, emission.value), emission)
        if first is not emission:
            repeats += 1
            assert (first.key, first.partition) == (emission.key, emission.partition)
            assert first.appended_at < emission.appended_at
    assert repeats == sum(small().manifest.duplicates.values())


def test_conflicts_reach_other_keys_other_partitions_and_other_hours_in_either_order() -> None:
    contents: dict[tuple[str, str, int], dict[bytes, tuple[Emission, dict[str, Any]]]] = defaultdict(dict)
    for emission, row in decoded():
        if emission.value is not None:
            contents[emission.topic, row["source"], row["sequence"]].setdefault(emission.value, (emission, row))
    pairs = [
        sorted(found.values(), key=lambda item: item[1]["sent_at"]) for found in contents.values() if len(found) > 1
    ]
    assert len(pairs) == sum(small().manifest.conflicts.values())
    assert all(winner[1]["sent_at"] < loser[1]["sent_at"] for winner, loser in pairs)
    assert any(winner[0].partition != loser[0].partition for winner, loser in pairs)
    assert any(winner[0].key == loser[0].key for winner, loser in pairs)
    assert any(winner[1]["occurred_at"] // HOUR != loser[1]["occurred_at"] // HOUR for winner, loser in pairs)
    arrives_first = {winner[0].appended_at < loser[0].appended_at for winner, loser in pairs}
    assert arrives_first == {True, False}


def test_every_source_counts_its_events_without_a_gap() -> None:
    sequences: dict[tuple[str, str], set[int]] = defaultdict(set)
    for emission, row in decoded():
        sequences[emission.topic, row["source"]].add(row["sequence"])
    by_source: dict[str, set[int]] = defaultdict(set)
    for (_, source), numbers in sequences.items():
        assert not by_source[source] & numbers, f"{source} numbers two events alike"
        by_source[source] |= numbers
    for source, numbers in by_source.items():
        assert numbers == set(range(len(numbers))), source
