"""The record of replays: every step of each, with who, when, versions and digests, in `checkline.replays`.

Rows are only ever added. What a replay is at follows from its last step.
"""

import getpass
import json
import socket
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from sinks.clickhouse import ClickHouse


class Step(Enum):
    """What was done to a replay, or begun."""

    PLANNED = "PLANNED"
    STARTED = "STARTED"
    PAUSED = "PAUSED"
    RESUMED = "RESUMED"
    FAILED = "FAILED"
    DONE = "DONE"
    COMPARED = "COMPARED"
    PROMOTING = "PROMOTING"
    PROMOTED = "PROMOTED"
    ROLLING_BACK = "ROLLING_BACK"
    ROLLED_BACK = "ROLLED_BACK"
    DROPPED = "DROPPED"


EXCHANGES = (Step.PROMOTING, Step.PROMOTED, Step.ROLLING_BACK, Step.ROLLED_BACK)
"""Steps that say whose tables are where; a comparison may come between them."""


class Noted(NamedTuple):
    """One row: ``document`` says what there is to say of the step; ``noted_at`` in UTC milliseconds."""

    name: str
    step: Step
    noted_at: int
    noted_by: str
    document: dict[str, Any]


def note(client: ClickHouse, name: str, step: Step, document: Mapping[str, Any] | None = None) -> None:
    """Add a step. Raises `StatementFailed`."""
    client.execute(
        "INSERT INTO checkline.replays (name, step, noted_by, document) "
        "SELECT %(name)s, %(step)s, %(by)s, %(document)s",
        {
            "name": name,
            "step": step.value,
            "by": f"{getpass.getuser()}@{socket.gethostname()}",
            "document": json.dumps(document or {}, ensure_ascii=False),
        },
    )


def steps(client: ClickHouse, name: str | None = None) -> list[Noted]:
    """The steps of a replay since it was last dropped, or all steps of all, oldest first. Raises `StatementFailed`."""
    query = """
        SELECT name, toString(step), toUnixTimestamp64Milli(noted_at), noted_by, document
        FROM checkline.replays
        WHERE %(name)s IN ('', name)
        ORDER BY noted_at
    """
    found = [
        Noted(of, Step(step), at, by, json.loads(document))
        for of, step, at, by, document in client.rows(query, {"name": name or ""})
    ]
    dropped = [number for number, one in enumerate(found, 1) if name and one.step is Step.DROPPED]
    return found[dropped[-1] :] if dropped else found


def last(noted: list[Noted], *wanted: Step) -> Noted | None:
    """The newest of some steps' rows, of any step where none is named."""
    return next((one for one in reversed(noted) if not wanted or one.step in wanted), None)
