"""Replays of the Qingdao campaign: their pace at a tenth of its log and at all of it, with one, two and four processes,
whether each comes to the same digests, and how long it takes to compare and promote them."""

import time
from collections.abc import Callable
from typing import NamedTuple

from infra import replaying
from infra.campaigning import find_campaign, publish_campaign
from infra.home import Home
from replay.log import Log
from replay.target import Target
from schemas.topics import CHECK_INS

CAMPAIGN = "qingdao-2020-02-20"
DAY_MS = 86_400_000
FIRST_DAY = 1_579_737_600_000
"""23 January 2020, UTC milliseconds: before anything of the campaign."""


class Replayed(NamedTuple):
    """One replay. ``cpu_us_per_event``: of its own processes; the broker and the column store's engine come on top."""

    name: str
    processes: int
    records: int
    seconds: float
    cpu_us_per_event: float
    promote_s: float | None
    digests: str


class DigestsDiffer(Exception):
    """The same log gave something else."""


def measure(home: Home, scale: float, say: Callable[[str], None]) -> list[Replayed]:
    """Publish the campaign and replay it. Raises DigestsDiffer."""
    campaign = find_campaign(CAMPAIGN)
    say(f"publishing {CAMPAIGN} at scale {scale:g}")
    publish_campaign(home, campaign, scale, lambda _: None)
    results = [_replay(home, "tenth", 2, replaying.Range(until=_a_tenth(home)), say)]
    for name, processes in (("one", 1), ("two", 2), ("four", 4), ("again", 2)):
        results.append(_replay(home, name, processes, replaying.Range(), say))
    if len({one.digests for one in results[1:]}) != 1:
        raise DigestsDiffer("; ".join(f"{one.name}: {one.digests}" for one in results[1:]))
    # The first takes the place of empty tables, the second that of tables which say the same.
    results[2] = results[2]._replace(promote_s=_promote(home, "two", ["*"]))
    results[4] = results[4]._replace(promote_s=_promote(home, "again", ["dead_letters/*"]))
    return results


def _a_tenth(home: Home) -> int:
    """The time by which a tenth of the passages had been appended, to the day (UTC, ms)."""
    with Log(home.kafka_bootstrap) as log:
        extent = log.extent([CHECK_INS], home.settings.partitions)
        for day in range(60):
            at = FIRST_DAY + day * DAY_MS
            found = log.positions_at(extent.ends, at)
            if sum(found.get(place, end) for place, end in extent.ends.items()) * 10 >= sum(extent.ends.values()):
                return at
    raise ValueError("the campaign has no passages")


def _replay(home: Home, name: str, processes: int, wanted: replaying.Range, say: Callable[[str], None]) -> Replayed:
    target = Target.named(name)
    replaying.plan(home, target, wanted)
    document = replaying.run(home, target, processes, None, lambda *_: None)
    cost = document["cpu_seconds"] / document["records"] * 1e6
    digests = " ".join([*document["digests"].values(), document["cells"]])
    found = Replayed(name, processes, document["records"], document["seconds"], round(cost, 2), None, digests)
    say(str(found))
    return found


def _promote(home: Home, name: str, accepted: list[str]) -> float:
    target = Target.named(name)
    patterns = [f"{table}/*" for table in replaying.diff(home, target).counts] if accepted == ["*"] else accepted
    begin = time.monotonic()
    replaying.promote(home, target, patterns)  # compares once more
    return round(time.monotonic() - begin, 1)


def told(results: list[Replayed]) -> list[str]:
    """As lines."""
    lines = [
        f"{'replay':<8}{'processes':>10}{'records':>10}{'seconds':>9}{'CPU us/event':>14}{'diff and promote s':>20}"
    ]
    for one in results:
        promoted = "" if one.promote_s is None else f"{one.promote_s:.1f}"
        lines.append(
            f"{one.name:<8}{one.processes:>10}{one.records:>10}{one.seconds:>9.1f}"
            f"{one.cpu_us_per_event:>14.2f}{promoted:>20}"
        )
    tenth, whole = results[0], results[2]
    growth = (whole.seconds / whole.records) / (tenth.seconds / tenth.records)
    lines.append(f"a record of the whole log takes {growth:.2f} times as long as one of its first tenth")
    lines.append("all replays of the whole log came to the same digests")
    return lines
