"""The scrape of a snapshot, read back with Prometheus' own parsers."""

import shutil
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain

from infra.alarms.alarm import Alarm
from infra.alarms.rules import RULES
from infra.lag.exporter import exposition
from infra.lag.metrics import METRICS, SERIES_BOUND, Metric
from infra.lag.scrape.bounded_rows import LONGEST
from infra.lag.snapshot import Distribution, QueryableDelay, Reading, Snapshot
from infra.settings import OperationsSettings
from tests.unit.infra.lag.scrape_snapshots import DELAY, NOW, absurd, alarm, snapshot

SETTINGS = OperationsSettings()
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
SOURCES = {"kafka", "parts", "workers", "store", "audit", "forecast"}
SILENT = Snapshot(NOW, NOW, "wall")


def open_metrics(body: str) -> list[Family]:
    return list(parse_open_metrics(body))  # type: ignore[no-untyped-call]


Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def text(of: Snapshot, alarms: Sequence[Alarm] = (), accept: str = "") -> str:
    return exposition(of, alarms, SETTINGS, accept)[0].decode()


def samples(of: Snapshot, alarms: Sequence[Alarm] = ()) -> Samples:
    found: Samples = {}
    for family in plain(text(of, alarms)):
        for sample in family.samples:
            place = (sample.name, frozenset(sample.labels.items()))
            assert place not in found, f"{place} twice: the whole scrape would be refused"
            found[place] = sample.value
    return found


def value(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((name, frozenset(labels.items())))


def totals(found: Samples) -> dict[str, float]:
    summed: dict[str, float] = defaultdict(float)
    for (name, _), one in found.items():
        summed[name] += one
    return summed


def of_store(**changes: Any) -> Snapshot:
    small = snapshot(districts=2, devices=20, partitions=1, duties=2, lanes=2)
    store = small.store.value
    assert store is not None
    return replace(small, store=Reading(store._replace(**changes), NOW))


def of_kafka(**changes: Any) -> Snapshot:
    full = snapshot()
    kafka = full.kafka.value
    assert kafka is not None
    return replace(full, kafka=Reading(kafka._replace(partitions=(kafka.partitions[0]._replace(**changes),)), NOW))


PLACE = {"group": "checkline-risk", "topic": "check-ins", "partition": "0"}
NAMED = PLACE | {"cluster_name": "checkline"}


class TestNames:
    def test_dashboards_of_other_exporters_find_their_series(self) -> None:
        found = samples(snapshot())
        group, topic = {"cluster_name": "checkline", "group": "checkline-risk"}, {"topic": "check-ins"}
        consumers = {"consumergroup": "checkline-risk"}
        per_topic = sum(7 - number for number in range(8))
        assert value(found, "kafka_consumergroup_group_lag", **NAMED) == 7
        assert value(found, "kafka_consumergroup_group_lag_seconds", **NAMED) == 1.5
        assert value(found, "kafka_consumergroup_group_offset", **NAMED) == 10_000
        assert value(found, "kafka_consumergroup_group_topic_sum_lag", **group, **topic) == per_topic
        assert value(found, "kafka_consumergroup_group_sum_lag", **group) == 3 * per_topic
        assert value(found, "kafka_consumergroup_group_max_lag", **group) == 7
        assert value(found, "kafka_consumergroup_group_max_lag_seconds", **group) == 1.5
        assert value(found, "kafka_consumergroup_group_state", **group) == 3
        latest = value(found, "kafka_partition_latest_offset", cluster_name="checkline", partition="0", **topic)
        assert latest == 10_007
        assert value(found, "kafka_consumergroup_lag", partition="0", **consumers, **topic) == 7
        assert value(found, "kafka_consumergroup_lag_sum", **consumers, **topic) == per_topic
        assert value(found, "kafka_consumergroup_current_offset", partition="0", **consumers, **topic) == 10_000
        assert value(found, "kafka_consumergroup_members", **consumers) == 1
        assert value(found, "kafka_topic_partition_current_offset", partition="0", **topic) == 10_007
        assert value(found, "kafka_brokers") == 3

    def test_every_metric_of_the_catalogue_is_there_and_nothing_else(self) -> None:
        names = {family.name for family in plain(text(snapshot()))}
        assert names == {metric.name.removesuffix("_total") for metric in METRICS}

    def test_both_formats_say_the_same(self) -> None:
        body, content_type = exposition(snapshot(), [], SETTINGS, OPEN_METRICS)
        assert content_type.startswith("application/openmetrics-text")
        opened = {
            (s.name, tuple(sorted(s.labels.items()))): s.value for f in open_metrics(body.decode()) for s in f.samples
        }
        assert opened == {(name, tuple(sorted(labels))): one for (name, labels), one in samples(snapshot()).items()}


class TestUnknownIsAbsent:
    def test_of_a_source_that_was_never_heard_of_there_is_only_that(self) -> None:
        found = samples(SILENT)
        assert {value(found, "checkline_source_up", source=source) for source in SOURCES} == {0}
        assert {name for name, _ in found} == {
            "checkline_source_up",
            "checkline_clock_seconds",
            "checkline_alarms_open",
            "checkline_alarms_unacknowledged",
        }

    @pytest.mark.parametrize("source", sorted(SOURCES))
    def test_last_words_are_not_taken_for_now(self, source: str) -> None:
        full = snapshot(districts=2, devices=20, partitions=1, duties=2, lanes=2)
        reading = replace(getattr(full, source), failure="no answer for 9 s", taken_at=NOW - 9_000)
        never_heard: dict[str, Any] = {source: Reading()}
        silent, never = replace(full, **{source: reading}), replace(full, **never_heard)
        assert value(samples(silent), "checkline_source_age_seconds", source=source) == 9
        ours = {"checkline_source_age_seconds", "checkline_source_took_seconds"}
        assert {place for place in samples(silent) if place[0] not in ours} == {
            place for place in samples(never) if place[0] not in ours
        }

    def test_a_group_that_never_committed_has_a_lag_and_no_offset(self) -> None:
        found = samples(of_kafka(committed=None))
        assert value(found, "kafka_consumergroup_group_lag", **NAMED) == 7
        assert value(found, "kafka_consumergroup_group_offset", **NAMED) is None

    def test_the_largest_of_seconds_is_unknown_while_one_is(self) -> None:
        found = samples(of_kafka(lag_seconds=None))
        assert value(found, "kafka_consumergroup_group_lag_seconds", **NAMED) is None
        group = {"cluster_name": "checkline", "group": "checkline-risk"}
        assert value(found, "kafka_consumergroup_group_max_lag_seconds", **group) is None
        assert value(found, "kafka_consumergroup_group_max_lag", **group) == 7

    def test_a_lag_that_grows_has_no_time_to_drain(self) -> None:
        assert value(samples(of_kafka(drain_seconds=None)), "checkline_drain_seconds", **PLACE) is None

    def test_no_sample_is_negative_or_not_a_number_but_a_margin_or_a_skew(self) -> None:
        below = {name for (name, _), one in samples(snapshot()).items() if not one >= 0}
        assert below == {"checkline_device_skew_seconds"}

    def test_a_share_of_nothing_is_no_share(self) -> None:
        store = snapshot().store.value
        assert store is not None
        quiet = of_store(topics=tuple(topic._replace(recent_arrived=0) for topic in store.topics))
        labels = {"topic": "check-ins", "reason": "BAD_FIELD"}
        assert value(samples(snapshot()), "checkline_dead_letter_ratio", **labels) == 1 / 500
        assert value(samples(quiet), "checkline_dead_letter_ratio", **labels) is None


class TestStates:
    def test_exactly_one_state_of_a_group_is_one(self) -> None:
        found = samples(snapshot())
        states = {
            dict(labels)["state"]: one
            for (name, labels), one in found.items()
            if name == "checkline_group_state" and ("group", "checkline-sinks") in labels
        }
        assert [state for state, one in states.items() if one] == ["Stable"]
        assert {"Assigning", "Reconciling", "Empty"} < set(states)

    @pytest.mark.parametrize(("words", "state"), [("PREPARING_REBALANCE", "PreparingRebalance"), ("?", "Unknown")])
    def test_states_in_other_words(self, words: str, state: str) -> None:
        full = snapshot()
        kafka = full.kafka.value
        assert kafka is not None
        found = samples(
            replace(full, kafka=Reading(kafka._replace(groups=(kafka.groups[0]._replace(state=words),)), NOW))
        )
        assert value(found, "checkline_group_state", group="checkline-risk", state=state) == 1

    def test_a_part_that_backs_off_is_down_and_says_why(self) -> None:
        full = snapshot()
        parts = full.parts.value
        assert parts is not None
        found = samples(replace(full, parts=Reading((parts[-2]._replace(state="backing off", restarts=3),), NOW)))
        assert value(found, "checkline_part_up", part="sink") == 0
        assert value(found, "checkline_part_state", part="sink", state="backing off") == 1
        assert value(found, "checkline_part_restarts_total", part="sink") == 3

    def test_every_rule_has_a_series_and_open_alarms_count_until_acknowledged_and_over(self) -> None:
        taken = alarm("SinkDown", acknowledged_at=NOW)
        found = samples(snapshot(), [alarm("SinkDown"), taken, alarm("SinkDown", acknowledged_at=NOW, cleared_at=NOW)])
        assert value(found, "checkline_alarms_open", rule="SinkDown", severity="critical") == 2
        assert value(found, "checkline_alarms_unacknowledged", rule="SinkDown", severity="critical") == 1
        counted = {dict(labels)["rule"] for name, labels in found if name == "checkline_alarms_open"}
        assert counted == {rule.name for rule in RULES}


class TestDistributions:
    def test_a_histogram_is_cumulative_and_ends_with_all(self) -> None:
        found = samples(snapshot())
        labels = {"topic": "check-ins", "district": "37020000"}
        buckets = [
            value(found, "checkline_queryable_seconds_bucket", le=str(bound), **labels) for bound in DELAY.bounds
        ]
        assert buckets[:5] == [0, 40, 70, 90, 95]
        assert value(found, "checkline_queryable_seconds_bucket", le="+Inf", **labels) == 100
        assert value(found, "checkline_queryable_seconds_count", **labels) == 100
        assert value(found, "checkline_queryable_seconds_sum", **labels) == 2_137.5

    def test_what_a_window_forgets_makes_no_counter_fall(self) -> None:
        """A window of the last minutes moves its quantiles; the histogram is of all since the start."""
        delays = [
            QueryableDelay(
                "check-ins", "A", Distribution((1.0, 10.0), counts, 0.0), Distribution((1.0, 10.0), so_far, 0.0)
            )
            for counts, so_far in [((9, 0, 0), (9, 0, 0)), ((0, 3, 0), (9, 3, 0)), ((0, 0, 0), (9, 3, 0))]
        ]
        scrapes = [samples(of_store(queryable=(delay,))) for delay in delays]
        labels = {"topic": "check-ins", "district": "A"}
        counts = [value(found, "checkline_queryable_seconds_count", **labels) for found in scrapes]
        assert counts == [9, 12, 12]
        medians = [value(found, "checkline_queryable_lately_seconds", quantile="0.5", **labels) for found in scrapes]
        assert medians == [0.5, 5.5, None]

    def test_a_quantile_above_all_bounds_is_the_highest_bound(self) -> None:
        delay = QueryableDelay("check-ins", "A", Distribution((1.0, 10.0), (0, 0, 5), 500.0))
        found = samples(of_store(queryable=(delay,)))
        labels = {"topic": "check-ins", "district": "A", "quantile": "0.99"}
        assert value(found, "checkline_queryable_lately_seconds", **labels) == 10

    def test_many_bounds_are_coarsened_and_stay_true(self) -> None:
        many = Distribution(tuple(float(n) for n in range(1, 101)), (1,) * 101, 1.0)
        found = samples(of_store(queryable=(QueryableDelay("t", "A", many, many),)))
        buckets = {
            dict(labels)["le"]: one
            for (name, labels), one in found.items()
            if name == "checkline_queryable_seconds_bucket"
        }
        assert 10 < len(buckets) <= 25
        assert all(one == (101 if le == "+Inf" else float(le)) for le, one in buckets.items())


class TestDevices:
    def test_districts_count_all_and_the_worst_stand_by_themselves(self) -> None:
        full = snapshot(devices=400)
        store = full.store.value
        assert store is not None
        found = samples(full)
        expected = [one for one in store.devices if one.expected]
        silent = [
            one for one in expected if one.silent_seconds is None or one.silent_seconds > SETTINGS.silence_seconds
        ]
        total = sum(one for (name, _), one in found.items() if name == "checkline_devices_silent")
        assert total == len(silent) > 50
        shown = sorted(one for (name, _), one in found.items() if name == "checkline_device_silence_seconds")
        assert shown == sorted(one.silent_seconds for one in expected if one.silent_seconds is not None)[-50:]
        assert value(found, "checkline_series_cut", section="devices") == 350

    def test_a_device_that_is_not_expected_is_never_silent(self) -> None:
        store = snapshot().store.value
        assert store is not None
        devices = tuple(one._replace(expected=False, silent_seconds=10_000.0) for one in store.devices)
        found = samples(of_store(devices=devices))
        assert sum(one for (name, _), one in found.items() if name == "checkline_devices_silent") == 0
        assert not [name for name, _ in found if name == "checkline_device_silence_seconds"]


@pytest.fixture(scope="module")
def enormous() -> Samples:
    return samples(absurd())


class TestBounds:
    def test_however_large_an_installation_every_metric_stays_under_its_bound(self, enormous: Samples) -> None:
        counted: Counter[str] = Counter()
        for name, _ in enormous:
            counted[name] += 1
        for metric in METRICS:
            assert series(counted, metric) <= metric.bound, metric.name
        assert sum(counted.values()) <= SERIES_BOUND

    def test_what_is_cut_is_counted_and_still_in_the_sum(self, enormous: Samples) -> None:
        assert value(enormous, "checkline_series_cut", section="clocks") == 6 * 5_000 - 750
        assert value(enormous, "checkline_series_cut", section="devices") == 9_950
        for name, total in {
            "checkline_clocks_open": 6 * 5_000 * 20,
            "checkline_clocks_overdue": 3 * 5_000,
            "checkline_devices": 10_000,
            "checkline_forecast_misses": 6 * 5_000 * 2.5,
            "checkline_queryable_seconds_count": 4 * 5_000 * 100,
            "checkline_reports_missing": 5_000,
        }.items():
            assert totals(enormous)[name] == total, name
        lags = totals(enormous)
        assert lags["kafka_consumergroup_group_lag"] == lags["kafka_consumergroup_group_sum_lag"]
        assert lags["kafka_consumergroup_group_lag"] == lags["kafka_consumergroup_lag_sum"]

    def test_a_topic_keeps_its_own_rest(self, enormous: Samples) -> None:
        rest = {
            dict(labels)["topic"]
            for name, labels in enormous
            if name == "checkline_queryable_seconds_count" and ("district", "OTHER") in labels
        }
        assert "temperatures" in rest

    def test_nothing_of_a_city_is_cut_but_single_devices(self) -> None:
        cut = {
            dict(labels)["section"]
            for (name, labels), one in samples(snapshot()).items()
            if name == "checkline_series_cut" and one
        }
        assert cut == {"devices"}


class TestLabels:
    @pytest.mark.parametrize(
        "name",
        [
            'x"} 1\nkafka_brokers 99\n#',
            "\\",
            "a\\nb",
            "x" * 10_000,
            "",
            "\ud800",
            "\u202egate",
            "测温-1",
            "OTHER",
            "\r\x00",
        ],
    )
    def test_a_device_may_be_named_anything(self, name: str) -> None:
        store = snapshot().store.value
        assert store is not None
        device = store.devices[1]._replace(device=name, missing=10**6)
        odd = of_store(devices=(*store.devices, device, device))
        found = samples(odd)
        assert value(found, "kafka_brokers") == 3
        worst = [
            dict(labels)["device"]
            for (one, labels), _ in found.items()
            if one == "checkline_device_missing_events" and _ == 10**6
        ]
        assert len(worst) == 1
        assert 0 < len(worst[0]) <= LONGEST
        assert worst[0].isprintable()
        assert {family.name for family in open_metrics(text(odd, accept=OPEN_METRICS))} >= {"kafka_brokers"}

    def test_names_that_begin_alike_stay_two(self) -> None:
        store = snapshot().store.value
        assert store is not None
        names = ["y" * 200 + end for end in "ab"]
        odd = of_store(devices=[store.devices[1]._replace(device=name, missing=10**6) for name in names])
        assert len([1 for one, _ in samples(odd) if one == "checkline_device_missing_events"]) == 2


def series(counted: Counter[str], metric: Metric) -> int:
    suffixes = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
    return sum(counted[metric.name + suffix] for suffix in suffixes)


def test_a_scrape_of_a_city_takes_less_than_20_ms_of_the_processor() -> None:
    full = snapshot()
    times = []
    for _ in range(7):
        begun = time.process_time()
        text(full)
        times.append(time.process_time() - begun)
    assert min(times) < 0.020


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed: apt-get install prometheus")
def test_promtool_finds_no_fault_but_in_names_that_others_chose() -> None:
    checked = subprocess.run(["promtool", "check", "metrics"], input=text(snapshot()), capture_output=True, text=True)
    faults = (checked.stderr + checked.stdout).splitlines()
    assert [fault for fault in faults if not fault.startswith("kafka_consumergroup_lag_sum ")] == []
