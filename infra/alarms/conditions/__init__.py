"""What is wrong in a snapshot: one pure function per rule, in the module of the evidence it reads.

Rules compare what the snapshot says with the settings, never with a clock. Five rules do not apply where the home's
clock is that of its log: a campaign's records carry other times than the machine's (GroupLagging, CheckpointSilent,
DeviceSkewed), and its weeks go by in seconds, so that nothing is "lately" (DeadLettersGrowing, BreachWave).
"""

import logging
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from infra.alarms.alarm import Condition
from infra.alarms.conditions import kafka, processes, sources, tables, work
from infra.alarms.conditions.judgement import Judgement, Look, NotKnown, RuleFunction, Section, Unsure
from infra.alarms.conditions.memory import Memory, asked_at, remember
from infra.lag.snapshot import Snapshot
from infra.settings import OperationsSettings

log = logging.getLogger(__name__)


class Finder(NamedTuple):
    """How a rule is judged. ``section``: whose answers are its evidence, None where each look is; ``looks``: how many
    answers must agree before it is an alarm, 1 for what is a fact or a duration already; ``question``: which answer of
    the tables it is, by its name in `infra.lag.questions`. ``wall``: whether it applies only where the times of records
    are the machine's."""

    section: Section | None
    find: RuleFunction
    looks: int = 1
    question: str = ""
    wall: bool = False

    def stamp(self, snapshot: Snapshot) -> int | None:
        """When the evidence was given: two looks at one answer are one."""
        if self.section is None:
            return snapshot.at
        if self.section == "store":
            return asked_at(snapshot, self.question)
        taken: int | None = getattr(snapshot, self.section).taken_at
        return taken


FINDERS: Mapping[str, Finder] = MappingProxyType(
    {
        "PartitionStuck": Finder("kafka", kafka.partition_stuck),
        "GroupLagging": Finder("kafka", kafka.group_lagging, 2, wall=True),
        "GroupWithoutMembers": Finder("kafka", kafka.group_without_members, 2),
        "UnreadDataExpiring": Finder("kafka", kafka.unread_data_expiring, 2),
        "UnreadDataLost": Finder("kafka", kafka.unread_data_lost),
        "WorkerDown": Finder("parts", processes.worker_down),
        "SinkDown": Finder("parts", processes.sink_down),
        "PartDown": Finder("parts", processes.part_down),
        "PartRestarting": Finder("parts", processes.part_restarting),
        "BrokerDown": Finder("kafka", kafka.broker_down, 2),
        "SourceSilent": Finder(None, sources.source_silent),
        "CheckpointSilent": Finder("store", tables.checkpoint_silent, 1, "devices_lately", wall=True),
        "DeviceSkewed": Finder("store", tables.device_skewed, 2, "devices_lately", wall=True),
        "DeadLettersGrowing": Finder("store", tables.dead_letters_growing, 1, "dead_letters_lately", wall=True),
        "AuditDifference": Finder("audit", sources.audit_difference),
        "AuditStandsStill": Finder(None, sources.audit_stands_still, 2),
        "LedgerBehind": Finder("store", tables.ledger_behind, 1, "coverage"),
        "BreachWave": Finder("store", work.breach_wave, 1, "breaches", wall=True),
        "ReleaseOverdue": Finder("store", work.release_overdue, 2, "clocks"),
        "ReportsMissing": Finder("store", work.reports_missing, 2, "missing_reports"),
        "TicksLate": Finder("workers", processes.ticks_late, 2),
        "RecoveryStalled": Finder("workers", processes.recovery_stalled),
        "Congestion": Finder("store", work.congestion, 2, "flows"),
        "DeadlinesWillBeMissed": Finder("forecast", work.deadlines_will_be_missed, 2),
        "ConflictsSeen": Finder("store", tables.conflicts_seen, 1, "conflicts"),
    }
)
"""How each rule of the catalogue is judged."""


def judge(snapshot: Snapshot, memory: Memory, settings: OperationsSettings) -> tuple[list[Judgement], Memory]:
    """What is wrong and what cannot be told, and what the next look must remember of this one."""
    known = remember(memory, snapshot, settings)
    return list(_judgements(Look(snapshot, known, settings))), known


def _judgements(look: Look) -> Iterator[Judgement]:
    for rule, finder in FINDERS.items():
        if finder.wall and look.snapshot.clock != "wall":
            continue
        try:
            yield from list(finder.find(look))
        except NotKnown:
            yield Unsure(rule)
        except Exception as error:  # the other rules must still be judged; this one is an alarm itself
            log.exception("rule %s cannot be judged", rule)
            yield Unsure(rule)
            why = f"rule {rule} cannot be judged: {type(error).__name__}: {error}"
            yield Condition(
                "SourceSilent", f"rule-{rule}", why, f"规则 {rule} 无法判断：{type(error).__name__}: {error}"
            )
