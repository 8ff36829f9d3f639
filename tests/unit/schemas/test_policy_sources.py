"""The policies of the five source documents: each rule with its row, its sentence and its values."""

import re
from itertools import pairwise
from typing import Any

import pytest

from infra.policies import Rule, rules
from schemas.codes import DivisionLevel, PushMode, RiskTier, SiteKind
from schemas.events import to_milliseconds
from schemas.policy import Comparator, Policy, default_policy, parse_policy, policy_text, shipped_policies
from schemas.policy_duties import DAY_MS, HOUR_MS

POLICIES = {name: parse_policy(policy_text(name), name) for name in shipped_policies()}
SEEDS = {"qingdao-2020": 0, "dazhou-2020": 1, "weihai-2020": 2, "quanzhou-2020": 3, "bayannur-2020": 4}
RULES: dict[str, dict[str, Rule]] = {name: {one.path: one for one in rules(POLICIES[name])} for name in SEEDS}

OWN = re.compile(r"A00(\d)-\d\d: .*[一-鿿]{2}")
CHINA = 480


def at(text: str) -> int:
    return int(to_milliseconds(f"{text}+08:00"))


@pytest.mark.parametrize("name", SEEDS)
def test_every_rule_is_of_its_own_document_or_says_that_it_is_not(name: str) -> None:
    """A sentence of the document under its row, in Chinese; or the joint policy's; or national practice."""
    for rule in RULES[name].values():
        found = OWN.match(rule.source)
        if found:
            assert int(found[1]) == SEEDS[name], rule
        else:
            assert rule.path == "arrival" or rule.source.startswith(("as joint-control-2020: ", "national practice")), (
                rule
            )


@pytest.mark.parametrize("name", SEEDS)
def test_what_a_document_does_not_state_is_as_in_the_joint_policy(name: str) -> None:
    joint = {rule.path: rule for rule in rules(default_policy())}
    taken_over = [rule for rule in RULES[name].values() if rule.from_elsewhere and rule.path in joint]
    assert taken_over
    assert [rule.path for rule in taken_over if rule.settings != joint[rule.path].settings] == []


@pytest.mark.parametrize("name", SEEDS)
def test_records_are_received_alike_under_every_policy(name: str) -> None:
    assert POLICIES[name].arrival == default_policy().arrival


@pytest.mark.parametrize(
    ("name", "begins", "ends"),
    [
        ("qingdao-2020", "2020-02-01", None),
        ("dazhou-2020", "2020-01-01", None),
        ("weihai-2020", "2020-01-01", "2021-01-01"),
        ("quanzhou-2020", "2020-02-02", None),
        ("bayannur-2020", "2020-10-09", "2021-03-01"),
    ],
)
def test_a_policy_is_valid_when_its_document_was(name: str, begins: str, ends: str | None) -> None:
    policy = POLICIES[name]
    until = policy.valid_until and policy.valid_until.isoformat()
    assert policy.valid_from.isoformat() == f"{begins}T00:00:00+08:00"
    assert until == (ends and f"{ends}T00:00:00+08:00")
    assert policy.name == f"{name}@1"


def stated(name: str, path: str, phrase: str, *rows: str, **settings: Any) -> Any:
    return pytest.param(name, path, phrase, settings, marks=pytest.mark.row(*rows), id=f"{rows[0]}-{path}")


MEASURES = [
    stated("qingdao-2020", "measures.PROPORTIONATE", "不过度执法、不粗暴执法", "A000-08"),
    stated("qingdao-2020", "measures.GREEN_LANE", "绿色通道", "A000-13", site_kinds=["MOTORWAY", "ROAD"]),
    stated("qingdao-2020", "measures.SECTOR_GUIDES", "工作指南", "A000-14"),
    stated("qingdao-2020", "measures.DELIVERY_MEASURES", "七条措施", "A000-14"),
    stated("qingdao-2020", "measures.ADJUSTED_AS_NEEDED", "封闭不封死", "A000-14"),
    stated("qingdao-2020", "measures.ZONED_AND_GRADED", "坚持分区分级、精准防控", "A000-18"),
    stated("qingdao-2020", "measures.JOINT_AND_COMMON", "坚持联防联控、群防群控", "A000-18"),
    stated("qingdao-2020", "measures.VISIT_AND_SCREEN", "坚持深入走访、滚动排查", "A000-18"),
    stated("qingdao-2020", "measures.INFORM", "坚持广泛宣传、凝聚共识", "A000-18"),
    stated("qingdao-2020", "measures.CARE", "坚持暖心关爱、优化服务", "A000-18"),
    stated("qingdao-2020", "measures.HARDSHIP_FOUND_EARLY", "及早发现", "A000-20"),
    stated("dazhou-2020", "measures.ONLINE_WATCH", "最高等级的网上巡查机制", "A001-04"),
    stated("dazhou-2020", "measures.CUSTODY_CLOSED", "全封闭管理", "A001-07", site_kinds=["CUSTODY"]),
    stated("dazhou-2020", "measures.GRID_CENTRE", "综治中心+网格化+智能化", "A001-08"),
    stated("dazhou-2020", "measures.DISPERSE_AND_CORRECT", "纠正不戴口罩", "A001-14", binding=False),
    stated("dazhou-2020", "measures.HOTLINE_24H", "24小时接受群众咨询", "A001-16"),
    stated("dazhou-2020", "measures.SUPERVISION_LETTERS", "发督办函", "A001-18"),
    stated("dazhou-2020", "measures.TEN_OPINIONS", "十条意见", "A001-19"),
    stated("dazhou-2020", "measures.NO_EXTRA_PERMITS", "严禁在法律法规外增加许可事项", "A001-20"),
    stated("dazhou-2020", "measures.SPECIAL_INSPECTIONS", "生鲜食品检疫", "A001-20"),
    stated("weihai-2020", "measures.DAILY_MATCH", "每日进行比对", "A002-07"),
    stated("weihai-2020", "measures.DESK_AT_ALL_HOURS", "24小时值守", "A002-09"),
    stated("weihai-2020", "measures.FOUR_SEA_MEASURES", "4项措施", "A002-11", site_kinds=["SEAPORT"]),
    stated("weihai-2020", "measures.VEHICLE_ALERTS", "缉查布控系统", "A002-15", site_kinds=["MOTORWAY", "ROAD"]),
    stated("weihai-2020", "measures.VEHICLE_PASSES", "车辆通行证", "A002-17", site_kinds=["MOTORWAY", "ROAD"]),
    stated("weihai-2020", "measures.COLD_CHAIN_LEDGER", "冷链食品运输企业", "A002-18"),
    stated("weihai-2020", "measures.ESTATES_CLOSED", "全封闭管理", "A002-19", site_kinds=["COMMUNITY"]),
    stated("weihai-2020", "measures.ONE_METRE_LINE", "一米线", "A002-21", site_kinds=["VENUE"]),
    stated("weihai-2020", "measures.LIMITED_NUMBERS", "短时限流", "A002-21", site_kinds=["VENUE"]),
    stated("weihai-2020", "measures.DISINFECTION", "高频次消毒杀菌", "A002-21", site_kinds=["VENUE"]),
    stated("weihai-2020", "measures.HEALTH_LEDGER", "一人一档", "A002-25", site_kinds=["SCHOOL"]),
    stated("weihai-2020", "measures.HOME_SCHOOL_LINE", "两点一线", "A002-36", site_kinds=["SCHOOL"]),
    stated("weihai-2020", "measures.THREE_WAYS", "系统查询、电话核实、实地走访", "A002-37"),
    stated("quanzhou-2020", "measures.THREE_AT_ONCE", "第一時間核實處置", "A003-03"),
    stated("quanzhou-2020", "measures.VENUES_CLOSED", "全面關停", "A003-04", site_kinds=["VENUE", "LODGING"]),
    stated("quanzhou-2020", "measures.ONE_HOSPITAL_ONE_SQUAD", "一院一專班", "A003-06", site_kinds=["HOSPITAL"]),
    stated("quanzhou-2020", "measures.RUMOUR_WATCH", "24小時不間斷巡查", "A003-08"),
    stated("quanzhou-2020", "measures.RESUMPTION_CHECKS", "壓力測試", "A003-09", site_kinds=["WORKPLACE"]),
    stated("quanzhou-2020", "measures.GREEN_LANE", "綠色通道", "A003-09", site_kinds=["MOTORWAY", "ROAD"]),
    stated("quanzhou-2020", "measures.EDUCATION_FIRST", "以教育為主", "A003-12"),
    stated("bayannur-2020", "measures.RENTAL_LEDGER", "“一院一档”“一房一档”台账", "A004-01", site_kinds=["COMMUNITY"]),
    stated("bayannur-2020", "measures.RISK_AREA_ROSTER", "建立人员底册", "A004-03"),
    stated("bayannur-2020", "measures.CHANGES_TOLD", "动态调整通报机制", "A004-05"),
    stated("bayannur-2020", "measures.PERSUASION_FIRST", "说服教育", "A004-10", site_kinds=["HOSPITAL"]),
    stated("bayannur-2020", "measures.HOSPITALS_GUARDED", "24小时现场值守", "A004-11"),
    stated("bayannur-2020", "measures.NO_CONGESTION", "最大限度杜绝严重拥堵", "A004-13"),
    stated("bayannur-2020", "measures.BORDER_AT_ALL_HOURS", "全时空管控", "A004-16", site_kinds=["BORDER"]),
    stated("bayannur-2020", "measures.SELF_HARM_REPORTED", "第一时间向公安机关", "A004-18"),
    stated("bayannur-2020", "measures.ONE_CODE", "一码通行", "A004-19"),
    stated("bayannur-2020", "measures.HUMANE_DUTY", "有温度的值守", "A004-21"),
    stated("bayannur-2020", "measures.STREAMLINED", "优化精简防控措施流程", "A004-21"),
    stated("bayannur-2020", "measures.CLOSURES_ANNOUNCED", "公告社会", "A004-22"),
    stated("bayannur-2020", "measures.FRONT_LINE_PROTECTED", "防疫装备和消杀工具", "A004-23"),
]


@pytest.mark.parametrize(("name", "path", "phrase", "settings"), MEASURES)
def test_a_standing_measure_is_there_with_its_sentence(
    name: str, path: str, phrase: str, settings: dict[str, Any]
) -> None:
    rule = RULES[name][path]
    assert not rule.from_elsewhere
    assert phrase in rule.source
    assert {key: value for key, value in rule.settings.items() if key in ("site_kinds", "binding")} == settings or (
        settings == {} and rule.settings.get("binding", True)
    )


@pytest.mark.row("A002-06")
@pytest.mark.parametrize("home_province", [True, False])
def test_weihai_has_a_calendar_day_for_routine_pushes_and_hours_for_batches(home_province: bool) -> None:
    received = at("2020-02-19T23:50:00")
    weihai = POLICIES["weihai-2020"]
    routine = weihai.deadline(PushMode.ROUTINE, home_province)
    batch = weihai.deadline(PushMode.BATCH, home_province)
    assert routine is not None
    assert batch is not None
    assert routine.due_at(received, CHINA) == at("2020-02-20T00:00:00")
    assert batch.due_at(received, CHINA) == received + (24 if home_province else 48) * HOUR_MS
    assert "清零" in routine.source


@pytest.mark.row("A004-04")
def test_in_bayannur_a_lead_is_done_when_it_is_reported_back() -> None:
    rule = POLICIES["bayannur-2020"].follow_up
    assert (rule.stops_at, "落实反馈" in rule.source) == ("REPORTED_BACK", True)
    others = {name: POLICIES[name].follow_up.stops_at for name in SEEDS if name != "bayannur-2020"}
    assert set(others.values()) == {"VERIFIED"}


@pytest.mark.row("A002-24")
def test_t1_the_number_37_3_stands_in_the_school_rule_only() -> None:
    for name in SEEDS:
        rule = POLICIES[name].risk.temperature
        assert (rule.threshold("SCHOOL").comparator, rule.threshold("SCHOOL").lowest_crossing) == (Comparator.OVER, 374)
        assert rule.threshold("RAIL").lowest_crossing == 373
        own = bool(OWN.match(rule.threshold("SCHOOL").source))
        assert own is (name == "weihai-2020")


def duty(policy: Policy, name: str) -> Any:
    (found,) = [rule for rule in policy.duties if rule.name == name]
    return found


@pytest.mark.row("A001-15")
@pytest.mark.parametrize(
    ("name", "step", "phrase"),
    [
        ("CASE_ASSIGNED", "ASSIGNED", "当日分案"),
        ("CASE_SERVED", "SERVED", "当日送达"),
        ("CASE_REPORTED", "REPORTED", "当日报告"),
    ],
)
def test_a_case_of_a_firm_has_until_midnight(name: str, step: str, phrase: str) -> None:
    rule = duty(POLICIES["dazhou-2020"], name)
    assert (rule.opened_by, rule.done_by, rule.matter_kind, rule.involves_firm) == (
        "MATTER_OPENED",
        [step],
        "FIRM_CASE",
        True,
    )
    assert rule.due_at(at("2020-02-19T23:50:00"), CHINA, None) == at("2020-02-20T00:00:00")
    assert phrase in rule.source


@pytest.mark.parametrize(
    ("policy", "name", "opened_by", "done_by", "due"),
    [
        pytest.param("weihai-2020", "TEST_DUE", "TEST_DUE", "TEST_TAKEN", "stated", marks=pytest.mark.row("A002-07")),
        pytest.param(
            "weihai-2020",
            "TRANSFER",
            "TRANSFER_STARTED",
            "TRANSFER_ACCEPTED",
            "hours",
            marks=pytest.mark.row("A002-13", "A002-08"),
        ),
        pytest.param("weihai-2020", "ABSENCE", "ABSENCE", "ATTEMPT", "day", marks=pytest.mark.row("A002-23")),
        pytest.param(
            "weihai-2020", "LEAVE_DECISION", "LEAVE", "LEAVE_DECIDED", "hours", marks=pytest.mark.row("A002-36")
        ),
        pytest.param("weihai-2020", "LEAVE_RETURN", "LEAVE", "LEAVE_ENDED", "stated", marks=pytest.mark.row("A002-36")),
        pytest.param("bayannur-2020", "SEARCH", "ABSCONDED", "FOUND", "hours", marks=pytest.mark.row("A004-10")),
        pytest.param(
            "bayannur-2020", "SYMPTOM_REPORT", "SYMPTOMS", "TRANSFER_STARTED", "hours", marks=pytest.mark.row("A004-02")
        ),
        pytest.param(
            "bayannur-2020", "URGENT_RESPONSE", "URGENT_NEED", "RESPONSE", "hours", marks=pytest.mark.row("A004-18")
        ),
    ],
)
def test_a_duty_is_opened_and_done_by_what_its_sentence_says(
    policy: str, name: str, opened_by: str, done_by: str, due: str
) -> None:
    rule = duty(POLICIES[policy], name)
    start, told = at("2020-02-19T12:00:00"), at("2020-02-25T12:00:00")
    assert (rule.opened_by, rule.done_by[0]) == (opened_by, done_by)
    due_at = rule.due_at(start, CHINA, told)
    assert {"stated": due_at == told, "day": due_at == at("2020-02-20T00:00:00"), "hours": due_at <= start + DAY_MS}[
        due
    ]
    assert OWN.match(rule.source)


@pytest.mark.parametrize(
    ("policy", "name", "slots", "every_days"),
    [
        pytest.param("dazhou-2020", "DAILY_REPORT", 1, 1, marks=pytest.mark.row("A001-01")),
        pytest.param("dazhou-2020", "ONE_TO_ONE_DAILY", 1, 1, marks=pytest.mark.row("A001-12")),
        pytest.param("weihai-2020", "DAILY_REPORT", 1, 1, marks=pytest.mark.row("A002-32")),
        pytest.param("weihai-2020", "THREE_CHECKS", 3, 1, marks=pytest.mark.row("A002-22")),
        pytest.param("weihai-2020", "TWO_REPORTS", 2, 1, marks=pytest.mark.row("A002-22")),
        pytest.param("weihai-2020", "TWO_INSPECTIONS", 2, 1, marks=pytest.mark.row("A002-20")),
        pytest.param("weihai-2020", "DAILY_TRADER_CHECK", 1, 1, marks=pytest.mark.row("A002-21")),
        pytest.param("weihai-2020", "KEY_POPULATION_TEST", 1, 7, marks=pytest.mark.row("A002-03")),
        pytest.param("quanzhou-2020", "DISPUTE_REPORT", 1, 7, marks=pytest.mark.row("A003-07")),
        pytest.param("quanzhou-2020", "DAILY_LEDGER", 1, 1, marks=pytest.mark.row("A003-02")),
        pytest.param("bayannur-2020", "DAILY_REPORT", 1, 1, marks=pytest.mark.row("A004-06")),
        pytest.param("bayannur-2020", "DAILY_LEDGER", 1, 1, marks=pytest.mark.row("A004-01")),
    ],
)
def test_a_schedule_expects_as_often_as_its_sentence_says(policy: str, name: str, slots: int, every_days: int) -> None:
    (schedule,) = [one for one in POLICIES[policy].schedules if one.name == name]
    assert (len(schedule.slots), schedule.every_days) == (slots, every_days)
    assert OWN.match(schedule.source)
    windows = [slot.window(0) for slot in schedule.slots]
    assert all(opens < closes <= cut_off for opens, closes, cut_off in windows)
    assert all(one[1] <= other[0] for one, other in pairwise(windows))


@pytest.mark.row("A002-34")
def test_every_programme_states_when_it_stops_and_when_a_release_is_overdue() -> None:
    """明确随访范围和启动、终止标准: nothing holds a person longer than its reason."""
    for name in SEEDS:
        programmes = POLICIES[name].programmes
        assert {one.name for one in programmes} >= {
            "CENTRAL_QUARANTINE",
            "HOME_QUARANTINE",
            "ONE_TO_ONE",
            "FOREIGN_ARRIVAL_14D",
            "RISK_AREA_ARRIVAL",
            "OVERSEAS_POINT_TO_POINT",
            "DESTITUTE_CARE",
        }
        assert all(one.days > 0 and 0 < one.release_hours <= 48 for one in programmes)
    stops = [one for one in POLICIES["weihai-2020"].programmes if "启动、终止标准" in one.source]
    assert {one.name for one in stops} == {"CENTRAL_QUARANTINE", "RISK_AREA_ARRIVAL", "OVERSEAS_POINT_TO_POINT"}
    assert {one.days for one in stops} == {14}


@pytest.mark.parametrize(
    ("policy", "name", "days", "phrase"),
    [
        pytest.param("qingdao-2020", "DESTITUTE_CARE", 31, "严密监测其健康状况", marks=pytest.mark.row("A000-20")),
        pytest.param("dazhou-2020", "ONE_TO_ONE", 14, "隔离期间跟踪服务管理", marks=pytest.mark.row("A001-12")),
        pytest.param("weihai-2020", "CENTRAL_QUARANTINE", 14, "集中医学隔离", marks=pytest.mark.row("A002-01")),
        pytest.param(
            "weihai-2020", "OVERSEAS_POINT_TO_POINT", 14, "“点对点”境外返鲁人员", marks=pytest.mark.row("A002-10")
        ),
        pytest.param("weihai-2020", "FOREIGN_ARRIVAL_14D", 14, "14天轨迹记录", marks=pytest.mark.row("A002-26")),
        pytest.param("bayannur-2020", "RISK_AREA_ARRIVAL", 14, "管控措施", marks=pytest.mark.row("A004-03")),
    ],
)
def test_a_programme_lasts_as_long_as_its_sentence_or_practice_says(
    policy: str, name: str, days: int, phrase: str
) -> None:
    (programme,) = [one for one in POLICIES[policy].programmes if one.name == name]
    assert (programme.days, phrase in programme.source) == (days, True)


@pytest.mark.row("A002-03", "A002-35")
def test_key_populations_are_tested_by_a_schedule_of_the_policy() -> None:
    """16类重点人群: the document gives their number, and two of them by name."""
    weihai = POLICIES["weihai-2020"]
    classes = {one.name: one.classes for one in weihai.populations}
    assert classes == {"KEY_POPULATIONS": 16, "CANTEEN_COLD_CHAIN_STAFF": 1, "EXPOSED_TRADERS": 1}
    assert {one.schedule for one in weihai.populations} <= {one.name for one in weihai.schedules}


@pytest.mark.row("A002-28")
def test_supplies_last_a_month() -> None:
    supplies = POLICIES["weihai-2020"].supplies
    assert supplies is not None
    assert (supplies.reserve_days, "1个月以上" in supplies.source) == (30, True)


@pytest.mark.row("A004-08")
@pytest.mark.parametrize("item", ["investigation-assistants", "disinfection-staff"])
def test_every_village_holds_three_to_five_ready(item: str) -> None:
    (rule,) = [one for one in POLICIES["bayannur-2020"].reserves if one.item == item]
    assert (rule.per, rule.at_least, rule.at_most) == (DivisionLevel.VILLAGE, 3, 5)
    assert [rule.shortfall(held) for held in (0, 2, 3, 5)] == [3, 1, 0, 0]
    assert "每个嘎查村(社区)3-5人" in rule.source


@pytest.mark.row("A004-12")
def test_large_events_are_permitted_by_the_tier_of_their_place() -> None:
    bayannur = POLICIES["bayannur-2020"]
    found = {tier: bayannur.event_rule(tier) for tier in (RiskTier.LOW, RiskTier.MEDIUM, RiskTier.HIGH)}
    assert {tier: rule and rule.permitted for tier, rule in found.items()} == {
        RiskTier.LOW: True,
        RiskTier.MEDIUM: False,
        RiskTier.HIGH: False,
    }
    assert bayannur.event_rule(RiskTier.NOT_STATED) is None


@pytest.mark.row("A003-04")
@pytest.mark.parametrize("tier", list(RiskTier))
def test_in_quanzhou_no_large_event_is_permitted_whatever_the_tier(tier: RiskTier) -> None:
    rule = POLICIES["quanzhou-2020"].event_rule(tier)
    assert rule is not None
    assert (rule.permitted, "嚴格限制審批舉辦各類大型活動" in rule.source) == (False, True)


@pytest.mark.row("A004-22")
def test_an_order_is_lifted_within_hours_of_the_downgrade() -> None:
    lifting = POLICIES["bayannur-2020"].lifting
    assert lifting is not None
    assert 0 < lifting.hours <= 24
    assert "公告社会" in lifting.source


@pytest.mark.row("A004-07")
def test_t6_the_tiers_of_bayannur_and_their_scopes() -> None:
    found = [(rule.tier, rule.scope) for rule in POLICIES["bayannur-2020"].tiers]
    assert found == [
        (RiskTier.LOW, DivisionLevel.COUNTY),
        (RiskTier.MEDIUM, DivisionLevel.VILLAGE),
        (RiskTier.HIGH, DivisionLevel.TOWNSHIP),
    ]


@pytest.mark.row("A002-14")
def test_the_flow_of_the_four_zones_is_data() -> None:
    (flow,) = POLICIES["weihai-2020"].flows
    assert [step.zone.chinese for step in flow.zones] == ["测温区", "留观区", "验码区", "中高风险地区到威处置区"]
    assert flow.site_kinds == (SiteKind.RAIL, SiteKind.COACH, SiteKind.SEAPORT)


def test_a_new_policy_needs_no_code() -> None:
    """Thresholds, comparators, classes, durations, tiers and schedules of nobody's policy yet."""
    text = policy_text("bayannur-2020")
    changes = (
        ("threshold_tenths = 373", "threshold_tenths = 375"),
        ('deadline_class = "HOURS_48"', 'deadline_class = "HOURS_36"'),
        ("hours = 48", "hours = 36"),
        ('scope = "TOWNSHIP"', 'scope = "COUNTY"'),
        ('name = "TWO_REPORTS"', 'name = "HOURLY_REPORTS"'),
        ("days = 14", "days = 21"),
    )
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    policy = parse_policy(text)
    batch = policy.deadline(PushMode.BATCH, False)
    assert batch is not None
    assert (batch.deadline_class, batch.hours) == ("HOURS_36", 36)
    assert policy.risk.temperature.threshold("RAIL").lowest_crossing == 375
    assert policy.tiers[-1].scope is DivisionLevel.COUNTY
    assert "HOURLY_REPORTS" in {schedule.name for schedule in policy.schedules}
