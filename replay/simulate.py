"""Publishing a campaign: its emissions, in order, to whoever takes them."""

import struct
from collections.abc import Callable
from typing import NamedTuple

from xxhash import xxh3_128

from replay.campaigns.campaign import Campaign
from replay.emission import Emission
from replay.manifest import Manifest
from schemas.topics import DEFAULT_PARTITIONS

_REPORT_EVERY = 2000
_NO_VALUE = b"\xff"


class Progress(NamedTuple):
    """How far a campaign is: records published of about ``expected``, and the simulated time, UTC milliseconds."""

    published: int
    expected: int
    simulated_at: int


def simulate(
    campaign: Campaign,
    publish: Callable[[Emission], object],
    scale: float | None = None,
    progress: Callable[[Progress], object] | None = None,
    *,
    partitions: int = DEFAULT_PARTITIONS,
    leads_scale: float = 1.0,
) -> Manifest:
    """Gives every emission of a campaign to ``publish``, in publishing order, and answers with the account of it.

    ``scale`` is that of the entries (None: the campaign's default); ``leads_scale`` is for tests only. What ``publish``
    raises ends the simulation.
    """
    scale = campaign.default_scale if scale is None else scale
    run = campaign.run(scale, partitions, leads_scale)
    digest, waiting, count = xxh3_128(), [], 0
    for emission in run.emissions():
        publish(emission)
        count += 1
        waiting.append(emission)
        if len(waiting) == _REPORT_EVERY:
            digest.update(_image(waiting))
            waiting.clear()
            if progress:
                progress(Progress(count, max(run.expected, count), emission.appended_at))
    digest.update(_image(waiting))
    if progress and waiting:
        progress(Progress(count, count, waiting[-1].appended_at))
    return campaign.manifest(run, emissions=count, digest=digest.hexdigest())


def _image(emissions: list[Emission]) -> bytes:
    """Bytes that differ when anything of any emission does."""
    parts: list[bytes] = []
    for topic, key, value, appended_at, partition in emissions:
        shown = _NO_VALUE if value is None else value
        head = struct.pack(
            "<qiIII", appended_at, -1 if partition is None else partition, len(topic), len(key), len(shown)
        )
        parts += (head, topic.encode(), key, shown)
    return b"".join(parts)
