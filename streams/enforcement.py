"""Cases and dispositions: their own facts, fold and state. Nothing of this is ever read by the rules of risk."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from schemas import topics
from schemas.topics import Topic
from streams.fact_set import Fact
from streams.union_fold import UnionFold


class Registered(Fact, frozen=True, tag="registered"):
    category: str
    unit: str
    involves_firm: bool | None


class Disposed(Fact, frozen=True, tag="disposed"):
    """What was imposed on a person or a firm."""

    disposition: str
    party: str
    party_token: str | None


class CaseNote(Fact, frozen=True, tag="note"):
    """What is no case by itself: a tip, a finding of a supervision, a supervisory notice and its rectification, or
    somebody who was educated on the spot (A001-14, A003-12: 以教育为主)."""

    kind: str
    unit: str
    reason: str | None


class Withdrawn(Fact, frozen=True, tag="withdrawn"):
    """One event of the case, or the whole case where none is named, no longer counts."""

    withdraws_source: str | None
    withdraws_sequence: int | None
    reason: str


CaseFact = Registered | Disposed | CaseNote | Withdrawn

_DECODER: msgspec.msgpack.Decoder[CaseFact] = msgspec.msgpack.Decoder(CaseFact)


class Case(NamedTuple):
    """What stands of a case: its category (None before registration or after withdrawal) and dispositions by party."""

    category: str | None
    dispositions: tuple[tuple[str, str], ...]


def facts_of(row: Mapping[str, Any]) -> CaseFact:
    """The fact that an enforcement row asserts."""
    event = row["source"], row["sequence"], row["occurred_at"], row["sent_at"]
    match row["kind"]:
        case "CASE_REGISTERED":
            return Registered(*event, row["category"], row["unit"], row["involves_firm"])
        case "DISPOSITION":
            return Disposed(*event, row["disposition"], row["party"], row["party_token"])
        case "WITHDRAWAL":
            return Withdrawn(*event, row["withdraws_source"], row["withdraws_sequence"], row["reason"])
        case "TIP" | "FINDING" | "SUPERVISORY_NOTICE" | "RECTIFIED" | "EDUCATION" as kind:
            return CaseNote(*event, kind, row["unit"], row["reason"])
        case unknown:
            raise ValueError(f"kind {unknown} has no rule")


def case_of(facts: Iterable[CaseFact]) -> Case:
    """What stands, by union: of two registrations under one case the earliest sent counts."""
    facts = list(facts)
    gone = {(fact.withdraws_source, fact.withdraws_sequence) for fact in facts if isinstance(fact, Withdrawn)}
    if (None, None) in gone:
        return Case(None, ())
    left = [fact for fact in facts if (fact.source, fact.sequence) not in gone]
    registered = [fact for fact in left if isinstance(fact, Registered)]
    first = min(registered, key=lambda fact: (fact.sent_at, fact.source, fact.sequence, fact.category), default=None)
    disposed = sorted((fact.disposition, fact.party_token or "") for fact in left if isinstance(fact, Disposed))
    return Case(first.category if first else None, tuple(disposed))


class CaseFold(UnionFold):
    """Rules of the enforcement app: one state a case."""

    topics: tuple[Topic, ...] = (topics.ENFORCEMENT,)

    def facts_of(self, topic: str, row: Mapping[str, Any]) -> Iterable[CaseFact]:
        return (facts_of(row),)

    def decode(self, member: bytes) -> CaseFact:
        return _DECODER.decode(member)
