"""Every number of the Quanzhou article as a figure, and what closes between them (seed 003)."""

from replay.campaigns.figure_queries import counted, exact, in_force, moment, reported_as_of
from replay.campaigns.published import Published
from replay.campaigns.quanzhou_calendar import AS_OF, AS_OF_FIRST_DAY, FIRST_DAY_ENDS, TO_DATE
from replay.campaigns.quanzhou_events import APPLICATION, APPLICATIONS, CONSULTATION, CONSULTATIONS, LEGAL_AID
from replay.campaigns.quanzhou_indicators import INDICATORS, OF_THE_FIRST_DAY
from replay.campaigns.quanzhou_leads import PREFIX, VERIFIED
from replay.campaigns.quanzhou_places import HOSPITALS, REGISTRY, TEAMS
from schemas.codes import UnitOfCount
from sinks.figure_identities import Identity, Relation, Term
from sinks.figures import Figure

_U = UnitOfCount

ZEROS = (
    Published(
        "A003-03/dispatch-gaps", "tiz-psb", "dispatch-gaps", "gaps in dispatching", "警情調度“零脫節”", _U.CASE, 0
    ),
    Published("A003-11/accidents", "tiz-psb", "public-safety-accidents", "accidents", "公共安全“零事故”", _U.CASE, 0),
    Published("A003-11/major-cases", "tiz-psb", "major-cases", "major cases", "重大案件“零發案”", _U.CASE, 0),
)
"""Zero is reported, every day: a figure that nobody reported would be none at all (T8)."""


def _orders() -> list[Figure]:
    verified = counted("follow_ups", "uniqExact(lead_id)", "tiz-%", "kind = 'LEAD_VERIFIED'", TO_DATE)
    left = f"countIf(verified_at IS NULL OR verified_at >= {moment(TO_DATE)})"
    omitted = (
        f"SELECT if(count() = 0, NULL, {left}) FROM checkline.lead_states"
        f" WHERE startsWith(lead_id, '{PREFIX}-') AND opened_at < {moment(TO_DATE)}"
    )
    names = ("data items verified", "核查研判各類信息數據7351條")
    return [
        exact("A003-03/verified", *names, _U.CLUE, VERIFIED, AS_OF, verified)._replace(scaled=True),
        exact("A003-03/omissions", "items left out", "信息核查“零遺漏”", _U.CLUE, 0, AS_OF, omitted),
    ]


def _registered() -> list[Figure]:
    teams = in_force("count()", REGISTRY, "kind = 'UNIT' AND category = 'PARTY_TEAM'", FIRST_DAY_ENDS - 1)
    squads = in_force("uniqExact(parent)", REGISTRY, "kind = 'UNIT' AND category = 'HOSPITAL_SQUAD'", TO_DATE)
    hospitals = ("designated hospitals, each with a squad", "2家定點救治醫院")
    return [
        exact("A003-01/teams", "teams of volunteers", "組成7支分隊", _U.SQUAD, TEAMS, AS_OF_FIRST_DAY, teams),
        exact("A003-06/hospitals", *hospitals, _U.OFFICE, HOSPITALS, AS_OF, squads),
    ]


def _legal_aid() -> list[Figure]:
    def opened(kind: str) -> str:
        condition = f"kind = 'MATTER_OPENED' AND matter_kind = '{kind}'"
        return counted("reports", "uniqExact(matter)", f"{LEGAL_AID}-reports", condition, TO_DATE)

    asked, applied = ("consultations", "法律援助咨詢134次"), ("applications for legal aid", "受理法律援助申請10件")
    return [
        exact("A003-10/consultations", *asked, _U.TIME, CONSULTATIONS, AS_OF, opened(CONSULTATION)),
        exact("A003-10/applications", *applied, _U.ITEM, APPLICATIONS, AS_OF, opened(APPLICATION)),
    ]


FIGURES: tuple[Figure, ...] = tuple(
    sorted(
        [
            *(reported_as_of(one, AS_OF_FIRST_DAY, FIRST_DAY_ENDS) for one in OF_THE_FIRST_DAY),
            *(reported_as_of(one, AS_OF, TO_DATE) for one in (*INDICATORS, *ZEROS)),
            *_registered(),
            *_orders(),
            *_legal_aid(),
        ],
        key=lambda figure: figure.ref.partition("/")[0],
    )
)
"""In the order of their rows."""


def _part_of(ref: str, part: str, whole: str) -> Identity:
    return Identity(ref, (Term(part),), Relation.AT_MOST, (Term(whole),), reason="其中: part of the whole register")


IDENTITIES = (
    _part_of("A003-02/houses", "A003-02/rented", "A003-02/houses"),
    _part_of("A003-02/people", "A003-02/floating", "A003-02/people"),
    Identity(
        "A003-07/all-resolved",
        (Term("A003-07/resolved"),),
        Relation.EQUALS,
        (Term("A003-07/found"),),
        reason="全部妥善化解",
    ),
)
