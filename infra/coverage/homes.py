"""Where a row lives, looked up in the code and the shipped policies: a home that is gone is a gap.

A home is written ``kind:name``:

- ``event:TOPIC/KIND`` an event that can be published; with ``.FIELD`` a field of it; ``reference:KIND`` for short;
- ``code:ENUMERATION/SYMBOL`` a code that events may carry;
- ``rule:MODULE.NAME`` a module, a function, a class or a method;
- ``deadline:POLICY/CLASS``, ``duty:``, ``schedule:``, ``programme:``, ``admission:POLICY/NAME``, ``tier:POLICY/TIER``
  or ``tier:POLICY/MEASURE``, ``measure:`` (whatever the tier), ``flow:``, ``population:``, ``reserve:``,
  ``permit:POLICY/TIER`` (large events), ``supplies:POLICY``, ``lifting:POLICY``, ``risk:POLICY/RULE`` what a shipped
  policy states;
- ``view:DATABASE.NAME`` a table or view that a migration makes;
- ``figure:ROW`` or ``figure:ROW/PART`` a figure of a campaign; ``campaign:NAME``.
"""

import pkgutil
import re
from collections.abc import Callable, Iterable
from functools import cache
from types import MappingProxyType

from schemas import codes, events
from schemas.codes import Code
from schemas.policy import BadPolicy, Policy, parse_policy, policy_text

_MADE = re.compile(r"CREATE (?:OR REPLACE )?(?:TABLE|VIEW|MATERIALIZED VIEW) (?:IF NOT EXISTS )?([\w.]+)")


class Unresolved(LookupError):
    """A home is not there; the text names it and what was looked for."""


def resolve(home: str) -> None:
    """Look a home up. Raises `Unresolved`."""
    kind, _, name = home.partition(":")
    if kind not in _KINDS:
        raise Unresolved(f"{home}: no such kind of home")
    _KINDS[kind](home, name)


def unresolved(homes: Iterable[str]) -> list[str]:
    """What is wrong with the homes that are not there."""
    found = []
    for home in homes:
        try:
            resolve(home)
        except Unresolved as error:
            found.append(str(error))
    return found


def _event(home: str, name: str) -> None:
    (topic, _, rest) = name.partition("/")
    kind, _, field = rest.partition(".")
    model = events.MODELS.get((topic, kind))
    if model is None:
        raise Unresolved(f"{home}: no event of kind {kind} on {topic}")
    if field and field not in model.model_fields:
        raise Unresolved(f"{home}: {kind} has no field {field}")


def _reference(home: str, name: str) -> None:
    _event(home, f"reference/{name}")


def _code(home: str, name: str) -> None:
    enumeration, _, symbol = name.partition("/")
    found = getattr(codes, enumeration, None)
    if not (isinstance(found, type) and issubclass(found, Code)) or symbol not in found.__members__:
        raise Unresolved(f"{home}: no such code in schemas.codes")


def _rule(home: str, name: str) -> None:
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise Unresolved(f"{home}: {error}") from None


@cache
def _policy(name: str) -> Policy:
    return parse_policy(policy_text(name), name)


def _stated(names: Callable[[Policy], Iterable[str]]) -> Callable[[str, str], None]:
    """A home in a policy, by what of it has a name."""

    def look_up(home: str, name: str) -> None:
        policy, _, part = name.partition("/")
        try:
            stated = set(names(_policy(policy)))
        except BadPolicy as error:
            raise Unresolved(f"{home}: {error}") from None
        if part not in stated:
            raise Unresolved(f"{home}: the policy states {', '.join(sorted(stated)) or 'nothing of the kind'}")

    return look_up


def _measures(policy: Policy) -> list[str]:
    tiers = [rule.tier.value for rule in policy.tiers]
    return tiers + [measure.name for rule in policy.tiers for measure in rule.measures]


def _view(home: str, name: str) -> None:
    if name not in _made():
        raise Unresolved(f"{home}: no migration makes it")


@cache
def _made() -> frozenset[str]:
    from sinks.migrations import migrations

    return frozenset(name for migration in migrations() for name in _MADE.findall(migration.text))


def _figure(home: str, name: str) -> None:
    if not any(ref == name or ref.startswith(f"{name}/") for ref in _figures()):
        raise Unresolved(f"{home}: no campaign has such a figure")


@cache
def _figures() -> frozenset[str]:
    from replay.campaigns import CAMPAIGNS

    return frozenset(figure.ref for campaign in CAMPAIGNS.values() for figure in campaign.figures)


def _campaign(home: str, name: str) -> None:
    from replay.campaigns import CAMPAIGNS

    if name not in CAMPAIGNS:
        raise Unresolved(f"{home}: there is {', '.join(CAMPAIGNS)}")


_KINDS: MappingProxyType[str, Callable[[str, str], None]] = MappingProxyType(
    {
        "event": _event,
        "reference": _reference,
        "code": _code,
        "rule": _rule,
        "deadline": _stated(lambda policy: [rule.deadline_class for rule in policy.deadlines]),
        "duty": _stated(lambda policy: [rule.name for rule in policy.duties]),
        "schedule": _stated(lambda policy: [rule.name for rule in policy.schedules]),
        "programme": _stated(lambda policy: [rule.name for rule in policy.programmes]),
        "admission": _stated(lambda policy: [rule.name for rule in policy.admission]),
        "tier": _stated(_measures),
        "measure": _stated(lambda policy: [one.name for one in policy.measures]),
        "flow": _stated(lambda policy: [one.name for one in policy.flows]),
        "population": _stated(lambda policy: [one.name for one in policy.populations]),
        "reserve": _stated(lambda policy: [one.name for one in policy.reserves]),
        "permit": _stated(lambda policy: [rule.tier.value for rule in policy.events]),
        "supplies": _stated(lambda policy: [""] if policy.supplies else []),
        "lifting": _stated(lambda policy: [""] if policy.lifting else []),
        "risk": _stated(lambda policy: type(policy.risk).model_fields),
        "view": _view,
        "figure": _figure,
        "campaign": _campaign,
    }
)
