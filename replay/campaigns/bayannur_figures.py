"""What the Bayannur exercise must come to, counted (seed 004).

The plan publishes no figure. These are counts of the exercise, named so, under the rows of the rules that they try.
They are asked of the events, so that they can be asked as of any time; the deadlines of the same things are on
`sla-events`.
"""

from replay.campaigns.bayannur_places import HEADQUARTERS, RENTALS, REPORTED
from schemas.codes import UnitOfCount
from sinks.figures import Figure

AS_OF = "2020-11-20"
_OWN = "source LIKE 'by-%'"
_IN_TIME = "occurred_at <= addHours(assumeNotNull(period_until), 16)"
"""Until noon of the next day."""

CASE, ITEM, PERSON, TIME = UnitOfCount.CASE, UnitOfCount.ITEM, UnitOfCount.PERSON, UnitOfCount.PERSON_TIME
PIECE, PLACE, MEASURE, COPY = UnitOfCount.PIECE, UnitOfCount.PLACE, UnitOfCount.MEASURE, UnitOfCount.COPY


def _figure(ref: str, english: str, chinese: str, unit: UnitOfCount, expected: int, query: str) -> Figure:
    return Figure(
        ref, f"{english} (exercise)", f"{chinese}(演练)", unit, expected, 1, False, AS_OF, query, scaled=False
    )


def _came(indicator: str, condition: str = "1") -> str:
    """Reporting days of communities of which something was reported; a restated one is one."""
    return (
        "SELECT uniqExact(unit_id, period_until) FROM checkline.valid_reports"
        f" WHERE indicator = '{indicator}' AND source LIKE 'by-%-reports' AND {condition}"
    )


def _missing(schedule: str, indicator: str) -> str:
    """Reporting days that the rosters expect and of which nothing was reported."""
    expected = (
        "SELECT sum(dateDiff('day', counts_from, counts_until)) FROM checkline.reference_versions"
        f" WHERE kind = 'ROSTER' AND schedule = '{schedule}' AND source = 'by-registry'"
    )
    return f"SELECT ({expected}) - ({_came(indicator)})"


def _symptoms(handed_on: str) -> str:
    """Persons with symptoms who were handed on to the health service, or were not."""
    seen = " UNION ALL ".join(
        f"SELECT token FROM checkline.standing_{table} WHERE notEmpty(symptoms) AND {_OWN}"
        for table in ("check_ins", "temperatures", "follow_ups")
    )
    return f"SELECT uniqExact(token) FROM ({seen}) WHERE token {handed_on} (SELECT token FROM checkline.transfers)"


def _leads(condition: str) -> str:
    return f"SELECT count() FROM checkline.lead_states WHERE lead_id LIKE 'by-lead-%' AND {condition}"


def _tasks(begins: str, ends: str, condition: str) -> str:
    """Tasks of follow-up by the hours from one event to another."""
    first, last = (f"minIf(occurred_at, kind = '{kind}')" for kind in (begins, ends))
    place = f"anyIf(toString(place), kind = '{begins}') AS place"
    return (
        f"SELECT count() FROM (SELECT token, task, dateDiff('second', {first}, {last}) / 3600 AS hours, {place}"
        f" FROM checkline.standing_follow_ups WHERE kind IN ('{begins}', '{ends}') AND {_OWN} GROUP BY token, task)"
        f" WHERE {condition}"
    )


def _orders(condition: str) -> str:
    """Orders of the exercise beside the time at which the place of each was downgraded."""
    low = (
        "SELECT entity_id, max(counts_from) AS downgraded_at FROM checkline.reference_versions"
        " WHERE kind = 'RISK_AREA' AND tier = 'LOW' AND source = 'by-registry' GROUP BY entity_id"
    )
    return (
        f"SELECT uniqExact(order_id) FROM checkline.closure_orders AS ordered INNER JOIN ({low}) AS low"
        f" ON ordered.division = low.entity_id WHERE order_id LIKE 'by-%' AND {condition}"
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
    _figure("A004-01/ledger-days", "days of the rental ledger reported", "出租房屋台账", COPY, 139, _came(RENTALS)),
    _figure(
        "A004-01/ledger-missing",
        "days missing in the rental ledger",
        "出租房屋台账缺报",
        COPY,
        1,
        _missing("DAILY_LEDGER", RENTALS),
    ),
    _figure("A004-02/reported", "symptoms handed on", "症状报告送诊", PERSON, 2, _symptoms("IN")),
    _figure("A004-02/unreported", "symptoms that nobody reported", "症状未报告", PERSON, 1, _symptoms("NOT IN")),
    _figure(
        "A004-03/arrived",
        "declared arrivals that came",
        "提前申报已到",
        TIME,
        1,
        _rows("declared_arrivals", "state = 'ARRIVED' AND arrived_site = 'by-motorway'"),
    ),
    _figure(
        "A004-04/fed-back",
        "leads fed back within two days",
        "两日内反馈",
        TIME,
        2,
        _leads("reported_back_at <= addHours(opened_at, 48)"),
    ),
    _figure(
        "A004-04/fed-back-late",
        "leads fed back later",
        "逾期反馈",
        TIME,
        1,
        _leads("reported_back_at > addHours(opened_at, 48)"),
    ),
    _figure(
        "A004-04/not-fed-back",
        "leads never fed back",
        "未反馈",
        TIME,
        1,
        _leads("reported_back_at IS NULL AND closed_at IS NULL"),
    ),
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
    _figure("A004-06/reports", "daily reports in time", "日报告、零报告", COPY, 138, _came(REPORTED, _IN_TIME)),
    _figure("A004-06/reports-late", "daily reports late", "日报告迟报", COPY, 1, _came(REPORTED, f"NOT ({_IN_TIME})")),
    _figure(
        "A004-06/reports-missing",
        "daily reports missing",
        "日报告缺报",
        COPY,
        1,
        _missing("DAILY_REPORT", REPORTED),
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
    _figure(
        "A004-10/found", "found within a day", "及时查找到位", TIME, 1, _tasks("ABSCONDED", "FOUND", "hours <= 24")
    ),
    _figure(
        "A004-10/found-late",
        "found after more than a day",
        "逾期查找到位",
        TIME,
        1,
        _tasks("ABSCONDED", "FOUND", "hours > 24"),
    ),
    _figure(
        "A004-10/released-late",
        "released late from quarantine",
        "逾期解除隔离",
        TIME,
        1,
        _tasks("QUARANTINE_STARTED", "QUARANTINE_ENDED", "place != 'HOSPITAL' AND hours > 15 * 24"),
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
        _rows("event_permits", "permit LIKE 'by-%'"),
    ),
    _figure("A004-13/referred", "referred at checkpoints", "转送", TIME, 2, _decisions("REFERRED")),
    _figure(
        "A004-13/handed-over-late",
        "handed over late",
        "逾期转送",
        TIME,
        1,
        _rows("transfers", "task LIKE 'by-%' AND minutes > 120"),
    ),
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
    _figure(
        "A004-22/lifted",
        "orders lifted in time",
        "及时解除",
        ITEM,
        2,
        _orders("lifted_at <= addHours(downgraded_at, 24)"),
    ),
    _figure(
        "A004-22/lifted-late",
        "orders lifted late",
        "逾期解除",
        ITEM,
        1,
        _orders("lifted_at > addHours(downgraded_at, 24)"),
    ),
    _figure("A004-22/not-lifted", "orders not lifted", "未解除", ITEM, 1, _orders("in_force")),
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
