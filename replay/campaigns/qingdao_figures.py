"""Every figure of the Qingdao conference as a query, with its row, unit, precision and as-of time (seed 000).

The three entry totals stay three figures: their units differ (人, 人次), and that 191.6 + 192.0 = 383.6 is a
coincidence. Entries are as of 19 February, the rest to the time of the conference (T9). 751 open leads are derived, not
published.
"""

from datetime import UTC, datetime

from replay.campaigns.published import reported_figure
from replay.campaigns.qingdao_calendar import ENTRIES_UNTIL, TO_DATE
from replay.campaigns.qingdao_cases import CASES, PERSONS
from replay.campaigns.qingdao_entries import (
    MOTORWAY_PERSON_TIMES,
    MOTORWAY_VEHICLES,
    ROAD_PERSONS,
    STATION_PERSON_TIMES,
)
from replay.campaigns.qingdao_indicators import INDICATORS
from replay.campaigns.qingdao_leads import DISPATCHED, OPEN, REPORTED_BACK
from schemas.codes import CaseCategory, Disposition, UnitOfCount
from sinks.figures import Figure

AS_OF_ENTRIES = "2020-02-19"
AS_OF_CONFERENCE = "2020-02-20T10:00:00+08:00"

_STATIONS = ("RAIL", "AIRPORT", "COACH", "SEAPORT")


def _moment(time: int) -> str:
    text = datetime.fromtimestamp(time // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"toDateTime64('{text}', 3, 'UTC')"


_ENTRIES_END, _NOW = _moment(ENTRIES_UNTIL), _moment(TO_DATE)


def _counted(topic: str, kind: str, measures: tuple[str, ...], before: str) -> str:
    """Units that add up, from the counts; both as-of times lie on the hour."""
    chosen = f" AND measure IN ({', '.join(repr(measure) for measure in measures)})" if measures else ""
    where = f"topic = '{topic}' AND kind = '{kind}'{chosen} AND hour < {before}"
    return f"SELECT sum(value) FROM checkline.counts WHERE {where}"


def _distinct_subjects(subject: str, site_kind: str) -> str:
    return (
        "SELECT uniqExact(token) FROM checkline.valid_check_ins WHERE kind = 'PASSAGE' AND direction = 'ENTERING'"
        f" AND subject_kind = '{subject}' AND site_kind = '{site_kind}' AND occurred_at < {_ENTRIES_END}"
    )


def _entry(
    part: str, english: str, chinese: str, unit: UnitOfCount, published: int, query: str, rounded_to: int = 1000
) -> Figure:
    return Figure(f"A000-03/{part}", english, chinese, unit, published, rounded_to, False, AS_OF_ENTRIES, query, True)


def _exact(ref: str, english: str, chinese: str, unit: UnitOfCount, published: int, query: str) -> Figure:
    return Figure(ref, english, chinese, unit, published, 1, False, AS_OF_CONFERENCE, query, False)


def _entries() -> list[Figure]:
    vehicle, person, time = UnitOfCount.VEHICLE, UnitOfCount.PERSON, UnitOfCount.PERSON_TIME
    occupants = _counted("check-ins", "PASSAGE", ("PERSON/MOTORWAY",), _ENTRIES_END)
    stations = _counted("check-ins", "PASSAGE", tuple(f"PERSON/{kind}" for kind in _STATIONS), _ENTRIES_END)
    vehicles, roads = _distinct_subjects("VEHICLE", "MOTORWAY"), _distinct_subjects("PERSON", "ROAD")
    return [
        _entry("motorway-vehicles", "vehicles at motorway exits", "高速路口车辆", vehicle, MOTORWAY_VEHICLES, vehicles),
        _entry(
            "motorway-persons", "passages at motorway exits", "高速路口人员", time, MOTORWAY_PERSON_TIMES, occupants
        ),
        _entry("roads", "persons on other roads", "其他道路入青", person, ROAD_PERSONS, roads),
        _entry("stations", "passages at stations", "站点入青", time, STATION_PERSON_TIMES, stations, 10_000),
    ]


def _leads() -> list[Figure]:
    time = UnitOfCount.PERSON_TIME
    dispatched = _counted("follow-ups", "LEAD_DISPATCHED", (), _NOW)
    reported = _counted("follow-ups", "LEAD_REPORTED_BACK", (), _NOW)
    still_open = (
        f"SELECT count() FROM checkline.lead_states WHERE dispatched_at <= {_NOW}"
        f" AND (reported_back_at IS NULL OR reported_back_at > {_NOW})"
    )
    sources = (
        "SELECT uniqExact(lead_source) FROM checkline.valid_follow_ups"
        f" WHERE kind = 'LEAD_OPENED' AND occurred_at <= {_NOW}"
    )
    return [
        _exact("A000-02/sources", "sources of leads", "5个方面线索", UnitOfCount.PIECE, 5, sources),
        _exact("A000-02/dispatched", "leads dispatched", "派发随访信息", time, DISPATCHED, dispatched),
        _exact("A000-02/reported-back", "leads reported back", "随访反馈", time, REPORTED_BACK, reported),
        _exact("A000-02/open", "leads open (derived)", "未反馈(推算)", time, OPEN, still_open),
    ]


def _enforcement() -> list[Figure]:
    case, person = UnitOfCount.CASE, UnitOfCount.PERSON
    cases = (
        "SELECT uniqExact(case_id) FROM checkline.valid_enforcement"
        f" WHERE kind = 'CASE_REGISTERED' AND occurred_at <= {_NOW}"
    )
    persons = (
        "SELECT uniqExact(party_token) FROM checkline.valid_enforcement"
        f" WHERE kind = 'DISPOSITION' AND party = 'PERSON' AND occurred_at <= {_NOW}"
    )

    def of_category(ref: str, category: CaseCategory) -> Figure:
        query = _counted("enforcement", "CASE_REGISTERED", (category.value,), _NOW)
        return _exact(ref, category.english, category.chinese, case, CASES[category], query)

    def of_disposition(disposition: Disposition, count: int) -> Figure:
        query = _counted("enforcement", "DISPOSITION", (disposition.value,), _NOW)
        return _exact(f"A000-07/{_slug(disposition)}", disposition.english, disposition.chinese, person, count, query)

    return [
        _exact("A000-06/total", "epidemic-related cases", "涉疫情案件", case, 214, cases),
        *(of_category(f"A000-06/{_slug(category)}", category) for category in CASES),
        _exact("A000-07/total", "persons dealt with", "打击处理违法犯罪人员", person, 259, persons),
        *(of_disposition(disposition, count) for disposition, count in PERSONS.items()),
        of_category("A000-08/disturbing-order", CaseCategory.DISTURBING_ORDER),
    ]


def _slug(code: CaseCategory | Disposition) -> str:
    return code.value.lower().replace("_", "-")


FIGURES: tuple[Figure, ...] = tuple(
    sorted(
        [*_entries(), *_leads(), *_enforcement(), *(reported_figure(one, AS_OF_CONFERENCE) for one in INDICATORS)],
        key=lambda figure: figure.ref.partition("/")[0],
    )
)
"""In the order of their rows."""
