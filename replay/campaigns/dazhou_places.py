"""Places, units and rosters of the Dazhou campaign (seed 001). Counties are real; which checkpoint stands where, how
grid workers are spread and which prisons there are is synthetic."""

from typing import Any, NamedTuple

from replay.campaigns.dazhou_calendar import REFERENCE_FROM, REPORTS_UNTIL, SINCE
from replay.campaigns.drafts import Draft, stamped
from replay.campaigns.draws import apportion
from replay.campaigns.schedule import HOUR_MS
from schemas import events
from schemas.codes import DivisionLevel, SiteKind, UnitOfCount
from schemas.policy import parse_policy, policy_text

REGISTRY = "dz-registry"
POLICY = "dazhou-2020"
CITY = "511700"
GRID_WORKERS = 4300
CHECKPOINTS = 93

DAILY_SCHEDULE = "DAILY_REPORT"
DAILY_UNTIL = REPORTS_UNTIL - 4 * HOUR_MS
"""The last day on which a report is expected closes at 20:00."""

DAILY_INDICATOR = "epidemic-incidents"
PERMIT_INDICATOR = "extra-permits-found"
"""Permits beyond what the law asks for, which nobody may add (A001-20: 严禁增设许可)."""

COUNTIES = (
    ("511702", "Tongchuan", "通川区", 18),
    ("511703", "Dachuan", "达川区", 20),
    ("511722", "Xuanhan", "宣汉县", 18),
    ("511723", "Kaijiang", "开江县", 9),
    ("511724", "Dazhu", "大竹县", 16),
    ("511725", "Qu", "渠县", 19),
    ("511781", "Wanyuan", "万源市", 10),
)
"""Code, names, share of grid workers and checkpoints."""

DIVISIONS = (
    ("510000", "Sichuan", "四川省", None, DivisionLevel.PROVINCE),
    (CITY, "Dazhou", "达州市", "510000", DivisionLevel.PREFECTURE),
    *((code, name, chinese, CITY, DivisionLevel.COUNTY) for code, name, chinese, _ in COUNTIES),
)

POLITICAL_LEGAL = (
    ("dz-political-legal", "Political-legal committee", "市委政法委"),
    ("dz-court", "Intermediate court", "市中级法院"),
    ("dz-procuratorate", "Procuratorate", "市检察院"),
    ("dz-psb", "Public security bureau", "市公安局"),
    ("dz-justice", "Justice bureau", "市司法局"),
)
"""The organs that report every day, zero included (A001-01)."""

OTHER_UNITS = (
    ("dz-grid-centre", "Centre for comprehensive governance", "市综治中心"),
    ("dz-petitions", "Petitions bureau", "市信访局"),
    ("dz-prison", "Custody site", "监管场所"),
    ("dz-vehicle-office", "Vehicle and driver services", "车管所"),
)


class Checkpoint(NamedTuple):
    """One of the 93 (A001-10: 重点部位设卡点)."""

    id: str
    kind: SiteKind
    county: str


def checkpoints() -> list[Checkpoint]:
    """Every third on a road, the others at villages and estates."""
    shares = apportion(CHECKPOINTS, [share for *_, share in COUNTIES])
    counties = [code for (code, *_), share in zip(COUNTIES, shares, strict=True) for _ in range(share)]
    kinds = (SiteKind.ROAD, SiteKind.COMMUNITY, SiteKind.COMMUNITY)
    return [
        Checkpoint(f"dz-checkpoint-{number:02d}", kinds[number % 3], county) for number, county in enumerate(counties)
    ]


def grid_unit(county: str) -> str:
    """Unit id of the grid workers of a county."""
    return f"dz-grid-{county}"


def reference_events() -> list[events.Event]:
    """What must be known beforehand, in publishing order."""
    drafts: list[Draft] = []

    def add(model: type[events.Event], entity_id: str, **stated: Any) -> None:
        at = REFERENCE_FROM + 1000 * len(drafts)
        drafts.append(Draft(at, REGISTRY, model, {"entity_id": entity_id, **stated}, delay_ms=0))

    for code, english, chinese, parent, level in DIVISIONS:
        add(events.Division, code, name_en=english, name_zh=chinese, parent=parent, level=level)
    for unit, english, chinese in (*POLITICAL_LEGAL, *OTHER_UNITS):
        add(events.Unit, unit, name_en=english, name_zh=chinese, division=CITY)
    workers = apportion(GRID_WORKERS, [share for *_, share in COUNTIES])
    for (code, english, chinese, _), count in zip(COUNTIES, workers, strict=True):
        unit = grid_unit(code)
        names = {"name_en": f"Grid workers of {english}", "name_zh": f"{chinese}网格员"}
        add(events.Unit, unit, division=code, parent="dz-grid-centre", category="GRID_WORKERS", **names)
        held = {"item": "grid-workers", "quantity": count, "unit_of_count": UnitOfCount.PERSON}
        add(events.Resource, f"{unit}-staff", valid_from=SINCE, parent=unit, division=code, **held, **names)
    for number, site in enumerate(checkpoints(), 1):
        names = {"name_en": f"Checkpoint {number}", "name_zh": f"{number}号卡点"}
        add(events.Site, site.id, site_kind=site.kind, division=site.county, category="CHECKPOINT", **names)
    prison = {"site_kind": SiteKind.CUSTODY, "name_en": "Custody site", "name_zh": "监管场所"}
    add(events.Site, "dz-custody", division="511703", **prison)
    closed = {"category": "CUSTODY_CLOSURE", "approver_role": "headquarters", "name_zh": "监管场所全封闭管理"}
    order = {"division": "511703", "parent": "dz-custody", "announced_at": SINCE}
    add(events.ClosureOrder, "dz-closure-custody", valid_from=SINCE, **order, **closed)
    for unit, *_ in POLITICAL_LEGAL:
        kept = {"schedule": DAILY_SCHEDULE, "indicator": DAILY_INDICATOR, "name_zh": "日报告、零报告"}
        stands = {"parent": "dz-political-legal", "valid_from": SINCE, "valid_until": DAILY_UNTIL}
        add(events.Roster, f"{unit}-daily", member=unit, **stands, **kept)
    policy = parse_policy(policy_text(POLICY), POLICY)
    add(events.PolicyVersion, policy.id, valid_from=policy.valid_from, document=policy_text(POLICY))
    return stamped(drafts)
