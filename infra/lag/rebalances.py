"""How often the shares of a group's members were dealt anew, from looks at the group. Pure.

Kafka keeps no count that can be asked for. What is seen: members that came or went, shares that moved, and a group
that is found rebalancing. What is not: a rebalance between two looks after which the same members have the same shares
(a static member that came back in time causes none at all), and how many there were between two looks.
"""

from collections.abc import Hashable
from dataclasses import dataclass

SETTLED = ("Stable", "Empty", "Dead")
"""States in which a group's shares are dealt, in Kafka's words. Elsewhere it says nothing of them."""


@dataclass(frozen=True)
class Rebalances:
    """What the looks so far say; ``shares``: who had what when the group was last seen settled, None before that."""

    count: int = 0
    shares: frozenset[Hashable] | None = None
    under_way: bool = False

    def after(self, state: str, shares: frozenset[Hashable]) -> "Rebalances":
        """With one more look; ``shares``: every member with what it has."""
        if state not in SETTLED:
            return Rebalances(self.count, self.shares, under_way=True)
        anew = self.under_way or (self.shares is not None and shares != self.shares)
        return Rebalances(self.count + anew, shares)
