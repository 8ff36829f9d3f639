"""Times of the Weihai campaign, UTC milliseconds. The yearbook speaks of 2020 as a whole; its first date is 24 January
(A002-25), so that is where the campaign begins."""

from replay.campaigns.drafts import local
from replay.campaigns.draws import Draws
from replay.campaigns.schedule import HOUR_MS

MINUTE_MS = 60_000
DAY_MS = 24 * HOUR_MS

REFERENCE_FROM = local("2020-01-23T12:00")
PERIOD_FROM = local("2020-01-24T00:00")
PERIOD_UNTIL = local("2021-01-01T00:00")
"""Every figure is as of the end of 2020 (T9): events before this time."""

UNTIL = local("2021-01-05T00:00")
"""After the last deadline: what is open at the end of the year is finished in the first days of the next."""

AS_OF = "2020-12-31"


def midnight(date: str) -> int:
    """The beginning of a local day such as ``2020-09-01``, UTC milliseconds."""
    return local(f"{date}T00:00")


def daytimes(draws: Draws, count: int, since: int, until: int, opens: int = 7, closes: int = 22) -> list[int]:
    """``count`` times on the days of [since, until), two local midnights, between two hours of the day; unordered."""
    days = draws.integers(count, 0, (until - since) // DAY_MS)
    within = draws.integers(count, opens * HOUR_MS, closes * HOUR_MS)
    times: list[int] = (since + days * DAY_MS + within).tolist()
    return times
