"""Lists of the page are bounded: the worst first, and how many more there are."""

import heapq
from collections.abc import Callable, Iterable
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")
U = TypeVar("U")

MOST_ROWS = 12


class Rows(NamedTuple, Generic[T]):
    """The first of a list; ``total``: how long it is."""

    rows: tuple[T, ...]
    total: int


def worst(found: Iterable[T], badness: Callable[[T], Any], show: Callable[[T], U], most: int = MOST_ROWS) -> Rows[U]:
    """The rows of the greatest badness, as they are shown."""
    everything = list(found)
    first = heapq.nlargest(most, everything, key=badness)
    return Rows(tuple(show(one) for one in first), len(everything))
