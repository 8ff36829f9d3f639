"""Figures of the Dazhou article that units report as such, each with its unit of count, rounding and row (seed 001)."""

from replay.campaigns.published import Published
from schemas.codes import IndicatorNature, UnitOfCount

_SNAPSHOT = IndicatorNature.SNAPSHOT
_U = UnitOfCount


def _more_than(
    ref: str, indicator: str, english: str, chinese: str, unit: UnitOfCount, value: int, rounded_to: int
) -> Published:
    """万余: at least so many, of the grid centre, which counts them day by day."""
    return Published(
        ref,
        "dz-grid-centre",
        indicator,
        english,
        chinese,
        unit,
        value,
        rounded_to=rounded_to,
        lower_bound=True,
        days=20,
    )


INDICATORS = (
    Published(
        "A001-02/filings", "dz-court", "online-filings", "cases filed online", "网上立案1496件", _U.ITEM, 1496, days=24
    ),
    Published(
        "A001-02/answers",
        "dz-court",
        "questions-answered",
        "questions answered by telephone and WeChat",
        "电话、微信解答群众疑难969件",
        _U.ITEM,
        969,
        days=24,
    ),
    Published(
        "A001-03/interventions",
        "dz-procuratorate",
        "early-interventions",
        "cases with early intervention",
        "提前介入涉疫案件9件",
        _U.ITEM,
        9,
        days=9,
    ),
    Published(
        "A001-04/warnings",
        "dz-psb",
        "warnings-collected",
        "warnings collected online",
        "预警信息78条",
        _U.CLUE,
        78,
        days=20,
    ),
    Published(
        "A001-06/letters",
        "dz-petitions",
        "letters-and-visits",
        "letters and visits dealt with",
        "来信来访127件",
        _U.ITEM,
        127,
        days=20,
    ),
    _more_than(
        "A001-09/households",
        "households-visited",
        "households visited (more than 800,000)",
        "入户走访80余万户",
        _U.HOUSEHOLD,
        800_000,
        10_000,
    ),
    _more_than(
        "A001-09/persons-checked",
        "persons-checked",
        "persons at high risk checked (more than 110,000)",
        "落地排查高危人员11余万名",
        _U.PERSON,
        110_000,
        10_000,
    ),
    Published(
        "A001-09/leaflets",
        "dz-grid-centre",
        "leaflets",
        "leaflets handed out",
        "发放宣传资料230万份",
        _U.COPY,
        2_300_000,
        rounded_to=10_000,
        days=20,
    ),
    Published(
        "A001-09/confirmed",
        "dz-grid-centre",
        "confirmed-found",
        "confirmed cases that were found with help",
        "帮助发现确诊病例11例",
        _U.PERSON,
        11,
        days=10,
    ),
    _more_than(
        "A001-13/leads",
        "video-leads",
        "leads of value (more than 53,000)",
        "抓取有价值线索5.3万余条",
        _U.CLUE,
        53_000,
        1000,
    ),
    _more_than(
        "A001-13/frames",
        "key-frames",
        "key frames sorted out (more than 19,000)",
        "梳理重点画面1.9万余个",
        _U.IMAGE,
        19_000,
        1000,
    ),
    Published(
        "A001-16/hours",
        "dz-vehicle-office",
        "hotline-hours-per-day",
        "hours a day of the hotline",
        "24小时接受咨询",
        _U.HOUR,
        24,
        _SNAPSHOT,
    ),
    Published(
        "A001-19/opinions",
        "dz-political-legal",
        "resumption-opinions",
        "opinions of the committee on work resumption",
        "政法委十条意见",
        _U.MEASURE,
        10,
    ),
    Published(
        "A001-19/procuratorate-opinions",
        "dz-procuratorate",
        "private-firm-opinions",
        "opinions of the procuratorate on private firms",
        "检察机关十条意见",
        _U.MEASURE,
        10,
    ),
    Published(
        "A001-19/measures",
        "dz-psb",
        "resumption-measures",
        "measures of the police on work resumption",
        "公安机关九条措施",
        _U.MEASURE,
        9,
    ),
)
