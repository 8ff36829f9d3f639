"""The Weihai campaign: what the yearbook says of the Economic and Technological Development Zone in 2020 (seed 002).

Scale applies to the many: leads, tests, quarantines, arrivals and patrols. All else is whole.
"""

from collections.abc import Iterable

from replay.campaigns.campaign import Campaign
from replay.campaigns.drafts import stamped
from replay.campaigns.schedule import HOUR_MS
from replay.campaigns.small_run import SmallRun
from replay.campaigns.weihai_arrivals import arrival_drafts
from replay.campaigns.weihai_calendar import PERIOD_FROM, UNTIL
from replay.campaigns.weihai_cases import enforcement_drafts
from replay.campaigns.weihai_episodes import foreigner_drafts, quarantine_drafts
from replay.campaigns.weihai_figures import FIGURES
from replay.campaigns.weihai_identities import IDENTITIES
from replay.campaigns.weihai_leads import lead_drafts
from replay.campaigns.weihai_registry import registry_drafts
from replay.campaigns.weihai_reports import report_drafts, report_rosters
from replay.campaigns.weihai_sampling import sampling_drafts
from replay.campaigns.weihai_schools import school_drafts, school_rosters
from replay.campaigns.weihai_sea import patrol_drafts
from replay.campaigns.weihai_venues import trader_rosters, venue_drafts
from schemas.events import Event

SEED = 20201231
_MARK_EVERY_MS = 12 * HOUR_MS
"""A year of hourly marks would outnumber the events; what a clock says it is proven by does not depend on marks."""


def reference_events(seed: int) -> list[Event]:
    """All that the registry says in the course of the year."""
    return stamped([*registry_drafts(seed), *school_rosters(seed), *report_rosters(), *trader_rosters(seed)])


def campaign_events(seed: int, scale: float) -> Iterable[Event]:
    """Every event but the reference."""
    return stamped(
        [
            *lead_drafts(seed, scale),
            *sampling_drafts(seed, scale),
            *quarantine_drafts(seed, scale),
            *foreigner_drafts(seed),
            *arrival_drafts(seed, scale),
            *patrol_drafts(seed, scale),
            *enforcement_drafts(seed),
            *school_drafts(seed),
            *report_drafts(),
            *venue_drafts(seed),
        ]
    )


def _start_run(seed: int, scale: float, partitions: int, leads_scale: float) -> SmallRun:
    return SmallRun(
        seed,
        scale,
        partitions,
        leads_scale,
        reference=reference_events(seed),
        events=campaign_events,
        start=PERIOD_FROM,
        until=UNTIL,
        mark_every_ms=_MARK_EVERY_MS,
    )


WEIHAI = Campaign(
    name="weihai-2020",
    title_en="Weihai Economic and Technological Development Zone, yearbook of 2020",
    title_zh="威海经济技术开发区新冠肺炎疫情防控(2020年)",
    seed=SEED,
    default_scale=0.02,
    synthetic=(
        "names and codes below the zone; quays, estates, schools, traders, building projects",
        "leads by source, push mode, registered residence, team, day and step; those still open at the end of the year",
        "attempts, hand-overs after a hit, queries of the data desk by day",
        "names and shares of the 16 classes; days, deadlines and results of tests; who was due and never tested",
        "943 tests of people who return that the text does not divide further",
        "quarantines, foreigners and their release by day; contacts in quarantine",
        "arrivals by station, zone and day; health codes, areas of origin, readings; why travellers were transferred",
        "vehicles at the road checkpoint, who holds a pass, which vehicles were under alert",
        "patrols by quay, day and hour",
        "categories of the 21 cases (the text gives none: OTHER), who was fined how much, who was dealt with",
        "what a finding was about, when a notice was acted upon",
        "traders and customers, and who came to the gates of closed estates",
        "when an estate was closed within a day and a half, and when it was opened again",
        "everything at the two schools: pupils, checks, reports, absences, leave, visitors",
        "supplies by month; reports that lead up to a published figure; daily reports, zeros and silence",
        "tiers of risk areas",
    ),
    figures=FIGURES,
    start_run=_start_run,
    identities=IDENTITIES,
)
