"""The catalogue of metrics, and how rows become few."""

import re
from collections.abc import Sequence

import pytest

from infra.lag.metrics import METRICS, Metric
from infra.lag.scrape.bounded_rows import LONGEST, OTHER, Section, label
from infra.lag.scrape.text_format import Exposition, Undefined

UNITS = {"seconds": "seconds", "bytes": "bytes", "ratio": "ratio"}


def test_names_are_their_own() -> None:
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names)) > 80


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_says_what_it_means_and_its_name_its_unit(metric: Metric) -> None:
    assert metric.name.startswith(("checkline_", "kafka_"))
    assert re.fullmatch(r"[a-z][a-z0-9_]*", metric.name)
    assert re.fullmatch(r"[A-Z0-9].+\.", metric.meaning)
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    stem = metric.name.removesuffix("_total")
    for unit, ending in UNITS.items():
        if metric.unit == unit:
            assert stem.endswith(("_" + ending, "_ratio", "_margin")), metric.name
    assert metric.bound >= metric.rows >= 1
    assert (not metric.labels) == (metric.rows == 1) or metric.labels == ("clock",)
    assert len(set(metric.labels)) == len(metric.labels)


def test_what_is_not_in_the_catalogue_cannot_be_scraped() -> None:
    stranger = Metric("checkline_stranger", "gauge", "count", 1, (), "Nobody defined it.")
    with pytest.raises(Undefined, match="checkline_stranger"):
        Exposition(METRICS).put(stranger, 1)


def test_labels_must_be_those_of_the_metric() -> None:
    metric = Metric("checkline_one", "gauge", "count", 5, ("part",), "One.")
    with pytest.raises(ValueError, match="shorter"):
        Exposition([metric]).put(metric, 1)


class TestLabel:
    @pytest.mark.parametrize(
        ("value", "shown"), [("gate-1", "gate-1"), (7, "7"), ("", "UNKNOWN"), (None, "UNKNOWN"), ("卡口", "卡口")]
    )
    def test_what_is_harmless_stays(self, value: object, shown: str) -> None:
        assert label(value) == shown

    def test_what_is_not_is_replaced_and_marked(self) -> None:
        assert re.fullmatch(r"a\?b~[0-9a-f]{8}", label("a\nb"))
        assert label("a\nb") != label("a\rb")
        assert len(label("a" * 1_000)) == LONGEST


Row = tuple[str, str, int]


def summed(rows: Sequence[Row]) -> Row:
    return ("", "", sum(row[2] for row in rows))


class TestSection:
    by_size: Section[Row] = Section(lambda row: row[:2], summed, 8, rank=lambda row: row[2], fold=1)
    by_name = by_size._replace(rank=None)

    def test_rows_with_equal_labels_become_one(self) -> None:
        assert self.by_size.bound([("a", "x", 1), ("a", "x", 2)]).rows[("a", "x")][2] == 3

    def test_the_largest_are_shown_and_the_rest_is_added_up_by_the_first_label(self) -> None:
        found = self.by_size.bound([(letter, f"{n:02}", n) for letter in "ab" for n in range(10)])
        assert set(found.rows) == {(letter, one) for letter in "ab" for one in ("07", "08", "09", OTHER)}
        assert found.rows["a", OTHER][2] == sum(range(7))
        assert found.cut == 14

    def test_where_even_the_first_labels_are_too_many_one_row_is_left(self) -> None:
        found = self.by_size.bound([(f"{n:03}", "x", 1) for n in range(100)])
        assert len(found.rows) == 7
        assert found.rows[OTHER, OTHER][2] == 94

    def test_by_name_the_shown_ones_do_not_change_with_their_sizes(self) -> None:
        small = self.by_name.bound([("a", f"{n:02}", n) for n in range(20)])
        large = self.by_name.bound([("a", f"{n:02}", 1_000 - n) for n in range(20)])
        assert set(small.rows) == set(large.rows)

    def test_a_row_that_is_named_other_is_added_to_the_rest(self) -> None:
        found = self.by_size.bound([("a", OTHER, 1_000), *(("a", f"{n:02}", 1) for n in range(20))])
        assert found.rows["a", OTHER][2] == 1_000 + 15
