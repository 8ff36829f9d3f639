"""`checkline policy`: rules and their sentences, faults and their remedies, differences and their bearing, advice."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from infra.cli.policies import app
from infra.errors import WrongSetting
from infra.policies import read_policy, rules
from infra.policy_differences import Bearing, differences
from schemas.policy import Policy, parse_policy, policy_text, shipped_policies

WEIHAI = policy_text("weihai-2020")
BAYANNUR = policy_text("bayannur-2020")


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def run_json(*arguments: str) -> tuple[int, Any]:
    status, text = run(*arguments, "--json")
    return status, json.loads(text)


def changed(text: str, *changes: tuple[str, str]) -> Policy:
    """The policy of a text in which something stands otherwise."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return parse_policy(text)


def bearings(one: Policy, other: Policy) -> dict[tuple[str, str], Bearing]:
    return {(each.rule, each.setting): each.bearing for each in differences(one, other)}


def test_the_shipped_policies_are_listed_with_how_much_is_of_their_own() -> None:
    status, document = run_json("list")
    listed = {one["name"]: one for one in document["policies"]}
    assert status == 0
    assert {
        "bayannur-2020",
        "dazhou-2020",
        "joint-control-2020",
        "qingdao-2020",
        "quanzhou-2020",
        "weihai-2020",
    } <= set(listed)
    assert listed["joint-control-2020"]["of_its_own"] == listed["joint-control-2020"]["rules"]
    assert 0 < listed["quanzhou-2020"]["of_its_own"] < listed["quanzhou-2020"]["rules"]
    assert listed["bayannur-2020"]["valid_from"] == "2020-10-09T00:00:00+08:00"
    assert run("list")[1].splitlines()[0].split()[0] == "name"


@pytest.mark.parametrize("name", shipped_policies())
def test_every_rule_that_is_shown_names_its_sentence(name: str) -> None:
    status, document = run_json("show", name)
    assert status == 0
    unsourced = [rule["rule"] for rule in document["rules"] if not rule["source"]]
    assert unsourced == ["arrival"]  # the limits of the installation: no document states any
    paths = [rule["rule"] for rule in document["rules"]]
    assert len(set(paths)) == len(paths)


def test_what_is_shown_can_be_read() -> None:
    status, text = run("show", "bayannur-2020")
    lines = {line.split()[0]: line for line in text.splitlines()}
    assert status == 0
    assert "scope TOWNSHIP" in lines["tiers.HIGH"]
    assert "引导居民非必要不出门" in lines["tiers.MEDIUM.STAY_HOME"]
    assert "binding no" in lines["tiers.MEDIUM.STAY_HOME"]
    assert "levels YELLOW MEDIUM RED HIGH" in lines["risk.health_code"]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            'comparator = "OVER"',
            'comparator = "ABOVE"',
            (
                "risk.temperature.by_site_kind.SCHOOL.comparator",
                "'ABOVE' is not one of its values",
                "write 'OVER' or 'AT_LEAST'",
            ),
        ),
        ("[follow_up]", "[folow_up]", ("folow_up", "there is no such setting", "write follow_up")),
        ("[arrival]", "[quux]", ("quux", "there is no such setting", "remove it")),
        ("version = 1\n", "", ("version", "is missing", "add it")),
        ("version = 1\n", "version = 0\n", ("version", "0 cannot be used", "write greater than or equal to 1")),
        (
            'contacts = "ONE_TO_ONE_DAILY"',
            'contacts = "ONE_TO_ONE_DALY"',
            (
                "programmes.CENTRAL_QUARANTINE.contacts",
                "the policy has no schedule ONE_TO_ONE_DALY",
                "write ONE_TO_ONE_DAILY",
            ),
        ),
        (
            'opened_by = "LEAVE"',
            'opened_by = "LEAF"',
            ("duties.LEAVE_DECISION.opened_by", "there is no event LEAF", "write LEAVE"),
        ),
        (
            'name = "TRADER"',
            'name = "CUSTOMER"',
            ("admission.CUSTOMER", "is there 2 times", "give each its own name"),
        ),
        (
            "home_province = true\nhours = 24",
            "home_province = true",
            ("deadlines.HOURS_24", "has no end", "state either hours or calendar_day = true"),
        ),
        (
            "valid_until = 2021",
            "valid_until = 2019",
            ("valid_until", "does not lie after valid_from", "correct one of them"),
        ),
    ],
)
def test_a_bad_policy_is_told_setting_by_setting(
    tmp_path: Path, old: str, new: str, fault: tuple[str, str, str]
) -> None:
    assert old in WEIHAI
    path = tmp_path / "policy.toml"
    path.write_text(WEIHAI.replace(old, new, 1), encoding="utf-8")
    status, document = run_json("check", str(path))
    assert (status, document["usable"]) == (1, False)
    assert dict(zip(("setting", "why", "remedy"), fault, strict=True)) in document["faults"]
    status, text = run("check", str(path))
    assert status == 1
    assert all(word in text for word in fault)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(WEIHAI.replace("hours = 48", "hours = 0", 1).replace('"OVER"', '"ABOVE"'), encoding="utf-8")
    _, document = run_json("check", str(path))
    assert [fault["setting"] for fault in document["faults"]] == [
        "risk.temperature.by_site_kind.SCHOOL.comparator",
        "deadlines.HOURS_48.hours",
    ]


@pytest.mark.parametrize("name", shipped_policies())
def test_what_is_shipped_can_be_used(name: str) -> None:
    assert run_json("check", name)[0] == 0


def test_a_text_that_is_not_toml_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("id = \n", encoding="utf-8")
    _, document = run_json("check", str(path))
    (fault,) = document["faults"]
    assert (fault["setting"], "line 1" in fault["why"]) == ("text", True)


@pytest.mark.parametrize(
    "command", [("show", "no-such"), ("check", "no-such.toml"), ("diff", "no-such", "weihai-2020")]
)
def test_a_policy_that_is_not_there_is_a_wrong_call(command: tuple[str, ...]) -> None:
    with pytest.raises(WrongSetting, match="no-such"):
        run(*command)


def test_a_file_is_named_like_a_shipped_policy(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(BAYANNUR, encoding="utf-8")
    assert read_policy(str(path)) == read_policy("bayannur-2020")


def test_a_policy_does_not_differ_from_itself() -> None:
    for name in shipped_policies():
        assert run("diff", name, name) == (0, "")


@pytest.mark.parametrize(
    ("text", "old", "new", "where", "bearing"),
    [
        (WEIHAI, 'comparator = "AT_LEAST"', 'comparator = "OVER"', ("risk.temperature.default", "threshold"), "looser"),
        (
            WEIHAI,
            "threshold_tenths = 373",
            "threshold_tenths = 370",
            ("risk.temperature.default", "threshold"),
            "stricter",
        ),
        (WEIHAI, 'RED = "HIGH"', 'RED = "MEDIUM"', ("risk.health_code", "levels.RED"), "looser"),
        (WEIHAI, "[risk.lead]\nhours = 336", "[risk.lead]\nhours = 400", ("risk.lead", "hours"), "stricter"),
        (WEIHAI, "hours = 48", "hours = 36", ("deadlines.HOURS_48", "hours"), "stricter"),
        (WEIHAI, 'stops_at = "VERIFIED"', 'stops_at = "REPORTED_BACK"', ("follow_up", "stops_at"), "stricter"),
        (WEIHAI, 'stops_at = "VERIFIED"', 'stops_at = "LOCATED"', ("follow_up", "stops_at"), "looser"),
        (WEIHAI, "days = 14", "days = 21", ("programmes.CENTRAL_QUARANTINE", "days"), "stricter"),
        (WEIHAI, "reserve_days = 30", "reserve_days = 20", ("supplies", "reserve_days"), "looser"),
        (
            WEIHAI,
            'requires = ["TEMPERATURE", "MASK"]',
            'requires = ["MASK"]',
            ("admission.TRADER", "requires"),
            "looser",
        ),
        (
            WEIHAI,
            'site_kinds = ["RAIL", "COACH", "SEAPORT"]\ncodes',
            'site_kinds = ["RAIL"]\ncodes',
            ("admission.STATION_CODE", "site_kinds"),
            "looser",
        ),
        (
            WEIHAI,
            'except_roles = ["STAFF", "TRADER"]',
            'except_roles = ["STAFF"]',
            ("admission.CUSTOMER", "except_roles"),
            "stricter",
        ),
        (
            BAYANNUR,
            'tier = "LOW"\npermitted = true',
            'tier = "LOW"\npermitted = false',
            ("events.LOW", "permitted"),
            "stricter",
        ),
        (BAYANNUR, "at_least = 3", "at_least = 2", ("reserves.INVESTIGATION_ASSISTANTS", "at_least"), "looser"),
        (BAYANNUR, 'scope = "TOWNSHIP"', 'scope = "COUNTY"', ("tiers.HIGH", "scope"), ""),
    ],
)
def test_what_is_stricter_and_what_is_looser(
    text: str, old: str, new: str, where: tuple[str, str], bearing: str
) -> None:
    one, other = parse_policy(text), changed(text, (old, new))
    assert bearings(one, other) == {where: bearing}
    reverse = {"stricter": "looser", "looser": "stricter", "": ""}
    assert bearings(other, one) == {where: reverse[bearing]}


def test_over_a_tenth_less_is_the_same_limit_and_is_still_told() -> None:
    at_least = parse_policy(WEIHAI)
    over = changed(
        WEIHAI, ('comparator = "AT_LEAST"\nthreshold_tenths = 373', 'comparator = "OVER"\nthreshold_tenths = 372')
    )
    (found,) = differences(at_least, over)
    assert (found.first, found.second, found.bearing) == ("AT_LEAST 37.3", "OVER 37.2", Bearing.OTHER)


def test_a_rule_more_asks_for_more_but_a_standing_measure_may_protect() -> None:
    whole = parse_policy(WEIHAI)
    less = whole.model_copy(update={"admission": whole.admission[1:], "measures": whole.measures[1:]})
    assert bearings(less, whole) == {
        ("admission.SCHOOL_MEASURED", ""): Bearing.STRICTER,
        ("measures.DAILY_MATCH", ""): Bearing.OTHER,
    }
    assert bearings(whole, less)["admission.SCHOOL_MEASURED", ""] is Bearing.LOOSER


def test_a_measure_of_a_tier_more_is_stricter_unless_it_is_advice() -> None:
    whole = parse_policy(BAYANNUR)
    low, medium, high = whole.tiers
    for dropped, bearing in (("MASK_REQUIRED", Bearing.STRICTER), ("STAY_HOME", Bearing.OTHER)):
        kept = [measure for measure in medium.measures if measure.name != dropped]
        less = whole.model_copy(update={"tiers": (low, medium.model_copy(update={"measures": kept}), high)})
        assert bearings(less, whole) == {(f"tiers.MEDIUM.{dropped}", ""): bearing}


def test_sentences_and_names_are_no_difference() -> None:
    other = changed(WEIHAI, ('name_en = "customer of a shop"', 'name_en = "customer"'))
    assert differences(parse_policy(WEIHAI), other) == []


def test_the_order_of_zones_is_a_difference() -> None:
    one = parse_policy(WEIHAI)
    (flow,) = one.flows
    other = one.model_copy(update={"flows": (flow.model_copy(update={"zones": flow.zones[::-1]}),)})
    assert [(each.rule, each.setting) for each in differences(one, other)] == [("flows.FOUR_ZONES", "zones")]


def test_a_difference_ends_with_status_1_and_a_table() -> None:
    status, text = run("diff", "joint-control-2020", "bayannur-2020")
    assert status == 1
    (line,) = [line for line in text.splitlines() if line.startswith("follow_up")]
    assert line.split() == ["follow_up", "stops_at", "VERIFIED", "REPORTED_BACK", "stricter"]
    status, document = run_json("diff", "joint-control-2020", "bayannur-2020")
    assert status == 1
    assert {"rule": "tiers.HIGH", "setting": "", "first": None, "second": "stated", "bearing": "stricter"} in document[
        "differences"
    ]


def admit(*arguments: str) -> tuple[int, str]:
    return run("admit", *arguments)


@pytest.mark.row("A002-24")
def test_t1_the_command_answers_with_its_sentence() -> None:
    common = ("--policy", "weihai-2020", "--site-kind", "SCHOOL", "--role", "pupil", "--temperature")
    assert admit(*common, "37.3") == (0, "admitted 放行 (advice by policy weihai-2020@1)\n")
    status, text = admit(*common, "37.4")
    assert status == 1
    assert text.startswith("refused 劝返")
    assert "体温超过37.3摄氏度" in text
    assert "seen: temperature 37.4 °C (over 37.3 °C" in text


@pytest.mark.row("A004-07")
def test_t6_the_command_knows_the_measures_of_a_tier() -> None:
    common = ("--policy", "bayannur-2020", "--site-kind", "COMMUNITY", "--role", "OUTSIDER", "--tier")
    assert admit(*common, "low")[0] == 0
    status, text = admit(*common, "medium", "--mask", "--code", "GREEN", "--temperature", "36.5")
    assert status == 1
    assert "外来人员及车辆禁止进入" in text
    assert "not met: ESSENTIAL" in text


@pytest.mark.row("A004-07")
@pytest.mark.parametrize(
    ("place", "notice", "status", "tiers"),
    [
        ("150802001002", "150802001001=HIGH", 1, {"LOW", "MEDIUM", "HIGH"}),
        ("150802001002", "150802001001=MEDIUM", 0, {"LOW"}),
        ("150802001001", "150802001001=MEDIUM", 1, {"LOW", "MEDIUM"}),
        ("150824001001", "150802001001=HIGH", 0, set()),
    ],
)
def test_t6_the_command_knows_how_far_a_notice_reaches(place: str, notice: str, status: int, tiers: set[str]) -> None:
    common = ("admit", "--policy", "bayannur-2020", "--site-kind", "COMMUNITY", "--role", "OUTSIDER")
    found, document = run_json(*common, "--place", place, "--notice", notice)
    assert (found, {one["tier"] for one in document["measures"]}) == (status, tiers)
    assert all(one["sentence"].startswith("A004-07: ") for one in document["measures"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--place", "150802001001"), "go together"),
        (("--notice", "150802001001=HIGH"), "go together"),
        (("--tier", "HIGH", "--place", "150802001001"), "leave it out"),
        (("--place", "371071", "--notice", "371000=HIGH"), "371071"),
        (("--place", "371002", "--notice", "371002"), "there is no such value"),
    ],
)
def test_a_notice_that_cannot_be_placed_is_a_wrong_call(arguments: tuple[str, ...], says: str) -> None:
    with pytest.raises(WrongSetting, match=says):
        admit("--policy", "bayannur-2020", "--site-kind", "COMMUNITY", *arguments)


@pytest.mark.row("A002-14")
def test_the_command_names_the_zones_in_their_order() -> None:
    arguments = (
        "--policy",
        "weihai-2020",
        "--site-kind",
        "RAIL",
        "--registered",
        "--temperature",
        "38",
        "--origin-tier",
    )
    status, document = run_json("admit", *arguments, "HIGH")
    assert (status, document["advice"]) == (1, "REFERRED")
    assert [step["zone"] for step in document["zones"]] == [
        "MEASURING",
        "WAITING",
        "CODE_CHECK",
        "RISK_AREA_HANDLING",
    ]
    assert "zones in their order:" in admit(*arguments, "HIGH")[1]


@pytest.mark.parametrize("reading", ["37.35", "hot", "NaN", "20", "1e400", "373"])
def test_a_reading_that_no_thermometer_gives_is_a_wrong_call(reading: str) -> None:
    with pytest.raises(WrongSetting, match="at most one decimal"):
        admit("--policy", "weihai-2020", "--site-kind", "SCHOOL", "--temperature", reading)


@pytest.mark.parametrize(("option", "value"), [("--site-kind", "CASTLE"), ("--role", "KING"), ("--tier", "HIGHER")])
def test_a_value_that_is_none_lists_what_there_is(option: str, value: str) -> None:
    arguments = {"--policy": "weihai-2020", "--site-kind": "SCHOOL", option: value}
    with pytest.raises(WrongSetting, match=f"{option} {value}: there is no such value; one of NOT_STATED, "):
        admit(*(word for pair in arguments.items() for word in pair))


def test_a_policy_without_admission_admits_nobody_by_silence(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(WEIHAI[: WEIHAI.index("[[admission]]")], encoding="utf-8")
    with pytest.raises(WrongSetting, match="no rule of admission"):
        admit("--policy", str(path), "--site-kind", "RAIL", "--temperature", "39")


def test_a_policy_that_cannot_be_used_says_where_all_is_told(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("id = 7\n", encoding="utf-8")
    with pytest.raises(WrongSetting, match="checkline policy check"):
        run("show", str(path))


def test_every_part_with_a_sentence_is_a_rule_of_its_own() -> None:
    paths = [rule.path for rule in rules(parse_policy(WEIHAI))]
    flow = [path for path in paths if path.startswith("flows.")]
    assert flow == [
        "flows.FOUR_ZONES",
        "flows.FOUR_ZONES.MEASURING",
        "flows.FOUR_ZONES.WAITING",
        "flows.FOUR_ZONES.CODE_CHECK",
        "flows.FOUR_ZONES.RISK_AREA_HANDLING",
    ]
