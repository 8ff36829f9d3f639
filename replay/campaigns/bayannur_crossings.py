"""What happens at the checkpoints of the Bayannur exercise: who comes, what is shown, and what the guard decides.

Each crossing tries one sentence of the plan at one tier and one place. What the plan says of each stands, written down
anew from its text, in the tests.
"""

from typing import Any, NamedTuple

from replay.campaigns.bayannur_places import (
    BORDER,
    ESTATE_A,
    ESTATE_A2,
    ESTATE_B,
    ESTATE_C,
    HOMESTAY,
    HOTEL,
    MARKET,
    MOTORWAY,
    PASSES,
    SITES,
)
from replay.campaigns.bayannur_script import HOUR_MS, MINUTE_MS, SECOND_MS, Script
from replay.campaigns.drafts import local
from schemas import events
from schemas.codes import (
    DecisionOutcome,
    Direction,
    HealthCode,
    RiskTier,
    Role,
    SubjectKind,
    Symptom,
    ThermometryMethod,
    Zone,
)

ADMITTED, REFUSED, REFERRED = DecisionOutcome.ADMITTED, DecisionOutcome.REFUSED, DecisionOutcome.REFERRED
RESIDENT, OUTSIDER, TRAVELLER, DRIVER = Role.RESIDENT, Role.OUTSIDER, Role.TRAVELLER, Role.DRIVER
IN, OUT = Direction.ENTERING, Direction.LEAVING
GREEN, NONE_SHOWN = HealthCode.GREEN, HealthCode.NONE_SHOWN

_GATES = {
    ESTATE_A: "by-gate-a1",
    ESTATE_A2: "by-gate-a2",
    ESTATE_B: "by-gate-b",
    ESTATE_C: "by-gate-c",
    MOTORWAY: "by-gate-motorway",
    BORDER: "by-gate-port",
    MARKET: "by-gate-market",
    HOTEL: "by-desk-hotel",
    HOMESTAY: "by-desk-homestay",
}
_KINDS = {site.id: site.kind for site in SITES}


class Crossing(NamedTuple):
    """One subject at one checkpoint, and what was decided. ``who`` is a name of the script; ``temperature`` in tenths
    of a degree Celsius, None: not taken. ``wrongly``: the guard decided against what the plan says."""

    id: str
    at: str
    site: str
    who: str
    role: Role
    direction: Direction
    decision: DecisionOutcome
    reason: str | None = None
    vehicle: bool = False
    temperature: int | None = 365
    mask: bool | None = True
    code: HealthCode = GREEN
    certificate: bool | None = None
    essential: bool | None = None
    identity: bool | None = True
    wrongly: bool = False
    more: dict[str, Any] = {}  # noqa: RUF012 - never changed

    @property
    def subject(self) -> SubjectKind:
        return SubjectKind.VEHICLE if self.vehicle else SubjectKind.PERSON


LOW_TIER = (
    Crossing(
        "low-resident", "2020-10-14T08:10", ESTATE_A, "resident", RESIDENT, IN, ADMITTED, more={"pass_id": PASSES[0]}
    ),
    Crossing("low-outsider", "2020-10-14T08:20", ESTATE_A, "outsider", OUTSIDER, IN, ADMITTED),
    Crossing(
        "low-outside-vehicle", "2020-10-14T08:30", ESTATE_A, "van", DRIVER, IN, ADMITTED, vehicle=True, temperature=None
    ),
    Crossing(
        "low-declared-arrival",
        "2020-10-15T14:30",
        MOTORWAY,
        "returner",
        TRAVELLER,
        IN,
        ADMITTED,
        more={"origin_area": "370200", "origin_tier": RiskTier.MEDIUM, "zone": Zone.RISK_AREA_HANDLING},
    ),
    Crossing(
        "low-undeclared-arrival",
        "2020-10-15T15:05",
        MOTORWAY,
        "silent-returner",
        TRAVELLER,
        IN,
        ADMITTED,
        more={"origin_area": "370200", "origin_tier": RiskTier.MEDIUM, "zone": Zone.RISK_AREA_HANDLING},
    ),
    Crossing(
        "low-fever-at-motorway",
        "2020-10-16T10:00",
        MOTORWAY,
        "feverish",
        TRAVELLER,
        IN,
        REFERRED,
        "及时发现、登记、转送疑似感染人员",
        temperature=382,
        more={"symptoms": [Symptom.FEVER, Symptom.DRY_COUGH]},
    ),
    Crossing(
        "low-goods-lane",
        "2020-10-16T10:20",
        MOTORWAY,
        "goods-lorry",
        DRIVER,
        IN,
        ADMITTED,
        vehicle=True,
        temperature=None,
        essential=True,
        more={"lane": "GREEN_LANE"},
    ),
    Crossing("low-lodger", "2020-10-17T19:00", HOTEL, "lodger", OUTSIDER, IN, ADMITTED),
    Crossing("low-lodger-again", "2020-10-17T21:00", HOMESTAY, "lodger", OUTSIDER, IN, ADMITTED),
    Crossing(
        "low-lodger-without-paper",
        "2020-10-17T22:00",
        HOTEL,
        "paperless",
        OUTSIDER,
        IN,
        REFUSED,
        "杜绝无证入住",
        identity=False,
    ),
    Crossing("low-port", "2020-10-18T09:00", BORDER, "port-driver", DRIVER, IN, ADMITTED),
    Crossing(
        "low-port-lorry", "2020-10-18T09:00", BORDER, "port-lorry", DRIVER, IN, ADMITTED, vehicle=True, temperature=None
    ),
)

MEDIUM_TIER = (
    Crossing("medium-resident", "2020-10-21T08:10", ESTATE_A, "resident", RESIDENT, IN, ADMITTED),
    Crossing(
        "medium-paper-certificate",
        "2020-10-21T08:15",
        ESTATE_A,
        "without-phone",
        RESIDENT,
        IN,
        ADMITTED,
        code=NONE_SHOWN,
        certificate=True,
    ),
    Crossing(
        "medium-other-province-code",
        "2020-10-21T08:20",
        ESTATE_A2,
        "neighbour",
        RESIDENT,
        IN,
        ADMITTED,
        more={"code_issuer": "640000"},
    ),
    Crossing(
        "medium-no-mask", "2020-10-21T08:25", ESTATE_A, "barefaced", RESIDENT, IN, REFUSED, "口罩必戴", mask=False
    ),
    Crossing(
        "medium-no-temperature",
        "2020-10-21T08:30",
        ESTATE_A2,
        "unmeasured",
        RESIDENT,
        IN,
        REFUSED,
        "体温必测",
        temperature=None,
    ),
    Crossing(
        "medium-no-code",
        "2020-10-21T08:35",
        ESTATE_A,
        "codeless",
        RESIDENT,
        IN,
        REFUSED,
        "扫码或健康证明通行",
        code=NONE_SHOWN,
        certificate=False,
    ),
    Crossing(
        "medium-outsider", "2020-10-21T08:40", ESTATE_A, "outsider", OUTSIDER, IN, REFUSED, "外来人员及车辆禁止进入"
    ),
    Crossing(
        "medium-outside-vehicle",
        "2020-10-21T08:45",
        ESTATE_A2,
        "van",
        OUTSIDER,
        IN,
        REFUSED,
        "外来人员及车辆禁止进入",
        vehicle=True,
        temperature=None,
    ),
    Crossing("medium-outsider-leaves", "2020-10-21T09:10", ESTATE_A, "visitor", OUTSIDER, OUT, ADMITTED),
    Crossing("medium-walk", "2020-10-21T17:00", ESTATE_A, "resident", RESIDENT, OUT, ADMITTED, essential=False),
    Crossing("medium-sister-outsider", "2020-10-21T09:20", ESTATE_B, "outsider", OUTSIDER, IN, ADMITTED),
    Crossing(
        "medium-fever",
        "2020-10-22T07:50",
        ESTATE_A,
        "patient",
        RESIDENT,
        OUT,
        REFERRED,
        "发热病人送诊",
        temperature=381,
    ),
    Crossing(
        "medium-paper-refused-in-error",
        "2020-10-22T18:00",
        ESTATE_A,
        "without-phone",
        RESIDENT,
        IN,
        REFUSED,
        "无健康码",
        code=NONE_SHOWN,
        certificate=True,
        wrongly=True,
    ),
)

HIGH_TIER = (
    Crossing(
        "high-sister-leaves",
        "2020-10-26T09:00",
        ESTATE_B,
        "idle",
        RESIDENT,
        OUT,
        REFUSED,
        "禁止非必要人员和车辆进出",
        essential=False,
    ),
    Crossing(
        "high-sister-enters",
        "2020-10-26T09:10",
        ESTATE_B,
        "outsider",
        OUTSIDER,
        IN,
        REFUSED,
        "禁止非必要人员和车辆进出",
        essential=False,
    ),
    Crossing(
        "high-sister-vehicle-leaves",
        "2020-10-26T09:20",
        ESTATE_B,
        "family-car",
        RESIDENT,
        OUT,
        REFUSED,
        "禁止非必要人员和车辆进出",
        vehicle=True,
        temperature=None,
        essential=False,
    ),
    Crossing("high-sister-doctor", "2020-10-26T07:30", ESTATE_B, "doctor", RESIDENT, OUT, ADMITTED, essential=True),
    Crossing(
        "high-sister-supplies",
        "2020-10-26T06:30",
        ESTATE_B,
        "supply-lorry",
        DRIVER,
        IN,
        ADMITTED,
        vehicle=True,
        temperature=None,
        essential=True,
        more={"lane": "GREEN_LANE"},
    ),
    Crossing(
        "high-essential-resident",
        "2020-10-26T10:00",
        ESTATE_A,
        "essential",
        RESIDENT,
        OUT,
        ADMITTED,
        essential=True,
        more={"pass_id": PASSES[1]},
    ),
    Crossing(
        "high-no-mask",
        "2020-10-26T10:05",
        ESTATE_A,
        "barefaced",
        RESIDENT,
        OUT,
        REFUSED,
        "口罩必戴",
        mask=False,
        essential=True,
    ),
    Crossing(
        "high-elsewhere-outsider", "2020-10-26T11:00", ESTATE_C, "outsider", OUTSIDER, IN, ADMITTED, essential=False
    ),
)

BACK = (
    Crossing("back-sister-leaves", "2020-11-08T09:00", ESTATE_B, "idle", RESIDENT, OUT, ADMITTED, essential=False),
    Crossing(
        "back-outsider", "2020-11-08T09:30", ESTATE_A, "outsider", OUTSIDER, IN, REFUSED, "外来人员及车辆禁止进入"
    ),
    Crossing("low-again-outsider", "2020-11-15T09:30", ESTATE_A, "outsider", OUTSIDER, IN, ADMITTED),
    Crossing(
        "low-again-vehicle",
        "2020-11-15T09:35",
        ESTATE_A2,
        "van",
        OUTSIDER,
        IN,
        ADMITTED,
        vehicle=True,
        temperature=None,
    ),
)

CROSSINGS = (*LOW_TIER, *MEDIUM_TIER, *HIGH_TIER, *BACK)

DECLARED = "2020-10-14T20:00"


def crossing_events(script: Script) -> dict[str, events.Event]:
    """Writes down every crossing, passage, reading, decision, and who declared an arrival by telephone. Answers with
    the decisions by the name of their crossing."""
    _declare(script)
    return {crossing.id: _cross(script, crossing) for crossing in CROSSINGS}


def passage_id(crossing: Crossing) -> str:
    """What a crossing's passage, reading and decision have in common."""
    return f"by-{crossing.id}"


def passage_of(script: Script, crossing: Crossing) -> dict[str, Any]:
    """What the passage of a crossing states."""
    return {
        "token": script.vehicle(crossing.who) if crossing.vehicle else script.person(crossing.who),
        "site": crossing.site,
        "site_kind": _KINDS[crossing.site],
        "direction": crossing.direction,
        "subject_kind": crossing.subject,
        "passage_id": passage_id(crossing),
        "role": crossing.role,
        "essential": crossing.essential,
        "identity_checked": crossing.identity,
        **(
            {}
            if crossing.vehicle
            else {
                "health_code": crossing.code,
                "certificate_seen": crossing.certificate,
                "mask_worn": crossing.mask,
            }
        ),
        **crossing.more,
    }


def _cross(script: Script, crossing: Crossing) -> events.Event:
    at, gate = local(crossing.at), _GATES[crossing.site]
    stated = passage_of(script, crossing)
    shared = {name: stated[name] for name in ("token", "site", "site_kind", "passage_id")}
    script.add(events.Passage, gate, at, **stated)
    if crossing.temperature is not None:
        method = ThermometryMethod.NON_CONTACT
        script.add(events.Reading, gate, at, value_tenths=crossing.temperature, method=method, **shared)
    return script.add(
        events.Decision,
        gate,
        at + 30 * SECOND_MS,
        decision=crossing.decision,
        decided_by_role="estate-guard" if crossing.site.startswith("by-estate") else "checkpoint-officer",
        decision_reason=crossing.reason,
        against_advice=crossing.wrongly,
        **shared,
    )


def _declare(script: Script) -> None:
    """Arrivals announced by telephone (电话提前申报): one who came, one who has not come."""
    for who, hours in (("returner", 18), ("no-show", 20)):
        script.add(
            events.Declaration,
            "by-hotline",
            DECLARED,
            token=script.person(who),
            subject_kind=SubjectKind.PERSON,
            expected_arrival_at=local(DECLARED) + hours * HOUR_MS + 30 * MINUTE_MS,
            origin_area="370200",
            origin_tier=RiskTier.MEDIUM,
            health_code=GREEN,
        )
