"""The Quanzhou campaign: an article on the Taiwanese Investment Zone, as of 17 March 2020 (seed 003).

Scale applies to the dispatched orders; all else is whole.
"""

from replay.campaigns.campaign import Campaign
from replay.campaigns.quanzhou_calendar import SINCE, UNTIL
from replay.campaigns.quanzhou_events import all_events
from replay.campaigns.quanzhou_figures import FIGURES, IDENTITIES
from replay.campaigns.quanzhou_places import reference_events
from replay.campaigns.small_run import SmallRun


def _start_run(seed: int, scale: float, partitions: int, leads_scale: float) -> SmallRun:
    return SmallRun(
        seed,
        scale,
        partitions,
        leads_scale,
        reference=reference_events(),
        events=all_events,
        start=SINCE,
        until=UNTIL,
    )


QUANZHOU = Campaign(
    name="quanzhou-2020-03-17",
    title_en="Quanzhou Taiwanese Investment Zone, as of 17 March 2020",
    title_zh="防控疫情 泉州臺商投資區政法系統在行動(截至2020年3月17日)",
    seed=20200317,
    default_scale=1.0,
    synthetic=(
        "orders by source, township, day and way of verification; who is asked for; the few verified a day late",
        "reports that lead up to a published figure; daily zero reports, the one that is missing",
        "disputes by township and week; days of consultations and applications for legal aid",
        "drivers spoken to, tips and rumours online, inspections of firms: the article gives no numbers",
        "names of hospitals and venues, codes of townships, the day of the closure orders, passes, the permitted event",
    ),
    figures=FIGURES,
    start_run=_start_run,
    identities=IDENTITIES,
)
