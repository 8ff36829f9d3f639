"""The Bayannur exercise: the plan of 9 October 2020, which publishes rules and no figures, played out (seed 004).

In a community of Linhe district the tier goes from low to medium, in its street to high, and back. What the plan asks
for meanwhile comes out of the system: who is admitted, when an order must be lifted, which report is missing. Places
below the district, people and numbers are synthetic.
"""

from collections.abc import Iterable

from replay.campaigns.bayannur_crossings import crossing_events
from replay.campaigns.bayannur_figures import FIGURES
from replay.campaigns.bayannur_people import people_events
from replay.campaigns.bayannur_places import reference_events
from replay.campaigns.bayannur_reports import enforcement_events, report_events
from replay.campaigns.bayannur_script import HOUR_MS, START, UNTIL, Script
from replay.campaigns.campaign import Campaign
from replay.campaigns.disturbance import Rates
from replay.campaigns.small_run import SmallRun
from schemas.events import Event

NAME = "bayannur-exercise"
SEED = 20201009
_RATES = Rates(late=0.0)
"""Records are repeated and out of order as always; none waits for days, so that what is known at an hour of the
exercise is what the script says."""


def reference(seed: int = SEED) -> list[Event]:
    """All that the registry says, in the order of writing."""
    script = Script(seed)
    reference_events(script)
    return script.events


def exercise(seed: int = SEED) -> list[Event]:
    """All other events, in the order of writing."""
    script = Script(seed)
    decisions = crossing_events(script)
    people_events(script, decisions["medium-paper-refused-in-error"])
    report_events(script)
    enforcement_events(script)
    return script.events


def _events(seed: int, scale: float) -> Iterable[Event]:
    """The exercise is whole at any scale: it has no volume to take a share of."""
    return exercise(seed)


def _start_run(seed: int, scale: float, partitions: int, leads_scale: float) -> SmallRun:
    return SmallRun(
        seed,
        scale,
        partitions,
        leads_scale,
        reference=reference(seed),
        events=_events,
        start=START,
        until=UNTIL,
        rates=_RATES,
        conflicts=0,
        mark_every_ms=4 * HOUR_MS,
    )


BAYANNUR = Campaign(
    name=NAME,
    title_en="Bayannur, exercise of the plan of 9 October 2020 for autumn and winter (rules, no published figures)",
    title_zh="巴彦淖尔市秋冬季新冠肺炎疫情防控社会管控工作方案(2020年10月9日)演练",
    seed=SEED,
    default_scale=1.0,
    synthetic=(
        "all of it: the plan publishes rules and no figures; every figure is a count that the exercise must give",
        "townships, communities, villages and sites below the district; units and their reports",
        "the outbreak and its tiers; orders, permits, reserves and rosters",
        "passages, decisions, leads, quarantines, searches, appeals, cases and findings",
    ),
    figures=FIGURES,
    start_run=_start_run,
)
