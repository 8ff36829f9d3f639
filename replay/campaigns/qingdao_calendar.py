"""Times of the Qingdao campaign, UTC milliseconds. The conference was held on 20 February 2020 at 10:00 (A000-19)."""

from schemas.events import to_milliseconds

ZONE_OFFSET_MINUTES = 480


def local(text: str) -> int:
    """UTC milliseconds of a local time such as ``2020-02-19T08:30``."""
    return int(to_milliseconds(f"{text}:00+08:00"))


REFERENCE_FROM = local("2020-01-23T12:00")
ENTRIES_FROM = local("2020-01-25T00:00")
ENTRIES_UNTIL = local("2020-02-20T00:00")
"""Figures of entries are "as of 19 February": events before this time."""

TO_DATE = local("2020-02-20T10:00")
"""All other figures are "to date": events up to this time."""

UNTIL = local("2020-02-26T00:00")
"""After the last deadline (48 h), and after what arrives beyond the horizon of 30 days."""
