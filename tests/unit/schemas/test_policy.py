"""The policy as data."""

import pickle
from typing import Any

import pytest

from schemas.policy import BadPolicy, PolicyBook, default_policy, parse_policy, policy_text
from tests.support.people import DAY, NOON

TEXT = policy_text()


def test_the_shipped_policy_names_a_source_for_every_rule() -> None:
    policy = default_policy()
    rules: list[Any] = [policy.risk.temperature, policy.risk.health_code, policy.risk.origin_area, policy.risk.lead]
    rules += [policy.risk.symptoms, policy.risk.temperature.default, policy.follow_up, *policy.deadlines]
    assert all(rule.source for rule in rules)
    assert "national practice" in policy.risk.origin_area.source


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('comparator = "OVER"', 'comparator = "ABOVE"', "risk.temperature.by_site_kind.SCHOOL.comparator"),
        ("threshold_tenths = 373", "threshold_tenths = 37", "threshold_tenths"),
        ("calendar_day = true", "", "deadlines.SAME_DAY"),
        ("[follow_up]", "[follow-up]", "follow"),
        ("version = 1", "version = ", "not TOML"),
    ],
)
def test_a_bad_policy_names_the_setting(old: str, new: str, says: str) -> None:
    with pytest.raises(BadPolicy, match=says):
        parse_policy(TEXT.replace(old, new, 1))


def test_what_is_wrong_with_a_policy_can_be_told_by_another_process() -> None:
    with pytest.raises(BadPolicy) as caught:
        parse_policy(TEXT.replace("version = 1", "version = 0"), "mine")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.faults) == (str(caught.value), caught.value.faults)
    assert str(again) == "mine: version: 0 cannot be used; write greater than or equal to 1"


def test_the_version_in_effect_is_the_last_that_had_begun() -> None:
    second = parse_policy(TEXT.replace("version = 1", "version = 2"))
    third = parse_policy(TEXT.replace("version = 1", "version = 3"))
    book = PolicyBook([(NOON + DAY, third), (NOON, second)])
    assert [book.in_effect(NOON + offset).version for offset in (-1, 0, DAY - 1, DAY)] == [1, 2, 2, 3]
