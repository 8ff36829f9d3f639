"""Times of the Dazhou campaign, UTC milliseconds. The article bears no date: it speaks of early 2020 and of the return
to work, so February to the first days of March is our reading."""

from replay.campaigns.drafts import local

REFERENCE_FROM = local("2020-01-31T12:00")
SINCE = local("2020-02-01T00:00")
TO_DATE = local("2020-03-06T00:00")
"""Figures are "up to now" (截至目前): before this time."""

RESUMPTION_FROM = local("2020-02-17T00:00")
"""From here on firms ask to work again."""

REPORTS_UNTIL = local("2020-03-10T00:00")
"""Life goes on after the article: later events and reports leave its figures as they are (T9)."""

UNTIL = local("2020-03-16T00:00")
"""After the last deadline, and after what devices send days late."""

AS_OF = "2020-03-05"
