"""Enforcement of the Qingdao campaign: 214 cases of six categories, 259 persons in seven dispositions (A000-06, -07).

A bare refusal at a checkpoint is a decision of the checkpoint and never a case (A000-08).
"""

from typing import Any

from replay.campaigns.draws import Draws
from replay.campaigns.qingdao_calendar import ENTRIES_FROM, TO_DATE, ZONE_OFFSET_MINUTES
from replay.campaigns.schedule import HOUR_MS
from replay.campaigns.tokens import Tokens
from schemas import events
from schemas.codes import CaseCategory, Disposition, Party

CASES = {
    CaseCategory.DISTURBING_ORDER: 68,
    CaseCategory.RUMOUR: 59,
    CaseCategory.COUNTERFEIT: 6,
    CaseCategory.FRAUD: 19,
    CaseCategory.WILDLIFE: 1,
    CaseCategory.OTHER: 61,
}
PERSONS = {
    Disposition.CRIMINAL_DETENTION: 23,
    Disposition.BAIL: 15,
    Disposition.RESIDENTIAL_SURVEILLANCE: 1,
    Disposition.ADMINISTRATIVE_DETENTION: 54,
    Disposition.FINE: 13,
    Disposition.WARNING: 2,
    Disposition.EDUCATION_REPRIMAND: 151,
}


def enforcement_events(seed: int) -> list[events.Event]:
    """All cases and what was imposed on whom, as they occurred. Which person belongs to which case is synthetic."""
    draws, tokens = Draws(seed, "enforcement"), Tokens(seed, "offender")
    categories = [category for category, count in CASES.items() for _ in range(count)]
    dispositions = [disposition for disposition, count in PERSONS.items() for _ in range(count)]
    registered = ENTRIES_FROM + (draws.fractions(len(categories)) * (TO_DATE - ENTRIES_FROM - 24 * HOUR_MS)).astype(int)
    shuffled = draws.fractions(len(dispositions)).argsort(kind="stable").tolist()
    found: list[tuple[int, type[events.Event], dict[str, Any]]] = []
    for number, category in enumerate(categories):
        stated = {"case_id": f"qd-case-{number:04d}", "category": category, "unit": "qd-psb"}
        found.append((int(registered[number]), events.CaseRegistered, stated))
    waits = draws.integers(len(dispositions), HOUR_MS, 23 * HOUR_MS).tolist()
    for person, chosen in enumerate(shuffled):
        # Every case has a first person before one has a second.
        case = person % len(categories)
        stated = {
            "case_id": f"qd-case-{case:04d}",
            "disposition": dispositions[chosen],
            "party": Party.PERSON,
            "party_token": tokens.one(person),
            "unit": "qd-psb",
        }
        found.append((int(registered[case]) + waits[person], events.PersonDisposed, stated))
    found.sort(key=lambda item: item[0])
    return [
        model.model_validate(
            {
                **stated,
                "source": "qd-psb-cases",
                "sequence": sequence,
                "occurred_at": at,
                "sent_at": at + 2000,
                "zone_offset_minutes": ZONE_OFFSET_MINUTES,
            }
        )
        for sequence, (at, model, stated) in enumerate(found)
    ]
