"""What the registry of the Weihai campaign says, each row when it becomes known (reference data)."""

from replay.campaigns.drafts import Draft, local
from replay.campaigns.weihai_calendar import DAY_MS, MINUTE_MS, REFERENCE_FROM
from replay.campaigns.weihai_expected import POLICY, policy
from replay.campaigns.weihai_places import (
    CLOSING_FROM,
    CLOSING_UNTIL,
    COLD_CHAIN_FIRMS,
    CONTAINER_FIRMS,
    DEPARTMENT_STORES,
    DIVISIONS,
    ESTATES,
    LABORATORIES,
    LEADER,
    NIGHT_MARKET,
    OPEN_ESTATES,
    PASSES,
    PROJECTS,
    QUARANTINE_SITE,
    QUAYS,
    REGISTRY,
    RISK_AREAS,
    ROAD,
    SCHOOLS,
    STATION_SITES,
    STOCKS,
    TOWNS,
    UNITS,
    ZONE,
    Site,
    alert_tokens,
    estate_site,
    pass_id,
    team_unit,
    town_unit,
)
from schemas import events
from schemas.codes import SiteKind, UnitOfCount
from schemas.policy import policy_text

_REOPENED = local("2020-03-16T08:00")
_YEAR_END = local("2020-12-31T09:00")
_SCHOOL_CLOSED, _SCHOOL_OPENED = local("2020-01-26T00:00"), local("2020-05-18T00:00")


def registry_drafts(seed: int) -> list[Draft]:
    """All that the registry says but the rosters, each when it becomes known."""
    return [
        *_divisions_and_units(),
        *_sites(),
        *_tiers_and_policy(),
        *_stocks(),
        *_estates(),
        *_schools(),
        *_vehicles(seed),
    ]


def _row(at: int, model: type[events.Event], entity_id: str, **stated: object) -> Draft:
    return Draft(at, REGISTRY, model, {"entity_id": entity_id, **stated})


def _divisions_and_units() -> list[Draft]:
    at = REFERENCE_FROM
    made = [
        _row(at, events.Division, code, name_en=english, name_zh=chinese, parent=parent, level=level)
        for code, english, chinese, parent, level in DIVISIONS
    ]
    made += [
        _row(at, events.Unit, unit, name_en=english, name_zh=chinese, division=ZONE, parent=parent)
        for unit, english, chinese, parent in UNITS
    ]
    for town in TOWNS:
        name = next(name for code, name, *_ in DIVISIONS if code == town)
        made.append(_row(at, events.Unit, town_unit(town), name_en=name, division=town))
        team = team_unit(town)
        named = {"name_en": f"Follow-up team, {name}", "division": town, "parent": "wh-psb-task-force"}
        made.append(_row(at, events.Unit, team, **named, category="FOLLOW_UP_TEAM"))
        lead = {"item": LEADER, "quantity": 1, "unit_of_count": UnitOfCount.PERSON, "parent": team, "valid_from": at}
        made.append(_row(at, events.Resource, f"{team}-leader", **lead))
    for category, label, count in (
        ("PCR_LABORATORY", "Laboratory", LABORATORIES),
        ("COLD_CHAIN", "Cold-chain carrier", COLD_CHAIN_FIRMS),
        ("NON_COLD_CONTAINER", "Container carrier outside the cold chain", CONTAINER_FIRMS),
    ):
        prefix = f"wh-{category.lower().replace('_', '-')}"
        made += [
            _row(
                at,
                events.Unit,
                f"{prefix}-{number:02d}",
                name_en=f"{label} {number}",
                division=ZONE,
                category=category,
            )
            for number in range(1, count + 1)
        ]
    made += [
        _row(
            at,
            events.Unit,
            project,
            name_en=f"Building project {number}",
            division=ZONE,
            parent="wh-construction",
            category="BUILDING_PROJECT",
        )
        for number, project in enumerate(PROJECTS, start=1)
    ]
    return made


def _sites() -> list[Draft]:
    at = REFERENCE_FROM
    sites = (*STATION_SITES, *QUAYS, ROAD, NIGHT_MARKET, QUARANTINE_SITE)
    made = [_site(at, site) for site in sites]
    made += [
        _row(
            at,
            events.Site,
            f"wh-department-store-{number}",
            site_kind=SiteKind.VENUE,
            name_en=f"Department store {number}",
            division=ZONE,
            category="DEPARTMENT_STORE",
        )
        for number in range(1, DEPARTMENT_STORES + 1)
    ]
    return made


def _tiers_and_policy() -> list[Draft]:
    made = [
        _row(
            max(REFERENCE_FROM, local(since) - 30 * MINUTE_MS),
            events.RiskArea,
            area,
            tier=tier,
            valid_from=local(since),
        )
        for area, tier, since in RISK_AREAS
    ]
    made.append(
        _row(REFERENCE_FROM, events.PolicyVersion, POLICY, valid_from=policy().valid_from, document=policy_text(POLICY))
    )
    return made


def _site(at: int, site: Site) -> Draft:
    named = {"name_en": site.name_en, "name_zh": site.name_zh, "division": site.division}
    return _row(at, events.Site, site.id, site_kind=site.kind, **named)


def _stocks() -> list[Draft]:
    return [
        _row(
            _YEAR_END,
            events.Resource,
            f"wh-{item}",
            item=item,
            quantity=quantity,
            unit_of_count=unit,
            name_en=english,
            name_zh=chinese,
            division=ZONE,
            valid_from=_YEAR_END,
        )
        for item, _, quantity, unit, english, chinese in STOCKS
    ]


def _estates() -> list[Draft]:
    """A closure order for each estate, and its end. Gated estates were closed on the first morning."""
    made = []
    for number in range(ESTATES):
        is_open, site = number < OPEN_ESTATES, estate_site(number)
        town = TOWNS[number % len(TOWNS)]
        category = "OPEN_ESTATE" if is_open else "GATED_ESTATE"
        named = {"name_en": f"Estate {number + 1}", "division": town, "category": category}
        made.append(_row(REFERENCE_FROM, events.Site, site, site_kind=SiteKind.COMMUNITY, **named))
        step = (CLOSING_UNTIL - CLOSING_FROM) // (OPEN_ESTATES - 1)
        closed = CLOSING_FROM + (step * number if is_open else 0)
        if number == OPEN_ESTATES - 1:
            closed = CLOSING_UNTIL
        order = {"division": town, "parent": site, "valid_from": closed, "approver_role": "estate-closure-group"}
        stated = {**order, "category": "ESTATE_CLOSURE", "announced_at": closed}
        made.append(_row(closed - 30 * MINUTE_MS, events.ClosureOrder, f"{site}-closure", **stated))
        lifted = _REOPENED + number * MINUTE_MS
        made.append(_row(lifted - DAY_MS, events.ClosureOrder, f"{site}-closure", **stated, valid_until=lifted))
    return made


def _schools() -> list[Draft]:
    """Schools are closed from 26 January (A002-25)."""
    made = []
    for number, school in enumerate(SCHOOLS, start=1):
        town = TOWNS[number]
        named = {"name_en": f"School {number}", "name_zh": f"第{number}学校", "division": town}
        made.append(_row(REFERENCE_FROM, events.Unit, school, **named, parent="wh-education", category="SCHOOL"))
        made.append(_row(REFERENCE_FROM, events.Site, f"{school}-gate", site_kind=SiteKind.SCHOOL, **named))
        order = {"division": town, "parent": f"{school}-gate", "valid_from": _SCHOOL_CLOSED}
        stated = {**order, "category": "SCHOOL_CLOSURE", "approver_role": "school-control-group"}
        closure = f"{school}-closure"
        made.append(_row(_SCHOOL_CLOSED - DAY_MS, events.ClosureOrder, closure, **stated))
        made.append(_row(_SCHOOL_OPENED - DAY_MS, events.ClosureOrder, closure, **stated, valid_until=_SCHOOL_OPENED))
    return made


def _vehicles(seed: int) -> list[Draft]:
    since, until = local("2020-02-10T00:00"), local("2020-06-30T00:00")
    made = [
        _row(
            since - DAY_MS,
            events.Pass,
            pass_id(number),
            valid_from=since,
            valid_until=until,
            approver_role="transport-liaison",
            parent="wh-transport",
            category="EMERGENCY_SUPPLIES_VEHICLE",
        )
        for number in range(PASSES)
    ]
    alerts = [
        _row(
            local("2020-02-01T08:00"),
            events.VehicleAlert,
            token,
            valid_from=local("2020-02-01T12:00"),
            valid_until=local("2020-05-01T00:00"),
            approver_role="traffic-police-duty-officer",
        )
        for token in alert_tokens(seed)
    ]
    return made + alerts
