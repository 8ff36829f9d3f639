"""The Bayannur exercise against the plan: what the plan of 9 October 2020 (seed 004) says of each thing that happens.

The tables below are written from the text of the plan, by somebody with the list of what happens in hand, and not from
the policy or the code. Sentences are quoted from the plan.
"""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import pytest

from replay.campaigns import campaign_named
from replay.campaigns.bayannur import NAME
from replay.campaigns.drafts import local
from replay.simulate import simulate
from schemas import topics
from schemas.codes import ClockOutcome, DecisionOutcome, RiskTier
from streams.clocks import Clock, outcome
from streams.reports import ReportState, status
from tests.unit.replay import bayannur_log as log

END = local("2020-11-20T23:00")
ADMITTED, REFUSED, REFERRED = DecisionOutcome.ADMITTED, DecisionOutcome.REFUSED, DecisionOutcome.REFERRED
MET, LATE, BREACHED, WITHDRAWN = (
    ClockOutcome.MET,
    ClockOutcome.LATE,
    ClockOutcome.BREACHED,
    ClockOutcome.WITHDRAWN,
)
A, SISTER, ELSEWHERE, BORDER = "150802901001", "150802901002", "150802902201", "150824901201"


# ---- who is admitted, refused, referred


class Said(NamedTuple):
    """What happens at a checkpoint, in words, and what the plan says of it."""

    happens: str
    outcome: DecisionOutcome
    sentence: str


NOTHING = "no sentence of the plan speaks against it"
FEVER = "及时发现、登记、转送疑似感染人员"
NEEDED = "出入严格执行体温必测、口罩必戴、扫码或健康证明通行的要求"
OUTSIDERS = "外来人员及车辆禁止进入"
ESSENTIAL_ONLY = "禁止非必要人员和车辆进出"
CODE = "扫码或健康证明通行"

PLAN: dict[str, Said] = {
    "low-resident": Said("low: a resident comes home", ADMITTED, NOTHING),
    "low-outsider": Said("low: a visitor comes to the estate", ADMITTED, NOTHING),
    "low-outside-vehicle": Said("low: a visitor's van", ADMITTED, NOTHING),
    "low-declared-arrival": Said(
        "from a medium-risk city, announced by telephone", ADMITTED, "对疫情中高风险地区来我区人员进行重点监测"
    ),
    "low-undeclared-arrival": Said("from there, not announced", ADMITTED, "对疫情中高风险地区来我区人员进行重点监测"),
    "low-fever-at-motorway": Said("38.2 and a cough at the motorway exit", REFERRED, FEVER),
    "low-goods-lane": Said("goods for daily life", ADMITTED, "全力保障人民群众基本出行和涉及国计民生物资的运输"),
    "low-lodger": Said("takes a room with papers", ADMITTED, NOTHING),
    "low-lodger-again": Said("takes another with the same: found afterwards", ADMITTED, "一证多住"),
    "low-lodger-without-paper": Said("wants a room without papers", REFUSED, "杜绝无证入住"),
    "low-port": Said("a driver at the port, papers checked", ADMITTED, "进出便道值守检查"),
    "low-port-lorry": Said("the lorry", ADMITTED, "进出便道值守检查"),
    "medium-resident": Said("a resident with all that is asked for", ADMITTED, NEEDED),
    "medium-paper-certificate": Said("no telephone, but a certificate on paper", ADMITTED, CODE),
    "medium-other-province-code": Said("the green code of Ningxia", ADMITTED, "一码通行"),
    "medium-no-mask": Said("a resident without a mask", REFUSED, "口罩必戴"),
    "medium-no-temperature": Said("a resident who was not measured", REFUSED, "体温必测"),
    "medium-no-code": Said("a resident with neither code nor certificate", REFUSED, CODE),
    "medium-outsider": Said("a visitor", REFUSED, OUTSIDERS),
    "medium-outside-vehicle": Said("a visitor's van", REFUSED, OUTSIDERS),
    "medium-outsider-leaves": Said("a visitor goes home: only entering is forbidden", ADMITTED, OUTSIDERS),
    "medium-walk": Said("a resident goes for a walk: staying home is advice", ADMITTED, "引导居民非必要不出门"),
    "medium-sister-outsider": Said("a visitor, in the community next to it", ADMITTED, "有疫情的嘎查村(社区)所有小区"),
    "medium-fever": Said("38.1 at the gate", REFERRED, "发热病人送诊制度"),
    "medium-paper-refused-in-error": Said("the certificate on paper once more", ADMITTED, CODE),
    "high-sister-supplies": Said("supplies, in the community next to it", ADMITTED, ESSENTIAL_ONLY),
    "high-sister-doctor": Said("a doctor goes to her shift", ADMITTED, ESSENTIAL_ONLY),
    "high-sister-leaves": Said("a resident goes out for nothing", REFUSED, ESSENTIAL_ONLY),
    "high-sister-enters": Said("a visitor without need", REFUSED, ESSENTIAL_ONLY),
    "high-sister-vehicle-leaves": Said("a family's car, for nothing", REFUSED, ESSENTIAL_ONLY),
    "high-essential-resident": Said("a resident who must go out", ADMITTED, ESSENTIAL_ONLY),
    "high-no-mask": Said("must go out, but without a mask: 在落实中低风险地区防控措施的基础上", REFUSED, "口罩必戴"),
    "high-elsewhere-outsider": Said("a visitor in another sumu", ADMITTED, "有疫情的苏木乡镇(街道)所有小区"),
    "back-sister-leaves": Said("medium again: the community next to it is free", ADMITTED, NOTHING),
    "back-outsider": Said("medium again: a visitor in the affected one", REFUSED, OUTSIDERS),
    "low-again-outsider": Said("low again: a visitor", ADMITTED, NOTHING),
    "low-again-vehicle": Said("low again: a visitor's van", ADMITTED, NOTHING),
}
"""By the name of the crossing. A sentence that stands beside an admission is the one that might have been read
otherwise."""

AGAINST_THE_PLAN = {"medium-paper-refused-in-error"}
"""Where the guard decided otherwise than the plan says."""


def passages() -> dict[str, log.Row]:
    return {row["passage_id"].removeprefix("by-"): row for row in log.of_kind(topics.CHECK_INS, "PASSAGE")}


@pytest.mark.row("A004-07", "A004-13", "A004-19", "A004-23")
def test_the_table_speaks_of_every_passage() -> None:
    assert set(passages()) == set(PLAN)


@pytest.mark.row("A004-07", "A004-13")
@pytest.mark.parametrize("name", PLAN)
def test_a_checkpoint_is_advised_what_the_plan_says(name: str) -> None:
    said, advice = PLAN[name], log.advice(passages()[name])
    assert advice.outcome is said.outcome, said.happens
    if said.outcome is not ADMITTED:
        assert any(said.sentence in f"{reason.sentence} {reason.name_zh}" for reason in advice.reasons), said.sentence


@pytest.mark.row("A004-07", "A004-21")
@pytest.mark.parametrize("name", PLAN)
def test_guards_decide_as_the_plan_says_but_for_one_error(name: str) -> None:
    """The system advises, a person decides; who decided against the advice says so."""
    passage = passages()[name]
    (decision,) = (
        row for row in log.of_kind(topics.CHECK_INS, "DECISION") if row["passage_id"] == passage["passage_id"]
    )
    assert (log.decided(passage) is not PLAN[name].outcome) == (name in AGAINST_THE_PLAN)
    assert decision["against_advice"] == (name in AGAINST_THE_PLAN)


@pytest.mark.row("A004-21")
def test_the_refusal_in_error_is_taken_back_by_an_appeal() -> None:
    """从当初刻板严防死守,调整为有温度的值守与有选择的服务并重."""
    (name,) = AGAINST_THE_PLAN
    (decision,) = (row for row in log.of_kind(topics.CHECK_INS, "DECISION") if row["passage_id"] == f"by-{name}")
    (answer,) = log.of_kind(topics.FOLLOW_UPS, "APPEAL_ANSWERED")
    assert answer["upheld"]
    assert answer["token"] == decision["token"]
    assert (answer["corrects_source"], answer["corrects_sequence"]) == (decision["source"], decision["sequence"])


@pytest.mark.row("A004-14", "A000-08")
def test_a_refusal_at_a_checkpoint_is_no_case() -> None:
    refused = {row["token"] for row in log.of_kind(topics.CHECK_INS, "DECISION") if row["decision"] == "REFUSED"}
    disposed = {row["party_token"] for row in log.of_kind(topics.ENFORCEMENT, "DISPOSITION")}
    assert refused
    assert not refused & disposed


# ---- the tier of each place by time


@pytest.mark.row("A004-05", "A004-07")
@pytest.mark.parametrize(
    ("at", "affected", "sister", "elsewhere"),
    [
        ("2020-10-13T12:00", RiskTier.LOW, RiskTier.LOW, RiskTier.LOW),
        ("2020-10-20T09:59", RiskTier.LOW, RiskTier.LOW, RiskTier.LOW),
        ("2020-10-20T10:00", RiskTier.MEDIUM, RiskTier.LOW, RiskTier.LOW),
        ("2020-10-24T18:00", RiskTier.HIGH, RiskTier.HIGH, RiskTier.LOW),
        ("2020-11-06T23:59", RiskTier.HIGH, RiskTier.HIGH, RiskTier.LOW),
        ("2020-11-07T00:00", RiskTier.MEDIUM, RiskTier.LOW, RiskTier.LOW),
        ("2020-11-14T00:00", RiskTier.LOW, RiskTier.LOW, RiskTier.LOW),
    ],
)
def test_the_district_passes_from_low_to_high_and_back(
    at: str, affected: RiskTier, sister: RiskTier, elsewhere: RiskTier
) -> None:
    found = [log.tier(place, local(at)) for place in (A, SISTER, ELSEWHERE)]
    assert found == [affected, sister, elsewhere]


@pytest.mark.row("A004-07")
def test_t6_measures_add_up_from_tier_to_tier_and_reach_further() -> None:
    """中风险地区要在落实低风险地区防控措施的基础上 … 高风险地区要在落实中低风险地区防控措施的基础上."""
    low, medium, high = (
        log.measures(A, local(at)) for at in ("2020-10-13T12:00", "2020-10-21T12:00", "2020-10-26T12:00")
    )
    assert low.keys() < medium.keys() < high.keys()
    assert medium["STAY_HOME"] is False  # 引导居民非必要不出门: advice
    assert medium["TEMPERATURE_REQUIRED"] is medium["MASK_REQUIRED"] is medium["OUTSIDERS_BARRED"] is True
    assert "NON_ESSENTIAL_BARRED" in log.measures(SISTER, local("2020-10-26T12:00"))
    assert "OUTSIDERS_BARRED" not in log.measures(SISTER, local("2020-10-21T12:00"))
    assert log.measures(ELSEWHERE, local("2020-10-26T12:00")).keys() == low.keys()


# ---- orders


class OrderSaid(NamedTuple):
    """When an order had to be lifted at the latest (a day after the downgrade), and what became of that."""

    downgraded: str
    by: str
    outcome: ClockOutcome


ORDERS = {
    "by-order-estates-a": OrderSaid("2020-11-14T00:00", "2020-11-15T00:00", MET),
    "by-order-market": OrderSaid("2020-11-14T00:00", "2020-11-15T00:00", BREACHED),
    "by-order-street": OrderSaid("2020-11-07T00:00", "2020-11-08T00:00", MET),
    "by-order-traffic": OrderSaid("2020-11-07T00:00", "2020-11-08T00:00", LATE),
}
"""对需要采取临时封控、交通管制等措施的地区,要通过多种方式公告社会; the day is the policy's, the plan says 动态调整."""


@pytest.mark.row("A004-22")
def test_orders_are_lifted_after_the_downgrade_or_overdue() -> None:
    clocks = {name: clock for name, clock in log.unit_clocks_at(END).items() if clock.subject == "ORDER"}
    found = {clock.lead_id: (clock.opened_at, clock.due_at, outcome(clock, END)) for clock in clocks.values()}
    assert found == {name: (local(said[0]), local(said[1]), said.outcome) for name, said in ORDERS.items()}


@pytest.mark.row("A004-22")
def test_before_the_downgrade_no_order_is_overdue() -> None:
    before = local("2020-11-06T23:00")
    assert not [clock for clock in log.unit_clocks_at(before).values() if clock.subject == "ORDER"]


@pytest.mark.row("A004-22")
def test_orders_are_announced_before_they_hold_but_one() -> None:
    rows = [row for row in log.of_kind(topics.REFERENCE, "CLOSURE_ORDER") if row["valid_until"] is None]
    late = {row["entity_id"] for row in rows if row["announced_at"] > row["valid_from"]}
    assert late == {"by-order-market"}
    assert {row["entity_id"] for row in rows} == set(ORDERS)


# ---- deadlines of persons

DEADLINES: dict[str, tuple[ClockOutcome, str]] = {
    "by-lead-contact": (MET, "对自治区公安厅、市公安局下发的涉疫人员信息,要严格按照相关要求落实反馈: the same day"),
    "by-lead-overseas": (MET, "落实反馈: within two days"),
    "by-lead-late-feedback": (LATE, "verified the same day, but fed back five days later"),
    "by-lead-no-feedback": (BREACHED, "verified, never fed back"),
    "by-lead-wrong-person": (WITHDRAWN, "closed: not the person"),
    "by-t-shopper/TRANSFER": (MET, FEVER),
    "by-t-patient/TRANSFER": (MET, "发热病人送诊制度"),
    "by-t-feverish/TRANSFER": (LATE, FEVER),
    "SYMPTOMS/by-gate-market#0/SYMPTOM_REPORT": (MET, "第一时间依据流程及时报告"),
    "SYMPTOMS/by-gate-market#1/SYMPTOM_REPORT": (BREACHED, "第一时间依据流程及时报告: nobody did"),
    "SYMPTOMS/by-gate-motorway#6/SYMPTOM_REPORT": (MET, "第一时间依据流程及时报告"),
    "by-q-patient/SEARCH": (MET, "查找在隔离治疗期内擅自脱离或逃脱的患者: found after five hours"),
    "by-q-runaway/SEARCH": (LATE, "查找: found after three days"),
    "by-q-contact-test/TEST_DUE": (MET, "落实相关医疗检测"),
    "by-q-returner-test/TEST_DUE": (MET, "落实相关医疗检测"),
    "by-q-central-test/TEST_DUE": (MET, "落实相关医疗检测"),
    "by-q-contact/RELEASE": (MET, "居家隔离制度: two weeks"),
    "by-q-central/RELEASE": (MET, "two weeks"),
    "by-q-returner/RELEASE": (LATE, "held four days too long"),
}


def deadlines() -> dict[str, Clock]:
    return {name: clock for name, clock in log.person_clocks_at(END).items() if not clock.implied}


@pytest.mark.row("A004-02", "A004-04", "A004-10", "A004-13")
def test_every_deadline_of_a_person_ends_as_the_plan_says() -> None:
    found = {name: outcome(clock, END) for name, clock in deadlines().items()}
    assert found == {name: ended for name, (ended, _) in DEADLINES.items()}


@pytest.mark.row("A004-04")
def test_t7_a_lead_that_is_verified_but_not_fed_back_stays_open() -> None:
    clock = deadlines()["by-lead-no-feedback"]
    assert clock.done_at is None
    verified = [row["lead_id"] for row in log.of_kind(topics.FOLLOW_UPS, "LEAD_VERIFIED")]
    assert clock.lead_id in verified


@pytest.mark.row("A004-04")
def test_a_late_feedback_is_overdue_first_and_late_afterwards() -> None:
    before = local("2020-10-26T12:00")
    clock = log.person_clocks_at(before)["by-lead-late-feedback"]
    assert outcome(clock, before) is BREACHED


@pytest.mark.row("A004-06", "A001-12")
def test_who_is_in_quarantine_is_asked_after_every_day_but_one() -> None:
    asked = [clock for clock in log.person_clocks_at(END).values() if clock.deadline_class == "ONE_TO_ONE_DAILY"]
    by_task = Counter(clock.clock_id.split("/")[1] for clock in asked)
    assert by_task == {"by-q-contact": 14, "by-q-returner": 14, "by-q-central": 14}
    missed = [clock.clock_id for clock in asked if outcome(clock, END) is not MET]
    assert missed == ["ONE_TO_ONE_DAILY/by-q-contact/2020-10-26/DAY"]


# ---- reports

EXCEPTIONS = {
    ("DAILY_REPORT", "by-gacha-c-daily", "2020-10-28"): BREACHED,
    ("DAILY_REPORT", "by-gacha-d-daily", "2020-11-03"): LATE,
    ("DAILY_LEDGER", "by-community-b-ledger", "2020-11-02"): BREACHED,
}
"""“日报告、零报告”制度; 每日更新房屋出租信息: every day of every community but these."""

DATES = [f"2020-10-{day:02}" for day in range(12, 32)] + [f"2020-11-{day:02}" for day in range(1, 16)]
COMMUNITIES = ("by-community-a", "by-community-b", "by-gacha-c", "by-gacha-d")


@pytest.mark.row("A004-01", "A004-06")
def test_t8_every_day_of_every_community_is_reported_late_or_missing() -> None:
    expected = {
        (schedule, f"{unit}-{name}", date): MET
        for schedule, name in (("DAILY_REPORT", "daily"), ("DAILY_LEDGER", "ledger"))
        for unit in COMMUNITIES
        for date in DATES
    } | EXCEPTIONS
    found = {}
    for clock in log.unit_clocks_at(END).values():
        if clock.subject == "UNIT":
            schedule, entry, date, _ = clock.clock_id.split("/")
            found[schedule, entry, date] = outcome(clock, END)
    assert found == expected


def state(unit: str, date: str, as_of: str) -> tuple[ReportState, int | None]:
    """State of a community's report of the day that ended at 20:00; due at noon of the next day."""
    closes = local(f"{date}T20:00")
    at = local(as_of)
    facts = log.unit_facts_at(at).get(unit, [])
    found = status(facts, "suspected-cases", closes, closes + 16 * 3_600_000, at)
    return found.state, found.value


@pytest.mark.row("A004-06")
@pytest.mark.parametrize(
    ("unit", "date", "as_of", "expected"),
    [
        ("by-community-a", "2020-10-24", "2020-10-25T12:00", (ReportState.REPORTED, 4)),
        ("by-community-b", "2020-10-24", "2020-10-25T12:00", (ReportState.ZERO, 0)),
        ("by-gacha-c", "2020-10-28", "2020-10-29T11:59", (ReportState.AWAITED, None)),
        ("by-gacha-c", "2020-10-28", "2020-11-20T12:00", (ReportState.MISSING, None)),
        # Missing until it came, two days late; it came with a number.
        ("by-gacha-d", "2020-11-03", "2020-11-05T09:59", (ReportState.MISSING, None)),
        ("by-gacha-d", "2020-11-03", "2020-11-05T10:01", (ReportState.REPORTED, 1)),
        # Said again twenty minutes later: the last word counts.
        ("by-community-a", "2020-10-30", "2020-10-30T20:20", (ReportState.REPORTED, 2)),
        ("by-community-a", "2020-10-30", "2020-10-30T20:31", (ReportState.REPORTED, 3)),
    ],
)
def test_t8_a_report_is_a_number_a_zero_or_missing(
    unit: str, date: str, as_of: str, expected: tuple[ReportState, int | None]
) -> None:
    assert state(unit, date, as_of) == expected


# ---- reserves, events, lodging, care


@pytest.mark.row("A004-08")
def test_reserves_of_three_to_five_are_held_but_in_one_village() -> None:
    """按照每个嘎查村(社区)3-5人规模储备流调协查员 … 3-5人标准,组织环卫工人或卫生保洁人员."""
    rules = {rule.item: rule for rule in log.policy().reserves}
    held = {
        (row["division"], row["item"]): row["quantity"]
        for row in log.of_kind(topics.REFERENCE, "RESOURCE")
        if row["item"] in rules
    }
    assert {place for place, _ in held} == {A, SISTER, ELSEWHERE, BORDER}
    assert {item for _, item in held} == {"investigation-assistants", "disinfection-staff"}
    short = {place: rules[place[1]].shortfall(quantity) for place, quantity in held.items()}
    assert {place: number for place, number in short.items() if number} == {(ELSEWHERE, "disinfection-staff"): 1}
    assert max(held.values()) == 5


@pytest.mark.row("A004-12")
def test_events_are_permitted_by_the_tier_of_their_place() -> None:
    """根据疫情风险等级调整,严格各类大型活动审批 … 必要时取消各类大型活动."""
    held: dict[str, tuple[bool, int | None]] = {}
    for row in log.of_kind(topics.REFERENCE, "EVENT_PERMIT"):
        rule = log.policy().event_rule(RiskTier[row["tier"]])
        assert rule is not None
        assert log.tier(row["division"], row["valid_from"]) is RiskTier[row["tier"]]
        assert rule.permitted == (row["valid_until"] != row["valid_from"])
        held[row["category"]] = rule.permitted, row["valid_until"]
    assert held == {
        "TRADE_FAIR": (True, None),
        "CONCERT": (True, local("2020-10-20T10:00")),  # called off when the tier rose
        "BANQUET": (False, local("2020-10-22T09:00")),
    }


@pytest.mark.row("A004-09")
def test_one_paper_is_used_at_two_lodgings() -> None:
    """杜绝无证入住、一证多住."""
    lodged = [row for row in log.of_kind(topics.CHECK_INS, "PASSAGE") if row["site_kind"] == "LODGING"]
    with_papers = Counter(row["token"] for row in lodged if row["identity_checked"])
    assert sorted(with_papers.values()) == [2]
    assert sum(not row["identity_checked"] for row in lodged) == 1


@pytest.mark.row("A004-10")
def test_a_patient_who_refuses_is_persuaded_first_and_isolated_on_instruction() -> None:
    """对患者拒绝隔离治疗的,公安民警要协助对患者进行说服教育 … 按照当地疫情防控指挥部的指令配合工作."""
    instructed = {row["task"]: row for row in log.of_kind(topics.FOLLOW_UPS, "DECISION")}
    isolated = {
        row["task"]: row for row in log.of_kind(topics.FOLLOW_UPS, "QUARANTINE_STARTED") if row["place"] == "HOSPITAL"
    }
    absconded = {row["task"]: row for row in log.of_kind(topics.FOLLOW_UPS, "ABSCONDED")}
    assert instructed.keys() == isolated.keys() == absconded.keys() != set()
    for task, decision in instructed.items():
        assert decision["decided_by_role"] == "headquarters"
        assert "说服教育" in decision["decision_reason"]
        assert decision["occurred_at"] < isolated[task]["occurred_at"] < absconded[task]["occurred_at"]


URGENT = {
    "by-care-line#0": (MET, "reported and answered within twenty minutes"),
    "by-care-line#1": (LATE, "two days and more until somebody came"),
}
"""对发现有自伤、自杀、冲动伤人风险的人员,社区要第一时间向公安机关、卫生健康部门报告并尽快落实干预制止措施."""


@pytest.mark.row("A004-18")
def test_who_may_harm_himself_is_answered_at_once_or_the_delay_is_on_record() -> None:
    found = {clock.lead_id: outcome(clock, END) for clock in log.urgent_clocks_at(END).values()}
    assert found == {name: ended for name, (ended, _) in URGENT.items()}
    before = local("2020-10-31T12:00")
    waiting = [clock.lead_id for clock in log.urgent_clocks_at(before).values() if outcome(clock, before) is BREACHED]
    assert waiting == ["by-care-line#1"]


@pytest.mark.row("A004-18")
def test_who_may_harm_himself_is_named_on_the_restricted_topic_alone() -> None:
    needs = {row["token"] for row in log.of_kind(topics.URGENT_CARE, "URGENT_NEED")}
    elsewhere = {row["token"] for topic in topics.PERSON_TOPICS for row in log.rows(topic)}
    assert len(needs) == len(URGENT)
    assert not elsewhere & needs


# ---- every rule of the plan appears


def _has(topic: topics.Topic, kind: str, holds: Callable[[log.Row], bool] = lambda row: True) -> bool:
    return any(holds(row) for row in log.of_kind(topic, kind))


def _reports(indicator: str) -> bool:
    return _has(topics.REPORTS, "INDICATOR", lambda row: row["indicator"] == indicator)


APPEARS: dict[str, tuple[str, Callable[[], bool]]] = {
    "A004-01": (
        "建立社区“一院一档”“一房一档”台账,每日更新房屋出租信息",
        lambda: _has(topics.REFERENCE, "SITE", lambda row: row["category"] == "HOUSE") and _reports("rental-changes"),
    ),
    "A004-02": (
        "发现出现发热、干咳等呼吸道症状或腹泻等消化道症状的,第一时间依据流程及时报告",
        lambda: _has(topics.TEMPERATURES, "READING", lambda row: "DIARRHOEA" in row["symptoms"]),
    ),
    "A004-03": (
        "通过电话提前申报、社会宣传动员等方式,对疫情中高风险地区来我区人员进行重点监测",
        lambda: (
            _has(topics.CHECK_INS, "DECLARATION")
            and _has(topics.CHECK_INS, "PASSAGE", lambda row: row["origin_tier"] == "MEDIUM")
        ),
    ),
    "A004-04": (
        "要严格按照相关要求落实反馈",
        lambda: _has(topics.FOLLOW_UPS, "LEAD_REPORTED_BACK"),
    ),
    "A004-05": (
        "区内各盟市中高风险地区人员管控工作动态调整通报机制",
        lambda: _has(topics.REFERENCE, "RISK_AREA", lambda row: row["sent_at"] < row["valid_from"]),
    ),
    "A004-06": (
        "封闭管理制度、出入证制度、体温监测制度、居家隔离制度、信息统计制度、发热病人送诊制度、“日报告、零报告”制度、"
        "公共区域消毒清洁制度、社区服务制度",
        lambda: all(
            (
                _has(topics.REFERENCE, "CLOSURE_ORDER"),
                _has(topics.REFERENCE, "PASS", lambda row: row["category"] == "ESTATE_PASS"),
                _has(topics.TEMPERATURES, "READING", lambda row: row["site_kind"] == "COMMUNITY"),
                _has(topics.FOLLOW_UPS, "QUARANTINE_STARTED", lambda row: row["place"] == "HOME"),
                _reports("suspected-cases"),
                _has(topics.FOLLOW_UPS, "TRANSFER_STARTED", lambda row: row["reason"] == "发热病人送诊"),
                _has(topics.REPORTS, "ZERO_REPORT"),
                _reports("disinfections"),
                _reports("errands-for-residents"),
            )
        ),
    ),
    "A004-07": (
        "分级分区实施社区防控管控",
        lambda: {row["tier"] for row in log.of_kind(topics.REFERENCE, "RISK_AREA")} == {"LOW", "MEDIUM", "HIGH"},
    ),
    "A004-08": (
        "每个嘎查村(社区)3-5人规模储备流调协查员",
        lambda: _has(topics.REFERENCE, "RESOURCE", lambda row: row["item"] == "investigation-assistants"),
    ),
    "A004-09": (
        "行业场所的实名制登记工作 … 杜绝无证入住、一证多住",
        lambda: _has(topics.CHECK_INS, "PASSAGE", lambda row: row["site_kind"] == "LODGING"),
    ),
    "A004-10": ("查找在隔离治疗期内擅自脱离或逃脱的患者", lambda: _has(topics.FOLLOW_UPS, "FOUND")),
    "A004-11": ("组织专门力量进行24小时现场值守", lambda: _reports("guards-on-duty")),
    "A004-12": (
        "配齐配强巡逻力量 … 严格各类大型活动审批",
        lambda: _reports("street-patrols") and _has(topics.REFERENCE, "EVENT_PERMIT"),
    ),
    "A004-13": (
        "及时发现、登记、转送疑似感染人员,注重改进查控方式,提高检查效率,最大限度杜绝严重拥堵",
        lambda: (
            _reports("vehicles-sent-to-second-lane")
            and _has(topics.CHECK_INS, "PASSAGE", lambda row: row["lane"] == "GREEN_LANE")
        ),
    ),
    "A004-14": (
        "扰乱医疗秩序、防疫秩序、市场秩序、社会秩序 … 野生动物、制售假劣医疗卫生用品、边境走私、利用疫情实施诈骗",
        lambda: (
            {row["category"] for row in log.of_kind(topics.ENFORCEMENT, "CASE_REGISTERED")}
            == {
                "MEDICAL_ORDER",
                "DISTURBING_ORDER",
                "MARKET_ORDER",
                "SOCIAL_ORDER",
                "WILDLIFE",
                "COUNTERFEIT",
                "SMUGGLING",
                "FRAUD",
            }
        ),
    ),
    "A004-15": (
        "加强信访维稳工作 … 应急处突力量全面进入战备状态",
        lambda: (
            _reports("petitions")
            and _reports("emergency-drills")
            and _has(topics.REFERENCE, "RESOURCE", lambda row: row["item"] == "emergency-reserve")
        ),
    ),
    "A004-16": (
        "实现边境抵边嘎查村(社区)全时空管控",
        lambda: (
            _reports("border-patrols") and _has(topics.CHECK_INS, "PASSAGE", lambda row: row["site_kind"] == "BORDER")
        ),
    ),
    "A004-17": ("最新的信息化工作核录设备", lambda: _has(topics.REFERENCE, "DEVICE")),
    "A004-18": (
        "加强弱势群体特殊关怀 … 自伤、自杀、冲动伤人风险",
        lambda: _has(topics.URGENT_CARE, "RESPONSE") and _reports("vulnerable-persons-visited"),
    ),
    "A004-19": (
        "全面推动各地落实“健康码”互通互认,确保“一码通行”",
        lambda: _has(topics.CHECK_INS, "PASSAGE", lambda row: row["code_issuer"] == "640000"),
    ),
    "A004-20": (
        "加强疫情防控社会管控工作的督导检查 … 坚决追责问责",
        lambda: _has(topics.ENFORCEMENT, "RECTIFIED") and _reports("persons-held-to-account"),
    ),
    "A004-21": (
        "优化精简防控措施流程 … 有温度的值守",
        lambda: _reports("measures-streamlined") and _has(topics.FOLLOW_UPS, "APPEAL_ANSWERED"),
    ),
    "A004-22": (
        "要通过多种方式公告社会",
        lambda: _has(topics.REFERENCE, "CLOSURE_ORDER", lambda row: row["announced_at"] is not None),
    ),
    "A004-23": (
        "要保障基本的防疫装备和消杀工具",
        lambda: _has(topics.REPORTS, "SUPPLIES", lambda row: row["item"] == "protective-sets"),
    ),
}


@pytest.mark.parametrize("row", [pytest.param(row, marks=pytest.mark.row(row)) for row in APPEARS])
def test_every_rule_of_the_plan_happens_in_the_exercise(row: str) -> None:
    sentence, happens = APPEARS[row]
    assert happens(), sentence


def test_the_table_names_every_row_of_the_plan_and_so_do_the_figures() -> None:
    rows = [f"A004-{number:02}" for number in range(1, 24)]
    figures = campaign_named(NAME).figures
    assert list(APPEARS) == rows
    assert list(dict.fromkeys(figure.ref.partition("/")[0] for figure in figures)) == rows
    assert all("(exercise)" in figure.name_en and "演练" in figure.name_zh for figure in figures)


def test_the_exercise_is_the_same_each_time_and_whole_at_any_scale() -> None:
    campaign = campaign_named(NAME)
    first, second, small = (
        simulate(campaign, lambda emission: None, scale, partitions=2) for scale in (1.0, 1.0, 0.25)
    )
    assert first == second
    assert small.events == first.events
    assert first.events["check-ins"]["PASSAGE"] == len(PLAN)
    assert first.dead_letters == ()
