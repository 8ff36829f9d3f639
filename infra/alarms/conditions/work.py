"""Rules about the work itself: deadlines, releases, reports, queues at checkpoints, the forecast."""

from collections import defaultdict
from collections.abc import Iterator

from infra.alarms.alarm import Condition
from infra.alarms.conditions.judgement import Judgement, Look
from infra.alarms.words import lasting, some
from infra.lag.snapshot import CheckpointFlow, MissingReport

# A report that nobody sent for a day is on the hand-over and in the totals; it is no news.
NEWS_MS = 24 * 3_600_000


def breach_wave(look: Look) -> Iterator[Judgement]:
    """Many deadlines passed unproven lately. Not in an event-clock home, where weeks go by in seconds."""
    store = look.store
    if store.breaches_recent >= look.settings.breaches_lately:
        overdue = sorted((one for one in store.clocks if one.overdue), key=lambda one: (-one.overdue, one.duty))
        where = some(f"{one.duty} {one.district or '?'} {one.overdue}" for one in overdue)
        lately = lasting(look.settings.lately_seconds)
        yield Condition(
            "BreachWave",
            "deadlines",
            f"{store.breaches_recent} deadlines passed unproven in {lately}; overdue now: {where}",
            f"{lately} 内有 {store.breaches_recent} 项超期；现超期：{where}",
        )


def release_overdue(look: Look) -> Iterator[Judgement]:
    """Somebody is held, or something closed, past the stop criterion."""
    store = look.store
    for one in store.clocks:
        if one.releases and one.overdue:
            since = "" if one.oldest_due_at is None else lasting((look.snapshot.now - one.oldest_due_at) / 1000)
            yield Condition(
                "ReleaseOverdue",
                f"{one.duty}/{one.district or '?'}",
                f"{one.overdue} overdue releases ({one.duty}) in {one.district or '?'}"
                + (f", the oldest since {since}" if since else ""),
                f"{one.district or '?'} 有 {one.overdue} 项超期未解除（{one.duty}）"
                + (f"，最久 {since}" if since else ""),
            )


def reports_missing(look: Look) -> Iterator[Judgement]:
    """Reports that were due within the last day and did not come."""
    store = look.store
    missing: dict[str, list[MissingReport]] = defaultdict(list)
    for one in store.missing:
        if look.snapshot.now - one.due_at < NEWS_MS:
            missing["/".join(filter(None, (one.schedule, one.indicator)))].append(one)
    for what, reports in missing.items():
        units = some(dict.fromkeys(one.unit for one in reports))
        yield Condition(
            "ReportsMissing",
            what,
            f"{len(reports)} reports {what} are missing: {units}",
            f"{what} 应报未报 {len(reports)} 份：{units}",
        )


def congestion(look: Look) -> Iterator[Judgement]:
    """People wait too long at a site, or too many do. A lane that sends no decisions says nothing of that."""
    store = look.store
    sites: dict[str, list[CheckpointFlow]] = defaultdict(list)
    for flow in store.flows:
        sites[flow.site].append(flow)
    for site, lanes in sites.items():
        waiting = sum(one.waiting or 0 for one in lanes)
        waits = {one.lane: one.wait.quantile(0.9) for one in lanes if one.wait is not None}
        slow = {lane: wait for lane, wait in waits.items() if wait and wait > look.settings.congestion_wait_seconds}
        if slow or waiting >= look.settings.congestion_waiting:
            rate = sum(one.per_minute for one in lanes)
            where = some(
                f"{lane or '?'} {'∞' if wait == float('inf') else lasting(wait)}" for lane, wait in slow.items()
            )
            yield Condition(
                "Congestion",
                site,
                f"{waiting} wait at {site}, {rate:.1f} pass a minute"
                + (f"; nine of ten wait up to: {where}" if slow else ""),
                f"{site} 有 {waiting} 人等候，每分钟通过 {rate:.1f}" + (f"；九成等候至：{where}" if slow else ""),
            )


def deadlines_will_be_missed(look: Look) -> Iterator[Judgement]:
    """Even by the low end of the forecast, some deadlines will be missed."""
    forecasts = look.forecast
    for one in forecasts:
        if one.low >= 1:
            spare = some(f"{unit} {rate:.1f}/h" for unit, rate in one.spare) or "-"
            ahead = lasting((one.horizon - look.snapshot.now) / 1000)
            yield Condition(
                "DeadlinesWillBeMissed",
                f"{one.duty}/{one.district or '?'}",
                f"about {one.will_miss:.0f} ({one.low:.0f} to {one.high:.0f}) of {one.due} {one.duty} in "
                f"{one.district or '?'} will be missed in {ahead} at {one.pace:.1f} an hour; spare: {spare}",
                f"{one.district or '?'} 的 {one.duty}：按每小时 {one.pace:.1f} 的进度，{ahead} 后 {one.due} 项中约 "
                f"{one.will_miss:.0f} 项（{one.low:.0f} 至 {one.high:.0f}）将超期；有余力：{spare}",
            )
