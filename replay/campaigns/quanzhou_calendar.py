"""Times of the Quanzhou campaign, UTC milliseconds: 2 February (農歷正月初九) to 17 March 2020 (截至3月17日)."""

from replay.campaigns.drafts import local

REFERENCE_FROM = local("2020-02-01T12:00")
SINCE = local("2020-02-02T00:00")
FIRST_DAY_ENDS = local("2020-02-03T00:00")
"""What the article says of 2 February itself: before this time (T9)."""

RESUMPTION_FROM = local("2020-02-17T00:00")
TO_DATE = local("2020-03-18T00:00")
"""Figures "as of 17 March" and "up to now": before this time."""

REPORTS_UNTIL = local("2020-03-20T00:00")
"""Life goes on after the article: later events and reports leave its figures as they are (T9)."""

UNTIL = local("2020-03-26T00:00")
"""After the last deadline, and after what devices send days late."""

AS_OF_FIRST_DAY = "2020-02-02"
AS_OF = "2020-03-17"
