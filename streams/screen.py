"""Which rows of the person topics can matter: columns in, a mask out, by the row and the policy alone.

A needless row may pass; a needed one must never be dropped. It never asks who the person is: that would depend on the
order in which topics are read.
"""

from collections.abc import Sequence
from functools import reduce

import polars as pl

from schemas import topics
from schemas.policy import Policy
from streams.reference import Reference


def screen(topic: str, frame: pl.DataFrame, reference: Reference) -> pl.Expr:
    """Rows of the frame that can matter under any policy version in the book."""
    if topic == topics.FOLLOW_UPS.name:
        return pl.lit(True)
    tests: list[pl.Expr] = []
    if not _all_empty(frame, "symptoms"):
        tests.append(pl.col("symptoms").list.len() > 0)
    if topic == topics.TEMPERATURES.name:
        tests.append(pl.col("value_tenths") >= _loosest(reference.policies.policies))
        tests.append(pl.col("confirms_source").is_not_null())
        tests.append(pl.col("task").is_not_null())
        tests.append(pl.col("slot") != "NOT_STATED")
    else:
        tests.append(pl.col("kind") != "PASSAGE")
        tests.append((pl.col("health_code") != "NOT_STATED") & (pl.col("health_code") != "GREEN"))
        tests += [pl.col("origin_tier") == tier for tier in sorted(reference.policies.risky_tiers)]
        if risky := reference.risky_areas:
            tests.append(pl.col("origin_area").is_in(risky).fill_null(False))
    return reduce(pl.Expr.or_, tests)


def _loosest(policies: Sequence[Policy]) -> int:
    """Smallest reading, in tenths of a degree, that crosses any threshold of any policy."""
    rules = [policy.risk.temperature for policy in policies]
    return min(limit.lowest_crossing for rule in rules for limit in (rule.default, *rule.by_site_kind.values()))


def _all_empty(frame: pl.DataFrame, field: str) -> bool:
    return frame.is_empty() or frame[field].list.len().max() == 0
