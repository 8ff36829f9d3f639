"""The Qingdao campaign: what the press conference of 20 February 2020 reports, as a stream of events (seed 000).

Scale applies to entries only; leads, cases, persons and reports are always whole. Reference data is published first and
wholly, with marks to the end, so that no verdict waits for it.
"""

from collections.abc import Iterator

from replay.campaigns import poison
from replay.campaigns.campaign import Campaign
from replay.campaigns.disturbance import USUAL_RATES, Outbox
from replay.campaigns.draws import Draws
from replay.campaigns.qingdao_calendar import ENTRIES_FROM, TO_DATE, UNTIL
from replay.campaigns.qingdao_cases import enforcement_events
from replay.campaigns.qingdao_entries import (
    COMMUNITY_PERSON_TIMES,
    MOTORWAY_PERSON_TIMES,
    MOTORWAY_VEHICLES,
    ROAD_PERSONS,
    STATION_PERSON_TIMES,
    Entries,
)
from replay.campaigns.qingdao_figures import FIGURES
from replay.campaigns.qingdao_identities import IDENTITIES
from replay.campaigns.qingdao_leads import DISPATCHED, LeadEvents
from replay.campaigns.qingdao_places import reference_events
from replay.campaigns.qingdao_reports import report_events
from replay.campaigns.reference_stream import reference_emissions
from replay.campaigns.schedule import HOUR_MS, Schedule
from replay.campaigns.tokens import Tokens
from replay.emission import Emission
from replay.manifest import Account
from schemas import events
from schemas.codes import AttemptMethod, Direction, SiteKind, SubjectKind, ThermometryMethod
from schemas.policy import default_policy

_SPAN_HOURS = 4
_CONFLICTS = 9
"""Identity conflicts on each topic."""

_MARKS_ALTOGETHER = 38_000
_EVENTS_PER_LEAD = 5.15
_RECORDS_PER_ENTRY = 1.08


class QingdaoRun:
    """One generation of the campaign; see `replay.campaigns.campaign.Run`."""

    def __init__(self, seed: int, scale: float, partitions: int, leads_scale: float) -> None:
        self.scale, self.partitions, self.leads_scale = scale, partitions, leads_scale
        self.account = Account()
        self._seed = seed
        passages = sum(
            (MOTORWAY_VEHICLES, MOTORWAY_PERSON_TIMES, ROAD_PERSONS, STATION_PERSON_TIMES, COMMUNITY_PERSON_TIMES)
        )
        records = passages * scale * _RECORDS_PER_ENTRY + DISPATCHED * leads_scale * _EVENTS_PER_LEAD
        self.expected = round(records) + _MARKS_ALTOGETHER

    def emissions(self) -> Iterator[Emission]:
        seed, account, partitions = self._seed, self.account, self.partitions
        yield from reference_emissions(reference_events(), ENTRIES_FROM, UNTIL, partitions, account)
        schedule = Schedule(ENTRIES_FROM, UNTIL, partitions, account)
        conflicting = [topic.name for topic in poison.POISONED]
        conflict_times = {topic: poison.moments(ENTRIES_FROM, TO_DATE, _CONFLICTS) for topic in conflicting}
        limits = default_policy().arrival.limits
        outbox = Outbox(Draws(seed, "outbox"), schedule, account, partitions, conflict_times, USUAL_RATES, limits)
        followed = Tokens(seed, "followed person")
        leads = LeadEvents(seed, self.leads_scale, outbox, followed)
        entries = Entries(seed, self.scale, outbox, leads.persons, followed)
        outbox.add_events(enforcement_events(seed))
        outbox.add_events(report_events(seed))
        samples = _samples(seed)
        times = poison.moments(ENTRIES_FROM, TO_DATE, len(samples) * len(poison.REASONS))
        poison.sow(samples, times, schedule, account, partitions)
        span = _SPAN_HOURS * HOUR_MS
        for start in range(ENTRIES_FROM, UNTIL, span):
            entries.generate(start, start + span)
            leads.generate(start, start + span)
            yield from schedule.release(start + span)
        yield from schedule.finish()


def _samples(seed: int) -> list[events.Event]:
    """One sound event of each poisoned topic: what poison is made from."""
    token = Tokens(seed, "poison").one(0)
    common = {"source": "faulty", "sequence": 0, "occurred_at": 0, "sent_at": 0, "zone_offset_minutes": 480}
    return [
        events.Passage.model_validate(
            {
                **common,
                "token": token,
                "site": "qd-mw-jiaozhou",
                "site_kind": SiteKind.MOTORWAY,
                "direction": Direction.ENTERING,
                "subject_kind": SubjectKind.PERSON,
            }
        ),
        events.Reading.model_validate(
            {**common, "token": token, "value_tenths": 391, "method": ThermometryMethod.NON_CONTACT}
        ),
        events.LeadVerified.model_validate(
            {**common, "token": token, "lead_id": "qd-lead-none", "method": AttemptMethod.PHONE}
        ),
        events.CaseRegistered.model_validate(
            {**common, "case_id": "qd-case-none", "category": "OTHER", "unit": "qd-psb"}
        ),
        events.Indicator.model_validate(
            {
                **common,
                "unit_id": "qd-hq",
                "indicator": "grids",
                "unit_of_count": "GRID",
                "value": 1,
                "nature": "SNAPSHOT",
                "period_until": TO_DATE + 1,
            }
        ),
    ]


QINGDAO = Campaign(
    name="qingdao-2020-02-20",
    title_en="Qingdao, press conference of 20 February 2020",
    title_zh="青岛市疫情防控指挥部第四次新闻发布会(2020年2月20日)",
    seed=20200220,
    default_scale=0.01,
    synthetic=(
        "leads by source, push mode, home province, district, step and day",
        "entries by site, kind of station, hour and day; entries on the morning of 20 February",
        "health codes, areas of origin, temperature readings, decisions and transfers",
        "passages at communities and workplaces",
        "which person belongs to which case; times of cases and dispositions",
        "reports that lead up to a published figure; heartbeats, zero reports and daily disputes",
        "tiers of risk areas before formal tiers existed",
        "urgent needs",
    ),
    figures=FIGURES,
    start_run=QingdaoRun,
    identities=IDENTITIES,
)
