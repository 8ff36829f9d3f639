"""Quantiles of distributions as the page shows them."""

from collections.abc import Iterable
from typing import NamedTuple

from infra.lag.snapshot import Distribution


class Quantile(NamedTuple):
    """Seconds; ``above``: it lies above the last bound, which is what stands in ``seconds``."""

    seconds: float
    above: bool


class Spread(NamedTuple):
    """The middle, the slowest of twenty and the slowest of a hundred, of so many ``observations``."""

    p50: Quantile | None
    p95: Quantile | None
    p99: Quantile | None
    observations: int


def quantile(distribution: Distribution, share: float) -> Quantile | None:
    """None without observations."""
    found = distribution.quantile(share)
    if found is None:
        return None
    if found == float("inf"):
        return Quantile(distribution.bounds[-1] if distribution.bounds else 0.0, above=True)
    return Quantile(found, above=False)


def spread(distribution: Distribution) -> Spread:
    """What the page shows of a distribution."""
    p50, p95, p99 = (quantile(distribution, share) for share in (0.5, 0.95, 0.99))
    return Spread(p50, p95, p99, distribution.count)


def merged(distributions: Iterable[Distribution]) -> Distribution | None:
    """All observations together; None without any, or where their bounds differ."""
    found = [one for one in distributions if one.count]
    if not found or any(one.bounds != found[0].bounds for one in found):
        return None
    counts = tuple(map(sum, zip(*(one.counts for one in found), strict=True)))
    return Distribution(found[0].bounds, counts, sum(one.total for one in found))
