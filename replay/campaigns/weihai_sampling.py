"""Tests of the Weihai campaign: 19,043 of people who return (A002-02), 61,837 of 16 classes (A002-03), the daily
cross-match of who should have been tested (A002-07), traders and canteen staff among them (A002-35).

Of the 19,043 the text names 2,100 and about 16,000 (其中); the 943 left are nobody's in particular, and the parts need
not close. The names of the 16 classes, their shares, days, deadlines and results are synthetic.
"""

from typing import NamedTuple

from replay.campaigns.drafts import Draft
from replay.campaigns.draws import Draws
from replay.campaigns.schedule import HOUR_MS
from replay.campaigns.tokens import Tokens
from replay.campaigns.weihai_calendar import DAY_MS, PERIOD_FROM, daytimes, midnight
from replay.campaigns.weihai_leads import Lead, risk_area_leads
from replay.campaigns.weihai_places import SCHOOLS
from schemas import events
from schemas.codes import TestResult
from sinks.figures import expected_at

RETURNEES = 19_043
FROM_ABROAD = 2100
FROM_KEY_AREAS = 16_000
KEY_POPULATION_TESTS = 61_837
NEVER_TESTED = 5
"""Due and never tested (应检未检): no published number."""

ABROAD, KEY_AREA, OTHER = "RETURNEE_ABROAD", "RETURNEE_KEY_AREA", "RETURNEE_OTHER"
TRADERS, CANTEEN = "EXPOSED_TRADERS", "CANTEEN_COLD_CHAIN_STAFF"

_LATE_EVERY = 40
_DUE_WITHIN = 48 * HOUR_MS
_PERIOD = 7 * DAY_MS
_KEY_FROM, _KEY_UNTIL = midnight("2020-04-20"), midnight("2020-12-30")


class KeyClass(NamedTuple):
    """One of the 16 classes. ``periodic``: its members must be tested again and again (定期)."""

    population: str
    unit: str
    weight: int
    periodic: bool


KEY_CLASSES = (
    KeyClass("COLD_CHAIN_WORKER", "wh-market", 16, True),
    KeyClass(TRADERS, "wh-market", 10, True),
    KeyClass(CANTEEN, SCHOOLS[0], 4, True),
    KeyClass("PORT_WORKER", "wh-transport", 10, True),
    KeyClass("BORDER_INSPECTOR", "wh-transport", 3, True),
    KeyClass("COURIER", "wh-transport", 5, True),
    KeyClass("DRIVER", "wh-transport", 6, True),
    KeyClass("QUARANTINE_SITE_STAFF", "wh-health", 4, True),
    KeyClass("HEALTH_WORKER", "wh-health", 14, True),
    KeyClass("CARE_HOME_STAFF", "wh-health", 4, True),
    KeyClass("FISHERMAN", "wh-sea", 5, True),
    KeyClass("CUSTODY_STAFF", "wh-psb", 2, True),
    KeyClass("FEVER_PATIENT", "wh-health", 5, False),
    KeyClass("INPATIENT", "wh-health", 8, False),
    KeyClass("CARER_OF_INPATIENT", "wh-health", 3, False),
    KeyClass("CLOSE_CONTACT", "wh-health", 1, False),
)


def sampling_drafts(seed: int, scale: float) -> list[Draft]:
    """All tests: due where that is so, taken, and returned."""
    return [*_returnees(seed, scale), *_key_populations(seed, scale)]


class _Test(NamedTuple):
    """``due``: from when and until when it is due, None: nobody asked for it; UTC milliseconds."""

    task: str
    token: str
    population: str
    unit: str
    taken: int
    due: tuple[int, int] | None


def _drafts(tests: list[_Test], results_after: list[int]) -> list[Draft]:
    drafts = []
    for test, wait in zip(tests, results_after, strict=True):
        about = {"token": test.token, "task": test.task}
        population = {"population": test.population, "unit": test.unit}
        if test.due is not None:
            drafts.append(_due(test.token, test.task, test.population, test.unit, *test.due))
        drafts.append(Draft(test.taken, f"{test.unit}-sampling", events.TestTaken, {**about, **population}))
        result = {**about, "result": TestResult.NEGATIVE, "unit": "wh-health"}
        drafts.append(Draft(test.taken + wait, "wh-laboratory", events.TestReturned, result))
    return drafts


def _due(token: str, task: str, population: str, unit: str, asked: int, due_at: int) -> Draft:
    stated = {"token": token, "task": task, "due_at": due_at, "unit": unit, "population": population}
    return Draft(asked, "wh-health-test-list", events.TestDue, stated)


def _returnees(seed: int, scale: float) -> list[Draft]:
    """Those from key areas are the persons of the leads: what follow-up knows and tests know is compared every day."""
    draws = Draws(seed, "returnee tests")
    count, abroad = expected_at(RETURNEES, scale), expected_at(FROM_ABROAD, scale)
    key = expected_at(FROM_KEY_AREAS, scale)
    leads = risk_area_leads(seed, scale)
    after = draws.integers(key, HOUR_MS, 40 * HOUR_MS).tolist()
    tests = [_of_lead(number, lead, after[number]) for number, lead in enumerate(leads[:key])]
    for population, number_of in ((ABROAD, abroad), (OTHER, count - abroad - key)):
        tokens, prefix = Tokens(seed, population), population.lower().replace("_", "-")
        times = daytimes(draws, number_of, PERIOD_FROM, midnight("2020-12-30"))
        tests += [
            _Test(f"wh-test-{prefix}-{number:05d}", tokens.one(number), population, "wh-health", at, None)
            for number, at in enumerate(times)
        ]
    drafts = _drafts(tests, draws.integers(len(tests), 6 * HOUR_MS, 30 * HOUR_MS).tolist())
    return drafts + [
        _due(
            lead.token,
            f"wh-test-missed-{number}",
            KEY_AREA,
            "wh-health",
            lead.verified,
            lead.verified + _DUE_WITHIN,
        )
        for number, lead in enumerate(leads[key : key + NEVER_TESTED])
    ]


def _of_lead(number: int, lead: Lead, after: int) -> _Test:
    late = number % _LATE_EVERY == _LATE_EVERY - 1
    taken = lead.verified + (_DUE_WITHIN + 3 * HOUR_MS if late else after)
    due = (lead.verified, lead.verified + _DUE_WITHIN)
    return _Test(f"wh-test-key-area-{number:05d}", lead.token, KEY_AREA, "wh-health", taken, due)


def _key_populations(seed: int, scale: float) -> list[Draft]:
    """Tests of the 16 classes; however small the scale, each class comes before one comes again."""
    draws, count = Draws(seed, "key population tests"), expected_at(KEY_POPULATION_TESTS, scale)
    chosen = draws.chosen(count, [one.weight for one in KEY_CLASSES]).tolist()
    chosen[: len(KEY_CLASSES)] = range(len(KEY_CLASSES))
    times = sorted(daytimes(draws, count, _KEY_FROM, _KEY_UNTIL, 8, 18))
    asked_before = draws.integers(count, DAY_MS, 5 * DAY_MS).tolist()
    tokens = [Tokens(seed, one.population) for one in KEY_CLASSES]
    turns = [0] * len(KEY_CLASSES)
    tests = []
    for number, (kind, at) in enumerate(zip(chosen[:count], times, strict=True)):
        turn, turns[kind] = turns[kind], turns[kind] + 1
        due = None
        if KEY_CLASSES[kind].periodic:
            asked = at - asked_before[number]
            late = number % _LATE_EVERY == _LATE_EVERY - 1
            due = (asked, at - 2 * HOUR_MS if late else asked + _PERIOD)
        unit = SCHOOLS[turn % 2] if KEY_CLASSES[kind].population == CANTEEN else KEY_CLASSES[kind].unit
        # A class has about one member for every seven tests, at any scale.
        members = max(count * KEY_CLASSES[kind].weight // 700, 3)
        tests.append(
            _Test(
                f"wh-test-class-{number:05d}",
                tokens[kind].one(turn % members),
                KEY_CLASSES[kind].population,
                unit,
                at,
                due,
            )
        )
    return _drafts(tests, draws.integers(count, 4 * HOUR_MS, 24 * HOUR_MS).tolist())
