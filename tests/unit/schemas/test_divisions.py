"""Division codes and the tree that reference rows make of them."""

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codes import DivisionLevel
from schemas.divisions import (
    FUNCTIONAL_ZONES,
    BadDivisionCode,
    DivisionTree,
    check_code,
    code_level,
    code_parent,
    known_divisions,
)

EARLIER, LATER = 1_000, 2_000


def row(code: str, **stated: Any) -> dict[str, Any]:
    absent = {"parent": None, "level": "NOT_STATED", "valid_from": None, "valid_until": None}
    return {**absent, "entity_id": code, **stated}


@pytest.mark.parametrize(
    ("code", "level", "parent"),
    [
        ("370000", DivisionLevel.PROVINCE, None),
        ("370200", DivisionLevel.PREFECTURE, "370000"),
        ("370214", DivisionLevel.COUNTY, "370200"),
        ("150802001", DivisionLevel.TOWNSHIP, "150802"),
        ("150802001203", DivisionLevel.VILLAGE, "150802001"),
        ("150802001203-G07", DivisionLevel.GRID, "150802001203"),
        ("371000-ETDZ", DivisionLevel.FUNCTIONAL_ZONE, "371000"),
    ],
)
def test_a_code_tells_its_level_and_its_parent(code: str, level: DivisionLevel, parent: str | None) -> None:
    assert (code_level(code), code_parent(code), check_code(code)) == (level, parent, level)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("371071", "under 371000 威海市"),
        ("371200", "under 370000 山东省"),  # merged into Jinan in 2019
        ("370282", "under 370200 青岛市"),  # 370215 since 2017
        ("990000", "no such province"),
        ("990101", "no such province"),
        ("371071001", "under 371000"),
        ("370000-ETDZ", "belongs to a prefecture or a county"),
        ("150802001000", "no code of a division"),
        ("150802000", "no code of a division"),
        ("370002", "no code of a division"),
        ("3702", "no code of a division"),
        ("３７０２００", "no code of a division"),
        ("Qingdao", "no code of a division"),
    ],
)
def test_a_code_that_is_none_says_why(code: str, says: str) -> None:
    with pytest.raises(BadDivisionCode, match=says):
        check_code(code)


def test_a_county_of_a_prefecture_that_the_table_does_not_know_is_told_by_its_shape() -> None:
    assert check_code("310115") is DivisionLevel.COUNTY
    assert "310115" not in known_divisions()


@pytest.mark.row("A004-16")
def test_t12_functional_zones_have_codes_of_our_own() -> None:
    names = {zone.name_zh: zone.code for zone in FUNCTIONAL_ZONES}
    assert names == {
        "威海经济技术开发区": "371000-ETDZ",
        "泉州台商投资区": "350500-TIZ",
        "巴彦淖尔经济技术开发区": "150800-ETDZ",
        "甘其毛都口岸": "150824-GQMD",
    }
    assert {check_code(zone.code) for zone in FUNCTIONAL_ZONES} == {DivisionLevel.FUNCTIONAL_ZONE}
    assert code_parent("150824-GQMD") == "150824"
    with pytest.raises(BadDivisionCode, match="371000-ETDZ"):
        check_code("371071")


def test_the_table_holds_the_divisions_of_the_sources() -> None:
    table = known_divisions()
    checked = {
        "370200": "青岛市",
        "370214": "城阳区",
        "370281": "胶州市",
        "371000": "威海市",
        "371002": "环翠区",
        "511700": "达州市",
        "350500": "泉州市",
        "350521": "惠安县",
        "150800": "巴彦淖尔市",
        "150824": "乌拉特中旗",
        "150825": "乌拉特后旗",
        "420100": "武汉市",
    }
    assert {code: table[code].name_zh for code in checked} == checked
    assert sum(code_level(code) is DivisionLevel.PROVINCE for code in table) == 34
    assert all(check_code(code) for code in table)
    assert all(division.name_en and division.name_zh for division in table.values())


def test_every_division_of_the_table_hangs_on_another_but_the_provinces() -> None:
    table = known_divisions()
    orphans = [code for code in table if (parent := code_parent(code)) is not None and parent not in table]
    # Of provinces that no source is about the table has the province alone.
    assert orphans == []


def test_a_place_lies_within_all_that_its_code_names() -> None:
    tree = DivisionTree()
    village = "150802001203"
    assert tree.ancestors(village, 0) == ("150802001", "150802", "150800", "150000")
    assert all(tree.is_within(village, above, 0) for above in (village, *tree.ancestors(village, 0)))
    assert not tree.is_within("150802", village, 0)
    assert not tree.is_within(village, "150824", 0)


@pytest.mark.parametrize(
    ("level", "holding"),
    [
        (DivisionLevel.VILLAGE, "150802001203"),
        (DivisionLevel.TOWNSHIP, "150802001"),
        (DivisionLevel.COUNTY, "150802"),
        (DivisionLevel.PROVINCE, "150000"),
    ],
)
def test_the_division_of_a_level_that_holds_a_place(level: DivisionLevel, holding: str) -> None:
    assert DivisionTree().holding("150802001203", level, 0) == holding


def test_a_place_larger_than_the_level_holds_itself() -> None:
    assert DivisionTree().holding("150800", DivisionLevel.VILLAGE, 0) == "150800"


def test_a_functional_zone_stands_beside_the_counties() -> None:
    tree = DivisionTree([row("371000-ETDZ:fengshan", parent="371000-ETDZ", level="TOWNSHIP")])
    assert tree.holding("371000-ETDZ:fengshan", DivisionLevel.COUNTY, 0) == "371000-ETDZ"
    assert tree.is_within("371000-ETDZ:fengshan", "371000", 0)
    assert not tree.is_within("371000-ETDZ:fengshan", "371002", 0)


def test_a_functional_zone_of_a_county_lies_in_that_county() -> None:
    tree = DivisionTree()
    assert tree.holding("150824-GQMD", DivisionLevel.COUNTY, 0) == "150824"
    assert tree.holding("150824-GQMD", DivisionLevel.FUNCTIONAL_ZONE, 0) == "150824-GQMD"
    assert tree.holding("150800-ETDZ", DivisionLevel.COUNTY, 0) == "150800-ETDZ"


def test_the_parent_is_that_of_the_time() -> None:
    """Jimo became a district under a new code; a township of it was handed over at that time."""
    rows = [
        row("town", parent="370282", level="TOWNSHIP", valid_from=EARLIER, valid_until=LATER),
        row("town", parent="370215", level="TOWNSHIP", valid_from=LATER),
    ]
    tree = DivisionTree(reversed(rows))
    assert [tree.parent("town", at) for at in (EARLIER - 1, EARLIER, LATER - 1, LATER)] == [
        None,
        "370282",
        "370282",
        "370215",
    ]
    assert (tree.children("370282", EARLIER), tree.children("370282", LATER)) == (("town",), ())
    assert tree.children("370215", LATER) == ("town",)
    assert tree.level("town", EARLIER - 1) is DivisionLevel.NOT_STATED
    assert tree.holding("town", DivisionLevel.COUNTY, LATER) == "370215"


def test_a_later_version_replaces_an_earlier_one_that_names_no_end() -> None:
    rows = [row("town", parent="370211", valid_from=EARLIER), row("town", parent="370215", valid_from=LATER)]
    assert DivisionTree(rows).parent("town", LATER) == "370215"


def test_rows_that_name_one_another_as_parents_are_followed_once() -> None:
    tree = DivisionTree([row("a", parent="b"), row("b", parent="a")])
    assert tree.ancestors("a", 0) == ("b",)
    assert tree.ancestors("b", 0) == ("a",)


DIGITS = st.text("0123456789", min_size=6, max_size=12)
SHAPED = st.builds(
    lambda county, rest: county + rest,
    st.sampled_from(sorted(known_divisions())),
    st.sampled_from(["", "001", "001203", "001203-G07", "-ETDZ"]),
)


@given(st.one_of(DIGITS, SHAPED, st.text(max_size=14)))
def test_a_code_lies_within_all_of_its_ancestors_and_each_is_of_a_higher_level(code: str) -> None:
    tree = DivisionTree()
    chain = (code, *tree.ancestors(code, 0))
    levels = [code_level(one) for one in chain]
    assert all(tree.is_within(below, above, 0) for below, above in combinations(chain, 2))
    assert not any(tree.is_within(above, below, 0) for below, above in combinations(chain, 2))
    assert all(
        tree.holding(code, level, 0) == one for one, level in zip(chain, levels, strict=True) if code_parent(one)
    )
    if levels[0] is DivisionLevel.NOT_STATED:
        with pytest.raises(BadDivisionCode):
            check_code(code)
