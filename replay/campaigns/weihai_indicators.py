"""Figures of the Weihai yearbook that a unit reports as such: each number with its unit of count, rounding and row.

Names of kinds of equipment (96 channels), numbers of documents (9号, 22号), dates and values of rules (24 h, 37.3, 14
days, three checks a day) are no figures: rules stand in the policy. What concerns persons only as a count (A002-29) is
a report here and never an event with a token.
"""

from replay.campaigns.published import Published
from schemas.codes import IndicatorNature, UnitOfCount

_U = UnitOfCount
_SNAPSHOT, _RATE = IndicatorNature.SNAPSHOT, IndicatorNature.RATE

INDICATORS = (
    Published(
        "A002-04/drills",
        "wh-health",
        "pcr-drills",
        "drills of mass testing",
        "全员核酸检测应急演练5次",
        _U.TIME,
        5,
        days=5,
    ),
    Published(
        "A002-05/staff", "wh-market", "cold-chain-staff", "cold-chain staff", "冷链行业从业人员711人", _U.PERSON, 711
    ),
    Published(
        "A002-05/vaccinated", "wh-market", "vaccinated", "of them vaccinated", "累计接种429人", _U.PERSON, 429, days=14
    ),
    Published(
        "A002-05/rate",
        "wh-market",
        "vaccination-rate",
        "share of the vaccination plan, in hundredths of a per cent",
        "完成疫苗接种计划的60.34%",
        _U.BASIS_POINT,
        6034,
        _RATE,
    ),
    Published("A002-11/measures", "wh-sea", "sea-measures", "kinds of measures", "4项措施", _U.MEASURE, 4, _SNAPSHOT),
    Published(
        "A002-11/patrol-hours",
        "wh-psb-coast",
        "patrol-hours",
        "hours of patrol (more than 1,500)",
        "巡逻时长1500余小时",
        _U.HOUR,
        1500,
        lower_bound=True,
        days=30,
    ),
    Published(
        "A002-11/unlicensed",
        "wh-psb-coast",
        "unlicensed-cases",
        "cases of driving a motor vessel without a licence",
        "查处无证驾驶机动船舶案件9起",
        _U.CASE,
        9,
    ),
    Published("A002-11/talks", "wh-sea", "fishermen-talks", "talks to fishermen", "宣传教育18场", _U.SESSION, 18),
    Published(
        "A002-11/joint-operations", "wh-sea", "joint-operations", "joint operations", "联合执法行动9次", _U.TIME, 9
    ),
    Published(
        "A002-11/firms",
        "wh-sea",
        "sea-firms-inspected",
        "firms and places inspected (more than 200)",
        "检查涉海企业、场所200余家",
        _U.OFFICE,
        200,
        lower_bound=True,
    ),
    Published(
        "A002-11/hazards",
        "wh-sea",
        "sea-hazards",
        "hazards found and put right (more than 80)",
        "各类风险隐患80余处",
        _U.PLACE,
        80,
        lower_bound=True,
    ),
    Published(
        "A002-11/field-studies", "wh-sea", "field-studies", "field studies", "先后8次深入辖区码头实地调研", _U.TIME, 8
    ),
    Published("A002-11/meetings", "wh-sea", "sea-meetings", "meetings", "研判交流会9场次", _U.SESSION, 9),
    Published("A002-11/campaigns", "wh-sea", "quay-campaigns", "campaigns on quays", "4次集中宣传活动", _U.TIME, 4),
    Published(
        "A002-11/banners",
        "wh-sea",
        "banners",
        "banners (more than 200)",
        "横幅200余条",
        _U.ARTICLE,
        200,
        lower_bound=True,
    ),
    Published(
        "A002-11/leaflets", "wh-sea", "leaflets", "leaflets", "宣传材料1.7万份", _U.COPY, 17_000, rounded_to=1000
    ),
    Published(
        "A002-11/questions",
        "wh-sea",
        "questions-answered",
        "questions answered (more than 900)",
        "解答问题900余个",
        _U.PIECE,
        900,
        lower_bound=True,
    ),
    Published(
        "A002-11/reached",
        "wh-sea",
        "people-reached",
        "people reached by the campaigns",
        "受教育群众3万人",
        _U.PERSON,
        30_000,
        rounded_to=10_000,
    ),
    Published(
        "A002-12/police",
        "wh-psb",
        "police-at-stations",
        "police deployed at stations (more than 8,500)",
        "出动警力8500余人次",
        _U.PERSON_TIME,
        8500,
        lower_bound=True,
        days=30,
    ),
    Published("A002-16/trips", "wh-transport", "charter-trips", "charter trips", "安排车辆219辆次", _U.TRIP, 219),
    Published("A002-16/firms", "wh-transport", "charter-firms", "firms served by charter", "58家企业", _U.OFFICE, 58),
    Published(
        "A002-16/staff", "wh-transport", "charter-staff", "staff brought back", "安全接回职工3876人", _U.PERSON, 3876
    ),
    Published("A002-19/posters", "wh-property", "posters", "open letters put up", "倡议书6000份", _U.COPY, 6000),
    Published("A002-19/masks", "wh-property", "estate-masks", "masks for estates", "口罩48450只", _U.ARTICLE, 48_450),
    Published(
        "A002-19/thermometers",
        "wh-property",
        "estate-thermometers",
        "infrared thermometers for estates",
        "红外测温仪115个",
        _U.ARTICLE,
        115,
    ),
    Published(
        "A002-19/alcohol", "wh-property", "estate-alcohol", "alcohol for estates", "酒精2440千克", _U.KILOGRAM, 2440
    ),
    Published(
        "A002-19/disinfectant",
        "wh-property",
        "estate-disinfectant",
        "disinfectant for estates",
        "消毒液4680千克",
        _U.KILOGRAM,
        4680,
    ),
    Published(
        "A002-20/workers",
        "wh-construction",
        "workers-returned",
        "building workers brought back (more than 3,200)",
        "接回3200余名建筑工人",
        _U.PERSON,
        3200,
        lower_bound=True,
    ),
    Published(
        "A002-20/masks",
        "wh-construction",
        "site-masks",
        "masks for building sites (more than 100,000)",
        "口罩10万余只",
        _U.ARTICLE,
        100_000,
        rounded_to=10_000,
        lower_bound=True,
    ),
    Published(
        "A002-20/forehead-guns",
        "wh-construction",
        "site-forehead-guns",
        "forehead thermometers for building sites (more than 40)",
        "额温枪40余支",
        _U.ARTICLE,
        40,
        lower_bound=True,
    ),
    Published("A002-22/meetings", "wh-education", "school-meetings", "special meetings", "9次专题会议", _U.TIME, 9),
    Published(
        "A002-22/groups", "wh-education", "school-groups", "working groups", "6个专项工作组", _U.GROUP, 6, _SNAPSHOT
    ),
    Published("A002-22/teams", "wh-education", "school-teams", "inspection teams", "7个督导组", _U.GROUP, 7, _SNAPSHOT),
    Published(
        "A002-22/checks",
        "wh-education",
        "school-checks",
        "inspections of schools (more than 80)",
        "督导检查80余次",
        _U.TIME,
        80,
        lower_bound=True,
    ),
    Published(
        "A002-22/news",
        "wh-education",
        "school-news",
        "news items (more than 50)",
        "发布新闻稿件50余篇",
        _U.ITEM,
        50,
        lower_bound=True,
    ),
    Published(
        "A002-25/spent",
        "wh-education",
        "school-spending",
        "spent on equipment of schools",
        "投入380万元",
        _U.YUAN,
        3_800_000,
        rounded_to=10_000,
    ),
    Published(
        "A002-26/aspects", "wh-foreign-affairs", "fields-of-work", "fields of work", "4方面", _U.PIECE, 4, _SNAPSHOT
    ),
    Published(
        "A002-26/firms",
        "wh-foreign-affairs",
        "firms-advised",
        "firms advised on invitations",
        "149家企业",
        _U.OFFICE,
        149,
    ),
    Published(
        "A002-26/applications",
        "wh-foreign-affairs",
        "entry-applications",
        "applications for entry examined",
        "审查入境申请121份",
        _U.COPY,
        121,
    ),
    Published(
        "A002-27/supermarkets",
        "wh-commerce",
        "chain-supermarkets",
        "supermarkets of one chain",
        "26家连锁超市",
        _U.OFFICE,
        26,
        _SNAPSHOT,
    ),
    Published(
        "A002-27/vegetable-shops",
        "wh-commerce",
        "vegetable-shops",
        "vegetable shops",
        "菜店173个",
        _U.PLACE,
        173,
        _SNAPSHOT,
    ),
    Published(
        "A002-28/sampling-points",
        "wh-supplies",
        "sampling-points",
        "sampling points for mass testing",
        "230个采样点",
        _U.PLACE,
        230,
        _SNAPSHOT,
    ),
    Published(
        "A002-28/kinds", "wh-supplies", "kinds-of-supplies", "kinds of supplies", "23种物资", _U.CLASS, 23, _SNAPSHOT
    ),
    Published(
        "A002-29/followed-up",
        "wh-stability",
        "persons-followed-up",
        "persons followed up, counted for social stability",
        "随访24449人",
        _U.PERSON,
        24_449,
        exclusions="not the 38,340 person-times of the police: another unit and scope",
        days=10,
    ),
    Published(
        "A002-29/inbound",
        "wh-stability",
        "inbound-persons",
        "inbound persons found, counted for social stability",
        "摸排入境人员916人",
        _U.PERSON,
        916,
        exclusions="another population than tests, foreigners and point-to-point pushes",
        days=10,
    ),
    Published(
        "A002-32/units",
        "wh-discipline",
        "units-inspected",
        "units inspected (more than 950)",
        "实地检查单位950余家",
        _U.OFFICE,
        950,
        lower_bound=True,
        days=20,
    ),
    Published(
        "A002-32/venues", "wh-discipline", "venues-inspected", "venues inspected", "场所623个", _U.PLACE, 623, days=20
    ),
    Published(
        "A002-32/party", "wh-discipline", "party-discipline", "party discipline", "给予党纪处分3人", _U.PERSON, 3
    ),
    Published(
        "A002-32/organisational", "wh-discipline", "organisational-measures", "dealt with", "组织处理5人", _U.PERSON, 5
    ),
    Published(
        "A002-33/pcr-drills", "wh-hq", "pcr-drills", "drills of mass testing", "开展全员核酸检测应急演练5次", _U.TIME, 5
    ),
    Published(
        "A002-33/sea-drills",
        "wh-hq",
        "sea-drills",
        "maritime drill of 19 June",
        "举行海上疫情输入应急处置模拟情景演练",
        _U.TIME,
        1,
    ),
)
