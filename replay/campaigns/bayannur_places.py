"""Places of the Bayannur exercise: a district with two townships, the border, and what the tiers of 2020 did there.

District, banner and port are real; townships and villages below them are synthetic, as are all sites and units. The
tier of each place by time is in RISK_AREA rows; orders close places and are lifted after the downgrade (A004-22).
"""

from collections.abc import Callable
from typing import NamedTuple

from replay.campaigns.bayannur_script import (
    DAY_MS,
    HIGH_FROM,
    HOUR_MS,
    LOW_AGAIN,
    MEDIUM_AGAIN,
    MEDIUM_FROM,
    REFERENCE_FROM,
    REPORTS_FROM,
    REPORTS_UNTIL,
    SECOND_MS,
    START,
    Script,
)
from replay.campaigns.drafts import local
from schemas import events
from schemas.codes import DivisionLevel, RiskTier, SiteKind, UnitOfCount
from schemas.policy import parse_policy, policy_text

POLICY = "bayannur-2020"
REGISTRY = "by-registry"
HEADQUARTERS = "by-hq"

DISTRICT = "150802"
STREET = "150802901"
"""The street of the outbreak."""

AFFECTED = "150802901001"
"""The community of the outbreak (有疫情的社区)."""

SISTER = "150802901002"
"""Another community of the same street: reached by the measures of a high tier only."""

ELSEWHERE = "150802902201"
"""A village of another sumu of the district: reached by no measure."""

BORDER_VILLAGE = "150824901201"
PORT = "150824-GQMD"

DIVISIONS = (
    ("150000", "Inner Mongolia", "内蒙古自治区", None, DivisionLevel.PROVINCE),
    ("150800", "Bayannur", "巴彦淖尔市", "150000", DivisionLevel.PREFECTURE),
    (DISTRICT, "Linhe", "临河区", "150800", DivisionLevel.COUNTY),
    ("150824", "Urad Middle Banner", "乌拉特中旗", "150800", DivisionLevel.COUNTY),
    (STREET, "Exercise Street", "演练街道", DISTRICT, DivisionLevel.TOWNSHIP),
    (AFFECTED, "Exercise Community A", "演练甲社区", STREET, DivisionLevel.VILLAGE),
    (SISTER, "Exercise Community B", "演练乙社区", STREET, DivisionLevel.VILLAGE),
    ("150802902", "Exercise Sumu", "演练苏木", DISTRICT, DivisionLevel.TOWNSHIP),
    (ELSEWHERE, "Exercise Gacha C", "演练丙嘎查", "150802902", DivisionLevel.VILLAGE),
    ("150824901", "Border Exercise Sumu", "边境演练苏木", "150824", DivisionLevel.TOWNSHIP),
    (BORDER_VILLAGE, "Border Exercise Gacha", "抵边演练嘎查", "150824901", DivisionLevel.VILLAGE),
    (PORT, "Ganqimaodu Port", "甘其毛都口岸", "150824", DivisionLevel.FUNCTIONAL_ZONE),
)

VILLAGES = {AFFECTED: "by-community-a", SISTER: "by-community-b", ELSEWHERE: "by-gacha-c", BORDER_VILLAGE: "by-gacha-d"}
"""The committee of each community or village: who reports for it."""

UNITS = (
    (HEADQUARTERS, "Epidemic control headquarters", "疫情防控指挥部", DISTRICT, None),
    ("by-psb", "Public security bureau", "公安局", DISTRICT, HEADQUARTERS),
    ("by-health", "Health commission", "卫生健康委", DISTRICT, HEADQUARTERS),
    ("by-hospital", "Designated hospital", "定点医院", DISTRICT, "by-health"),
    ("by-quarantine", "Central quarantine site", "集中隔离点", DISTRICT, "by-health"),
    ("by-supervision", "Supervision group", "督导检查组", DISTRICT, HEADQUARTERS),
    ("by-petitions", "Petitions bureau", "信访局", DISTRICT, HEADQUARTERS),
    ("by-border", "Joint border checkpoint", "边境联合查缉监测点", PORT, "by-psb"),
    ("by-civil-affairs", "Civil affairs bureau", "民政局", DISTRICT, HEADQUARTERS),
    ("by-community-a", "Committee of Exercise Community A", "演练甲社区居委会", AFFECTED, HEADQUARTERS),
    ("by-community-b", "Committee of Exercise Community B", "演练乙社区居委会", SISTER, HEADQUARTERS),
    ("by-gacha-c", "Committee of Exercise Gacha C", "演练丙嘎查委员会", ELSEWHERE, HEADQUARTERS),
    ("by-gacha-d", "Committee of Border Exercise Gacha", "抵边演练嘎查委员会", BORDER_VILLAGE, HEADQUARTERS),
)


class Place(NamedTuple):
    """A site; ``parent`` is what it is part of (a yard has houses: 一院一档、一房一档)."""

    id: str
    kind: SiteKind
    name_en: str
    name_zh: str
    division: str
    parent: str | None = None
    category: str | None = None


ESTATE_A, ESTATE_A2, ESTATE_B, ESTATE_C = "by-estate-a1", "by-estate-a2", "by-estate-b", "by-estate-c"
MOTORWAY, BORDER, HOTEL, HOMESTAY, MARKET, HOSPITAL = (
    "by-motorway",
    "by-port",
    "by-hotel",
    "by-homestay",
    "by-market",
    "by-hospital-gate",
)
SITES = (
    Place(MOTORWAY, SiteKind.MOTORWAY, "Linhe East motorway exit", "临河东收费站", DISTRICT),
    Place(ESTATE_A, SiteKind.COMMUNITY, "Estate A1", "甲社区一号小区", AFFECTED),
    Place(ESTATE_A2, SiteKind.COMMUNITY, "Estate A2", "甲社区二号小区", AFFECTED),
    Place(ESTATE_B, SiteKind.COMMUNITY, "Estate B", "乙社区小区", SISTER),
    Place(ESTATE_C, SiteKind.COMMUNITY, "Estate C", "丙嘎查住宅区", ELSEWHERE),
    Place(MARKET, SiteKind.VENUE, "Farm market", "农贸市场", AFFECTED),
    Place(HOTEL, SiteKind.LODGING, "Hotel", "旅店", SISTER),
    Place(HOMESTAY, SiteKind.LODGING, "Homestay", "民宿", ELSEWHERE),
    Place(BORDER, SiteKind.BORDER, "Ganqimaodu port crossing", "甘其毛都口岸通道", PORT),
    Place(HOSPITAL, SiteKind.HOSPITAL, "Gate of the designated hospital", "定点医院大门", DISTRICT),
    Place("by-yard-a7", SiteKind.COMMUNITY, "Yard 7", "七号院", AFFECTED, ESTATE_A, "YARD"),
    Place("by-house-a7-1", SiteKind.COMMUNITY, "House 7-1", "七号院一号房", AFFECTED, "by-yard-a7", "HOUSE"),
    Place("by-house-a7-2", SiteKind.COMMUNITY, "House 7-2, let", "七号院二号房(出租)", AFFECTED, "by-yard-a7", "HOUSE"),
)

TIERS = (
    (AFFECTED, RiskTier.LOW, START),
    (STREET, RiskTier.LOW, START),
    (AFFECTED, RiskTier.MEDIUM, MEDIUM_FROM),
    (STREET, RiskTier.HIGH, HIGH_FROM),
    (STREET, RiskTier.LOW, MEDIUM_AGAIN),
    (AFFECTED, RiskTier.LOW, LOW_AGAIN),
    # Elsewhere in the country: who comes from there is watched (A004-03), and told at once (A004-05).
    ("370200", RiskTier.MEDIUM, local("2020-10-13T00:00")),
    ("653101", RiskTier.HIGH, local("2020-10-25T00:00")),
)
"""Tier of a place from a local time. The headquarters knows it, and says so, an hour before. The medium tier names the
community (有疫情的嘎查村、社区), the high one the street (有疫情的苏木乡镇、街道), which holds the community."""

_NOTICE_AHEAD_MS = HOUR_MS


class Order(NamedTuple):
    """A closure order: of a division or of one site (``place``), at a tier, from a time on, and when it was lifted."""

    id: str
    division: str
    place: str | None
    tier: RiskTier
    begins: int
    announced_at: int | None
    lifted_at: int | None
    text: str


ORDERS = (
    Order(
        "by-order-estates-a",
        AFFECTED,
        None,
        RiskTier.MEDIUM,
        MEDIUM_FROM,
        MEDIUM_FROM - HOUR_MS,
        LOW_AGAIN + 9 * HOUR_MS,
        "甲社区所有小区设置卡口,24小时值守,外来人员及车辆禁止进入",
    ),
    Order(
        "by-order-street",
        STREET,
        None,
        RiskTier.HIGH,
        HIGH_FROM,
        HIGH_FROM - HOUR_MS,
        MEDIUM_AGAIN + 8 * HOUR_MS,
        "演练街道所有小区禁止非必要人员和车辆进出",
    ),
    Order(
        "by-order-traffic",
        STREET,
        None,
        RiskTier.HIGH,
        HIGH_FROM,
        HIGH_FROM - HOUR_MS,
        MEDIUM_AGAIN + 5 * DAY_MS,
        "演练街道临时交通管制",
    ),
    Order(
        "by-order-market",
        AFFECTED,
        MARKET,
        RiskTier.MEDIUM,
        MEDIUM_FROM,
        MEDIUM_FROM + 2 * HOUR_MS,
        None,
        "甲社区农贸市场停业",
    ),
)
"""The traffic order was forgotten for five days, the market's to the end; and the market's was announced late."""


class Permit(NamedTuple):
    """A large event that somebody asked to hold, at the tier of its place (A004-12). ``until``: when the permit was
    taken back; one that was never given ends where it begins."""

    id: str
    asked_at: int
    division: str
    tier: RiskTier
    category: str
    until: int | None


_ASKED_AT_MEDIUM = local("2020-10-22T09:00")
PERMITS = (
    Permit("by-event-fair", local("2020-10-14T09:00"), AFFECTED, RiskTier.LOW, "TRADE_FAIR", None),
    Permit("by-event-concert", local("2020-10-16T09:00"), AFFECTED, RiskTier.LOW, "CONCERT", MEDIUM_FROM),
    Permit("by-event-banquet", _ASKED_AT_MEDIUM, AFFECTED, RiskTier.MEDIUM, "BANQUET", _ASKED_AT_MEDIUM),
)
"""The fair was held, the concert called off when the tier rose (必要时取消), the banquet not allowed."""

INVESTIGATORS, CLEANERS = "investigation-assistants", "disinfection-staff"
RESERVES = (
    (AFFECTED, 5, 5),
    (SISTER, 4, 3),
    (ELSEWHERE, 3, 2),  # one short of the plan, on purpose
    (BORDER_VILLAGE, 3, 4),
)
"""Reserve staff of each village: investigation assistants (流调协查员) and disinfection staff, three to five each."""

DEVICES = ("by-gate-a1", "by-gate-a2", "by-gate-b", "by-gate-c", "by-gate-motorway", "by-gate-port", "by-desk-hotel")
"""Registration devices that are on the register (信息化核录设备, A004-17); two desks of lodgings have none yet."""

PASSES = ("by-pass-0001", "by-pass-0002")
"""Exit and entry passes of residents of estate A1 (出入证, A004-06)."""

REPORTED = "suspected-cases"
RENTALS = "rental-changes"


def reference_events(script: Script) -> None:
    """Writes down what must be known: places, units, tiers, orders, permits, reserves, rosters, the policy."""
    text = policy_text(POLICY)
    policy = parse_policy(text, POLICY)
    number = 0

    def add(model: type[events.Event], at: int | None = None, /, **stated: object) -> None:
        nonlocal number
        when = REFERENCE_FROM + SECOND_MS * number if at is None else at
        number += at is None
        script.add(model, REGISTRY, when, **stated)

    add(events.PolicyVersion, entity_id=policy.id, valid_from=policy.valid_from, document=text)
    for code, english, chinese, parent, level in DIVISIONS:
        add(events.Division, entity_id=code, name_en=english, name_zh=chinese, parent=parent, level=level)
    for unit, english, chinese, division, parent in UNITS:
        add(events.Unit, entity_id=unit, name_en=english, name_zh=chinese, division=division, parent=parent)
    for site in SITES:
        names = {"name_en": site.name_en, "name_zh": site.name_zh, "category": site.category}
        add(events.Site, entity_id=site.id, site_kind=site.kind, division=site.division, parent=site.parent, **names)
    for device in DEVICES:
        add(events.Device, entity_id=device, parent=HEADQUARTERS, category="REGISTRATION_TERMINAL")
    for village, investigators, cleaners in RESERVES:
        common = {"valid_from": START, "unit_of_count": UnitOfCount.PERSON, "division": village}
        unit = VILLAGES[village]
        for item, quantity in ((INVESTIGATORS, investigators), (CLEANERS, cleaners)):
            add(events.Resource, entity_id=f"{unit}-{item}", item=item, quantity=quantity, parent=unit, **common)
    squad = {"item": "emergency-reserve", "quantity": 30, "unit_of_count": UnitOfCount.PERSON, "parent": "by-psb"}
    add(events.Resource, entity_id="by-emergency-reserve", valid_from=START, division=DISTRICT, **squad)
    for unit in VILLAGES.values():
        common = {"parent": unit, "member": unit, "valid_from": REPORTS_FROM, "valid_until": REPORTS_UNTIL}
        daily = {"schedule": "DAILY_REPORT", "indicator": REPORTED}
        add(events.Roster, entity_id=f"{unit}-daily", **common, **daily)
        ledger = {"schedule": "DAILY_LEDGER", "indicator": RENTALS}
        add(events.Roster, entity_id=f"{unit}-ledger", **common, **ledger)
    for name in PASSES:
        passed = {"parent": ESTATE_A, "category": "ESTATE_PASS", "approver_role": "community-committee"}
        add(events.Pass, entity_id=name, valid_from=START, **passed)
    _later(add)


def _later(add: Callable[..., None]) -> None:
    """What becomes known in the course of the exercise: tiers, orders and their end, permits."""
    for area, tier, since in TIERS:
        add(events.RiskArea, max(since - _NOTICE_AHEAD_MS, REFERENCE_FROM), entity_id=area, tier=tier, valid_from=since)
    for order in ORDERS:
        stated = {
            "entity_id": order.id,
            "valid_from": order.begins,
            "division": order.division,
            "parent": order.place,
            "tier": order.tier,
            "document": order.text,
            "approver_role": "headquarters",
            "announced_at": order.announced_at,
        }
        add(events.ClosureOrder, order.begins - _NOTICE_AHEAD_MS, **stated)
        if order.lifted_at is not None:
            add(events.ClosureOrder, order.lifted_at, **stated, valid_until=order.lifted_at)
    for permit in PERMITS:
        stated = {
            "entity_id": permit.id,
            "valid_from": permit.asked_at,
            "division": permit.division,
            "tier": permit.tier,
            "category": permit.category,
            "approver_role": "public-security-bureau",
        }
        if permit.until != permit.asked_at:
            add(events.EventPermit, permit.asked_at, **stated)
        if permit.until is not None:
            add(events.EventPermit, permit.until, **stated, valid_until=permit.until)
