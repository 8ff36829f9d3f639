"""What the project notes for itself: that a notice about a clock was sent."""

from streams.fact_set import Fact

ANNOUNCER = "checkline"
"""Source of announcements; they are facts of the state, never events of the log."""


class Announced(Fact, frozen=True, tag="announced"):
    """A notice about a clock was sent; ``sequence`` counts notices of the same kind. Not an observation: no digest of
    facts includes it."""

    observed = False

    clock_id: str
    notice: str
