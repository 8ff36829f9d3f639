"""Enforcement, reports, urgent care."""

from typing import Any

from tests.faults.model.judgement import DAY
from tests.faults.scenarios.world import INDICATORS, UNITS, World, scenario


@scenario("families")
def enforcement(world: World) -> None:
    case, unit = f"case-{int(world.chance.random() * 500)}", world.chance.choice(UNITS)
    kind = world.chance.choice(("CASE_REGISTERED", "DISPOSITION", "TIP", "SUPERVISORY_NOTICE", "WITHDRAWAL"))
    categories = ("DISTURBING_ORDER", "RUMOUR", "COUNTERFEIT", "FRAUD", "WILDLIFE", "OTHER")
    dispositions = ("CRIMINAL_DETENTION", "BAIL", "FINE", "WARNING", "EDUCATION_REPRIMAND", "PENALTY_OR_MEASURE")
    fields: dict[str, dict[str, Any]] = {
        "CASE_REGISTERED": {"category": world.chance.choice(categories), "unit": unit, "involves_firm": False},
        "DISPOSITION": {"disposition": world.chance.choice(dispositions), "party": "PERSON"},
        "TIP": {"unit": unit, "reason": "群众举报"},
        "SUPERVISORY_NOTICE": {"unit": unit, "reason": "整改"},
        "WITHDRAWAL": {"reason": "registered twice", "withdraws_source": "desk-1", "withdraws_sequence": 1},
    }
    world.made[f"enforcement {kind}"] += 1
    world.event("enforcement", case, kind, **world.delays(), **fields[kind])


@scenario("families")
def reports(world: World) -> None:
    unit, end = world.chance.choice(UNITS), world.now // DAY * DAY
    kind = world.chance.choice(("INDICATOR", "ZERO_REPORT", "HEARTBEAT", "SUPPLIES"))
    fields: dict[str, dict[str, Any]] = {
        "INDICATOR": {
            "indicator": world.chance.choice(INDICATORS),
            "unit_of_count": "PERSON_TIME",
            "value": world.chance.randint(-5, 100_000),
            "rounded_to": world.chance.choice((1, 100, 10_000)),
            "lower_bound": world.chance.random() < 0.2,
            "nature": "FLOW",
            "period_from": end - DAY,
            "period_until": end,
        },
        "ZERO_REPORT": {"indicator": world.chance.choice(INDICATORS), "period_until": end},
        "HEARTBEAT": {},
        "SUPPLIES": {"item": "masks", "unit_of_count": "PIECE", "received": 2_517_000, "issued": 2_364_000},
    }
    world.made[f"report {kind}"] += 1
    world.event("reports", unit, kind, **world.delays(), **fields[kind])


@scenario("families")
def urgent_care(world: World) -> None:
    world.made["urgent care"] += 1
    if world.chance.random() < 0.6:
        world.event("urgent-care", world.person(), "URGENT_NEED", need="self-harm risk", unit="unit-1")
    else:
        names: dict[str, Any] = {"responds_source": "desk-1", "responds_sequence": 3}
        world.event("urgent-care", world.person(), "RESPONSE", **names)
