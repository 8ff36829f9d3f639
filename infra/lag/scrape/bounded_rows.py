"""Rows of a snapshot as rows of a scrape: with labels that are safe to print, and not more of them than are allowed."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

R = TypeVar("R")
Labels = tuple[str, ...]

OTHER = "OTHER"
UNKNOWN = "UNKNOWN"
LONGEST = 80


def label(value: object) -> str:
    """A label's value: printable, at most `LONGEST` characters, UNKNOWN for nothing. What had to be changed ends in a
    short hash of the whole, so that two devices with similar names stay two."""
    text = "" if value is None else str(value)
    if text.isprintable() and 0 < len(text) <= LONGEST:
        return text
    if not text:
        return UNKNOWN
    mark = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    printable = "".join(char if char.isprintable() else "?" for char in text[: LONGEST - len(mark) - 1])
    return f"{printable}~{mark}"


class Bounded(NamedTuple, Generic[R]):
    """``rows`` by their labels; ``cut``: how many have no row of their own."""

    rows: dict[Labels, R]
    cut: int


class Section(NamedTuple, Generic[R]):
    """How rows of one kind become few.

    ``key``: the labels of a row; ``merge``: one row that stands for several; ``rank``: rows with the highest are shown
    by themselves (counters want None: by name, so that a series does not come and go); ``limit``: at most so many;
    ``fold``: the place of the label that is given up first for those that are not shown.
    """

    key: Callable[[R], Sequence[object]]
    merge: Callable[[Sequence[R]], R]
    limit: int
    rank: Callable[[R], Any] | None = None
    fold: int | None = None

    def bound(self, rows: Iterable[R]) -> Bounded[R]:
        """Rows with equal labels become one; those beyond the limit become OTHER."""
        found = self._merged((tuple(map(label, self.key(row))), row) for row in rows)
        if len(found) <= self.limit:
            return Bounded(found, 0)
        order = sorted(found)
        if self.rank is not None:
            rank = self.rank
            order.sort(key=lambda labels: rank(found[labels]), reverse=True)
        shown, rest = order[: self.limit * 3 // 4], order[self.limit * 3 // 4 :]
        others = self._merged((self._folded(labels), found[labels]) for labels in rest)
        if len(others) > self.limit - len(shown):
            others = self._merged(((OTHER,) * len(labels), row) for labels, row in others.items())
        rows_left = [(labels, found[labels]) for labels in shown]
        return Bounded(self._merged([*rows_left, *others.items()]), len(rest))

    def _folded(self, labels: Labels) -> Labels:
        if self.fold is None:
            return (OTHER,) * len(labels)
        return (*labels[: self.fold], OTHER, *labels[self.fold + 1 :])

    def _merged(self, rows: Iterable[tuple[Labels, R]]) -> dict[Labels, R]:
        alike: dict[Labels, list[R]] = {}
        for labels, row in rows:
            alike.setdefault(labels, []).append(row)
        return {labels: found[0] if len(found) == 1 else self.merge(found) for labels, found in alike.items()}
