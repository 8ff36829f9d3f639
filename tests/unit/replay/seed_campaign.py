"""A small run of any campaign, made once, and what of it stands when repeats and conflicts are settled."""

import re
from collections import Counter
from functools import cache
from typing import Any, NamedTuple

from replay.campaigns import campaign_named
from replay.campaigns.campaign import Campaign
from replay.emission import Emission
from replay.manifest import Manifest
from replay.simulate import simulate
from schemas.validity import Limits
from sinks.figures import Figure
from streams.clocks import Clock, outcome
from streams.reference import Reference
from tests.support.plain_count import PlainCount, plain_count

SCALE = 0.02
PARTITIONS = 2
Row = dict[str, Any]


class Run(NamedTuple):
    campaign: Campaign
    emissions: list[Emission]
    manifest: Manifest
    plain: PlainCount

    def rows(self, topic: str, kind: str) -> list[tuple[str, Row]]:
        """Key and row of every event of a kind."""
        return [(key, row) for key, row in self.plain.events.get(topic, []) if row["kind"] == kind]

    def figures(self) -> dict[str, Figure]:
        """The campaign's figures by reference."""
        return {figure.ref: figure for figure in self.campaign.figures}


@cache
def run_of(name: str) -> Run:
    """The run of a campaign."""
    emissions: list[Emission] = []
    campaign = campaign_named(name)
    manifest = simulate(campaign, emissions.append, SCALE, partitions=PARTITIONS)
    told = [emission for emission in emissions if not emission.key.startswith(b"mark-")]
    return Run(campaign, emissions, manifest, plain_count(told, PARTITIONS))


@cache
def reference_of(name: str) -> Reference:
    """What the campaign's registry says, as a worker holds it."""
    reference = Reference(Limits())
    for key, row in run_of(name).plain.events["reference"]:
        reference.add(key, row, row["sent_at"])
    return reference


def outcomes(clocks: dict[str, Clock], as_of: int) -> Counter[tuple[str, str]]:
    """How many clocks of each class ended how."""
    return Counter((clock.deadline_class, outcome(clock, as_of).value) for clock in clocks.values())


_HAN = {numeral: value for value, numeral in enumerate("零一二三四五六七八九十")}
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)(万|萬)?([余餘多])?|([零一二三四五六七八九十])")


def written_number(phrase: str) -> tuple[int, int, bool]:
    """(value, what it is rounded to, lower bound) of the one number in a phrase, as a document writes it (T5, T11):
    ``入户走访80余万户`` is (800000, 10000, True), ``５.３萬餘條`` (53000, 1000, True)."""
    text = phrase.translate({ord("０") + digit: str(digit) for digit in range(10)}).replace("．", ".")
    text = re.sub(r"([余餘多])([万萬])", r"\2\1", text)
    (found,) = _WRITTEN.findall(text)
    digits, ten_thousands, more, han = found
    if han:
        return _HAN[han], 1, False
    places = len(digits.partition(".")[2])
    if ten_thousands:
        step = 10_000 // 10**places
        return round(float(digits) * 10_000), step, bool(more)
    value = int(digits)
    step = 1
    while more and value % (step * 10) == 0:
        step *= 10
    return value, step, bool(more)
