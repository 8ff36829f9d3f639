"""A worker process with a small union fold, for the tests of the worker on the real broker.

The state of a person is the sorted set of facts, one line each: `<source>#<sequence>`, for an opened lead with
` due <ms>` behind it, and `told <source>#<sequence>` once its deadline was announced.
"""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from schemas.codes import Refusal
from schemas.topics import PERSON_TOPICS, RISK_CHANGES, SLA_EVENTS, Topic
from schemas.validity import Invalid
from streams.fold import FoldResult, Load, Rows
from streams.worker.main import run

BROKEN = "broken"
"""Instrument of a reading from which this fold makes no fact."""

FAULTY = "faulty"
"""Instrument of a reading at which this fold raises."""

ALLOWED_MS = 3_600_000
SCREENED_OUT_BELOW = 370


def fact_of(row: Mapping[str, Any]) -> str:
    fact = f"{row['source']}#{row['sequence']}"
    if row["kind"] == "LEAD_OPENED":
        fact += f" due {row['received_at'] + ALLOWED_MS}"
    return fact


def encoded(facts: Iterable[str]) -> bytes:
    return "\n".join(sorted(facts)).encode()


def decoded(state: bytes | None) -> set[str]:
    return set(state.decode().split("\n")) if state else set()


def untold(facts: set[str]) -> dict[str, int]:
    """Facts with a deadline that was not announced, and the deadline."""
    found = {}
    for fact in facts:
        name, _, due = fact.partition(" due ")
        if due and f"told {name}" not in facts:
            found[name] = int(due)
    return found


class SmallFold:
    """Every new fact is told once to `risk-changes`, every deadline once to `sla-events`."""

    topics: tuple[Topic, ...] = PERSON_TOPICS

    def columns(self, topic: str) -> Sequence[str]:
        return ()

    def screen(self, topic: str, frame: pl.DataFrame) -> pl.Expr:
        return pl.col("value_tenths") >= SCREENED_OUT_BELOW if topic == "temperatures" else pl.lit(True)

    def expected(self) -> int:
        return 0

    def expectations(self, begin: int, limit: int) -> tuple[list[tuple[bytes, dict[str, Any]]], int]:
        return [], begin

    def fold(self, rows: Rows, load: Load, as_of: int) -> FoldResult:
        result = FoldResult({}, {}, {})
        fresh: dict[bytes, set[str]] = {}
        for topic, found in rows.items():
            for key, row in found:
                if row.get("instrument") == FAULTY:
                    raise RuntimeError("a fault of the platform")
                if row.get("instrument") == BROKEN:
                    result.errors.setdefault(topic, []).append(
                        Invalid(row["offset"], Refusal.RULE_ERROR, "instrument", "it is broken")
                    )
                else:
                    fresh.setdefault(key, set()).add(fact_of(row))
        states = load(list(fresh))
        told = result.outputs.setdefault(RISK_CHANGES.name, [])
        for key, facts in fresh.items():
            old = decoded(states.get(key))
            if new := facts - old:
                told += ((fact.encode(), key) for fact in sorted(new))  # the topic is compacted: no key twice
                result.changes[key] = encoded(old | new)
        return result

    def next_due(self, state: bytes) -> int | None:
        return min(untold(decoded(state)).values(), default=None)

    def tick(self, states: Mapping[bytes, bytes], as_of: int) -> FoldResult:
        result = FoldResult({}, {SLA_EVENTS.name: []}, {})
        for key, state in states.items():
            facts = decoded(state)
            for name, due in sorted(untold(facts).items()):
                if due <= as_of:
                    result.outputs[SLA_EVENTS.name].append((key, name.encode()))
                    facts.add(f"told {name}")
            result.changes[key] = encoded(facts)
        return result


def main() -> int:
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "prefix", "directory", "instance"):
        parser.add_argument(name)
    parser.add_argument("--partitions", type=int)
    parser.add_argument("--metrics-port", type=int, default=0)
    parser.add_argument("--neighbour", type=Path, action="append", default=[], help="data directory of another worker")
    parser.add_argument("--reference", action="store_true", help="wait for reference data")
    given = parser.parse_args()
    return run(
        "risk",
        bootstrap=given.bootstrap,
        data_directory=Path(given.directory),
        instance_id=given.instance,
        fold=SmallFold(),
        partitions=given.partitions,
        clock_mode="event",
        add_reference=(lambda *_: None) if given.reference else None,
        prefix=given.prefix,
        fetch_bytes=16 << 10,
        metrics_port=given.metrics_port,
        neighbours=lambda: given.neighbour,
    )


if __name__ == "__main__":
    raise SystemExit(main())
