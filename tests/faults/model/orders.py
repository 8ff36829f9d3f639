"""Closure orders: one that outlasts the downgrade of its area must be lifted in time.

Readings chosen where the specification is silent:

- a division lies under every division that any version names as its parent;
- a time at which a notice takes effect or ends counts from the order's first ``valid_from`` on.
"""

from tests.faults.model.clocks import Clock
from tests.faults.model.judgement import HOUR
from tests.faults.model.reference import FOREVER, TIERS, Reference, Written


def lifting_clocks(reference: Reference) -> dict[str, Clock]:
    """The clock of every order that must be lifted: {order: clock}."""
    areas, parents = reference.versions("RISK_AREA"), _parents(reference)
    found = {}
    for order, versions in reference.versions("CLOSURE_ORDER").items():
        division = versions[-1].row["division"]
        over_it = [
            notice
            for area, notices in areas.items()
            if area in _above(division, parents) or division in _above(area, parents)
            for notice in notices
        ]
        clock = _clock(order, versions, over_it, reference)
        if clock is not None:
            found[order] = clock
    return found


def _parents(reference: Reference) -> dict[str, set[str]]:
    parents: dict[str, set[str]] = {}
    for kind in ("DIVISION", "RISK_AREA"):
        for division, versions in reference.versions(kind).items():
            named = {version.row["parent"] for version in versions if version.row["parent"] is not None}
            parents.setdefault(division, set()).update(named)
    return parents


def _above(division: str, parents: dict[str, set[str]]) -> set[str]:
    """A division and all divisions above it."""
    found: set[str] = set()
    waiting = [division]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += parents.get(one, set())
    return found


def _clock(order: str, versions: list[Written], notices: list[Written], reference: Reference) -> Clock | None:
    first_valid = versions[0].row["valid_from"]
    lifted_at = versions[-1].row["valid_until"]
    stated = versions[-1].row["tier"]
    wanted = TIERS.index(stated) if stated != "NOT_STATED" else _tier(notices, first_valid)
    if wanted <= TIERS.index("LOW"):
        return None
    times = {notice.effective_from for notice in notices}
    times |= {notice.row["valid_until"] for notice in notices if notice.row["valid_until"] is not None}
    opened_at: int | None = None
    for at in sorted(time for time in times if time >= first_valid):
        is_lower = _tier(notices, at) < wanted
        if is_lower and opened_at is None:
            opened_at = at
        elif not is_lower and (lifted_at is None or at < lifted_at):
            opened_at = None
    if opened_at is None or (lifted_at is not None and lifted_at < opened_at):
        return None
    hours = reference.policy(opened_at).settings["lifting"]["hours"]
    return Clock("LIFTING", order, opened_at, opened_at + hours * HOUR, lifted_at, None, False, "ORDER")


def _tier(notices: list[Written], at: int) -> int:
    """The highest tier over all areas, by the newest notice of each that has not ended."""
    newest: dict[str, Written] = {}
    for notice in sorted(notices, key=_rank):
        if notice.effective_from <= at:
            newest[notice.entity] = notice
    running = [notice for notice in newest.values() if at < _until(notice)]
    return max((TIERS.index(notice.row["tier"]) for notice in running), default=0)


def _rank(notice: Written) -> tuple[int, int, int, int]:
    return notice.effective_from, notice.row["sent_at"], _until(notice), TIERS.index(notice.row["tier"])


def _until(notice: Written) -> int:
    return FOREVER if notice.row["valid_until"] is None else notice.row["valid_until"]
