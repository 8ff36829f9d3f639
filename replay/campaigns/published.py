"""Figures that a unit reports as such: the published number, the reports that lead to it, the query that gives it."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from replay.campaigns.drafts import Draft
from replay.campaigns.schedule import HOUR_MS
from schemas import events
from schemas.codes import IndicatorNature, UnitOfCount
from sinks.figures import Figure

_DAY_MS = 24 * HOUR_MS
_HALF_HOUR_MS = HOUR_MS // 2


class Published(NamedTuple):
    """One reported figure. ``days`` is the number of daily reports that lead up to it (1: reported once);
    ``lower_bound`` is the text's 余 or 多 (T5); ``partial``: a number "of which" that need not add up to a whole."""

    ref: str
    unit: str
    indicator: str
    name_en: str
    name_zh: str
    unit_of_count: UnitOfCount
    value: int
    nature: IndicatorNature = IndicatorNature.CUMULATIVE
    rounded_to: int = 1
    lower_bound: bool = False
    days: int = 1
    partial: bool = False
    exclusions: str | None = None


def report_draft(at: int, model: type[events.Event], unit: str, stated: dict[str, Any], delay_ms: int = 1000) -> Draft:
    """A report of a unit; all reports of a unit are of one source."""
    return Draft(at, f"{unit}-reports", model, {"unit_id": unit, **stated}, delay_ms)


def indicator_drafts(figures: Iterable[Published], since: int, to_date: int) -> list[Draft]:
    """The reports of all figures, each of which ends with the published number half an hour before ``to_date``.

    ``since``: when the period of a cumulative figure begins. Both UTC milliseconds.
    """
    return [draft for figure in figures for draft in _series(figure, since, to_date)]


def _series(published: Published, since: int, to_date: int) -> list[Draft]:
    """Daily reports of a figure that end with the published one.

    The last is stated too low at first and is restated: the last word of a period counts (T9).
    """
    drafts: list[Draft] = []
    for day in range(published.days):
        left = published.days - 1 - day
        until = to_date - left * _DAY_MS
        value = published.value
        if published.nature is IndicatorNature.CUMULATIVE:
            value = value * (day + 1) // published.days // published.rounded_to * published.rounded_to
        stated = {
            "indicator": published.indicator,
            "unit_of_count": published.unit_of_count,
            "value": value,
            "nature": published.nature,
            "rounded_to": published.rounded_to,
            "lower_bound": published.lower_bound,
            "period_from": until - _DAY_MS if published.nature is IndicatorNature.FLOW else since,
            "period_until": until,
            "partial": published.partial,
            "exclusions": published.exclusions,
        }
        reported = until - _HALF_HOUR_MS
        if left == 0 and published.days > 1:
            too_low = {**stated, "value": value - published.rounded_to}
            drafts.append(report_draft(reported - HOUR_MS, events.Indicator, published.unit, too_low))
        drafts.append(report_draft(reported, events.Indicator, published.unit, stated))
    return drafts


def reported_figure(published: Published, as_of: str) -> Figure:
    """The figure of a reported number: the last word of its unit. ``as_of``: the day or time the document speaks of."""
    query = (
        "SELECT value FROM checkline.indicator_values"
        f" WHERE unit_id = '{published.unit}' AND indicator = '{published.indicator}'"
    )
    return Figure(
        published.ref,
        published.name_en,
        published.name_zh,
        published.unit_of_count,
        published.value,
        published.rounded_to,
        published.lower_bound,
        as_of,
        query,
        False,
    )
