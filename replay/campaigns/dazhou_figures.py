"""Every number of the Dazhou article as a figure, and what may be said between them (seed 001)."""

from replay.campaigns.dazhou_calendar import AS_OF, TO_DATE
from replay.campaigns.dazhou_enforcement import (
    CASE_SOURCE,
    CASES,
    CORRECTED,
    DISPERSED,
    FIRM_CASES,
    FIRM_SOURCE,
    TIP_SOURCE,
    TIPS,
)
from replay.campaigns.dazhou_indicators import INDICATORS
from replay.campaigns.dazhou_places import CHECKPOINTS, GRID_WORKERS, REGISTRY
from replay.campaigns.figure_queries import counted, exact, in_force, reported_as_of
from schemas.codes import UnitOfCount
from sinks.figure_identities import Identity, Relation, Status, Term
from sinks.figures import Figure

_U = UnitOfCount
_REGISTERED = "kind = 'CASE_REGISTERED'"


def _exact(ref: str, english: str, chinese: str, unit: UnitOfCount, published: int, query: str) -> Figure:
    return exact(ref, english, chinese, unit, published, AS_OF, query)


def _spoken_to(
    ref: str, english: str, chinese: str, unit: UnitOfCount, published: int, rounded_to: int, conduct: str
) -> Figure:
    query = counted("enforcement", "count()", "dz-grid-%", f"kind = 'EDUCATION' AND conduct = '{conduct}'", TO_DATE)
    return Figure(ref, english, chinese, unit, published, rounded_to, True, AS_OF, query, True)


def _from_events() -> list[Figure]:
    cases = counted("enforcement", "uniqExact(case_id)", CASE_SOURCE, _REGISTERED, TO_DATE)
    firm_cases = counted("enforcement", "uniqExact(case_id)", FIRM_SOURCE, f"{_REGISTERED} AND involves_firm", TO_DATE)
    tips = counted("enforcement", "uniqExact(case_id)", TIP_SOURCE, "kind = 'TIP'", TO_DATE)
    workers = in_force("sum(quantity)", REGISTRY, "kind = 'RESOURCE' AND item = 'grid-workers'", TO_DATE)
    sites = in_force("count()", REGISTRY, "kind = 'SITE' AND category = 'CHECKPOINT'", TO_DATE)
    return [
        _exact("A001-05/cases", "epidemic-related offences", "打击涉疫违法犯罪231件", _U.ITEM, CASES, cases),
        _exact("A001-08/grid-workers", "grid workers", "全市4300名网格员", _U.PERSON, GRID_WORKERS, workers),
        _exact("A001-10/checkpoints", "checkpoints", "重点部位设卡点93个", _U.PIECE, CHECKPOINTS, sites),
        _exact("A001-11/tips", "tips from the public", "检举涉疫不法行为579起", _U.CASE, TIPS, tips),
        _spoken_to(
            "A001-14/dispersed",
            "persuaded to leave a gathering (more than 28,000)",
            "劝离聚集人群2.8万余人次",
            _U.PERSON_TIME,
            DISPERSED,
            1000,
            "GATHERING",
        ),
        _spoken_to(
            "A001-14/corrected",
            "corrected, such as for wearing no mask (more than 10,000)",
            "纠正不戴口罩等错误行为1万余次",
            _U.TIME,
            CORRECTED,
            10_000,
            "NO_MASK",
        ),
        _exact("A001-17/cases", "offences that involve firms", "涉疫涉企违法犯罪58件", _U.ITEM, FIRM_CASES, firm_cases),
    ]


FIGURES: tuple[Figure, ...] = tuple(
    sorted(
        [*_from_events(), *(reported_as_of(one, AS_OF, TO_DATE) for one in INDICATORS)],
        key=lambda figure: figure.ref.partition("/")[0],
    )
)
"""In the order of their rows."""

IDENTITIES = (
    Identity(
        "A001-09/found",
        (Term("A001-09/confirmed"),),
        Relation.AT_MOST,
        (Term("A001-09/persons-checked"),),
        Status.OPEN,
        "the article does not say that the 11 were among those checked",
    ),
    Identity(
        "A001-17/of-all",
        (Term("A001-17/cases"),),
        Relation.AT_MOST,
        (Term("A001-05/cases"),),
        Status.OPEN,
        "the 58 that involve firms may or may not be inside the 231: never added",
    ),
)
