"""Random numbers that are the same on every machine and in every version of every library.

Each stream of draws has a label of its own, so that one more draw in one place changes nothing elsewhere.
"""

from collections.abc import Sequence
from hashlib import shake_256

import numpy as np
from numpy.typing import NDArray

_UNIT = 2.0**-53


class Draws:
    """Draws of one labelled stream under a seed."""

    def __init__(self, seed: int, label: str) -> None:
        self._prefix = f"{seed}\x1f{label}\x1f".encode()
        self._calls = 0

    def fractions(self, count: int) -> NDArray[np.float64]:
        """``count`` numbers in [0, 1)."""
        raw = shake_256(self._prefix + b"%d" % self._calls).digest(8 * count)
        self._calls += 1
        return (np.frombuffer(raw, "<u8") >> np.uint64(11)).astype(np.float64) * _UNIT

    def integers(self, count: int, low: int, high: int) -> NDArray[np.int64]:
        """``count`` integers in [low, high)."""
        return low + np.floor(self.fractions(count) * (high - low)).astype(np.int64)

    def chosen(self, count: int, weights: Sequence[int]) -> NDArray[np.int64]:
        """``count`` indexes into ``weights``, each as likely as its weight."""
        bounds = np.cumsum(np.asarray(weights, np.int64))
        found: NDArray[np.int64] = np.searchsorted(bounds, self.fractions(count) * bounds[-1], side="right")
        return found


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Splits ``total`` into whole parts as the weights say; the parts add up to it exactly."""
    whole = sum(weights)
    parts, before, reached = [], 0, 0
    for weight in weights:
        reached += weight
        upto = total * reached // whole
        parts.append(upto - before)
        before = upto
    return parts


def ranks(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many earlier elements are of the same group: the element's place in its group, from 0."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(groups) else np.empty(0, np.int64)
    lengths = np.diff(np.r_[starts, len(groups)])
    result = np.empty(len(groups), np.int64)
    result[order] = np.arange(len(groups)) - np.repeat(starts, lengths)
    return result
