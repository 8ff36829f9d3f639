"""`policy list|show|check|diff|admit`: policies as data, without a home or a broker."""

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from infra.cli.output import JsonOption, errors, write_json, write_table
from infra.errors import WrongSetting

if TYPE_CHECKING:
    from schemas.codes import Code
    from schemas.policy import Policy
    from streams.admission import Advice, ZoneOfFlow
    from streams.tiers import AppliedMeasure

app = typer.Typer(help="Policies as data: their rules with their sentences, what is wrong, what differs, what follows.")

C = TypeVar("C", bound="Code")

NameArgument = Annotated[str, typer.Argument(help="A policy file (TOML), or the name of a shipped policy.")]


@app.command("list")
def list_(json_output: JsonOption = False) -> None:
    """List the shipped policies."""
    from infra.policies import read_policy, rules
    from schemas.policy import shipped_policies

    rows = []
    for name in shipped_policies():
        policy = read_policy(name)
        stated = rules(policy)
        rows.append(
            {
                "name": name,
                "version": policy.version,
                "valid_from": policy.valid_from.isoformat(),
                "valid_until": policy.valid_until.isoformat() if policy.valid_until else None,
                "rules": len(stated),
                "of_its_own": sum(not rule.from_elsewhere for rule in stated),
            }
        )
    if json_output:
        write_json({"policies": rows})
    else:
        write_table(list(rows[0]), [list(row.values()) for row in rows])


@app.command()
def show(name: NameArgument, json_output: JsonOption = False) -> None:
    """Print every rule of a policy with the sentence it comes from."""
    from infra.policies import rules

    policy = _read(name)
    stated = rules(policy)
    if json_output:
        head = policy.model_dump(mode="json", include={"id", "version", "valid_from", "valid_until"})
        listed = [{"rule": rule.path, "settings": rule.settings, "source": rule.source} for rule in stated]
        write_json({**head, "rules": listed})
        return
    until = f" until {policy.valid_until.isoformat()}" if policy.valid_until else ""
    errors.print(f"{policy.name}, valid from {policy.valid_from.isoformat()}{until}")
    rows = [(rule.path, rule.called, _in_words(rule.settings), rule.source) for rule in stated]
    write_table(("rule", "name", "settings", "source"), rows)


@app.command()
def check(name: NameArgument, json_output: JsonOption = False) -> None:
    """Say whether a text is a policy: every setting that is not, why, and what to do; exit status 1 if there is one."""
    from infra.policies import text_of
    from schemas.policy import BadPolicy, parse_policy

    text, where = text_of(name)
    try:
        policy = parse_policy(text, where)
    except BadPolicy as bad:
        if json_output:
            write_json({"usable": False, "faults": [fault._asdict() for fault in bad.faults]})
        else:
            write_table(("setting", "why", "what to do"), bad.faults)
            many = len(bad.faults) > 1
            errors.print(f"{where}: {len(bad.faults)} setting{'s' if many else ''} cannot be used")
        raise typer.Exit(1) from None
    if json_output:
        write_json({"usable": True, "policy": policy.name, "faults": []})
    else:
        errors.print(f"{where}: {policy.name} can be used")


@app.command()
def diff(first: NameArgument, second: NameArgument, json_output: JsonOption = False) -> None:
    """Compare two policies rule by rule; exit status 1 when they differ.

    Stricter and looser are said of the second, where that can be said.
    """
    from infra.policy_differences import differences

    one, other = _read(first), _read(second)
    found = differences(one, other)
    if json_output:
        write_json({"first": one.name, "second": other.name, "differences": [each._asdict() for each in found]})
    elif found:
        rows = [(each.rule, each.setting, _word(each.first), _word(each.second), each.bearing) for each in found]
        write_table(("rule", "setting", one.name, other.name, f"{other.name} is"), rows)
    else:
        errors.print(f"{one.name} and {other.name} state the same")
    if found:
        raise typer.Exit(1)


@app.command()
def admit(
    policy: Annotated[str, typer.Option(help="A policy file, or a shipped policy.")],
    site_kind: Annotated[str, typer.Option(help="Kind of site, such as SCHOOL.")],
    category: Annotated[str | None, typer.Option(help="Category of the site, such as KTV.")] = None,
    tier: Annotated[str | None, typer.Option(help="Tier whose measures reach the place: LOW, MEDIUM, HIGH.")] = None,
    place: Annotated[str | None, typer.Option(metavar="CODE", help="Division of the place, for --notice.")] = None,
    notice: Annotated[
        list[str] | None, typer.Option(metavar="CODE=TIER", help="Tier of a division (may be repeated).")
    ] = None,
    direction: Annotated[str, typer.Option(help="ENTERING or LEAVING.")] = "ENTERING",
    subject: Annotated[str, typer.Option(help="PERSON, VEHICLE or VESSEL.")] = "PERSON",
    role: Annotated[str, typer.Option(help="Such as PUPIL, STAFF, OUTSIDER.")] = "NOT_STATED",
    temperature: Annotated[str | None, typer.Option(metavar="CELSIUS", help="Reading, such as 37.3.")] = None,
    symptom: Annotated[list[str] | None, typer.Option(help="Such as FEVER (may be repeated).")] = None,
    code: Annotated[str, typer.Option(help="GREEN, YELLOW, RED or NONE_SHOWN.")] = "NOT_STATED",
    origin_tier: Annotated[str, typer.Option(help="Tier of the area of origin.")] = "NOT_STATED",
    certificate: Annotated[bool | None, typer.Option(help="A health certificate was seen.")] = None,
    identity: Annotated[bool | None, typer.Option(help="The identity was checked.")] = None,
    registered: Annotated[bool | None, typer.Option(help="The entry is registered.")] = None,
    mask: Annotated[bool | None, typer.Option(help="A mask is worn.")] = None,
    essential: Annotated[bool | None, typer.Option(help="The subject needs to pass.")] = None,
    exit_pass: Annotated[bool | None, typer.Option("--pass/--no-pass", help="A pass was shown.")] = None,
    json_output: JsonOption = False,
) -> None:
    """Advise on one subject at one checkpoint, with the sentence of every reason; exit status 1 unless it is to admit.

    The person in charge decides, and a refusal is no case.
    """
    from schemas.codes import Direction, HealthCode, RiskTier, Role, SiteKind, SubjectKind, Symptom
    from streams.admission import Entry, advise, zones

    chosen = _read(policy)
    if not chosen.admission:
        raise WrongSetting(f"--policy {policy}: lays down no rule of admission, so that no advice follows from it")
    entry = Entry(
        _code("--site-kind", SiteKind, site_kind),
        _code("--direction", Direction, direction),
        _code("--subject", SubjectKind, subject),
        _code("--role", Role, role),
        category,
        _tenths(temperature),
        tuple(_code("--symptom", Symptom, each) for each in symptom or ()),
        _code("--code", HealthCode, code),
        certificate,
        identity,
        registered,
        mask,
        essential,
        exit_pass,
        _code("--origin-tier", RiskTier, origin_tier),
    )
    applied = _applied(chosen, tier, place, notice or [])
    advice, flow = advise(chosen, entry, {one.measure.name for one in applied}), zones(chosen, entry)
    if json_output:
        write_json(_as_document(chosen, advice, flow, applied))
    else:
        _tell(chosen, advice, flow, applied)
    if advice.reasons:
        raise typer.Exit(1)


def _read(name: str) -> "Policy":
    from infra.policies import read_policy
    from schemas.policy import BadPolicy

    try:
        return read_policy(name)
    except BadPolicy as bad:
        raise WrongSetting(f"{bad}; checkline policy check {name} tells all that is wrong") from bad


def _code(option: str, codes: type[C], symbol: str) -> C:
    try:
        return codes[symbol.upper()]
    except KeyError:
        raise WrongSetting(f"{option} {symbol}: there is no such value; one of {', '.join(codes)}") from None


def _applied(policy: "Policy", tier: str | None, place: str | None, notices: list[str]) -> "tuple[AppliedMeasure, ...]":
    """Measures of tiers at the place: of a tier that is said to reach it, or as notices about divisions bring them."""
    from schemas.codes import RiskTier
    from schemas.divisions import BadDivisionCode, DivisionTree, check_code
    from streams.tiers import TierNotice, measures_at, measures_up_to

    if tier is not None:
        if place or notices:
            raise WrongSetting("--tier says what reaches the place; leave it out, or --place and --notice")
        return measures_up_to(policy, _code("--tier", RiskTier, tier))
    if bool(notices) is not bool(place):
        raise WrongSetting("--place and --notice go together: a notice reaches a place, or does not")
    if place is None:
        return ()
    told = [one.partition("=") for one in notices]
    try:
        for code in (place, *(division for division, _, _ in told)):
            check_code(code)
    except BadDivisionCode as error:
        raise WrongSetting(f"--place, --notice: {error}") from error
    issued = [TierNotice(division, _code("--notice", RiskTier, of_tier), 0) for division, _, of_tier in told]
    found = measures_at(policy, place, 0, issued, DivisionTree())
    return tuple(one for one in found if one.notice is not None)


def _tenths(celsius: str | None) -> int | None:
    """A reading in tenths of a degree. No thermometer tells more, and no rule asks for more."""
    from decimal import Decimal, InvalidOperation

    from schemas.events import RANGES

    if celsius is None:
        return None
    low, high = RANGES["value_tenths"]
    try:
        tenths = Decimal(celsius) * 10
    except InvalidOperation:
        tenths = Decimal("NaN")
    if not tenths.is_finite() or tenths != tenths.to_integral_value() or not low <= tenths <= high:
        raise WrongSetting(
            f"--temperature {celsius}: give degrees Celsius with at most one decimal, {low / 10} to {high / 10}"
        )
    return int(tenths)


def _as_document(
    policy: "Policy", advice: "Advice", flow: "tuple[ZoneOfFlow, ...]", applied: "tuple[AppliedMeasure, ...]"
) -> dict[str, Any]:
    return {
        "policy": policy.name,
        "advice": advice.outcome,
        "reasons": [reason._asdict() for reason in advice.reasons],
        "zones": [step._asdict() for step in flow],
        "measures": [
            {"measure": one.measure.name, "tier": one.tier, "reach": one.reach, "sentence": one.measure.source}
            for one in applied
        ],
    }


def _tell(
    policy: "Policy", advice: "Advice", flow: "tuple[ZoneOfFlow, ...]", applied: "tuple[AppliedMeasure, ...]"
) -> None:
    print(f"{advice.outcome.english} {advice.outcome.chinese} (advice by policy {policy.name})")
    for reason in advice.reasons:
        print(f"  {reason.rule}: {reason.name_en} {reason.name_zh}, {reason.outcome.english}")
        print(f"    {reason.sentence}")
        for seen in reason.seen:
            print(f"    seen: {seen}")
        if reason.not_met:
            print(f"    not met: {', '.join(reason.not_met)}")
    if flow:
        print("zones in their order:")
        for step in flow:
            print(f"  {step.zone.english} {step.zone.chinese}: {step.sentence}")
    if applied:
        print("measures of tiers at the place:")
        for one in applied:
            print(f"  {one.tier.english} {one.tier.chinese}, {one.measure.name}: {one.measure.source}")


def _in_words(settings: Any) -> str:
    """Settings in one line, without what names the rule: ``hours 24, levels RED HIGH``."""
    from infra.policies import NAMES

    return ", ".join(f"{key} {_word(value)}" for key, value in settings.items() if key not in NAMES)


def _word(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case dict():
            return " ".join(f"{key} {_word(each)}" for key, each in value.items())
        case list():
            return " ".join(f"({_word(each)})" if isinstance(each, dict) else str(each) for each in value)
    return str(value)
