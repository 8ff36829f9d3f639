"""A person's story as people read it, and why a verdict was not another."""

import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from itertools import groupby, islice
from typing import Any

from infra.asking_then import known_of
from infra.home import Home
from replay.story import Story, story
from replay.why_not import Looked, Reason, WhyNot
from schemas.codes import RiskLevel
from streams.clocks import outcome

WIDTH = 118
# Local time of the documents; an event that states its own offset is told in that.
LOCAL_OFFSET_MINUTES = 480
LAST_TOLD = 253_402_214_400_000  # the end of the year 9999, as far as calendars go
MOST_TOLD = 12
"""Observations of one rule that are told, the latest; --json has all."""


def story_of(home: Home, token: str, as_of: int) -> Story:
    """The story of a token as of a time (UTC milliseconds)."""
    return story(known_of(home, token, as_of))


def tell(story: Story) -> str:
    """The story as text, oldest first: what was observed, the risk and the deadlines that follow, and because of which
    events."""
    lines = [
        f"{story.token} as known at {local_time(story.as_of)} (times at {_offset(LOCAL_OFFSET_MINUTES)} unless stated)",
        "",
        "Observed",
    ]
    for one in story.observed:
        offset = one.zone_offset_minutes
        too_old = " (too old when it was sent: counted, but no verdict uses it)" if one.too_old else ""
        lines.append(f"  {local_time(one.at, offset)}  {one.kind}, event {one.event}{too_old}")
        lines += _wrapped(f"{name} {_plain(value, offset)}" for name, value in one.states.items())
    lines += ["", "Risk"]
    for segment in story.segments:
        lines.append(f"  {local_time(segment.start)} to {local_time(segment.until)}  {segment.level} by {segment.rule}")
        lines += _wrapped([f"policy {segment.policy}", *_because(segment.evidence)])
    if not story.segments:
        lines.append("  no fact asserts a risk")
    lines += ["", "Deadlines"]
    for clock in story.clocks:
        done = f"verified {local_time(clock.done_at)}" if clock.done_at is not None else "not verified"
        lines.append(f"  {local_time(clock.due_at)}  lead {clock.lead_id}: {outcome(clock, story.as_of)}")
        states = [clock.deadline_class, f"received {local_time(clock.opened_at)}", done]
        lines += _wrapped([*states, *_because(clock.evidence)])
    if not story.clocks:
        lines.append("  no lead was opened")
    now = story.verdict
    lines += ["", f"Advice at that time: {now.level} ({now.rule})" if now else "Advice at that time: no known risk"]
    return "\n".join(lines)


def tell_why_not(found: WhyNot) -> str:
    """Why the verdict was not a level, as text: what is in force, then rule by rule what was looked at."""
    asked, level = found.asked, found.level
    now = f"{level.value} ({level.english}, {level.chinese})"
    by = f" by {found.in_force.rule}, policy {found.in_force.policy}" if found.in_force else ""
    until = f" until {local_time(found.in_force.until)}" if found.in_force else ""
    lines = [f"{found.token} as known at {local_time(found.as_of)} (times at {_offset(LOCAL_OFFSET_MINUTES)})", ""]
    if found.is_in_force:
        lines.append(f"{now} is in force{by}{until}")
    else:
        place = "above" if found.is_above else "below"
        lines.append(f"Not {asked.value} ({asked.english}, {asked.chinese}): {now} is in force{by}{until}, {place} it")
    if found.in_force:
        lines += _wrapped(_because(found.in_force.evidence))
    if asked is RiskLevel.ERROR and not found.is_in_force:
        lines.append("No rule failed on what was known")
    for rule, group in groupby(found.looked, key=lambda one: one.rule):
        looked = list(group)
        lines += ["", f"{rule.english} {rule.chinese}"]
        for one in islice(looked, MOST_TOLD):
            lines += _told(one)
        if len(looked) > MOST_TOLD:
            lines.append(f"  and {len(looked) - MOST_TOLD} earlier ones")
    return "\n".join(lines)


def _told(one: Looked) -> list[str]:
    if one.event is None or one.at is None:
        said = f": {one.said}" if one.said != one.reason.english else ""
        return [f"  {one.reason.english} {one.reason.chinese}{said} (policy {one.policy})"]
    what = f"{one.reason.english} {one.reason.chinese}"
    if one.reason in (Reason.OTHER_LEVEL, Reason.IN_FORCE):
        what += f": {one.level.value} until {local_time(one.until or 0)}"
    elif one.reason in (Reason.ENDED, Reason.ENDED_EARLY):
        what += f": {one.level.value} ended at {local_time(one.until or 0)}"
    because = f" because of {one.because}" if one.because else ""
    return [
        f"  {local_time(one.at)}  event {one.event}: {what}{because}",
        *_wrapped([one.said, f"policy {one.policy}"]),
    ]


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


def local_time(at: int, offset_minutes: int = LOCAL_OFFSET_MINUTES) -> str:
    """A time (UTC milliseconds) as people on the spot read it."""
    if at > LAST_TOLD:
        return "further notice"
    text = datetime.fromtimestamp(at / 1000, timezone(timedelta(minutes=offset_minutes))).strftime("%Y-%m-%d %H:%M")
    return text if offset_minutes == LOCAL_OFFSET_MINUTES else f"{text} {_offset(offset_minutes)}"


def _offset(minutes: int) -> str:
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _plain(value: Any, offset: int) -> str:
    if isinstance(value, list):
        return "/".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return local_time(value, offset) if isinstance(value, int) and value > 10**11 else str(value)
