"""Samples in Prometheus' text format, or in OpenMetrics.

The labels of a row are written once for all metrics of that row: with a client library most of the time of a scrape
goes into writing them again for every sample.
"""

import math
from collections.abc import Iterable

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST

from infra.lag.metrics import BUCKETS, QUANTILES, Metric
from infra.lag.scrape.bounded_rows import Labels
from infra.lag.snapshot import Distribution

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


class Undefined(Exception):
    """A metric that is not in the catalogue."""


class Exposition:
    """Samples of the metrics of a catalogue, in its order."""

    def __init__(self, catalogue: Iterable[Metric]) -> None:
        self._catalogue = tuple(catalogue)
        self._lines: dict[str, list[str]] = {metric.name: [] for metric in self._catalogue}
        self._texts: dict[tuple[Labels, Labels], str] = {}

    def put(self, metric: Metric, value: float | None, labels: Labels = ()) -> None:
        """A sample of a gauge or counter; none at all where the value is not known. Raises Undefined."""
        if value is not None and not math.isnan(value):
            self._put(metric, "", self._text(metric, labels), value)

    def put_histogram(self, metric: Metric, seen: Distribution | None, labels: Labels = ()) -> None:
        """Cumulative buckets, sum and count. Raises Undefined."""
        if seen is None:
            return
        text = self._text(metric, labels)
        comma = "," if text else ""
        step = math.ceil(len(seen.bounds) / BUCKETS)  # a bound that is left out only coarsens a cumulative histogram
        below = 0
        for place, (bound, count) in enumerate(zip(seen.bounds, seen.counts, strict=False), 1):
            below += count
            if place % step == 0:
                self._put(metric, "_bucket", f'{text}{comma}le="{_number(float(bound))}"', below)
        self._put(metric, "_bucket", f'{text}{comma}le="+Inf"', seen.count)
        self._put(metric, "_sum", text, seen.total)
        self._put(metric, "_count", text, seen.count)

    def put_summary(self, metric: Metric, seen: Distribution | None, labels: Labels = ()) -> None:
        """Quantiles, none where nothing was observed. As histogram_quantile has it, one above the highest bound is that
        bound. Raises Undefined."""
        if seen is None or not seen.count:
            return
        text = self._text(metric, labels)
        for share in QUANTILES:
            value = seen.quantile(share)
            if value is not None:
                value = min(value, max(seen.bounds, default=value))
                self._put(metric, "", f'{text}{"," if text else ""}quantile="{share}"', value)

    def render(self, open_metrics: bool) -> tuple[bytes, str]:
        """The whole text and its content type."""
        parts: list[str] = []
        for metric in self._catalogue:
            if lines := self._lines[metric.name]:
                family = metric.name.removesuffix("_total") if open_metrics else metric.name
                parts.append(f"# HELP {family} {_help(metric)}\n# TYPE {family} {metric.kind}\n")
                parts += lines
        if open_metrics:
            parts.append("# EOF\n")
        return "".join(parts).encode(), CONTENT_TYPE_LATEST if open_metrics else CONTENT_TYPE_PLAIN_0_0_4

    def _put(self, metric: Metric, suffix: str, text: str, value: float) -> None:
        place = f"{metric.name}{suffix}{{{text}}}" if text else f"{metric.name}{suffix}"
        self._lines[metric.name].append(f"{place} {_number(value)}\n")

    def _text(self, metric: Metric, labels: Labels) -> str:
        if metric.name not in self._lines:
            raise Undefined(f"{metric.name}: define it in infra.lag.metrics")
        found = self._texts.get((metric.labels, labels))
        if found is None:
            pairs = zip(metric.labels, labels, strict=True)
            found = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in pairs)
            self._texts[metric.labels, labels] = found
        return found


def _help(metric: Metric) -> str:
    return f"{metric.meaning} Unit: {metric.unit}.".replace("\\", "\\\\")


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else "+Inf" if value > 0 else "-Inf"
