"""Places, units and stocks of the Weihai campaign, as the registry says them (reference data).

From the source: the three stations, the numbers of firms, passes, estates, rooms and equipment. Synthetic: names and
codes below the zone, quays, estates, the two schools, who holds a pass, the alerts, when an estate was closed within
the day and a half and when it was opened again. The zone is no division of GB/T 2260 (371071 is none): it has a code
of our own (T12).
"""

from typing import NamedTuple

from replay.campaigns.drafts import local
from replay.campaigns.tokens import Tokens
from schemas.codes import DivisionLevel, RiskTier, SiteKind, UnitOfCount

REGISTRY = "wh-registry"
ZONE = "371000-ETDZ"

_LEVEL = DivisionLevel
DIVISIONS = (
    ("370000", "Shandong", "山东省", None, _LEVEL.PROVINCE),
    ("371000", "Weihai", "威海市", "370000", _LEVEL.PREFECTURE),
    ("371002", "Huancui", "环翠区", "371000", _LEVEL.COUNTY),
    (
        ZONE,
        "Weihai Economic and Technological Development Zone",
        "威海经济技术开发区",
        "371000",
        _LEVEL.FUNCTIONAL_ZONE,
    ),
    ("371002901", "Street 1", "第一街道", ZONE, _LEVEL.TOWNSHIP),
    ("371002902", "Street 2", "第二街道", ZONE, _LEVEL.TOWNSHIP),
    ("371002903", "Coastal town 3", "第三镇(沿海)", ZONE, _LEVEL.TOWNSHIP),
    ("371002903201", "Village 1 of town 3", "第三镇第一村", "371002903", _LEVEL.VILLAGE),
    ("371002903202", "Village 2 of town 3", "第三镇第二村", "371002903", _LEVEL.VILLAGE),
    ("110000", "Beijing", "北京市", None, _LEVEL.PROVINCE),
    ("110106", "Fengtai", "丰台区", "110000", _LEVEL.COUNTY),
    ("210000", "Liaoning", "辽宁省", None, _LEVEL.PROVINCE),
    ("210200", "Dalian", "大连市", "210000", _LEVEL.PREFECTURE),
    ("420000", "Hubei", "湖北省", None, _LEVEL.PROVINCE),
    ("420100", "Wuhan", "武汉市", "420000", _LEVEL.PREFECTURE),
)
TOWNS = ("371002901", "371002902", "371002903")
"""Codes below the zone have the shape of GB/T 10114, under its county Huancui; which they are is synthetic."""

RISK_AREAS = (
    ("420100", RiskTier.HIGH, "2020-01-24T08:00"),
    ("420100", RiskTier.LOW, "2020-04-08T00:00"),
    ("110106", RiskTier.HIGH, "2020-06-16T12:00"),
    ("110106", RiskTier.LOW, "2020-07-20T00:00"),
    ("210200", RiskTier.MEDIUM, "2020-07-23T12:00"),
    ("210200", RiskTier.LOW, "2020-08-27T00:00"),
    ("210200", RiskTier.MEDIUM, "2020-12-20T12:00"),
)

UNITS = (
    ("wh-hq", "Headquarters of the zone", "区疫情处置工作领导小组", None),
    ("wh-psb", "Public security sub-bureau", "公安分局", None),
    ("wh-psb-task-force", "Follow-up task force", "人员摸排随访工作专班", "wh-psb"),
    ("wh-psb-data-desk", "Data monitoring desk", "数据监测核查组", "wh-psb"),
    ("wh-psb-stations", "Police at the stations", "站区公安", "wh-psb"),
    ("wh-psb-coast", "Coastal police", "海岸公安", "wh-psb"),
    ("wh-traffic-police", "Traffic police", "交警三大队", None),
    ("wh-health", "Health service", "卫生健康部门", None),
    ("wh-market", "Market regulator", "市场监督管理局", None),
    ("wh-sea", "Maritime control group", "海上疫情防控组", None),
    ("wh-transport", "Transport office", "交通运输部门", None),
    ("wh-property", "Property office", "物业主管部门", None),
    ("wh-construction", "Construction office", "建设部门", None),
    ("wh-commerce", "Commerce office", "商务部门", None),
    ("wh-education", "School control group", "学校疫情防控组", None),
    ("wh-foreign-affairs", "Foreign affairs office", "外事部门", None),
    ("wh-supplies", "Supplies office", "物资保障组", None),
    ("wh-stability", "Social stability group", "社会稳定组", None),
    ("wh-discipline", "Supervision group", "监督考核组", None),
)
SCHOOLS = ("wh-school-1", "wh-school-2")
PROJECTS = ("wh-project-1", "wh-project-2")
LABORATORIES = 4
COLD_CHAIN_FIRMS, CONTAINER_FIRMS = 12, 33
DEPARTMENT_STORES = 4
ESTATES, OPEN_ESTATES = 132, 72
PASSES = 45
ALERTS = 4


class Site(NamedTuple):
    """One checkpoint."""

    id: str
    kind: SiteKind
    name_en: str
    name_zh: str
    division: str = ZONE


STATION_SITES = (
    Site("wh-rail", SiteKind.RAIL, "Weihai high-speed railway station", "威海高铁站"),
    Site("wh-coach", SiteKind.COACH, "Weihai coach station", "威海汽车站"),
    Site("wh-port", SiteKind.SEAPORT, "International passenger terminal of Weihai port", "威海港国际客运中心"),
)
QUAYS = (
    Site("wh-quay-1", SiteKind.SEAPORT, "Quay 1", "第一码头", "371002903201"),
    Site("wh-quay-2", SiteKind.SEAPORT, "Quay 2", "第二码头", "371002903202"),
    Site("wh-quay-3", SiteKind.SEAPORT, "Shipyard quay", "修造船厂码头", "371002903"),
)
ROAD = Site("wh-road", SiteKind.ROAD, "Qingdao road checkpoint", "青岛路卡口")
NIGHT_MARKET = Site("wh-night-market", SiteKind.VENUE, "Night market", "夜市")
QUARANTINE_SITE = Site("wh-quarantine-1", SiteKind.QUARANTINE_SITE, "Central quarantine site", "集中医学观察点")

CLOSING_FROM, CLOSING_UNTIL = local("2020-01-27T08:00"), local("2020-01-28T20:00")
"""A day and a half: when the first and the last of the open estates was closed."""

_U = UnitOfCount

STOCKS = (
    ("quarantine-site", "A002-01", 1, _U.PLACE, "central quarantine sites kept", "集中医学观察点各1处"),
    ("pcr-point", "A002-01", 1, _U.PLACE, "PCR service points kept", "核酸检测服务点各1处"),
    ("quarantine-rooms", "A002-01", 1000, _U.ROOM, "rooms in reserve", "储备集中医学观察点房间1000间"),
    ("pcr-96-channel", "A002-04", 9, _U.SET, "96-channel PCR sets", "检测设备9套"),
    ("pcr-16-channel", "A002-04", 1, _U.SET, "16-channel rapid PCR sets", "快检设备1套"),
    ("tests-per-set-and-day", "A002-04", 800, _U.SAMPLE, "tests per set and day", "每台(套)设备每日单检800人份"),
    ("tests-per-day", "A002-04", 7200, _U.SAMPLE, "tests per day", "检测能力提升到日检测7200份"),
    (
        "reserve-officers",
        "A002-15",
        12,
        _U.PERSON,
        "officers of the emergency reserve",
        "12名精干警力组成突发事件应急处置预备队",
    ),
    ("transport-liaison", "A002-17", 1, _U.PERSON, "liaison for transport of supplies", "确定公布1名联络员"),
    ("school-thermal-imagers", "A002-25", 20, _U.ARTICLE, "thermal imagers of schools", "热成像人体测温仪20台"),
    ("school-air-disinfectors", "A002-25", 63, _U.ARTICLE, "air disinfectors of schools", "空气消毒机63台"),
    ("school-uv-carts", "A002-25", 1243, _U.ARTICLE, "ultraviolet carts of schools", "紫外线消毒车1243台"),
    (
        "school-infrared-thermometers",
        "A002-25",
        1053,
        _U.ARTICLE,
        "infrared thermometers of schools",
        "红外测温仪1053个",
    ),
    (
        "school-electronic-thermometers",
        "A002-25",
        1283,
        _U.ARTICLE,
        "electronic thermometers of schools",
        "电子体温计1283个",
    ),
)
"""Item, row, quantity, unit, names: what is held ready at the end of the year, or was bought in its course."""

LEADER = "follow-up-team-leader"
"""One leader of each police station has charge of its follow-up team (由1名派出所领导专管, A002-06)."""


def team_unit(town: str) -> str:
    """Unit id of the follow-up team of a town's police station."""
    return f"wh-team-{town[-1]}"


def town_unit(town: str) -> str:
    """Unit id of a town or street."""
    return f"wh-town-{town[-1]}"


def estate_site(number: int) -> str:
    """Site id of an estate; the first `OPEN_ESTATES` had no gates."""
    return f"wh-estate-{number + 1:03d}"


def pass_id(number: int) -> str:
    """Entity id of an emergency vehicle pass."""
    return f"wh-pass-{number + 1:02d}"


def alert_tokens(seed: int) -> list[str]:
    """Tokens of the vehicles under alert."""
    tokens = Tokens(seed, "alerted vehicle", "v")
    return [tokens.one(number) for number in range(ALERTS)]
