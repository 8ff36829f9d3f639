"""`@pytest.mark.row("A002-24", ...)`: the rows that a test proves."""

from collections.abc import Iterable

import pytest

from infra.coverage.table import UnknownRow, chosen

DESCRIPTION = "row(*refs): the test proves these rows of the source documents, for `checkline coverage`"


def refs_of(item: pytest.Item) -> frozenset[str]:
    """The rows that a test proves, by all its marks: those of its parameters, class and module too."""
    return frozenset(ref for mark in item.iter_markers("row") for ref in mark.args)


def refuse_unknown_rows(items: Iterable[pytest.Item]) -> None:
    """Raises pytest.UsageError where a test claims a row that no source document has, or names none."""
    for item in items:
        for mark in item.iter_markers("row"):
            if not mark.args or mark.kwargs:
                raise pytest.UsageError(f"{item.nodeid}: row takes ids, as in row('A002-24')")
            try:
                chosen(mark.args)
            except UnknownRow as error:
                raise pytest.UsageError(f"{item.nodeid}: {error}") from None
