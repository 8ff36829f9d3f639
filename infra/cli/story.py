"""A person's story as people read it."""

import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from infra.column_store import reader_client
from infra.home import Home
from replay.explain import Story, explain
from streams.clocks import outcome

WIDTH = 118
# Local time of the documents; an event that states its own offset is told in that.
LOCAL_OFFSET_MINUTES = 480


def story_of(home: Home, token: str, as_of: int) -> Story:
    """The story of a token as of a time (UTC milliseconds)."""
    client = reader_client(home)
    try:
        return explain(client, token, as_of)
    finally:
        client.disconnect()


def tell(story: Story) -> str:
    """The story as text, oldest first: what was observed, the risk and the deadlines that follow, and because of which
    events."""
    lines = [
        f"{story.token} as known at {_time(story.as_of)} (times at {_offset(LOCAL_OFFSET_MINUTES)} unless stated)",
        "",
        "Observed",
    ]
    for one in story.observed:
        offset = one.zone_offset_minutes
        too_old = " (too old when it was sent: counted, but no verdict uses it)" if one.too_old else ""
        lines.append(f"  {_time(one.at, offset)}  {one.kind}, event {one.event}{too_old}")
        lines += _wrapped(f"{name} {_plain(value, offset)}" for name, value in one.states.items())
    lines += ["", "Risk"]
    for segment in story.segments:
        lines.append(f"  {_time(segment.start)} to {_time(segment.until)}  {segment.level} by {segment.rule}")
        lines += _wrapped([f"policy {segment.policy}", *_because(segment.evidence)])
    if not story.segments:
        lines.append("  no fact asserts a risk")
    lines += ["", "Deadlines"]
    for clock in story.clocks:
        done = f"verified {_time(clock.done_at)}" if clock.done_at is not None else "not verified"
        lines.append(f"  {_time(clock.due_at)}  lead {clock.lead_id}: {outcome(clock, story.as_of)}")
        states = [clock.deadline_class, f"received {_time(clock.opened_at)}", done]
        lines += _wrapped([*states, *_because(clock.evidence)])
    if not story.clocks:
        lines.append("  no lead was opened")
    now = story.verdict
    lines += ["", f"Advice at that time: {now.level} ({now.rule})" if now else "Advice at that time: no known risk"]
    return "\n".join(lines)


def _because(evidence: Sequence[str]) -> list[str]:
    return [f"because of {evidence[0]}", *evidence[1:]] if evidence else []


def _wrapped(parts: Iterable[str]) -> list[str]:
    """Parts with commas between, under the text of the line above; a part is not broken while it fits a line."""
    joined = ", ".join(part.replace(" ", "\0") for part in parts)
    indent = " " * 20
    lines = textwrap.wrap(
        joined, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )
    return [line.replace("\0", " ") for line in lines]


def _time(at: int, offset_minutes: int = LOCAL_OFFSET_MINUTES) -> str:
    """A time (UTC milliseconds) as people on the spot read it."""
    text = datetime.fromtimestamp(at / 1000, timezone(timedelta(minutes=offset_minutes))).strftime("%Y-%m-%d %H:%M")
    return text if offset_minutes == LOCAL_OFFSET_MINUTES else f"{text} {_offset(offset_minutes)}"


def _offset(minutes: int) -> str:
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _plain(value: Any, offset: int) -> str:
    if isinstance(value, list):
        return "/".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _time(value, offset) if isinstance(value, int) and value > 10**11 else str(value)
