"""Rules that act on what rows say: enforcement, facts of every kind, sunsets."""

from enum import Enum
from types import UnionType
from typing import Any, get_args, get_origin

import pytest

from schemas import events, topics
from schemas.codes import CaseCategory
from schemas.events import MODELS, Event
from schemas.policy import PolicyBook, parse_policy, policy_text
from schemas.registry import default_registry
from schemas.validity import Limits
from streams.enforcement import Case, CaseFact, CaseFold, case_of
from streams.person_fold import PersonFold
from streams.reference import Reference
from streams.reports import UnitFold
from tests.support.people import DAY, HOUR, MINUTE, NOON, TOKEN
from tests.unit.traps.bench import ToldClock, persons, shipped, units


def enforcement(model: type[Event], sequence: int = 1, **fields: Any) -> Event:
    common = {"source": "station-1", "sequence": sequence, "occurred_at": NOON, "sent_at": NOON}
    return model.model_validate({**common, "zone_offset_minutes": 480, "case_id": "case-1", **fields})


def case(*published: Event) -> Case:
    facts: list[CaseFact] = []
    for event in published:
        facts += CaseFold().facts_of("enforcement", event.record().row)
    return case_of(facts)


def value_for(annotation: Any) -> Any:
    """Some value of a field that must be stated."""
    if get_origin(annotation) is UnionType:
        return value_for(get_args(annotation)[0])
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return list(annotation)[-1]
    return {int: 1, bool: True}.get(annotation, "name-1")


def example(model: type[Event]) -> Event:
    """An event of a kind that states no more than it must."""
    said = {name: value_for(field.annotation) for name, field in model.model_fields.items() if field.is_required()}
    said |= {"source": "desk-1", "occurred_at": NOON, "sent_at": NOON, "zone_offset_minutes": 480}
    said |= {"token": TOKEN} if "token" in said else {}
    said |= {"value_tenths": 385} if "value_tenths" in said else {}
    return model.model_validate(said)


@pytest.mark.parametrize(
    "model",
    [model for (topic, _), model in MODELS.items() if topic not in (topics.REFERENCE.name, topics.URGENT_CARE.name)],
    ids=lambda model: f"{model.topic.name}/{model.kind}",
)
def test_every_kind_of_event_has_a_rule_that_reads_it(model: type[Event]) -> None:
    reference = Reference(Limits())
    folds = (PersonFold(reference, lambda *_: b""), UnitFold(reference, lambda *_: b""), CaseFold())
    (fold,) = (fold for fold in folds if model.topic in fold.topics)
    topic, key, row = example(model).record()
    result = fold.fold({topic: [(key, {**row, "offset": 0})]}, lambda _: {}, NOON)
    assert result.errors == {}


@pytest.mark.row("A004-14")
@pytest.mark.parametrize(
    "category",
    [
        CaseCategory.MEDICAL_ORDER,
        CaseCategory.DISTURBING_ORDER,
        CaseCategory.MARKET_ORDER,
        CaseCategory.SOCIAL_ORDER,
        CaseCategory.WILDLIFE,
        CaseCategory.COUNTERFEIT,
        CaseCategory.SMUGGLING,
        CaseCategory.FRAUD,
    ],
)
def test_every_offence_that_the_plan_names_is_a_category_of_its_own(category: CaseCategory) -> None:
    registered = enforcement(events.CaseRegistered, category=category, unit="station-1")
    assert case(registered) == Case(category.value, ())


@pytest.mark.row("A001-14", "A003-12", "A004-10")
@pytest.mark.parametrize("conduct", ["GATHERING", "NO_MASK", "MINOR_TRAFFIC", "OTHER"])
def test_who_was_educated_on_the_spot_has_no_case_and_no_name(conduct: str) -> None:
    educated = enforcement(events.Education, unit="station-1", conduct=conduct)
    assert case(educated) == Case(None, ())
    assert not [name for name in events.Education.model_fields if "token" in name]


@pytest.mark.row("A001-11", "A003-08")
def test_a_tip_is_no_case_until_one_is_registered() -> None:
    tip = enforcement(events.Tip, unit="grid-1", reason="造谣传谣")
    registered = enforcement(events.CaseRegistered, 2, category="RUMOUR", unit="station-1")
    assert case(tip).category is None
    assert case(registered, tip).category == "RUMOUR"


@pytest.mark.row("A000-08")
def test_a_refusal_at_a_checkpoint_is_read_by_no_rule_of_enforcement_and_is_no_category() -> None:
    refused = {"decision": "REFUSED", "decided_by_role": "gate-keeper", "token": TOKEN, "source": "gate-1"}
    common = {"sequence": 1, "occurred_at": NOON, "sent_at": NOON, "zone_offset_minutes": 480}
    decision = events.Decision.model_validate({**common, **refused})
    assert decision.topic not in CaseFold().topics
    with pytest.raises(ValueError, match="DECISION has no rule"):
        list(CaseFold().facts_of("enforcement", decision.record().row))
    assert not [category for category in CaseCategory if "refus" in category.english or "拒" in category.chinese]


@pytest.mark.row("A001-18", "A002-32", "A004-20")
def test_what_a_supervision_finds_and_has_mended_is_no_case_of_a_person() -> None:
    found = enforcement(events.Finding, unit="shop-1", solved_on_site=False, reason="一米线")
    notice = enforcement(events.SupervisoryNotice, 2, unit="shop-1", reason="监督提示")
    mended = enforcement(events.Rectified, 3, unit="shop-1")
    assert case(mended, found, notice) == Case(None, ())
    facts = [fact for event in (found, notice, mended) for fact in CaseFold().facts_of("e", event.record().row)]
    assert [(getattr(fact, "kind", None), getattr(fact, "unit", None)) for fact in facts] == [
        ("FINDING", "shop-1"),
        ("SUPERVISORY_NOTICE", "shop-1"),
        ("RECTIFIED", "shop-1"),
    ]


@pytest.mark.row("A000-14", "A004-21")
def test_a_measure_ends_at_its_sunset_and_the_next_version_takes_its_place_at_its_own_time() -> None:
    text = policy_text()
    first = text.replace("valid_from = 2020-01-01T00:00:00+08:00", "valid_from = 2020-02-01T00:00:00+08:00")
    strict = first.replace("version = 1\n", "version = 7\nvalid_until = 2020-02-20T00:00:00+08:00\n")
    mild = text.replace("version = 1\n", "version = 8\n").replace("2020-01-01T00", "2020-03-01T00")
    versions = [parse_policy(one) for one in (strict, mild)]
    book = PolicyBook((events.to_milliseconds(policy.valid_from), policy) for policy in versions)
    in_effect = [
        book.in_effect(events.to_milliseconds(f"{day}T00:00:00+08:00")).version
        for day in ("2020-01-31", "2020-02-01", "2020-02-19", "2020-02-20", "2020-03-01")
    ]
    assert in_effect == [1, 7, 7, 1, 8]


def lead_steps(policy: str, at: int, *steps: tuple[type[Event], dict[str, Any]]) -> ToldClock:
    """The clock of a lead pushed in a batch, after some steps at hourly intervals."""
    bench = persons(shipped(policy))
    opened = {"lead_source": "SUPERIOR_NOTICE", "push_mode": "BATCH", "home_province": True, "received_at": at}
    all_steps: list[tuple[type[Event], dict[str, Any]]] = [(events.LeadOpened, opened), *steps]
    for number, (model, said) in enumerate(all_steps):
        when = at + number * HOUR
        common = {"source": "psb-1", "sequence": number, "occurred_at": when, "sent_at": when, "token": TOKEN}
        event = model.model_validate({**common, "zone_offset_minutes": 480, "lead_id": "lead-1", **said})
        bench.publish(event, as_of=when)
    bench.tick(at + 5 * DAY)
    (clock,) = bench.clocks().values()
    return clock


@pytest.mark.row("A002-37")
@pytest.mark.parametrize("method", ["SYSTEM", "PHONE", "VISIT"])
def test_a_lead_may_be_verified_in_each_of_the_three_ways(method: str) -> None:
    found = lead_steps("weihai-2020", NOON, (events.LeadVerified, {"method": method}))
    assert (found.done_at, found.notices) == (NOON + HOUR, ())


@pytest.mark.row("A002-37")
@pytest.mark.parametrize("said", [{}, {"method": "HEARSAY"}])
def test_a_verification_says_in_which_of_the_three_ways(said: dict[str, str]) -> None:
    common = {"source": "psb-1", "sequence": 1, "occurred_at": NOON, "sent_at": NOON, "zone_offset_minutes": 480}
    with pytest.raises(ValueError, match="method"):
        events.LeadVerified.model_validate({**common, "token": TOKEN, "lead_id": "lead-1", **said})


OCTOBER: int = events.to_milliseconds("2020-10-19T12:00:00+08:00")
VERIFIED = (events.LeadDispatched, {"unit": "psb-2"}), (events.LeadVerified, {"method": "VISIT"})


@pytest.mark.row("A004-04")
def test_where_feedback_is_obligatory_only_feedback_stops_the_clock() -> None:
    silent = lead_steps("bayannur-2020", OCTOBER, *VERIFIED)
    assert silent.done_at is None
    assert silent.notices[-1] == "BREACHED"
    fed_back = lead_steps("bayannur-2020", OCTOBER, *VERIFIED, (events.LeadReportedBack, {}))
    assert (fed_back.done_at, fed_back.notices) == (OCTOBER + 3 * HOUR, ())


@pytest.mark.row("A002-29", "A002-30", "A003-07", "A004-15")
def test_stability_work_disputes_and_petitions_can_name_nobody() -> None:
    schema = {field["name"] for field in default_registry().latest(topics.REPORTS.name).fields}
    assert not {name for name in schema if "token" in name or "person" in name or name in ("member", "lead_id")}
    for model in MODELS.values():
        if model.topic is topics.REPORTS:
            with pytest.raises(ValueError, match="Extra inputs"):
                model.model_validate({**example(model).model_dump(), "token": TOKEN})
            with pytest.raises(ValueError, match="pattern"):
                model.model_validate({**example(model).model_dump(), "unit_id": "张三"})


AT_ALL_HOURS = """
[[schedules]]
name = "AT_ALL_HOURS"
name_en = "a word from every shift"
name_zh = "24小时值守"
expects = "REPORT"
source = "A001-16, A002-09, A003-08, A004-11: 24小时; three shifts are practice"
slots = [
    { slot = "EARLY", opens = "00:00", closes = "08:00", grace_minutes = 30 },
    { slot = "DAY", opens = "08:00", closes = "16:00", grace_minutes = 30 },
    { slot = "LATE", opens = "16:00", closes = "23:59", grace_minutes = 30 },
]
"""


@pytest.mark.row("A001-16", "A002-09", "A003-08", "A004-11")
def test_a_watch_at_all_hours_whose_late_shift_is_silent_is_told_by_a_policy_alone() -> None:
    bench = units(parse_policy(policy_text("joint-control-2020") + AT_ALL_HOURS))
    midnight = NOON - 12 * HOUR
    common = {"source": "registry", "sequence": 1, "zone_offset_minutes": 480, "sent_at": midnight - DAY}
    entry = {"entity_id": "watch-1", "parent": "hq", "member": "desk-1", "schedule": "AT_ALL_HOURS"}
    roster = {**common, **entry, "occurred_at": midnight - DAY, "valid_from": midnight, "indicator": "incidents"}
    bench.refer(events.Roster.model_validate(roster), as_of=midnight)
    for number, hour in enumerate((7, 15)):
        at = midnight + hour * HOUR
        said = {"source": "desk-1", "sequence": number, "zone_offset_minutes": 480, "unit_id": "desk-1"}
        said |= {"occurred_at": at, "sent_at": at, "indicator": "incidents", "period_until": at}
        bench.publish(events.ZeroReport.model_validate(said), as_of=at)
        bench.tick(at + HOUR)
    bench.tick(midnight + DAY + 28 * MINUTE)
    assert not [clock for clock in bench.clocks().values() if clock.notices]
    bench.tick(midnight + DAY + 29 * MINUTE)
    missing = [name for name, clock in bench.clocks().items() if clock.notices == ("BREACHED",)]
    assert missing == ["AT_ALL_HOURS/watch-1/2020-02-19/LATE"]
