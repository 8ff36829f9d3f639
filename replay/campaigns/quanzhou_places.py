"""Places and units of the Quanzhou campaign (seed 003), named in traditional characters as the source has them.

The zone is no division of GB/T 2260: it has a code of our own below the prefecture (T12), and its townships lie below
it. Hospitals, venues and firms are synthetic, as are passes and permits.
"""

from typing import Any

from replay.campaigns.drafts import Draft, local, stamped
from replay.campaigns.quanzhou_calendar import REFERENCE_FROM, REPORTS_UNTIL, RESUMPTION_FROM, SINCE, TO_DATE
from replay.campaigns.schedule import HOUR_MS
from schemas import events
from schemas.codes import DivisionLevel, RiskTier, SiteKind
from schemas.policy import parse_policy, policy_text

REGISTRY = "tiz-registry"
POLICY = "quanzhou-2020"
ZONE = "350500-TIZ"
TEAMS = 7
"""組成7支分隊 (A003-01)."""

HOSPITALS = 2
"""2家定點救治醫院, each with a squad of hospital, health and police (A003-06: 一院一專班)."""

TOWNSHIPS = (
    ("350521104", "luoyang", "Luoyang", "洛陽鎮"),
    ("350521105", "dongyuan", "Dongyuan", "東園鎮"),
    ("350521106", "zhangban", "Zhangban", "張坂鎮"),
    ("350521200", "baiqi", "Baiqi", "百崎回族鄉"),
)
DIVISIONS = (
    ("350000", "Fujian", "福建省", None, DivisionLevel.PROVINCE),
    ("350500", "Quanzhou", "泉州市", "350000", DivisionLevel.PREFECTURE),
    (ZONE, "Quanzhou Taiwanese Investment Zone", "泉州臺商投資區", "350500", DivisionLevel.FUNCTIONAL_ZONE),
    *((code, english, chinese, ZONE, DivisionLevel.TOWNSHIP) for code, _, english, chinese in TOWNSHIPS),
)

UNITS = (
    ("tiz-psb", "Public security sub-bureau", "臺商區公安分局"),
    ("tiz-governance", "Office for comprehensive governance", "臺商區綜治辦"),
    ("tiz-net-patrol", "Squad for public opinion online", "輿情處置工作專班"),
    ("tiz-traffic", "Traffic police", "交警大隊"),
)
VENUES = (
    ("hotels", "旅館", SiteKind.LODGING, "HOTEL"),
    ("karaoke", "KTV", SiteKind.VENUE, "KTV"),
    ("bars", "酒吧", SiteKind.VENUE, "BAR"),
    ("baths", "浴場", SiteKind.VENUE, "BATHHOUSE"),
)
"""全面關停全區旅館、KTV、酒吧、浴場等場所 (A003-04)."""

SAFETY_INDICATORS = {"public-safety-accidents": "零事故", "major-cases": "零發案", "dispatch-gaps": "零脫節"}
"""What is reported as zero day by day (A003-11, A003-03)."""

DISPUTES = "disputes-found"
DAILY_SCHEDULE, WEEKLY_SCHEDULE, LEDGER_SCHEDULE = "DAILY_REPORT", "DISPUTE_REPORT", "DAILY_LEDGER"
REGISTERS = ("houses-registered", "people-registered", "rented-houses-registered", "floating-people-registered")
"""What is brought up to date every day (A003-02: 實時更新數據), reported for the last 30 days."""

LEDGER_DAYS = 30
DAILY_UNTIL = REPORTS_UNTIL - 4 * HOUR_MS
"""The last day on which a report is expected closes at 20:00."""

LANE_SITE = "tiz-road-checkpoint"
LORRIES = 12
"""Lorries with a pass for the green lane."""


def town_unit(name: str) -> str:
    """Unit id of a township's police and grid team (網格小組)."""
    return f"tiz-town-{name}"


def lorry_pass(number: int) -> str:
    """Entity id of a lorry's pass."""
    return f"tiz-pass-{number:02d}"


def reference_events() -> list[events.Event]:
    """All that the registry says, in order; the return to work brings passes and a permit in the midst of the run."""
    drafts: list[Draft] = []

    def add(model: type[events.Event], entity_id: str, **stated: Any) -> None:
        at = REFERENCE_FROM + 1000 * len(drafts)
        drafts.append(Draft(at, REGISTRY, model, {"entity_id": entity_id, **stated}, delay_ms=0))

    for code, english, chinese, parent, level in DIVISIONS:
        add(events.Division, code, name_en=english, name_zh=chinese, parent=parent, level=level)
    for unit, english, chinese in UNITS:
        add(events.Unit, unit, name_en=english, name_zh=chinese, division=ZONE)
    for code, name, english, chinese in TOWNSHIPS:
        names = {"name_en": f"Grid team of {english}", "name_zh": f"{chinese}網格小組"}
        add(events.Unit, town_unit(name), division=code, parent="tiz-psb", category="GRID_TEAM", **names)
    for number in range(1, TEAMS + 1):
        names = {"name_en": f"Volunteer team {number}", "name_zh": f"疫情防控黨員突擊隊第{number}分隊"}
        of_team = {"division": ZONE, "parent": "tiz-psb", "category": "PARTY_TEAM"}
        add(events.Unit, f"tiz-party-team-{number}", valid_from=SINCE, **of_team, **names)
    for number in range(1, HOSPITALS + 1):
        names = {"name_en": f"Designated hospital {number}", "name_zh": f"定點救治醫院{number}"}
        add(events.Site, f"tiz-hospital-{number}", site_kind=SiteKind.HOSPITAL, division=ZONE, **names)
        squad = {"parent": f"tiz-hospital-{number}", "division": ZONE, "category": "HOSPITAL_SQUAD"}
        names = {"name_en": f"Squad of designated hospital {number}", "name_zh": "一院一專班"}
        add(events.Unit, f"tiz-hospital-squad-{number}", **squad, **names)
    road = {"name_en": "Road checkpoint", "name_zh": "道路卡點"}
    add(events.Site, LANE_SITE, site_kind=SiteKind.ROAD, division=ZONE, **road)
    for venue, chinese, kind, category in VENUES:
        named = {"name_en": f"All {venue} of the zone", "name_zh": chinese}
        add(events.Site, f"tiz-{venue}", site_kind=kind, division=ZONE, category=category, **named)
        order = {"division": ZONE, "parent": f"tiz-{venue}", "category": "VENUE_CLOSURE", "announced_at": SINCE}
        add(events.ClosureOrder, f"tiz-closure-{venue}", valid_from=SINCE, approver_role="headquarters", **order)
    stands = {"parent": "tiz-governance", "valid_from": SINCE, "valid_until": DAILY_UNTIL}
    for indicator, chinese in SAFETY_INDICATORS.items():
        kept = {"member": "tiz-psb", "schedule": DAILY_SCHEDULE, "indicator": indicator, "name_zh": chinese}
        add(events.Roster, f"tiz-daily-{indicator}", **stands, **kept)
    for _, name, *_ in TOWNSHIPS:
        kept = {"member": town_unit(name), "schedule": WEEKLY_SCHEDULE, "indicator": DISPUTES, "name_zh": "定期報告"}
        add(events.Roster, f"tiz-weekly-{name}", **stands, **kept)
    for indicator in REGISTERS:
        kept = {"member": "tiz-psb", "schedule": LEDGER_SCHEDULE, "indicator": indicator, "name_zh": "實時更新數據"}
        of_register = {"parent": "tiz-psb", "valid_from": TO_DATE - LEDGER_DAYS * 24 * HOUR_MS, "valid_until": TO_DATE}
        add(events.Roster, f"tiz-ledger-{indicator}", **of_register, **kept)
    policy = parse_policy(policy_text(POLICY), POLICY)
    add(events.PolicyVersion, policy.id, valid_from=policy.valid_from, document=policy_text(POLICY))
    return stamped([*drafts, *_return_to_work()])


def _return_to_work() -> list[Draft]:
    """A green lane for lorries of supplies and key firms (A003-09: 綠色通道), and the one event that was permitted."""
    lane = {"category": "GREEN_LANE", "approver_role": "traffic-police", "name_zh": "綠色通道", "parent": "tiz-traffic"}
    until = local("2020-06-30T00:00")
    drafts = []
    for number in range(LORRIES):
        at = RESUMPTION_FROM + number * HOUR_MS
        valid = {"entity_id": lorry_pass(number), "valid_from": at, "valid_until": until}
        drafts.append(Draft(at, REGISTRY, events.Pass, {**valid, **lane}, delay_ms=0))
    at = local("2020-03-12T10:00")
    permit = {"division": ZONE, "tier": RiskTier.LOW, "approver_role": "headquarters", "category": "JOB_FAIR"}
    stated = {"entity_id": "tiz-permit-1", "valid_from": at, "name_zh": "企業復工復產宣講會", **permit}
    return [*drafts, Draft(at, REGISTRY, events.EventPermit, stated, delay_ms=0)]
