"""Patrols of the Weihai campaign at the quays: more than 3,200 vehicles, 1,500 vessels that put to sea and 3,000
persons were checked (A002-11). Each subject passes once: the source counts vehicles, vessels and persons, not passages.

Which quay, day and hour is synthetic. The text's four measures, talks and leaflets are reports.
"""

from typing import NamedTuple

from replay.campaigns.drafts import Draft
from replay.campaigns.draws import Draws
from replay.campaigns.tokens import Tokens
from replay.campaigns.weihai_calendar import PERIOD_FROM, PERIOD_UNTIL, daytimes
from replay.campaigns.weihai_places import QUAYS
from schemas import events
from schemas.codes import Direction, SubjectKind
from sinks.figures import expected_at


class Checked(NamedTuple):
    """A kind of subject checked at the quays; ``letter`` is that of its tokens."""

    kind: SubjectKind
    letter: str
    number: int
    direction: Direction


CHECKED = (
    Checked(SubjectKind.VEHICLE, "v", 3200, Direction.ENTERING),
    Checked(SubjectKind.VESSEL, "s", 1500, Direction.LEAVING),
    Checked(SubjectKind.PERSON, "p", 3000, Direction.ENTERING),
)


def patrol_drafts(seed: int, scale: float) -> list[Draft]:
    """Passages at the quays, round the clock (全时段巡逻)."""
    drafts = []
    for checked in CHECKED:
        label = f"quay {checked.kind.value.lower()}"
        draws, tokens = Draws(seed, label), Tokens(seed, label, checked.letter)
        times = daytimes(draws, expected_at(checked.number, scale), PERIOD_FROM, PERIOD_UNTIL, 0, 24)
        for number, at in enumerate(sorted(times)):
            site = QUAYS[number % len(QUAYS)]
            stated = {
                "token": tokens.one(number),
                "site": site.id,
                "site_kind": site.kind,
                "direction": checked.direction,
                "subject_kind": checked.kind,
                "passage_id": f"wh-quay-{checked.letter}-{number:05d}",
                "identity_checked": True,
            }
            drafts.append(Draft(at, f"{site.id}-patrol", events.Passage, stated))
    return drafts
