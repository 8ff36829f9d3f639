"""What `simulate` gives out, and the account it keeps, held to an independent count of the emissions."""

import json
from collections import Counter

import pytest

from replay.campaigns import UnknownCampaign, campaign_named
from replay.campaigns.poison import POISONED, REASONS
from replay.emission import Emission
from replay.simulate import Progress, simulate
from tests.support.plain_count import DeadLetter
from tests.unit.replay.small_campaign import LEADS_SCALE, NAME, SCALE, small, small_count


def test_the_same_seed_and_scale_give_the_same_bytes() -> None:
    again: list[Emission] = []
    manifest = simulate(campaign_named(NAME), again.append, SCALE, leads_scale=LEADS_SCALE)
    assert manifest.digest == small().manifest.digest
    assert again == small().emissions


def test_the_digest_tells_scales_apart() -> None:
    other = simulate(campaign_named(NAME), lambda _: None, SCALE * 2, leads_scale=LEADS_SCALE)
    assert other.digest != small().manifest.digest


def test_the_manifest_counts_every_planned_event_once() -> None:
    counted = {topic: Counter(row["kind"] for _, row in events) for topic, events in small_count().events.items()}
    assert {topic: Counter(kinds) for topic, kinds in small().manifest.events.items()} == counted


def test_the_manifest_counts_repeats_conflicts_and_marks() -> None:
    manifest, count = small().manifest, small_count()
    for topic, events in count.events.items():
        assert manifest.conflicts.get(topic, 0) == count.contents[topic] - len(events)
        assert manifest.duplicates.get(topic, 0) == count.records[topic] - count.contents[topic]
    assert manifest.time_marks == dict(count.marks)
    assert manifest.emissions == len(small().emissions)


def test_the_dead_letters_are_exactly_the_poison_and_what_is_beyond_the_horizon() -> None:
    expected = Counter(DeadLetter(topic, reason.value, value) for topic, reason, value in small().manifest.dead_letters)
    assert small_count().dead_letters == expected


def test_every_reason_of_refusal_occurs_on_every_poisoned_topic() -> None:
    found = {(letter.topic, letter.reason) for letter in small_count().dead_letters}
    assert found >= {(topic.name, reason.value) for topic in POISONED for reason in REASONS}


def test_the_manifest_is_one_json_document() -> None:
    manifest = small().manifest
    document = json.loads(manifest.to_json())
    assert document["events"]["enforcement"] == {"CASE_REGISTERED": 214, "DISPOSITION": 259}
    assert len(document["dead_letters"]) == len(manifest.dead_letters)
    assert document["digest"] == manifest.digest


def test_progress_grows_to_what_was_published() -> None:
    seen: list[Progress] = []
    manifest = simulate(campaign_named(NAME), lambda _: None, SCALE, seen.append, leads_scale=LEADS_SCALE)
    published = [step.published for step in seen]
    assert published == sorted(published)
    assert seen[-1].published == seen[-1].expected == manifest.emissions
    assert seen[0].expected == pytest.approx(manifest.emissions, rel=0.1)


def test_what_publish_raises_ends_the_simulation() -> None:
    def publish(_: Emission) -> None:
        raise ConnectionError("broker is gone")

    with pytest.raises(ConnectionError):
        simulate(campaign_named(NAME), publish, SCALE, leads_scale=LEADS_SCALE)


@pytest.mark.parametrize("scale", [0.0, -1.0, 1.5])
def test_a_scale_outside_zero_to_one_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="scale"):
        simulate(campaign_named(NAME), lambda _: None, scale)


def test_an_unknown_campaign_is_answered_with_those_there_are() -> None:
    with pytest.raises(UnknownCampaign, match="qingdao-2020-02-20"):
        campaign_named("atlantis")
