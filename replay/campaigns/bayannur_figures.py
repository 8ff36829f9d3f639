"""What the Bayannur exercise must come to, counted (seed 004).

The plan publishes no figure. These are counts of the exercise, named so, under the rows of the rules that they try.
"""

from replay.campaigns.bayannur_places import HEADQUARTERS
from schemas.codes import UnitOfCount
from sinks.figures import Figure

AS_OF = "2020-11-20"
_OWN = "source LIKE 'by-%'"

CASE, ITEM, PERSON, TIME = UnitOfCount.CASE, UnitOfCount.ITEM, UnitOfCount.PERSON, UnitOfCount.PERSON_TIME
PIECE, PLACE, MEASURE, COPY = UnitOfCount.PIECE, UnitOfCount.PLACE, UnitOfCount.MEASURE, UnitOfCount.COPY


def _figure(ref: str, english: str, chinese: str, unit: UnitOfCount, expected: int, query: str) -> Figure:
    return Figure(
        ref, f"{english} (exercise)", f"{chinese}(演练)", unit, expected, 1, False, AS_OF, query, scaled=False
    )


def _deadlines(duty: str, outcome: str) -> str:
    """Deadlines of the exercise by duty and outcome; every clock of it names something that begins with ``by-``."""
    return (
        "SELECT count() FROM checkline.sla_outcomes"
        f" WHERE deadline_class = '{duty}' AND outcome = '{outcome}' AND position(clock_id, 'by-') > 0"
    )


def _leads(outcome: str) -> str:
    return (
        "SELECT count() FROM checkline.sla_outcomes"
        f" WHERE lead_id LIKE 'by-lead-%' AND outcome = '{outcome}' AND subject = 'PERSON'"
    )


def _decisions(outcome: str) -> str:
    return (
        "SELECT count() FROM checkline.standing_check_ins"
        f" WHERE kind = 'DECISION' AND decision = '{outcome}' AND {_OWN}"
    )


def _reported(unit: str, indicator: str) -> str:
    return f"SELECT value FROM checkline.indicator_values WHERE unit_id = '{unit}' AND indicator = '{indicator}'"


def _rows(view: str, condition: str) -> str:
    return f"SELECT count() FROM checkline.{view} WHERE {condition}"


FIGURES: tuple[Figure, ...] = (
    _figure(
        "A004-01/ledger-days", "days of the rental ledger", "出租房屋台账", COPY, 139, _deadlines("DAILY_LEDGER", "MET")
    ),
    _figure(
        "A004-01/ledger-missing",
        "days missing in the rental ledger",
        "出租房屋台账缺报",
        COPY,
        1,
        _deadlines("DAILY_LEDGER", "BREACHED"),
    ),
    _figure(
        "A004-02/reported",
        "symptoms reported at once",
        "症状第一时间报告",
        TIME,
        2,
        _deadlines("SYMPTOM_REPORT", "MET"),
    ),
    _figure(
        "A004-02/unreported", "symptoms not reported", "症状未报告", TIME, 1, _deadlines("SYMPTOM_REPORT", "BREACHED")
    ),
    _figure(
        "A004-03/arrived",
        "declared arrivals that came",
        "提前申报已到",
        TIME,
        1,
        _rows("declared_arrivals", "state = 'ARRIVED' AND arrived_site = 'by-motorway'"),
    ),
    _figure("A004-04/fed-back", "leads fed back in time", "按时反馈", TIME, 2, _leads("MET")),
    _figure("A004-04/fed-back-late", "leads fed back late", "逾期反馈", TIME, 1, _leads("LATE")),
    _figure("A004-04/not-fed-back", "leads never fed back", "未反馈", TIME, 1, _leads("BREACHED")),
    _figure(
        "A004-05/notices",
        "notices of a tier",
        "风险等级通报",
        ITEM,
        8,
        _rows("valid_reference", "kind = 'RISK_AREA' AND source = 'by-registry'"),
    ),
    _figure(
        "A004-06/systems",
        "systems of a community",
        "社区防控制度",
        MEASURE,
        9,
        _reported("by-community-a", "community-systems"),
    ),
    _figure("A004-06/reports", "daily reports in time", "日报告、零报告", COPY, 138, _deadlines("DAILY_REPORT", "MET")),
    _figure("A004-06/reports-late", "daily reports late", "日报告迟报", COPY, 1, _deadlines("DAILY_REPORT", "LATE")),
    _figure(
        "A004-06/reports-missing",
        "daily reports missing",
        "日报告缺报",
        COPY,
        1,
        _deadlines("DAILY_REPORT", "BREACHED"),
    ),
    _figure("A004-07/refused", "refusals that stand", "劝返", TIME, 11, _decisions("REFUSED")),
    _figure("A004-07/admitted", "admissions", "放行", TIME, 23, _decisions("ADMITTED")),
    _figure(
        "A004-08/short",
        "villages short of disinfection staff",
        "消毒人员不足的嘎查村",
        PLACE,
        1,
        _rows("resources", "item = 'disinfection-staff' AND quantity < 3 AND holder LIKE 'by-%'"),
    ),
    _figure(
        "A004-09/two-lodgings",
        "papers used at two lodgings",
        "一证多住",
        TIME,
        1,
        _rows("lodging_conflicts", "conflict = 'TWO_LODGINGS' AND site LIKE 'by-%'"),
    ),
    _figure("A004-10/found", "found within a day", "及时查找到位", TIME, 1, _deadlines("SEARCH", "MET")),
    _figure("A004-10/found-late", "found after more than a day", "逾期查找到位", TIME, 1, _deadlines("SEARCH", "LATE")),
    _figure(
        "A004-10/released-late", "released late from quarantine", "逾期解除隔离", TIME, 1, _deadlines("RELEASE", "LATE")
    ),
    _figure(
        "A004-11/guards",
        "guards of the hospital on duty",
        "医院值守",
        PERSON,
        12,
        _reported("by-hospital", "guards-on-duty"),
    ),
    _figure(
        "A004-12/permits",
        "large events permitted",
        "大型活动审批通过",
        PIECE,
        2,
        _rows("event_permits", "permit LIKE 'by-%' AND permitted_from < ifNull(permitted_until, now64(3, 'UTC'))"),
    ),
    _figure("A004-13/referred", "referred at checkpoints", "转送", TIME, 2, _decisions("REFERRED")),
    _figure("A004-13/handed-over-late", "handed over late", "逾期转送", TIME, 1, _deadlines("TRANSFER", "LATE")),
    _figure(
        "A004-14/cases",
        "cases of the eight kinds",
        "打击惩处案件",
        CASE,
        8,
        f"SELECT uniqExact(case_id) FROM checkline.valid_enforcement WHERE kind = 'CASE_REGISTERED' AND {_OWN}",
    ),
    _figure("A004-15/petitions", "petitions", "信访", ITEM, 4, _reported("by-petitions", "petitions")),
    _figure(
        "A004-16/border-passages",
        "persons at the port",
        "口岸通行人员",
        TIME,
        1,
        _rows("valid_check_ins", f"kind = 'PASSAGE' AND site_kind = 'BORDER' AND subject_kind = 'PERSON' AND {_OWN}"),
    ),
    _figure(
        "A004-17/devices",
        "registration devices",
        "信息化核录设备",
        UnitOfCount.SET,
        7,
        _rows("reference_in_effect", f"kind = 'DEVICE' AND parent = '{HEADQUARTERS}'"),
    ),
    _figure(
        "A004-18/visited",
        "vulnerable persons visited",
        "弱势群体走访",
        PERSON,
        57,
        _reported("by-civil-affairs", "vulnerable-persons-visited"),
    ),
    _figure(
        "A004-19/other-codes",
        "admitted with a code of another region",
        "外地健康码通行",
        TIME,
        1,
        _rows("valid_check_ins", f"kind = 'PASSAGE' AND code_issuer = '640000' AND {_OWN}"),
    ),
    _figure(
        "A004-20/findings", "problems found", "督导发现问题", PIECE, 3, _rows("findings", "case_id LIKE 'by-find-%'")
    ),
    _figure(
        "A004-20/not-rectified",
        "notices not acted on",
        "未整改",
        PIECE,
        1,
        _rows("findings", "case_id LIKE 'by-find-%' AND state = 'NOTICED'"),
    ),
    _figure(
        "A004-21/upheld",
        "appeals upheld",
        "申诉成立",
        TIME,
        1,
        _rows("valid_follow_ups", f"kind = 'APPEAL_ANSWERED' AND upheld AND {_OWN}"),
    ),
    _figure(
        "A004-22/orders",
        "orders of closure or traffic control",
        "管控令",
        ITEM,
        4,
        "SELECT uniqExact(order_id) FROM checkline.closure_orders WHERE order_id LIKE 'by-%'",
    ),
    _figure("A004-22/lifted", "orders lifted in time", "及时解除", ITEM, 2, _deadlines("LIFTING", "MET")),
    _figure("A004-22/lifted-late", "orders lifted late", "逾期解除", ITEM, 1, _deadlines("LIFTING", "LATE")),
    _figure("A004-22/not-lifted", "orders not lifted", "未解除", ITEM, 1, _deadlines("LIFTING", "BREACHED")),
    _figure(
        "A004-23/protective-sets",
        "protective sets in store",
        "防护装备库存",
        UnitOfCount.SET,
        270,
        "SELECT max(in_stock) FROM checkline.supplies_ledger"
        " WHERE unit_id = 'by-community-a' AND item = 'protective-sets'",
    ),
)
"""In the order of their rows."""
