"""Events as a campaign writes them down: when, from which source, what is stated. Identities and stamps come after."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from schemas.events import Event, to_milliseconds

ZONE_OFFSET_MINUTES = 480
"""China Standard Time: all five source documents."""


def local(text: str) -> int:
    """UTC milliseconds of a local time such as ``2020-02-19T08:30``."""
    return int(to_milliseconds(f"{text}:00+08:00"))


class Draft(NamedTuple):
    """An event without its identity. ``at``: when it occurs, UTC milliseconds; it is sent ``delay_ms`` later."""

    at: int
    source: str
    model: type[Event]
    stated: dict[str, Any]
    delay_ms: int = 1000


def stamped(drafts: Iterable[Draft], zone_offset_minutes: int = ZONE_OFFSET_MINUTES) -> list[Event]:
    """Events of drafts in order of occurrence; every source numbers its own in that order, from 0.

    All drafts of a source belong into one call. Raises pydantic's ValidationError for what a model does not allow.
    """
    sequences: Counter[str] = Counter()
    made: list[Event] = []
    for at, source, model, stated, delay_ms in sorted(drafts, key=lambda draft: draft.at):
        stamp = {"source": source, "sequence": sequences[source], "occurred_at": at, "sent_at": at + delay_ms}
        made.append(model.model_validate({**stated, **stamp, "zone_offset_minutes": zone_offset_minutes}))
        sequences[source] += 1
    return made
