"""Values of several rows as that of one that stands for them."""

from collections.abc import Iterable

from infra.lag.snapshot import Distribution


def the_sum(values: Iterable[float | None]) -> float | None:
    """None where one of them is not known: a sum without it would be believed."""
    found = list(values)
    return None if None in found else sum(value for value in found if value is not None)


def largest(values: Iterable[float | None]) -> float | None:
    """None where one of them is not known: it might be larger."""
    found = list(values)
    return None if None in found else max((value for value in found if value is not None), default=None)


def together(seen: Iterable[Distribution | None]) -> Distribution | None:
    """Distributions over the same bounds as one; None where one of them is not known, or has other bounds."""
    found = list(seen)
    known = [one for one in found if one is not None]
    if len(known) < len(found) or len({one.bounds for one in known}) != 1:
        return None
    counts = tuple(map(sum, zip(*(one.counts for one in known), strict=True)))
    return Distribution(known[0].bounds, counts, sum(one.total for one in known))


def whole(value: float | None) -> int | None:
    return None if value is None else int(value)
