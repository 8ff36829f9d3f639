"""A small run of the Qingdao campaign, made once: few entries, one lead in fifty (leads are scaled in tests only)."""

from functools import cache
from typing import NamedTuple

from replay.campaigns import campaign_named
from replay.emission import Emission
from replay.manifest import Manifest
from replay.simulate import simulate
from tests.support.plain_count import PlainCount, plain_count

NAME = "qingdao-2020-02-20"
SCALE = 0.0005
LEADS_SCALE = 0.02


class Small(NamedTuple):
    emissions: list[Emission]
    manifest: Manifest


@cache
def small() -> Small:
    """Emissions in publishing order, and the account of them."""
    emissions: list[Emission] = []
    manifest = simulate(campaign_named(NAME), emissions.append, SCALE, leads_scale=LEADS_SCALE)
    return Small(emissions, manifest)


@cache
def small_count() -> PlainCount:
    """The plain count of `small`."""
    return plain_count(small().emissions)
