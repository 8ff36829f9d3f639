"""Places and units of the Qingdao campaign. The source names kinds of places only: which sites, and their shares of the
traffic, are synthetic."""

from typing import NamedTuple

from replay.campaigns.qingdao_calendar import REFERENCE_FROM, ZONE_OFFSET_MINUTES, local
from schemas import events
from schemas.codes import RiskTier, SiteKind
from schemas.policy import DEFAULT_POLICY, parse_policy, policy_text


class Site(NamedTuple):
    """One checkpoint; ``weight`` is its share among the sites of its group."""

    id: str
    kind: SiteKind
    name_en: str
    name_zh: str
    division: str
    weight: int


MOTORWAY_SITES = (
    Site("qd-mw-jiaozhou", SiteKind.MOTORWAY, "Jiaozhou motorway exit", "胶州收费站", "370281", 26),
    Site("qd-mw-jimo", SiteKind.MOTORWAY, "Jimo motorway exit", "即墨收费站", "370215", 20),
    Site("qd-mw-chengyang", SiteKind.MOTORWAY, "Chengyang motorway exit", "城阳收费站", "370214", 18),
    Site("qd-mw-huangdao", SiteKind.MOTORWAY, "Huangdao motorway exit", "黄岛收费站", "370211", 16),
    Site("qd-mw-laixi", SiteKind.MOTORWAY, "Laixi motorway exit", "莱西收费站", "370285", 11),
    Site("qd-mw-pingdu", SiteKind.MOTORWAY, "Pingdu motorway exit", "平度收费站", "370283", 9),
)
ROAD_SITES = (
    Site("qd-rd-g204", SiteKind.ROAD, "National road 204, Jiaozhou", "204国道胶州卡口", "370281", 30),
    Site("qd-rd-g308", SiteKind.ROAD, "National road 308, Chengyang", "308国道城阳卡口", "370214", 26),
    Site("qd-rd-s209", SiteKind.ROAD, "Provincial road 209, Jimo", "209省道即墨卡口", "370215", 24),
    Site("qd-rd-s219", SiteKind.ROAD, "Provincial road 219, Pingdu", "219省道平度卡口", "370283", 20),
)
STATION_SITES = (
    Site("qd-st-rail", SiteKind.RAIL, "Qingdao railway station", "青岛站", "370202", 24),
    Site("qd-st-rail-north", SiteKind.RAIL, "Qingdao North railway station", "青岛北站", "370213", 26),
    Site("qd-st-rail-jiaozhou", SiteKind.RAIL, "Jiaozhou North railway station", "胶州北站", "370281", 8),
    Site("qd-st-airport", SiteKind.AIRPORT, "Qingdao Liuting airport", "青岛流亭机场", "370214", 20),
    Site("qd-st-coach-sifang", SiteKind.COACH, "Sifang coach station", "四方长途汽车站", "370203", 11),
    Site("qd-st-coach-huangdao", SiteKind.COACH, "Huangdao coach station", "黄岛汽车站", "370211", 7),
    Site("qd-st-port", SiteKind.SEAPORT, "Qingdao port", "青岛港客运码头", "370203", 4),
)
COMMUNITY_SITES = (
    Site("qd-cm-shinan", SiteKind.COMMUNITY, "Estate checkpoint, Shinan", "市南区小区检查点", "370202", 2),
    Site("qd-cm-licang", SiteKind.COMMUNITY, "Estate checkpoint, Licang", "李沧区小区检查点", "370213", 2),
    Site("qd-wp-laoshan", SiteKind.WORKPLACE, "Workplace checkpoint, Laoshan", "崂山区企业监测哨", "370212", 1),
)
SITES = (*MOTORWAY_SITES, *ROAD_SITES, *STATION_SITES, *COMMUNITY_SITES)

DIVISIONS = (
    ("370000", "Shandong", "山东省", None),
    ("370200", "Qingdao", "青岛市", "370000"),
    ("370202", "Shinan", "市南区", "370200"),
    ("370203", "Shibei", "市北区", "370200"),
    ("370211", "Huangdao", "黄岛区", "370200"),
    ("370212", "Laoshan", "崂山区", "370200"),
    ("370213", "Licang", "李沧区", "370200"),
    ("370214", "Chengyang", "城阳区", "370200"),
    ("370215", "Jimo", "即墨区", "370200"),
    ("370281", "Jiaozhou", "胶州市", "370200"),
    ("370283", "Pingdu", "平度市", "370200"),
    ("370285", "Laixi", "莱西市", "370200"),
    ("370600", "Yantai", "烟台市", "370000"),
    ("370700", "Weifang", "潍坊市", "370000"),
    ("371100", "Rizhao", "日照市", "370000"),
    ("110000", "Beijing", "北京市", None),
    ("420000", "Hubei", "湖北省", None),
    ("420100", "Wuhan", "武汉市", "420000"),
    ("421100", "Huanggang", "黄冈市", "420000"),
)

TEAMS = tuple(code for code, *_ in DIVISIONS if "370202" <= code <= "370285")
"""Districts and county-level cities: each has one team that locates and verifies leads."""

UNITS = (
    ("qd-hq", "Epidemic control headquarters", "市疫情防控指挥部"),
    ("qd-psb", "Public security bureau", "市公安局"),
    ("qd-procuratorate", "Procuratorate", "市检察院"),
    ("qd-court", "Intermediate court", "市中级法院"),
    ("qd-justice", "Justice bureau", "市司法局"),
    ("qd-notary", "Notary office", "市公证处"),
    ("qd-political-legal", "Political-legal committee", "市委政法委"),
    ("qd-market-regulator", "Market regulator", "市场监管局"),
    ("qd-civil-affairs", "Civil affairs bureau", "市民政局"),
    ("qd-commerce", "Commerce bureau", "市商务局"),
    ("qd-health", "Health commission", "市卫健委"),
    ("qd-chengyang", "Chengyang district", "城阳区"),
    ("qd-jiaozhou", "Jiaozhou city", "胶州市"),
)

RISK_AREAS = (("420100", RiskTier.HIGH, "2020-01-23T00:00"), ("421100", RiskTier.MEDIUM, "2020-01-24T00:00"))
"""Tier of each area from a local time: synthetic, formal tiers came later in February 2020."""


def team_unit(division: str) -> str:
    """Unit id of a district's team."""
    return f"qd-team-{division}"


def reference_events() -> list[events.Event]:
    """What must be known beforehand, in publishing order: divisions, units, sites, risk areas, the policy."""
    made: list[events.Event] = []

    def stamp() -> dict[str, str | int]:
        at = REFERENCE_FROM + 1000 * len(made)
        return {
            "source": "qd-registry",
            "sequence": len(made),
            "occurred_at": at,
            "sent_at": at,
            "zone_offset_minutes": ZONE_OFFSET_MINUTES,
        }

    def add(model: type[events.Event], **fields: object) -> None:
        made.append(model.model_validate({**stamp(), **fields}))

    for code, english, chinese, parent in DIVISIONS:
        add(events.Division, entity_id=code, name_en=english, name_zh=chinese, parent=parent)
    for unit, english, chinese in UNITS:
        add(events.Unit, entity_id=unit, name_en=english, name_zh=chinese, division="370200")
    for code in TEAMS:
        name = next(name for division, name, *_ in DIVISIONS if division == code)
        add(events.Unit, entity_id=team_unit(code), name_en=f"{name} follow-up team", division=code, parent="qd-psb")
    for site in SITES:
        names = {"name_en": site.name_en, "name_zh": site.name_zh}
        add(events.Site, entity_id=site.id, site_kind=site.kind, division=site.division, **names)
    for area, tier, since in RISK_AREAS:
        add(events.RiskArea, entity_id=area, tier=tier, valid_from=local(since))
    text = policy_text()
    policy = parse_policy(text, DEFAULT_POLICY)
    add(events.PolicyVersion, entity_id=policy.id, valid_from=policy.valid_from, document=text)
    return made
