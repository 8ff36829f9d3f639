"""What a campaign is: a named, seeded generator of emissions with the figures that must come out of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from replay.emission import Emission
from replay.manifest import Account, Manifest
from sinks.figure_identities import Identity, Share
from sinks.figures import Figure


class Run(Protocol):
    """One generation. ``account`` is complete when `emissions` has ended."""

    account: Account
    expected: int
    scale: float
    partitions: int
    leads_scale: float

    def emissions(self) -> Iterator[Emission]:
        """Every emission, in publishing order. To be read once."""
        ...


@dataclass(frozen=True)
class Campaign:
    """``start_run(seed, scale, partitions, leads_scale)`` begins a generation: equal arguments give equal bytes.

    ``synthetic`` names what the source does not publish and the campaign makes up; ``figures`` are what it publishes,
    ``identities`` what must close between them, or must not be said to.
    """

    name: str
    title_en: str
    title_zh: str
    seed: int
    default_scale: float
    synthetic: tuple[str, ...]
    figures: tuple[Figure, ...]
    start_run: Callable[[int, float, int, float], Run]
    identities: tuple[Identity | Share, ...] = ()

    def run(self, scale: float, partitions: int, leads_scale: float = 1.0) -> Run:
        """Begins a generation. Raises ValueError for a scale that is not in (0, 1]."""
        if not 0 < scale <= 1 or not 0 < leads_scale <= 1:
            raise ValueError(f"scale {scale} of {self.name}: give one over 0 and up to 1")
        return self.start_run(self.seed, scale, partitions, leads_scale)

    def manifest(self, run: Run, emissions: int, digest: str) -> Manifest:
        """The account of a run that has ended."""
        account = run.account
        return Manifest(
            campaign=self.name,
            seed=self.seed,
            scale=run.scale,
            leads_scale=run.leads_scale,
            partitions=run.partitions,
            events={topic: dict(kinds) for topic, kinds in sorted(account.events.items())},
            time_marks=dict(account.time_marks),
            duplicates=dict(account.duplicates),
            conflicts=dict(account.conflicts),
            disordered=dict(account.disordered),
            late=dict(account.late),
            beyond_horizon=dict(+account.beyond_horizon),
            poison=dict(account.poison),
            dead_letters=tuple(account.dead_letters),
            synthetic=self.synthetic,
            emissions=emissions,
            digest=digest,
        )
