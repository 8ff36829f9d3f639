"""A person's story as people read it, and why a verdict was not another."""

import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby, islice

from infra.asking_then import known_of
from infra.cli.story_deadlines import because, deadlines, summary
from infra.cli.story_times import LOCAL_OFFSET_MINUTES, local_time, offset_text
from infra.cli.story_words import sentence
from infra.home import Home
from replay.story import Observed, Story, story
from replay.why_not import Looked, Reason, RuleName, WhyNot
from schemas.codes import RiskLevel
from streams.risk import Segment

WIDTH = 118
FEWEST_REPEATED = 3
"""So many observations in a row that say the same are told once."""

MOST_TOLD = 12
"""Observations of one rule that are told, the latest; --json has all."""


def story_of(home: Home, token: str, as_of: int) -> Story:
    """The story of a token as of a time (UTC milliseconds)."""
    return story(known_of(home, token, as_of))


def tell(story: Story) -> str:
    """The story as text, oldest first: what happened, the risk and the deadlines that follow, and because of which
    events."""
    zone = offset_text(LOCAL_OFFSET_MINUTES)
    lines = [
        f"{story.token} as known at {local_time(story.as_of)} (times at {zone} unless stated)",
        "",
        "What happened 经过",
    ]
    for text, run in groupby(story.observed, key=_sentence):
        lines += _happened(text, list(run))
    lines += ["", "Risk 风险"]
    for segment in story.segments:
        lines.append(f"  {local_time(segment.start)} to {local_time(segment.until)}  {_level(segment)}")
        lines += _wrapped([f"policy {segment.policy}", *because(segment.evidence)])
    if not story.segments:
        lines.append("  no fact asserts a risk 未见风险")
    lines += ["", "Deadlines and duties 时限与职责"]
    for due_at, text, parts in deadlines(story.clocks, story.names, story.as_of):
        lines += [*_told(local_time(due_at), text), *_wrapped(parts)]
    lines.append(f"  {summary(story.clocks, story.as_of)}" if story.clocks else "  none 无")
    now = (
        f"{_level(story.verdict)} until {local_time(story.verdict.until)}"
        if story.verdict
        else "no known risk 未见风险"
    )
    lines += ["", f"Advice at that time 当时建议: {now}"]
    return "\n".join(lines)


def _sentence(one: Observed) -> str:
    too_old = " Too old when it was sent 超出追溯期: counted, but no verdict uses it." if one.too_old else ""
    return f"{sentence(one)}.{too_old}"


def _happened(text: str, run: Sequence[Observed]) -> list[str]:
    """What was observed at a time, or again and again with nothing else in between."""
    times = [local_time(one.at, one.zone_offset_minutes) for one in run]
    if len(run) >= FEWEST_REPEATED:
        return _told(times[0], f"{text} {len(run)} times until {times[-1]}. [{', '.join(one.event for one in run)}]")
    return [line for when, one in zip(times, run, strict=True) for line in _told(when, f"{text} [{one.event}]")]


def _level(segment: Segment) -> str:
    rules = " + ".join(_rule(name) for name in segment.rule.split("+"))
    return f"{_of_level(RiskLevel[segment.level])} by {rules}"


def _rule(name: str) -> str:
    found = next((rule for rule in RuleName if rule.value == name), None)
    return f"{found.english} {found.chinese}" if found else name


def _told(when: str, text: str) -> list[str]:
    """A time and what happened then, with the lines that follow under the text."""
    return _filled(f"  {when}  ", text, " " * 20)


def _filled(first: str, text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )


def tell_why_not(found: WhyNot) -> str:
    """Why the verdict was not a level, as text: what is in force, then rule by rule what it wants, and what of that was
    not there."""
    asked = _of_level(found.asked)
    zone = offset_text(LOCAL_OFFSET_MINUTES)
    lines = [f"{found.token} as known at {local_time(found.as_of)} (times at {zone})", ""]
    now = _of_level(found.level)
    if found.in_force:
        now = f"{_level(found.in_force)}, policy {found.in_force.policy}, until {local_time(found.in_force.until)}"
    if found.is_in_force:
        lines.append(f"{now}: it is in force 生效中")
    else:
        lines.append(f"Not {asked}: what is in force is {'higher' if found.is_above else 'lower'}, {now}")
    if found.in_force:
        lines += _wrapped(because(found.in_force.evidence))
    if found.asked is RiskLevel.ERROR and not found.is_in_force:
        lines.append("No rule failed on what was known")
    for rule, group in groupby(found.looked, key=lambda one: one.rule):
        wanted = found.wanted[rule]
        lines += ["", *_filled("", f"{rule.english} {rule.chinese}{f': {wanted}' if wanted else ''}", "  ")]
        runs = [list(run) for _, run in groupby(group, key=_alike)]
        for run in islice(runs, MOST_TOLD):
            lines += _looked(run)
        if left := sum(map(len, runs[MOST_TOLD:])):
            lines.append(f"  and {left} earlier ones")
    return "\n".join(lines)


def _alike(one: Looked) -> tuple[object, ...]:
    """What two observations share that are told as one: all but their event and its time."""
    return one._replace(event=None, at=None)


def _looked(run: Sequence[Looked]) -> list[str]:
    one = run[0]
    if one.event is None or one.at is None:
        said = f": {one.said}" if one.said != one.reason.english else ""
        return [f"  {one.reason.english} {one.reason.chinese}{said} (policy {one.policy})"]
    what = f"{one.reason.english} {one.reason.chinese}"
    if one.reason in (Reason.OTHER_LEVEL, Reason.IN_FORCE) or one.reason in (Reason.ENDED, Reason.ENDED_EARLY):
        what += f", {one.level.value} until {local_time(one.until or 0)}"
    if one.because:
        what += f", because of {one.because}"
    times = f" {len(run)} times since {local_time(run[-1].at or 0)}." if len(run) > 1 else ""
    events = ", ".join(str(each.event) for each in run)
    text = f"{one.said[0].upper()}{one.said[1:]}: {what}.{times} Policy {one.policy}. [{events}]"
    return _told(local_time(one.at), text)


def _of_level(level: RiskLevel) -> str:
    return f"{level.value} ({level.english} {level.chinese})"


def _wrapped(parts: Iterable[str]) -> list[str]:
    """Parts with commas between, under the text of the line above; a part is not broken while it fits a line."""
    joined = ", ".join(part.replace(" ", "\0") for part in parts)
    indent = " " * 20
    lines = textwrap.wrap(
        joined, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )
    return [line.replace("\0", " ") for line in lines]
