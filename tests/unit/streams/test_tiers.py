"""Which measures reach which place: cumulative, wider with the tier, gone with the downgrade (A004-07, T6)."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codes import RiskTier, SiteKind
from schemas.divisions import DivisionTree
from schemas.policy import FOREVER, Policy, parse_policy, policy_text
from streams.tiers import RANK, TierNotice, in_force, measures_at, measures_up_to, notices_of, tier_at

POLICY = parse_policy(policy_text("bayannur-2020"))
TREE = DivisionTree()

LOW, MEDIUM, HIGH = RiskTier.LOW, RiskTier.MEDIUM, RiskTier.HIGH
AFFECTED = "150802001001"
SAME_TOWNSHIP = "150802001002"
SAME_COUNTY = "150802002001"
ELSEWHERE = "150824001001"
PLACES = (AFFECTED, SAME_TOWNSHIP, SAME_COUNTY, ELSEWHERE)

OF_MEDIUM = {
    "ESTATE_CHECKPOINTS",
    "GUARD_24H",
    "TEMPERATURE_REQUIRED",
    "MASK_REQUIRED",
    "CODE_REQUIRED",
    "OUTSIDERS_BARRED",
    "STAY_HOME",
}
OF_HIGH = {"ESTATES_CONTROLLED", "NON_ESSENTIAL_BARRED"}
OF_LOW = {"GUARD_BOTH_WAYS", "REGULAR_CONTROL"}


def by_tier(notices: list[TierNotice], place: str, at: int = 0, policy: Policy = POLICY) -> set[str]:
    """Names of the measures that tiers bring to a place."""
    found = measures_at(policy, place, at, notices, TREE)
    return {one.measure.name for one in found if one.tier is not RiskTier.NOT_STATED}


@pytest.mark.row("A004-07")
@pytest.mark.parametrize(
    ("tier", "reached"),
    [
        (LOW, [OF_LOW, OF_LOW, OF_LOW, set()]),
        (MEDIUM, [OF_LOW | OF_MEDIUM, OF_LOW, OF_LOW, set()]),
        (HIGH, [OF_LOW | OF_MEDIUM | OF_HIGH, OF_LOW | OF_MEDIUM | OF_HIGH, OF_LOW, set()]),
    ],
)
def test_t6_tiers_are_cumulative_and_reach_further(tier: RiskTier, reached: list[set[str]]) -> None:
    """在有疫情的嘎查村(社区)所有小区 at medium, 有疫情的苏木乡镇(街道)所有小区 at high."""
    notices = [TierNotice(AFFECTED, tier, 0)]
    assert [by_tier(notices, place) for place in PLACES] == reached


@pytest.mark.row("A004-07", "A004-22")
def test_t6_a_downgrade_takes_the_measures_of_the_higher_tier_away() -> None:
    notices = [
        TierNotice(AFFECTED, LOW, 0),
        TierNotice(AFFECTED, MEDIUM, 10),
        TierNotice(AFFECTED, HIGH, 20),
        TierNotice(AFFECTED, MEDIUM, 30),
        TierNotice(AFFECTED, LOW, 40),
    ]
    told = [tier_at(POLICY, AFFECTED, at, notices, TREE) for at in (0, 9, 10, 19, 20, 29, 30, 39, 40)]
    assert told == [LOW, LOW, MEDIUM, MEDIUM, HIGH, HIGH, MEDIUM, MEDIUM, LOW]
    beside = [tier_at(POLICY, SAME_TOWNSHIP, at, notices, TREE) for at in (10, 20, 30, 40)]
    assert beside == [LOW, HIGH, LOW, LOW]


@pytest.mark.row("A004-07")
def test_t6_every_measure_names_its_sentence_and_where_it_comes_from() -> None:
    notice = TierNotice(AFFECTED, HIGH, 0)
    found = {one.measure.name: one for one in measures_at(POLICY, SAME_TOWNSHIP, 0, [notice], TREE)}
    barred = found["NON_ESSENTIAL_BARRED"]
    assert (barred.tier, barred.notice, barred.reach) == (HIGH, notice, "150802001")
    assert "禁止非必要人员和车辆进出" in barred.measure.source
    assert not found["STAY_HOME"].measure.binding  # 引导: advice
    assert all(one.measure.binding for name, one in found.items() if name != "STAY_HOME")


def test_a_notice_about_a_larger_division_reaches_all_of_it() -> None:
    assert by_tier([TierNotice("150802", HIGH, 0)], SAME_COUNTY) == OF_LOW | OF_MEDIUM | OF_HIGH
    assert by_tier([TierNotice("150802", HIGH, 0)], ELSEWHERE) == set()


def test_a_notice_that_has_ended_brings_nothing_not_even_what_it_replaced() -> None:
    notices = [TierNotice(AFFECTED, LOW, 0), TierNotice(AFFECTED, HIGH, 10, 20)]
    assert [notice.tier for notice in in_force(notices, 19)] == [HIGH]
    assert in_force(notices, 20) == []


def test_of_notices_that_begin_together_the_highest_counts() -> None:
    both = [TierNotice(AFFECTED, HIGH, 0), TierNotice(AFFECTED, LOW, 0)]
    assert [notice.tier for notice in in_force(both, 0)] == [HIGH]
    assert in_force(both, 0) == in_force(list(reversed(both)), 0)


def test_notices_are_read_from_reference_rows() -> None:
    row = {"entity_id": AFFECTED, "tier": "HIGH", "valid_from": 5, "valid_until": None}
    assert notices_of([row]) == [TierNotice(AFFECTED, HIGH, 5, FOREVER)]


def test_the_tree_of_the_time_decides_what_a_scope_holds() -> None:
    """An estate that a row puts into the affected township is reached, one that left it is not."""
    absent = {"level": "NOT_STATED", "valid_until": None}
    tree = DivisionTree(
        [
            {"entity_id": "estate-7", "parent": "150802001002", "valid_from": 0, **absent},
            {"entity_id": "estate-7", "parent": "150802002001", "valid_from": 10, **absent},
        ]
    )
    notices = [TierNotice(AFFECTED, HIGH, 0)]
    assert [tier_at(POLICY, "estate-7", at, notices, tree) for at in (0, 10)] == [HIGH, LOW]


@pytest.mark.row("A004-06")
def test_the_nine_systems_hold_in_every_community_whatever_its_tier() -> None:
    """住宅小区封闭管理、出入证、体温监测、居家隔离、信息统计、发热病人送诊、日报告零报告、消毒清洁、社区服务."""
    found = measures_at(POLICY, ELSEWHERE, 0, [], TREE, SiteKind.COMMUNITY)
    nine = [one.measure for one in found if one.measure.source.startswith("A004-06: ")]
    assert [measure.name_zh for measure in nine] == [
        "封闭管理制度",
        "出入证制度",
        "体温监测制度",
        "居家隔离制度",
        "信息统计制度",
        "发热病人送诊制度",
        "日报告、零报告制度",
        "公共区域消毒清洁制度",
        "社区服务制度",
    ]
    elsewhere = measures_at(POLICY, ELSEWHERE, 0, [], TREE, SiteKind.SCHOOL)
    assert not {measure.name for measure in nine} & {one.measure.name for one in elsewhere}


def test_the_measures_up_to_a_tier_are_those_that_reach_where_it_does() -> None:
    for tier in (LOW, MEDIUM, HIGH):
        names = {one.measure.name for one in measures_up_to(POLICY, tier)}
        assert names == by_tier([TierNotice(AFFECTED, tier, 0)], AFFECTED)


CODES = ("150802", "150802001", *PLACES)
NOTICES = st.lists(
    st.builds(
        TierNotice, st.sampled_from(CODES), st.sampled_from([LOW, MEDIUM, HIGH]), st.integers(0, 5), st.just(FOREVER)
    ),
    max_size=6,
)


@pytest.mark.row("A004-07")
@given(NOTICES, st.data(), st.sampled_from([*CODES, f"{AFFECTED}-G01"]), st.integers(0, 6))
def test_t6_a_higher_tier_never_removes_a_measure(
    notices: list[TierNotice], data: st.DataObject, place: str, at: int
) -> None:
    raised = [
        notice._replace(
            tier=data.draw(st.sampled_from([one for one in (LOW, MEDIUM, HIGH) if RANK[one] >= RANK[notice.tier]]))
        )
        for notice in notices
    ]
    assert by_tier(notices, place, at) <= by_tier(raised, place, at)


@given(NOTICES, st.randoms(use_true_random=False), st.sampled_from(PLACES), st.integers(0, 6))
def test_the_order_in_which_notices_come_does_not_matter(
    notices: list[TierNotice], random: Random, place: str, at: int
) -> None:
    shuffled = list(notices)
    random.shuffle(shuffled)
    assert measures_at(POLICY, place, at, shuffled, TREE) == measures_at(POLICY, place, at, notices, TREE)


@given(NOTICES, st.integers(0, 6))
def test_a_place_within_another_has_all_measures_of_it(notices: list[TierNotice], at: int) -> None:
    assert by_tier(notices, "150802001", at) <= by_tier(notices, AFFECTED, at)
