"""Who would have to do the work: what the events say of units and sites, and which referrals were really decided.

Facts hold neither, for no rule reads them; they are noted beside the facts while the log is read. As with facts, the
order in which rows come changes nothing, and neither does repetition.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from schemas import topics
from schemas.identities import EventId, identity_hash
from streams.fold import Rows

_REFERRED = "REFERRED"


class Team(NamedTuple):
    """Who has the work: ``kind`` is unit (of a lead), site or site kind (of a reading or passage), or none."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".strip()


NOBODY = Team("none", "")


class Decision(NamedTuple):
    """A referral that was decided (T: what was done, not what was advised): when, by whom in which role, its event."""

    at: int
    event: str
    role: str


class Teams:
    """Takes rows about persons, and answers afterwards."""

    def __init__(self) -> None:
        self._of_event: dict[bytes, tuple[int, Team]] = {}
        self._lead_of: dict[bytes, str] = {}
        self._of_lead: dict[str, tuple[int, str, Team]] = {}
        self._decisions: dict[tuple[str, str], set[Decision]] = {}
        self._taken_back: set[str] = set()
        self._known: dict[Team, Team] = {}

    def take(self, rows: Rows) -> None:
        """Notes what some rows say; see `replay.states.States`."""
        for topic, records in rows.items():
            for key, row in records:
                if row["kind"] == "DECISION":
                    self._decide(key, row)
                elif topic == topics.FOLLOW_UPS.name:
                    self._follow_up(row)
                else:
                    self._note(row, self._place(row))

    def of_evidence(self, events: Iterable[str], at: int) -> Team:
        """The team of the evidence that begins to count at a time, or else of any of it."""
        found = []
        for text in events:
            source, _, sequence = text.rpartition("#")
            name = identity_hash(source, int(sequence))
            if name in self._of_event:
                happened, team = self._of_event[name]
                if name in self._lead_of:
                    team = self.of_lead(self._lead_of[name])
                found.append((happened != at, team == NOBODY, text, team))
        return min(found)[-1] if found else NOBODY

    def of_lead(self, lead_id: str) -> Team:
        """The unit that has a lead: the last that a step of it names."""
        return self._of_lead[lead_id][-1] if lead_id in self._of_lead else NOBODY

    def referred(self, begin: int, end: int) -> dict[str, Decision]:
        """The first standing decision to refer each person in ``begin`` <= time < ``end``, UTC milliseconds."""
        found: dict[str, Decision] = {}
        for (token, event), said in self._decisions.items():
            decision = min(said)
            if begin <= decision.at < end and event not in self._taken_back:
                found[token] = min(decision, found.get(token, decision))
        return found

    def _decide(self, key: bytes, row: Mapping[str, Any]) -> None:
        if row["decision"] == _REFERRED:
            event = _event(row)
            decision = Decision(row["occurred_at"], event, row["decided_by_role"])
            self._decisions.setdefault((key.decode(), event), set()).add(decision)

    def _follow_up(self, row: Mapping[str, Any]) -> None:
        lead_id, unit = row["lead_id"], row["unit"]
        if lead_id is not None and unit is not None:
            said = row["occurred_at"], _event(row), self._team("unit", unit)
            self._of_lead[lead_id] = max(said, self._of_lead.get(lead_id, said))
        if row["kind"] == "LEAD_OPENED":
            name = self._note(row, NOBODY)
            self._lead_of[name] = min(lead_id, self._lead_of.get(name, lead_id))
        elif row["symptoms"]:
            self._note(row, self._team("unit", unit) if unit is not None else NOBODY)
        if row["corrects_source"] is not None and (row["kind"] == "CORRECTION" or row["upheld"]):
            self._taken_back.add(str(EventId(row["corrects_source"], row["corrects_sequence"])))

    def _note(self, row: Mapping[str, Any], team: Team) -> bytes:
        name = identity_hash(row["source"], row["sequence"])
        said = row["occurred_at"], team
        self._of_event[name] = min(said, self._of_event.get(name, said))
        return name

    def _place(self, row: Mapping[str, Any]) -> Team:
        if row["site"] is not None:
            return self._team("site", row["site"])
        return self._team("site kind", row["site_kind"]) if row["site_kind"] != "NOT_STATED" else NOBODY

    def _team(self, kind: str, name: str) -> Team:
        team = Team(kind, name)
        return self._known.setdefault(team, team)  # one object for a million events


def _event(row: Mapping[str, Any]) -> str:
    return str(EventId(row["source"], row["sequence"]))
