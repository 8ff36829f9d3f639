"""Figures of the Qingdao conference that units report as such: each number with its unit of count, rounding and row."""

from replay.campaigns.published import Published
from schemas.codes import IndicatorNature, UnitOfCount

_CUMULATIVE, _SNAPSHOT, _FLOW, _RATE = (
    IndicatorNature.CUMULATIVE,
    IndicatorNature.SNAPSHOT,
    IndicatorNature.FLOW,
    IndicatorNature.RATE,
)
_U = UnitOfCount


INDICATORS = (
    Published("A000-01/gates", "qd-hq", "gates", "gates of epidemic control", "四关", _U.PIECE, 4, _SNAPSHOT),
    Published("A000-01/guarantees", "qd-hq", "guarantees", "guarantees", "五保", _U.PIECE, 5, _SNAPSHOT),
    Published("A000-01/documents", "qd-hq", "documents", "documents on community control", "两个文件", _U.DOCUMENT, 2),
    Published("A000-01/measures", "qd-hq", "community-measures", "measures of 1 February", "18条措施", _U.MEASURE, 18),
    Published("A000-01/grids", "qd-hq", "grids", "grids", "城乡、社区网格", _U.GRID, 29_000, _SNAPSHOT, 1000, days=20),
    Published(
        "A000-01/community-party-members",
        "qd-hq",
        "community-party-members",
        "community party members mobilised",
        "社区(村)党员",
        _U.PERSON,
        357_000,
        rounded_to=1000,
        days=20,
    ),
    Published(
        "A000-01/agency-party-members",
        "qd-hq",
        "agency-party-members",
        "party members of agencies mobilised",
        "机关企事业单位党员",
        _U.PERSON,
        34_000,
        rounded_to=1000,
    ),
    Published(
        "A000-01/grid-workers",
        "qd-hq",
        "grid-workers",
        "full-time and part-time grid workers",
        "专兼职网格员",
        _U.PERSON,
        59_000,
        rounded_to=1000,
        days=20,
    ),
    Published(
        "A000-05/police",
        "qd-psb",
        "police-per-day",
        "police deployed per day",
        "每天部署警力",
        _U.PERSON,
        6600,
        _FLOW,
        days=26,
    ),
    Published(
        "A000-05/squads", "qd-psb", "emergency-squads", "emergency squads", "应急处突分队", _U.SQUAD, 79, _SNAPSHOT
    ),
    Published(
        "A000-05/incidents",
        "qd-psb",
        "criminal-incidents-change",
        "criminal incidents, change on the year",
        "刑事警情同比",
        _U.PERCENT,
        -70,
        _RATE,
    ),
    Published(
        "A000-09/interventions",
        "qd-procuratorate",
        "early-interventions",
        "cases with early intervention",
        "提前介入案件",
        _U.CASE,
        23,
        days=10,
    ),
    Published("A000-09/notices", "qd-procuratorate", "public-interest-notices", "notices", "诉前公告", _U.PIECE, 5),
    Published(
        "A000-10/courts-heading",
        "qd-court",
        "internet-courts-heading",
        "internet courts (heading)",
        "互联网法庭(标题)",
        _U.PIECE,
        130,
    ),
    Published(
        "A000-10/courts-text",
        "qd-court",
        "internet-courts-text",
        "internet courts (text: more than 130)",
        "互联网法庭(正文:130余个)",
        _U.PIECE,
        130,
        lower_bound=True,
    ),
    Published(
        "A000-10/filings", "qd-court", "online-filings", "cases filed online", "网上立案", _U.ITEM, 4509, days=17
    ),
    Published(
        "A000-10/hearings",
        "qd-court",
        "online-hearings",
        "hearings by internet court or WeChat",
        "通过互联网法庭或微信开庭",
        _U.ITEM,
        497,
        days=17,
    ),
    Published("A000-11/duties", "qd-justice", "legal-duties", "legal duties of citizens", "法律义务", _U.PIECE, 5),
    Published("A000-11/offences", "qd-justice", "offence-classes", "classes of offences", "违法行为", _U.PIECE, 11),
    Published(
        "A000-12/provinces", "qd-notary", "notary-provinces", "provinces taking part", "省(直辖市)", _U.PROVINCE, 29
    ),
    Published(
        "A000-12/offices", "qd-notary", "notary-offices", "notary offices taking part", "公证处", _U.OFFICE, 135, days=8
    ),
    Published(
        "A000-13/measures",
        "qd-political-legal",
        "resumption-measures",
        "measures for work resumption",
        "八条措施",
        _U.MEASURE,
        8,
    ),
    Published(
        "A000-13/psb-measures",
        "qd-psb",
        "resumption-measures",
        "measures of the police",
        "公安局8条工作措施",
        _U.MEASURE,
        8,
    ),
    Published(
        "A000-14/measures",
        "qd-market-regulator",
        "meal-delivery-measures",
        "measures for online meal delivery",
        "送餐人员防护工作七条措施",
        _U.MEASURE,
        7,
    ),
    Published(
        "A000-15/relief",
        "qd-civil-affairs",
        "relief-paid",
        "relief paid",
        "生活救助金",
        _U.YUAN,
        74_460_000,
        rounded_to=10_000,
        days=12,
    ),
    Published(
        "A000-16/districts", "qd-commerce", "supply-districts", "districts supplied", "市南、市北等6区", _U.DISTRICT, 6
    ),
    Published(
        "A000-16/points", "qd-commerce", "supply-points", "supply points", "批零投放点", _U.PLACE, 85, _SNAPSHOT, days=8
    ),
    Published(
        "A000-16/tonnes",
        "qd-commerce",
        "food-supplied",
        "farm products supplied (more than 10,000 t)",
        "农产品1万余吨",
        _U.TONNE,
        10_000,
        rounded_to=10_000,
        lower_bound=True,
    ),
    Published(
        "A000-17/experts", "qd-health", "psychological-experts", "experts", "心理援助专家", _U.PERSON, 114, _SNAPSHOT
    ),
    Published(
        "A000-17/hotlines", "qd-health", "psychological-hotlines", "hotlines", "心理服务热线", _U.LINE, 39, _SNAPSHOT
    ),
    Published(
        "A000-17/chengyang",
        "qd-chengyang",
        "psychological-services",
        "served in Chengyang",
        "城阳区服务人次",
        _U.PERSON_TIME,
        26_000,
        rounded_to=1000,
        days=14,
    ),
    Published(
        "A000-17/jiaozhou",
        "qd-jiaozhou",
        "psychological-team",
        "support team in Jiaozhou (more than 1,000)",
        "胶州市援助服务队1000余人",
        _U.PERSON,
        1000,
        _SNAPSHOT,
        lower_bound=True,
    ),
    Published("A000-18/principles", "qd-hq", "principles", "principles held to", "五个坚持", _U.PIECE, 5, _SNAPSHOT),
    Published(
        "A000-19/conferences", "qd-hq", "press-conferences", "press conferences", "第四次新闻发布会", _U.PIECE, 4
    ),
)
