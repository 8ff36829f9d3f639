"""Times of the Qingdao campaign, UTC milliseconds. The conference was held on 20 February 2020 at 10:00 (A000-19)."""

from replay.campaigns.drafts import ZONE_OFFSET_MINUTES, local

__all__ = ["ENTRIES_FROM", "ENTRIES_UNTIL", "REFERENCE_FROM", "TO_DATE", "UNTIL", "ZONE_OFFSET_MINUTES", "local"]

REFERENCE_FROM = local("2020-01-23T12:00")
ENTRIES_FROM = local("2020-01-25T00:00")
ENTRIES_UNTIL = local("2020-02-20T00:00")
"""Figures of entries are "as of 19 February": events before this time."""

TO_DATE = local("2020-02-20T10:00")
"""All other figures are "to date": events up to this time."""

UNTIL = local("2020-02-26T00:00")
"""After the last deadline (48 h), and after what arrives beyond the horizon of 30 days."""
