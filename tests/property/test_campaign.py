"""A campaign in any order, repeated at will, on any number of partitions: the figures come out all the same."""

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.campaigns import campaign_named
from replay.campaigns.draws import Draws, apportion, ranks
from replay.campaigns.templates import encoded, long, longs
from replay.campaigns.tokens import Tokens
from replay.emission import Emission
from replay.simulate import simulate
from schemas.identities import is_token
from sinks.figures import expected_at
from tests.support.plain_count import plain_count
from tests.unit.replay.small_campaign import NAME, small, small_count

LONGS = st.integers(0, 2**62)
WEIGHTS = st.lists(st.integers(0, 1000), min_size=1, max_size=40).filter(any)


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**32))
def test_order_and_repetition_change_no_figure(seed: int) -> None:
    chance = random.Random(seed)
    shuffled = [emission for emission in small().emissions if not emission.key.startswith(b"mark-")]
    shuffled += chance.sample(shuffled, 500)
    chance.shuffle(shuffled)
    assert plain_count(shuffled).figures == small_count().figures


@settings(max_examples=3, deadline=None)
@given(scale=st.floats(0.0001, 0.0005), partitions=st.integers(2, 12))
def test_any_scale_and_number_of_partitions_give_the_scaled_figures_and_the_stated_dead_letters(
    scale: float, partitions: int
) -> None:
    emissions: list[Emission] = []
    campaign = campaign_named(NAME)
    manifest = simulate(campaign, emissions.append, scale, partitions=partitions, leads_scale=0.001)
    count = plain_count([e for e in emissions if not e.key.startswith(b"mark-")], partitions)
    assert count.figures["A000-03/motorway-vehicles"] == expected_at(1_376_000, scale)
    assert count.figures["A000-03/motorway-persons"] == expected_at(3_836_000, scale)
    assert count.figures["A000-03/roads"] == expected_at(1_916_000, scale)
    assert count.figures["A000-03/stations"] == expected_at(1_920_000, scale)
    assert count.figures["A000-06/total"] == 214
    assert count.figures["A000-07/total"] == 259
    stated = sorted((topic, reason.value, value) for topic, reason, value in manifest.dead_letters)
    assert sorted(count.dead_letters.elements()) == stated


@given(st.lists(LONGS, max_size=50))
def test_many_longs_are_encoded_as_avro_encodes_each(values: list[int]) -> None:
    assert longs(np.array(values, np.int64)) == [encoded("long", value) for value in values]


@given(st.integers(-(2**63), 2**63 - 1))
def test_one_long_is_encoded_as_avro_does(value: int) -> None:
    assert long(value) == encoded("long", value)


@given(st.integers(0, 10**8), WEIGHTS)
def test_parts_add_up_to_the_total_and_nothing_falls_where_there_is_no_weight(total: int, weights: list[int]) -> None:
    parts = apportion(total, weights)
    assert sum(parts) == total
    assert all(part >= 0 for part in parts)
    assert not any(part for part, weight in zip(parts, weights, strict=True) if not weight)


@given(st.lists(st.integers(0, 5), max_size=60))
def test_ranks_number_each_group_from_zero(groups: list[int]) -> None:
    expected = [groups[:place].count(group) for place, group in enumerate(groups)]
    assert ranks(np.array(groups, np.int64)).tolist() == expected


@given(st.integers(0, 2**31), st.lists(st.integers(0, 2**40), unique=True, max_size=30))
@settings(deadline=None)
def test_tokens_are_of_epoch_zero_distinct_and_given_by_seed_and_counter(seed: int, counters: list[int]) -> None:
    found = Tokens(seed, "anyone").take(np.array(counters, np.int64))
    assert len(set(found)) == len(counters)
    assert all(is_token(token.decode()) and token.startswith(b"p00") for token in found)
    assert [Tokens(seed, "anyone").one(counter).encode() for counter in counters[:3]] == found[:3]
    assert not set(found) & set(Tokens(seed, "someone else").take(np.array(counters, np.int64)))


@given(st.integers(0, 2**31), st.integers(-100, 100), st.integers(1, 50))
def test_draws_repeat_under_a_label_and_stay_in_their_range(seed: int, low: int, width: int) -> None:
    drawn = Draws(seed, "one").integers(40, low, low + width).tolist()
    assert drawn == Draws(seed, "one").integers(40, low, low + width).tolist()
    assert all(low <= number < low + width for number in drawn)
    assert Draws(seed, "one").fractions(8).tolist() != Draws(seed, "two").fractions(8).tolist()
