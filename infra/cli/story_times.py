"""Times of a story as people on the spot read them."""

from datetime import datetime, timedelta, timezone

# Local time of the documents; an event that states its own offset is told in that.
LOCAL_OFFSET_MINUTES = 480
LAST_TOLD = 253_402_214_400_000  # the end of the year 9999, as far as calendars go


def local_time(at: int, offset_minutes: int = LOCAL_OFFSET_MINUTES) -> str:
    """A time (UTC milliseconds) as people on the spot read it."""
    if at > LAST_TOLD:
        return "further notice"
    text = datetime.fromtimestamp(at / 1000, timezone(timedelta(minutes=offset_minutes))).strftime("%Y-%m-%d %H:%M")
    return text if offset_minutes == LOCAL_OFFSET_MINUTES else f"{text} {offset_text(offset_minutes)}"


def offset_text(minutes: int) -> str:
    """An offset from UTC, such as ``+08:00``."""
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
