"""What goes wrong on the way from a checkpoint to the log, always on, about one record in twenty.

Devices resend what they have sent (the same bytes again), networks deliver late and out of order, an offline device
keeps its spool for days, a broken one gives one sequence number to two events. None of it may change a figure.
"""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from replay.campaigns.draws import Draws
from replay.campaigns.schedule import HOUR_MS, Schedule
from replay.emission import Emission
from replay.manifest import Account
from replay.rows import event_of_row
from schemas import codes, topics
from schemas.codes import Refusal
from schemas.events import Event
from schemas.registry import default_registry
from schemas.validity import Limits
from schemas.wire.partitioner import partitions_of_keys
from schemas.wire.rows import RowCodec

MINUTE_MS = 60_000
DAY_MS = 24 * HOUR_MS
_PERSON_TOPICS = {topic.name for topic in topics.PERSON_TOPICS}


class Rates(NamedTuple):
    """Shares of all records: out of order by minutes, late by hours or days, sent again."""

    disordered: float = 0.02
    late: float = 0.005
    duplicated: float = 0.025


USUAL_RATES = Rates()


class Times(NamedTuple):
    """UTC milliseconds of many events, as arrays of one length."""

    occurred: NDArray[np.int64]
    sent: NDArray[np.int64]
    appended: NDArray[np.int64]


def delivery(draws: Draws, occurred: NDArray[np.int64], until: int, rates: Rates) -> Times:
    """When events are sent and arrive: mostly within two seconds, some minutes late, a few after days offline.

    Nothing arrives at or after ``until``.
    """
    count = len(occurred)
    case, amount, second = draws.fractions(count), draws.fractions(count), draws.fractions(count)
    late = case < rates.late
    disordered = (case >= rates.late) & (case < rates.late + rates.disordered)
    wait = np.where(late, HOUR_MS + amount * 5 * DAY_MS, amount * 1500).astype(np.int64)
    sent = np.maximum(occurred, np.minimum(occurred + wait, until - HOUR_MS))
    transit = np.where(disordered, 1.5 * MINUTE_MS + second * 13 * MINUTE_MS, 20 + second * 480).astype(np.int64)
    return Times(occurred, sent, np.minimum(sent + transit, until - MINUTE_MS))


class Outbox:
    """Where the parts of a campaign put their records: adds what goes wrong, keeps the account, fills the schedule.

    ``conflict_times``: for each topic the times (UTC milliseconds, ascending) after which the next event's identity is
    given to a second content.
    """

    def __init__(
        self,
        draws: Draws,
        schedule: Schedule,
        account: Account,
        partitions: int,
        conflict_times: Mapping[str, Sequence[int]],
        rates: Rates,
        limits: Limits,
    ) -> None:
        self._draws = draws
        self.schedule = schedule
        self.account = account
        self.rates = rates
        self._partitions = partitions
        self._conflict_times = {topic: list(times) for topic, times in conflict_times.items()}
        self._conflicts_made = 0
        self._horizon_ms = limits.horizon_ms
        self._codecs = {topic.name: RowCodec(default_registry(), topic.name) for topic in topics.INPUT_TOPICS}

    def add(self, topic: str, kinds: Counter[str], keys: list[bytes], values: list[bytes], times: Times) -> None:
        """Takes encoded events of one topic; ``kinds`` says how many there are of each kind."""
        count = len(keys)
        if not count:
            return
        account = self.account
        account.add_events(topic, kinds)
        partitions = partitions_of_keys(keys, topics.partitions_of(topics.BY_NAME[topic], self._partitions))
        appended = times.appended
        if (waiting := self._conflict_times.get(topic)) and waiting[0] <= times.occurred.max():
            appended = appended.copy()
            # A spool's content is not contradicted, and nobody's twice.
            candidates = set(np.flatnonzero(times.sent - times.occurred <= HOUR_MS).tolist())
            while waiting and candidates and waiting[0] <= times.occurred.max():
                waiting.pop(0)
                candidates.remove(self._contradict(topic, keys, values, partitions, times, appended, candidates))
        age = times.sent - times.occurred
        account.late[topic] += int((age > HOUR_MS).sum())
        account.disordered[topic] += int((appended - times.sent > MINUTE_MS).sum())
        emissions = list(
            map(Emission, [topic] * count, keys, values, appended.tolist(), partitions.tolist())  # faster than a loop
        )
        again = np.flatnonzero(self._draws.fractions(count) < self.rates.duplicated)
        pauses = self._draws.fractions(len(again)) ** 2 * 2 * HOUR_MS
        repeats = np.minimum(appended[again] + 100 + pauses.astype(np.int64), self.schedule.until - 1)
        repeated = [
            emissions[row]._replace(appended_at=at) for row, at in zip(again.tolist(), repeats.tolist(), strict=True)
        ]
        account.duplicates[topic] += len(repeated)
        if (old := age > self._horizon_ms).any():
            account.beyond_horizon[topic] += int(old.sum())
            if topic in _PERSON_TOPICS:
                rows = [*np.flatnonzero(old).tolist(), *again[old[again]].tolist()]
                for row in rows:
                    account.expect_dead_letter(topic, Refusal.BEYOND_HORIZON, values[row])
        add = self.schedule.add
        for emission in emissions:
            add(emission)
        for emission in repeated:
            add(emission)

    def add_events(self, events: Sequence[Event], transit_ms: int = 150) -> None:
        """Takes events one by one, through model and codec: for what there is little of."""
        by_topic: dict[str, list[Event]] = {}
        for event in events:
            by_topic.setdefault(event.topic.name, []).append(event)
        for topic, group in by_topic.items():
            records = [event.record() for event in group]
            sent = np.array([event.sent_at for event in group], np.int64)
            occurred = np.array([event.occurred_at for event in group], np.int64)
            values = [self._codecs[topic].encode(record.row) for record in records]
            kinds = Counter(event.kind for event in group)
            self.add(topic, kinds, [record.key for record in records], values, Times(occurred, sent, sent + transit_ms))

    def _contradict(
        self,
        topic: str,
        keys: list[bytes],
        values: list[bytes],
        partitions: NDArray[np.int32],
        times: Times,
        appended: NDArray[np.int64],
        candidates: Set[int],
    ) -> int:
        """Gives one event's identity to another content, sent later, so that the planned event wins; answers which."""
        turn, self._conflicts_made = self._conflicts_made, self._conflicts_made + 1
        row = sorted(candidates)[int(self._draws.integers(1, 0, len(candidates))[0])]
        codec = self._codecs[topic]
        other = _other_content(codec.decode(values[row]))
        other["sent_at"] += MINUTE_MS
        place = row
        if turn % 3 == 0:  # another subject, where there is one that lies in another partition
            place = next((i for i in range(len(keys)) if partitions[i] != partitions[row]), row)
        elif turn % 3 == 1:  # another hour: its counts are touched as well
            other["occurred_at"] -= HOUR_MS
        arrival = int(other["sent_at"]) + 200
        if turn % 2:  # the loser arrives first
            appended[row] = max(int(appended[row]), arrival + MINUTE_MS)
        record = event_of_row(topic, keys[place], other).record()
        self.account.conflicts[topic] += 1
        self.schedule.add(Emission(topic, record.key, codec.encode(record.row), arrival, int(partitions[place])))
        return row


def _other_content(row: dict[str, Any]) -> dict[str, Any]:
    """The row with one thing said differently, of those its kind states."""

    def instead(field: str, one: codes.Code, two: codes.Code) -> dict[str, Any]:
        return {**row, field: two.value if row[field] == one.value else one.value}

    match row["kind"]:
        case "PASSAGE":
            return instead("role", codes.Role.OUTSIDER, codes.Role.RESIDENT)
        case "READING":
            return {**row, "value_tenths": row["value_tenths"] - 3}
        case "LEAD_OPENED":
            return {**row, "home_province": not row["home_province"]}
        case "CASE_REGISTERED":
            return instead("category", codes.CaseCategory.OTHER, codes.CaseCategory.RUMOUR)
        case "DISPOSITION":
            return instead("disposition", codes.Disposition.WARNING, codes.Disposition.FINE)
        case "INDICATOR":
            return {**row, "value": row["value"] + 1}
        case _:  # the later sending alone makes it another content
            return dict(row)
