"""The cases of the whole pipeline, for any Kafka and ClickHouse: a module of tests imports them and has a fixture
`fresh_stores`, which says where an empty Kafka and ClickHouse are for one installation."""

import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from infra.embedded.supervisor import Supervisor
from replay.campaigns import campaign_named
from streams.facts import decode_fact
from streams.person_clocks import clocks
from streams.risk import timeline
from tests.support.pipeline import (
    Outcome,
    Timeline,
    expected_dead_letters,
    facts_by_hand,
    facts_in_state,
    installation,
    outcome,
    publish,
)
from tests.unit.replay.small_campaign import NAME, small, small_count

FIGURES = campaign_named(NAME).figures
KILLED = ("worker-risk-1", "sink", "worker-enforcement", "worker-reports", "worker-urgent-care")
KILL_EVERY = 6000

FreshStores = Callable[[], AbstractContextManager[Mapping[str, str]]]
"""Entered for one installation; gives the variables that name its Kafka and ClickHouse (none: the embedded ones)."""


def compare(found: Outcome) -> None:
    """Hold an outcome against what was published, counted in plain Python."""
    count = small_count()
    assert found.figures == {figure.ref: count.figures[figure.ref] for figure in FIGURES}
    assert found.dead_letters == expected_dead_letters(count)
    assert found.findings == []
    by_hand = facts_by_hand(small().emissions, found.dead_letters)
    # The screen leaves out facts that no rule reads: every fact that is kept was published, and all that follows from
    # everything published follows from what is kept, and stands in the column store.
    assert all(set(members) <= set(by_hand[token]) for token, members in found.facts.items())
    timelines: dict[str, Timeline] = {}
    due: dict[str, tuple[int, int | None]] = {}
    for token, members in by_hand.items():
        facts = [decode_fact(member) for member in members]
        segments = timeline(facts, found.reference)
        assert segments == timeline(map(decode_fact, found.facts.get(token, ())), found.reference)
        if segments:
            timelines[token] = [(one.start, one.until, one.level, " ".join(one.evidence)) for one in segments]
        due |= {lead: (clock.due_at, clock.done_at) for lead, clock in clocks(facts, found.reference).items()}
    assert found.timelines == timelines
    assert found.clocks == due
    assert found.letters_per_record == {1}
    breached, retracted = (
        Counter({lead: number for (lead, told), number in found.notices.items() if told == kind})
        for kind in ("BREACHED", "RETRACTED")
    )
    assert all(breached[lead] - retracted[lead] in (0, 1) for lead in breached | retracted)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, fresh_stores: FreshStores) -> Outcome:
    """What comes out when nothing dies; the log is published twice."""
    directory = tmp_path_factory.mktemp("undisturbed")
    with fresh_stores() as stores, installation(directory, variables=stores) as (home, supervisor):
        publish(home, small().emissions)
        first = outcome(home, supervisor, FIGURES)
        publish(home, small().emissions)
        second = outcome(home, supervisor, FIGURES)
        assert second._replace(reference=first.reference) == first
    return first


def test_every_figure_fact_and_dead_letter_is_that_of_a_plain_count(undisturbed: Outcome) -> None:
    compare(undisturbed)


@pytest.mark.expects_errors("SIGKILL|is started again|exit status")
def test_kill_9_of_workers_and_sink_changes_nothing(
    tmp_path: Path, undisturbed: Outcome, fresh_stores: FreshStores
) -> None:
    chosen = random.Random(7)
    kills: Counter[str] = Counter()

    with fresh_stores() as stores, installation(tmp_path / "killed", variables=stores) as (home, supervisor):

        def kill_now_and_then(published: int) -> None:
            if published % KILL_EVERY == 0:
                name = KILLED[len(kills) % len(KILLED)] if len(kills) < len(KILLED) else chosen.choice(KILLED[:2])
                if kill(supervisor, name):
                    kills[name] += 1

        publish(home, small().emissions, kill_now_and_then)
        found = outcome(home, supervisor, FIGURES)
        assert kills.total() >= 5
        assert set(kills) >= {"worker-risk-1", "sink"}
        compare(found)
        assert found.facts == undisturbed.facts == facts_in_state(home)
        assert found.figures == undisturbed.figures


def kill(supervisor: Supervisor, name: str) -> bool:
    """kill -9 of a part; False when it is down already."""
    for part in supervisor.status():
        if part.name == name and part.pid is not None:
            os.kill(part.pid, signal.SIGKILL)
            return True
    return False
