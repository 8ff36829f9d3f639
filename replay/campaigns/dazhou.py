"""The Dazhou campaign: an article on what the political-legal organs of the city did, early 2020 (seed 001).

Scale applies to education on the spot; all else is whole.
"""

from collections.abc import Iterable
from itertools import chain

from replay.campaigns.campaign import Campaign
from replay.campaigns.dazhou_calendar import SINCE, UNTIL
from replay.campaigns.dazhou_enforcement import enforcement_events
from replay.campaigns.dazhou_figures import FIGURES, IDENTITIES
from replay.campaigns.dazhou_people import checkpoint_events, follow_up_events
from replay.campaigns.dazhou_places import reference_events
from replay.campaigns.dazhou_reports import report_events
from replay.campaigns.small_run import SmallRun
from schemas.events import Event


def _events(seed: int, scale: float) -> Iterable[Event]:
    return chain(enforcement_events(seed, scale), report_events(seed), follow_up_events(seed), checkpoint_events(seed))


def _start_run(seed: int, scale: float, partitions: int, leads_scale: float) -> SmallRun:
    return SmallRun(
        seed,
        scale,
        partitions,
        leads_scale,
        reference=reference_events(),
        events=_events,
        start=SINCE,
        until=UNTIL,
    )


DAZHOU = Campaign(
    name="dazhou-2020",
    title_en="Dazhou, the political-legal organs in the epidemic, early 2020",
    title_zh="达州市政法机关战“疫”综述(2020年初)",
    seed=20200305,
    default_scale=1.0,
    synthetic=(
        "all times: the article bears no date, February to 5 March 2020 is our reading",
        "the category of every case (the article gives none: OTHER), and who is concerned",
        "whether the 58 cases that involve firms are among the 231: they are kept apart and never added",
        "grid workers and checkpoints by county, the kind of each checkpoint",
        "who was spoken to where and when; what a tip is about",
        "reports that lead up to a published figure; daily and zero reports, the one that is missing",
        "cases of the court and their steps, those that are late; supervision letters and inspections",
        "persons in isolation, their grid workers, contacts, needs and release; passages, readings, decisions",
        "the custody site and the date of its closure",
    ),
    figures=FIGURES,
    start_run=_start_run,
    identities=IDENTITIES,
)
