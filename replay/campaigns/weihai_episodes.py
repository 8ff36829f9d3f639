"""People under a programme of follow-up in the Weihai campaign: central quarantine (A002-01), the 14-day track of
foreigners (A002-26), and who came from a risk area (A002-08). Each has a start, contacts where the programme asks for
them, and a release when the stop criterion holds (A002-34 启动、终止标准).

Published are 2,594 person-times and 661 foreigners; who, when, and the few that were released too late are synthetic.
"""

from typing import NamedTuple

from replay.campaigns.drafts import Draft
from replay.campaigns.draws import Draws
from replay.campaigns.schedule import HOUR_MS
from replay.campaigns.tokens import Tokens
from replay.campaigns.weihai_calendar import DAY_MS, MINUTE_MS, daytimes, midnight
from replay.campaigns.weihai_expected import programme_named, windows
from schemas import events
from schemas.codes import AttemptMethod, QuarantinePlace, VisitOutcome
from sinks.figures import expected_at

QUARANTINED = 2594
FOREIGNERS = 661
CENTRAL_QUARANTINE, FOREIGN_ARRIVAL = "CENTRAL_QUARANTINE", "FOREIGN_ARRIVAL_14D"
FOREIGN_AFFAIRS = "wh-foreign-affairs"

_LATE_EVERY = 50
_SITE = "wh-quarantine-1"
_PERSONS_PER_QUARANTINE = 0.97


class Episode(NamedTuple):
    """A stay under a programme. ``start``: UTC milliseconds; ``desk``: who writes it down."""

    token: str
    task: str
    programme: str
    start: int
    unit: str
    desk: str
    place: QuarantinePlace | None = None
    late: bool = False


def episode_drafts(episode: Episode) -> list[Draft]:
    """Start, contacts and release of an episode; a late one is released after the deadline."""
    programme = programme_named(episode.programme)
    source, who = f"{episode.desk}-episodes", {"token": episode.token, "task": episode.task}
    stops = episode.start + programme.days * DAY_MS
    released = stops + (programme.release_hours * HOUR_MS + 5 * HOUR_MS if episode.late else 20 * MINUTE_MS)
    opening = {**who, "programme": episode.programme, "unit": episode.unit}
    reason = "the stop criterion of the programme holds"
    if episode.place is None:
        started = Draft(episode.start, source, events.FollowUpStarted, opening)
        ended = Draft(released, source, events.FollowUpEnded, {**who, "reason": reason, "unit": episode.unit})
    else:
        started = Draft(episode.start, source, events.QuarantineStarted, {**opening, "place": episode.place})
        ended = Draft(released, source, events.QuarantineEnded, {**who, "reason": reason})
    drafts = [started, ended]
    if programme.contacts is not None:
        seen = {"method": AttemptMethod.PHONE, "outcome": VisitOutcome.SEEN_OK, "unit": episode.unit}
        drafts += [
            Draft(window.middle, source, events.Attempt, {**who, **seen})
            for window in windows(programme.contacts, episode.start, stops)
        ]
    return drafts


def quarantine_drafts(seed: int, scale: float) -> list[Draft]:
    """2,594 stays in central quarantine; some persons stay twice, since the source counts person-times."""
    count = expected_at(QUARANTINED, scale)
    draws, tokens = Draws(seed, "quarantine"), Tokens(seed, "quarantined person")
    starts = sorted(daytimes(draws, count, midnight("2020-01-27"), midnight("2020-12-15")))
    persons = max(round(count * _PERSONS_PER_QUARANTINE), 1)
    stays = [
        Episode(
            tokens.one(number % persons),
            f"wh-quarantine-{number:04d}",
            CENTRAL_QUARANTINE,
            at,
            "wh-health",
            _SITE,
            QuarantinePlace.INSTITUTIONAL,
            number % _LATE_EVERY == _LATE_EVERY - 1,
        )
        for number, at in enumerate(starts)
    ]
    return [draft for stay in stays for draft in episode_drafts(stay)]


def foreigner_drafts(seed: int) -> list[Draft]:
    """661 foreigners, each with a 14-day track from arrival."""
    draws, tokens = Draws(seed, "foreigners"), Tokens(seed, "foreigner")
    starts = sorted(daytimes(draws, FOREIGNERS, midnight("2020-03-01"), midnight("2020-12-15")))
    tracks = [
        Episode(
            tokens.one(number),
            f"wh-foreigner-{number:03d}",
            FOREIGN_ARRIVAL,
            at,
            FOREIGN_AFFAIRS,
            FOREIGN_AFFAIRS,
            late=number % _LATE_EVERY == _LATE_EVERY - 1,
        )
        for number, at in enumerate(starts)
    ]
    return [draft for track in tracks for draft in episode_drafts(track)]
