"""Numbers and names as people read them."""

from collections.abc import Iterable


def some(names: Iterable[str], most: int = 6) -> str:
    """The first of several names, and how many more there are."""
    listed = list(names)
    more = f" (+{len(listed) - most})" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def lasting(seconds: float) -> str:
    """A stretch of time as people say it: 45 s, 12 min, 3.5 h, 2.0 d."""
    for limit, unit, size in ((120, "s", 1), (7200, "min", 60), (172_800, "h", 3600)):
        if abs(seconds) < limit:
            return f"{seconds / size:.0f} {unit}" if size < 3600 else f"{seconds / size:.1f} {unit}"
    return f"{seconds / 86_400:.1f} d"
