"""Reports of the Weihai campaign: every reported figure, the supplies ledger (A002-28), daily reports of supervision
and of disputes as numbers only (A002-30, A002-32), inspections of building sites twice a day (A002-20), and the
heartbeat of the desk that keeps watch round the clock (A002-09).

How supplies divide by month and everything daily is synthetic.
"""

from itertools import accumulate
from typing import Any, NamedTuple

from replay.campaigns.drafts import Draft, local
from replay.campaigns.draws import apportion
from replay.campaigns.published import indicator_drafts, report_draft
from replay.campaigns.schedule import HOUR_MS
from replay.campaigns.weihai_calendar import DAY_MS, PERIOD_FROM, PERIOD_UNTIL, midnight
from replay.campaigns.weihai_expected import Window, windows
from replay.campaigns.weihai_indicators import INDICATORS
from replay.campaigns.weihai_places import PROJECTS, REGISTRY, TOWNS, town_unit
from schemas import events
from schemas.codes import IndicatorNature, UnitOfCount

SUPPLIES = "wh-supplies"


class Stock(NamedTuple):
    """One item of the ledger over the year: received, issued, and what is left; ``words`` are those of the text."""

    item: str
    name_en: str
    words: tuple[str, str, str]
    received: int
    issued: int
    in_stock: int
    rounded_to: int
    in_stock_rounded_to: int


STOCKS = (
    Stock(
        "masks",
        "masks",
        ("采购各类口罩251.7万只", "发放236.4万只", "库存15.3万只"),
        2_517_000,
        2_364_000,
        153_000,
        1000,
        1000,
    ),
    Stock("gowns", "protective gowns", ("采购防护服18834件", "发放14859件", "库存3975件"), 18_834, 14_859, 3975, 1, 1),
    Stock(
        "goggles-and-others",
        "goggles, gloves and the like",
        ("采购护目镜、额温枪、 手套、鞋套等物资33.1万件", "发放17.1万件", "库存16万件"),
        331_000,
        171_000,
        160_000,
        1000,
        10_000,
    ),
)
"""The text gives masks and goggles in units of ten thousand, to a tenth of one; what is left of the goggles as 16."""

_RECEIVED_BY_MONTH = (8, 17, 15, 10, 8, 8, 6, 8, 7, 4, 5, 4)
_ISSUED_BY_MONTH = (2, 12, 14, 12, 10, 9, 8, 8, 8, 6, 6, 5)
"""So that what is left at the end of each month lasts for another at its pace (储备量在1个月以上)."""

_MONTH_ENDS = (
    *("2020-01-31", "2020-02-29", "2020-03-31", "2020-04-30", "2020-05-31", "2020-06-30"),
    *("2020-07-31", "2020-08-31", "2020-09-30", "2020-10-31", "2020-11-30", "2020-12-31"),
)


class DailyReporting(NamedTuple):
    """Who must report what by which schedule, from one local date to another. ``values``: the numbers in turn, 0: a
    zero report, None: silence."""

    unit: str
    indicator: str
    schedule: str
    since: str
    until: str
    unit_of_count: UnitOfCount
    values: tuple[int | None, ...]


DAILY_REPORT, TWO_INSPECTIONS = "DAILY_REPORT", "TWO_INSPECTIONS"
DISPUTES = "disputes-found"
REPORTING = (
    DailyReporting(
        "wh-discipline",
        "problems-found",
        DAILY_REPORT,
        "2020-02-03",
        "2020-02-10",
        UnitOfCount.PIECE,
        (3, 0, 2, 5, 0, None, 1),
    ),
    *(
        DailyReporting(town_unit(town), DISPUTES, DAILY_REPORT, "2020-02-03", "2020-02-10", UnitOfCount.CASE, values)
        for town, values in zip(
            TOWNS,
            ((0, 1, 0, 0, 2, 0, 0), (0, 0, 0, None, 0, 1, 0), (1, 0, 0, 0, 0, 0, 3)),
            strict=True,
        )
    ),
    *(
        DailyReporting(
            project,
            "site-inspections",
            TWO_INSPECTIONS,
            "2020-04-06",
            "2020-04-11",
            UnitOfCount.TIME,
            values,
        )
        for project, values in zip(PROJECTS, ((1,) * 10, (1, 1, 1, None, 1, 1, 1, 1, 1, 1)), strict=True)
    ),
)


def report_rosters() -> list[Draft]:
    """What is expected of units."""
    made = []
    for one in REPORTING:
        since = midnight(one.since)
        stated = {
            "entity_id": f"{one.unit}-{one.indicator}",
            "parent": "wh-hq",
            "member": one.unit,
            "schedule": one.schedule,
            "indicator": one.indicator,
            "valid_from": since,
            "valid_until": midnight(one.until),
        }
        made.append(Draft(since - 3 * DAY_MS, REGISTRY, events.Roster, stated))
    return made


def report_drafts() -> list[Draft]:
    """All reports; always whole."""
    drafts = indicator_drafts(INDICATORS, PERIOD_FROM, PERIOD_UNTIL)
    for stock in STOCKS:
        drafts += _ledger(stock)
    for one in REPORTING:
        drafts += _daily(one)
    return drafts + _heartbeats()


def _ledger(stock: Stock) -> list[Draft]:
    """A line at the end of each month; the lines of the year give the published numbers."""
    received, issued = apportion(stock.received, _RECEIVED_BY_MONTH), apportion(stock.issued, _ISSUED_BY_MONTH)
    left = [came - went for came, went in zip(accumulate(received), accumulate(issued), strict=True)]
    lines: list[dict[str, Any]] = [
        {"item": stock.item, "unit_of_count": UnitOfCount.ARTICLE, "received": came, "issued": went, "in_stock": rest}
        for came, went, rest in zip(received, issued, left, strict=True)
    ]
    return [
        report_draft(local(f"{day}T18:00"), events.Supplies, SUPPLIES, line)
        for day, line in zip(_MONTH_ENDS, lines, strict=True)
    ]


def _daily(one: DailyReporting) -> list[Draft]:
    asked = list(windows(one.schedule, midnight(one.since), midnight(one.until)))
    reported = zip(asked, one.values, strict=True)
    return [_report(one, window, value) for window, value in reported if value is not None]


def _report(one: DailyReporting, window: Window, value: int) -> Draft:
    period = {"indicator": one.indicator, "period_from": window.opens, "period_until": window.closes}
    at = (window.closes + window.cut_off) // 2
    if not value:
        return report_draft(at, events.ZeroReport, one.unit, period)
    number = {"unit_of_count": one.unit_of_count, "value": value, "nature": IndicatorNature.FLOW}
    return report_draft(at, events.Indicator, one.unit, {**period, **number})


def _heartbeats() -> list[Draft]:
    times = range(PERIOD_FROM + 8 * HOUR_MS, PERIOD_UNTIL, DAY_MS)
    return [report_draft(at, events.Heartbeat, "wh-psb-data-desk", {}) for at in times]
