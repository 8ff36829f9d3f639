"""Plots of counts over time as SVG: panels one below the other on one axis of time.

Two series in a panel differ in form and not only in colour: the baseline is a grey area, the candidate a line of an
orange that colour-blind readers can tell from it (of the palette of Okabe and Ito).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from math import log10
from typing import NamedTuple

_WIDTH, _LEFT, _RIGHT = 960, 84, 24
_TOP, _PANEL, _GAP, _BOTTOM = 104, 150, 52, 56
_MOST_BINS = 24 * 60
"""More hours than this are shown by the day."""

_STYLES: Mapping[str, str] = {
    "baseline": 'fill="#bbbbbb" stroke="#777777" stroke-width="0.5"',
    "candidate": 'fill="none" stroke="#d55e00" stroke-width="1.4"',
    "changes": 'fill="#d55e00" fill-opacity="0.35" stroke="#d55e00" stroke-width="1"',
}
_HOUR_MS = 3_600_000


class Series(NamedTuple):
    """Counts by hour (hours since 1970, UTC); ``label`` is one of the styles."""

    label: str
    counts: Mapping[int, int]


class Panel(NamedTuple):
    """Series that share a vertical axis, whose title names the unit with ``{bin}`` for hour or day."""

    title: str
    axis: str
    series: Sequence[Series]


def plot(title: str, panels: Sequence[Panel]) -> str:
    """An SVG document."""
    when = sorted(hour for panel in panels for one in panel.series for hour, count in one.counts.items() if count)
    if not when:
        return _svg(_TOP + 40, [_text(_LEFT, 34, title, 18), _text(_LEFT, 76, "Nothing to show: there is none.", 13)])
    size = 1 if when[-1] - when[0] < _MOST_BINS else 24
    first, last = when[0] // size, when[-1] // size + 1
    height = _TOP + len(panels) * (_PANEL + _GAP) + _BOTTOM - _GAP
    parts = [_text(_LEFT, 34, f"{title}, by {'hour' if size == 1 else 'day'}", 18)]
    labels = dict.fromkeys(one.label for panel in panels for one in panel.series)
    parts += _legend(labels) if len(labels) > 1 else []
    scale = (_WIDTH - _LEFT - _RIGHT) / (last - first)
    for number, panel in enumerate(panels):
        top = _TOP + number * (_PANEL + _GAP)
        binned = [(one.label, _binned(one.counts, size)) for one in panel.series]
        most = max((count for _, counts in binned for count in counts.values()), default=0)
        step = _step(most)
        ceiling = max(step * -(-most // step), step)
        parts += _axes(panel, top, ceiling, step, "hour" if size == 1 else "day")
        parts += [_ticks(top, first, last, size, scale, labelled=number == len(panels) - 1)]
        parts += [_steps(counts, first, last, scale, top, ceiling, _STYLES[label]) for label, counts in binned]
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, height - 10, "time (UTC)", 13, "middle"))
    return _svg(height, parts)


def _svg(height: int, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="Helvetica, Arial, sans-serif">'
    )
    return "\n".join([head, f'<rect width="{_WIDTH}" height="{height}" fill="white"/>', *parts, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, size: int, anchor: str = "start", turned: bool = False) -> str:
    turn = f' transform="rotate(-90 {x:g} {y:g})"' if turned else ""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}"{turn}>{escape(text)}</text>'


def _legend(labels: Mapping[str, None]) -> list[str]:
    parts = []
    for number, label in enumerate(labels):
        x = _LEFT + number * 130
        parts.append(f'<path d="M{x} 64 V54 H{x + 28} V64" {_STYLES[label]}/>')
        parts.append(_text(x + 36, 64, label, 13))
    return parts


def _binned(counts: Mapping[int, int], size: int) -> Counter[int]:
    found: Counter[int] = Counter()
    for hour, count in counts.items():
        found[hour // size] += count
    return found


def _step(most: int) -> int:
    """Distance of the grid lines, a round number of which at most four are needed."""
    power: int = 10 ** max(0, int(log10(max(most, 1))) - 1)
    rounds = (factor * power * more for more in (1, 10) for factor in (1, 2, 5))
    return next(step for step in rounds if step * 4 >= most)


def _axes(panel: Panel, top: int, ceiling: int, step: int, size: str) -> list[str]:
    parts = [_text(_LEFT, top - 8, panel.title, 14)]
    parts.append(_text(18, top + _PANEL / 2, panel.axis.format(bin=size), 13, "middle", turned=True))
    for value in range(0, ceiling + 1, step):
        y = top + _PANEL * (1 - value / ceiling)
        colour = "#333333" if value == 0 else "#dddddd"
        parts.append(f'<path d="M{_LEFT} {y:.1f} H{_WIDTH - _RIGHT}" stroke="{colour}" stroke-width="1"/>')
        parts.append(_text(_LEFT - 8, round(y + 4, 1), f"{value:,}", 12, "end"))
    return parts


def _ticks(top: int, first: int, last: int, size: int, scale: float, labelled: bool) -> str:
    """Marks of the axis of time at midnight, or at whole hours where there are few."""
    marks = next(distance for distance in _distances(size) if (last - first) / distance <= 9)
    parts = []
    for place in range(-(-first // marks) * marks, last + 1, marks):
        x = _LEFT + (place - first) * scale
        bottom = top + _PANEL
        parts.append(f'<path d="M{x:.1f} {bottom} V{bottom + 5}" stroke="#333333" stroke-width="1"/>')
        if labelled:
            moment = datetime.fromtimestamp(place * size * _HOUR_MS / 1000, UTC)
            words = moment.strftime("%Y-%m-%d" if marks * size % 24 == 0 else "%m-%d %H:%M")
            parts.append(_text(round(x, 1), bottom + 20, words, 12, "middle"))
    return "\n".join(parts)


def _distances(size: int) -> list[int]:
    hours = [1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 672]
    hours += [672 * 2**power for power in range(1, 30)]
    return [distance // size for distance in hours if distance >= size]


def _steps(counts: Mapping[int, int], first: int, last: int, scale: float, top: int, ceiling: int, style: str) -> str:
    """A step line over bins, along the axis where there is nothing."""
    bottom = top + _PANEL
    filled = {place for place, count in counts.items() if count}
    path, level = [f"M{_LEFT} {bottom}"], 0
    for place in sorted({*filled, *(place + 1 for place in filled), last}):
        value = counts.get(place, 0) if place < last else 0
        if value != level or place == last:
            path.append(f"H{_LEFT + (place - first) * scale:.1f} V{bottom - _PANEL * value / ceiling:.1f}")
            level = value
    return f'<path d="{" ".join(path)}" {style}/>'
