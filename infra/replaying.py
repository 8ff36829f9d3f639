"""Replays of a home: processes, topics and the record around what `replay` does."""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from infra.campaigning import account_file
from infra.column_store import writer_address
from infra.embedded.catch_up import SINK_GROUP
from infra.embedded.kafka.topics import TopicSpec, create_topics, topic_spec
from infra.errors import CannotRun
from infra.home import Home
from infra.settings import KafkaSettings
from replay import promote as promotion
from replay.campaigns import CAMPAIGNS
from replay.diff import Compared, compare
from replay.digests import united
from replay.log import Log
from replay.plan import Experience, Plan, Wanted, make_plan, versions_of
from replay.record import EXCHANGES, Noted, Step, last, note, steps
from replay.run import Concluded, Gathered, Replayer, Share, Source, forget_derived, shares_of
from replay.target import Target
from schemas.policy import default_policy
from schemas.registry import default_registry
from schemas.topics import DERIVED_TOPICS, INPUT_TOPICS, Topic
from sinks.clickhouse import ClickHouse
from sinks.counts import Recounter
from sinks.figures import Figure
from sinks.ledger import Ledger, Place
from sinks.migrations import migrate

STATEMENT_SECONDS = 600.0
PAUSE_POLL_SECONDS = 1.0
STILL_SECONDS = 60.0

Progress = Callable[[str, int, int], None]
"""Hears what is being done, and how many records of about how many."""


class ReplayRefused(CannotRun):
    """What is asked cannot be done with this replay; the text says why and what to do."""


class Range(NamedTuple):
    """What part of the log is asked for: positions by partition, or append times (UTC, ms); None: all of it."""

    begins: Mapping[Place, int] | None = None
    ends: Mapping[Place, int] | None = None
    since: int | None = None
    until: int | None = None

    @property
    def what(self) -> str:
        parts = [f"{len(self.begins or ())} partitions by position"] if self.begins or self.ends else []
        parts += [f"from {self.since}"] if self.since is not None else []
        parts += [f"until {self.until}"] if self.until is not None else []
        return ", ".join(parts) or "the whole log"


@contextmanager
def column_store(home: Home, target: Target | None = None) -> Iterator[ClickHouse]:
    """A connection as the writer, to the live tables or to those of a replay."""
    database = {} if target is None else {"database": target.database}
    with ClickHouse(writer_address(home), "checkline-replay", STATEMENT_SECONDS, **database) as client:
        yield client


def plan(home: Home, target: Target, wanted: Range) -> Plan:
    """Work out a replay and note it. Raises `replay.plan.Refused`, ReplayRefused where the name is taken."""
    partitions = home.settings.partitions
    with column_store(home) as client, _log(home) as log:
        if (at := last(steps(client, target.name))) is not None and at.step not in (Step.PLANNED, Step.DROPPED):
            raise ReplayRefused(
                f"there is a replay {target.name} already: give another name, or checkline replay drop {target.name}"
            )
        # Asked first: what they say beyond this may follow from events after the range.
        derived = log.extent(DERIVED_TOPICS, partitions).ends
        extent = log.extent(INPUT_TOPICS, partitions)
        begins, ends = wanted.begins, wanted.ends
        if wanted.since is not None:
            found = log.positions_at(extent.ends, wanted.since)
            # Where the log begins with it, what came before may have been of the range too.
            eaten = {place: at - 1 for place, at in found.items() if 0 < at == extent.begins[place]}
            begins = {**extent.ends, **found, **eaten, **(begins or {})}
        if wanted.until is not None:
            ends = {**extent.ends, **log.positions_at(extent.ends, wanted.until), **(ends or {})}
        made = make_plan(
            target,
            Wanted(begins, ends, wanted.what),
            extent,
            derived,
            default_registry(),
            partitions=partitions,
            policies=[default_policy()],
            experience=_experience(client),
        )
        note(client, target.name, Step.PLANNED, made.as_json())
    return made


def run(home: Home, target: Target, processes: int, rate: float | None, progress: Progress) -> Mapping[str, Any]:
    """Run a replay that was planned, or go on with one that was interrupted; returns what was noted of it.

    Raises ReplayRefused, and what a share raised.
    """
    with column_store(home) as client:
        noted = steps(client, target.name)
        made = plan_of(noted, target)
        if last(noted, Step.DONE) is not None:
            raise ReplayRefused(
                f"{target.name} was run already; plan another one, or checkline replay diff {target.name}"
            )
        if (now := versions_of(default_registry())) != dict(made.versions):
            raise ReplayRefused(
                f"{target.name} was planned by another release ({dict(made.versions)}, this is {now}): drop it and "
                "plan it again"
            )
        create_topics(
            home.kafka_bootstrap,
            [_topic_spec(home, target, topic) for topic in DERIVED_TOPICS],
            replication=home.brokers if home.settings.kafka.embedded else home.settings.kafka.replication,
            client_options=home.settings.kafka.client_options(),
        )
        with column_store(home, target) as own:
            migrate(own)
            if last(noted, Step.STARTED) is not None:
                forget_derived(own)
        note(client, target.name, Step.STARTED, {"processes": processes, "events_a_second": rate})
        started = time.monotonic()
        try:
            document = _run(home, made, processes, rate, progress, lambda: _hold(client, target))
        except BaseException as error:
            note(client, target.name, Step.FAILED, {"reason": f"{type(error).__name__}: {error}"})
            raise
        seconds = time.monotonic() - started
        document = {**document, "seconds": round(seconds, 3), "versions": dict(made.versions)}
        note(client, target.name, Step.DONE, document)
    return document


def _run(
    home: Home, made: Plan, processes: int, rate: float | None, progress: Progress, hold: Callable[[], None]
) -> dict[str, Any]:
    source = Source(home.kafka_bootstrap, made.partitions, made.extent)
    parts = shares_of([span for span in made.spans if span.end > span.begin], processes)
    shares = [
        Share(
            source,
            made.target,
            writer_address(home),
            spans,
            default_policy().arrival.limits,
            events_a_second=None if rate is None else rate / len(parts),
        )
        for spans in parts
    ]
    with _Processes(shares, home.settings.kafka) as running:
        gathered: list[Gathered] = []
        done = 0

        def told(records: int) -> None:
            nonlocal done
            done += records
            progress("reading the log", done, made.events)
            hold()

        gathered = running.gather(told)
        clocks = [one.clock for one in gathered if one.clock is not None]
        newest = max((one.newest for one in gathered), default=0)
        as_of = min(clocks) if home.clock == "event" and clocks else newest
        progress("concluding", done, made.events)
        concluded = running.conclude(as_of)
    progress("counting", done, made.events)
    _count(home, made.target)
    with column_store(home) as client:
        promotion.place_below(client, made.target)
    return {
        "as_of": as_of,
        "records": sum(one.records for one in gathered),
        "persons": sum(one.persons for one in concluded),
        "derived": sum(one.derived for one in concluded),
        "dead_letters": sum(one.letters for one in concluded),
        "digests": united(one.digests for one in concluded).as_json(),
        "cells": _cells_digest(home, made.target),
        "processes": len(shares),
        "cpu_seconds": round(sum(one.cpu_seconds for one in concluded), 3),
    }


class _Processes:
    """One process a share, told what to do step by step."""

    def __init__(self, shares: Sequence[Share], kafka: KafkaSettings) -> None:
        self._context = multiprocessing.get_context("spawn")  # a fork would share threads and connections
        self._shares = shares
        self._kafka = kafka
        self._ends: list[Connection] = []
        self._processes: list[BaseProcess] = []

    def __enter__(self) -> "_Processes":
        for share in self._shares:
            mine, theirs = self._context.Pipe()
            process = self._context.Process(target=_serve, args=(share, self._kafka, theirs), daemon=True)
            process.start()
            theirs.close()
            self._ends.append(mine)
            self._processes.append(process)
        return self

    def __exit__(self, *_: object) -> None:
        for end in self._ends:
            end.close()
        for process in self._processes:
            process.terminate()
            process.join()

    def gather(self, told: Callable[[int], None]) -> list[Gathered]:
        return self._all("gather", told)

    def conclude(self, as_of: int) -> list[Concluded]:
        for end in self._ends:
            end.send(as_of)
        return self._all("conclude", lambda _: None)

    def _all(self, what: str, told: Callable[[int], None]) -> list[Any]:
        """The answers of all processes; progress that comes before is acknowledged when ``told`` returns."""
        answers: dict[int, Any] = {}
        while len(answers) < len(self._ends):
            waiting = {end: number for number, end in enumerate(self._ends) if number not in answers}
            for end in wait(list(waiting)):
                assert isinstance(end, Connection)
                number = waiting[end]
                try:
                    answer = end.recv()
                except EOFError:
                    raise ReplayRefused(
                        f"process {number} of the replay died ({what}); run it again to go on"
                    ) from None
                if isinstance(answer, int):
                    told(answer)
                    end.send(None)
                elif isinstance(answer, str):
                    raise ReplayRefused(f"the replay stopped: {answer}")
                else:
                    answers[number] = answer
        return [answers[number] for number in sorted(answers)]


def _serve(share: Share, kafka: KafkaSettings, parent: Connection) -> None:
    """The body of a share's process."""
    share = replace(share, source=replace(share.source, options=kafka.aiokafka_options()))  # TLS cannot be handed over

    def tell(records: int) -> None:
        parent.send(records)
        parent.recv()

    replayer = Replayer(share, tell)
    try:
        parent.send(replayer.gather())
        parent.send(replayer.conclude(parent.recv()))
    except (EOFError, BrokenPipeError):  # the parent is gone, and with it who asked
        return
    except Exception as error:
        parent.send(f"{type(error).__name__}: {error}")


def _hold(client: ClickHouse, target: Target) -> None:
    """Returns when the replay is not to pause."""
    while (at := last(steps(client, target.name))) is not None and at.step is Step.PAUSED:
        time.sleep(PAUSE_POLL_SECONDS)


def pause(home: Home, target: Target, resume: bool) -> None:
    """Have a replay that runs stand still, or go on. Raises ReplayRefused where it does not run."""
    with column_store(home) as client:
        at = last(steps(client, target.name))
        if at is None or at.step not in (Step.STARTED, Step.PAUSED, Step.RESUMED):
            raise ReplayRefused(f"{target.name} does not run; see checkline replay list")
        note(client, target.name, Step.RESUMED if resume else Step.PAUSED)


def diff(home: Home, target: Target) -> Compared:
    """Compare and note what came of it. Raises ReplayRefused where it was not run to its end."""
    with column_store(home) as client, column_store(home, target) as own:
        noted = steps(client, target.name)
        made = plan_of(noted, target)
        if last(noted, Step.DONE) is None:
            raise ReplayRefused(f"{target.name} was not run to its end; checkline replay run {target.name}")
        compared = compare(client, own, made, _figures(home))
        note(client, target.name, Step.COMPARED, {"clean": compared.clean, "counts": dict(compared.counts)})
    return compared


def promote(home: Home, target: Target, accepted: Sequence[str]) -> Mapping[str, Any]:
    """Compare once more, and exchange the tables; one that was interrupted goes on where it was.

    Raises `replay.promote.NotPromoted`, ReplayRefused.
    """
    with column_store(home) as client:
        noted = steps(client, target.name)
        under_way = (at := last(noted, *EXCHANGES)) is not None and at.step is Step.PROMOTING
        compared = None if under_way else diff(home, target)
        made = plan_of(noted, target)
        begins = _begins(home)
        return promotion.promote(client, made, compared, accepted, begins, lambda: wait_until_still(home))


def roll_back(home: Home, target: Target) -> Mapping[str, Any]:
    """Exchange the tables back. Raises `replay.promote.NotPromoted`, ReplayRefused."""
    with column_store(home) as client:
        return promotion.roll_back(client, target, _begins(home), lambda: wait_until_still(home))


def drop(home: Home, target: Target) -> None:
    """Remove tables and topics of a replay that does not stand for the live ones; the record stays."""
    with column_store(home) as client:
        noted = steps(client, target.name)
        if not noted:
            raise ReplayRefused(f"there is no replay {target.name}; see checkline replay list")
        if (at := last(noted, *EXCHANGES)) is not None and at.step is not Step.ROLLED_BACK:
            raise ReplayRefused(
                f"{target.name} is promoted, and its tables hold what was live before; roll it back first"
            )
        for database in target.databases:
            client.execute(f"DROP DATABASE IF EXISTS {database}")
        admin = KafkaAdminClient(bootstrap_servers=home.kafka_bootstrap, **home.settings.kafka.client_options())
        try:
            present = {topic["name"] for topic in admin.describe_topics()}
            names = [target.topic_prefix + topic.name for topic in DERIVED_TOPICS]
            if mine := [name for name in names if name in present]:
                admin.delete_topics(mine)
        finally:
            admin.close()
        note(client, target.name, Step.DROPPED)


def replays(home: Home) -> list[Noted]:
    """The record of all replays, oldest first."""
    with column_store(home) as client:
        return steps(client)


def plan_of(noted: list[Noted], target: Target) -> Plan:
    """The plan of a replay. Raises ReplayRefused where there is none."""
    at = last(noted, Step.PLANNED, Step.DROPPED)
    if at is None or at.step is Step.DROPPED:
        raise ReplayRefused(f"no replay {target.name} is planned; checkline replay plan {target.name}")
    return Plan.parse(at.document)


def _begins(home: Home) -> Mapping[Place, int]:
    with _log(home) as log:
        return log.extent(INPUT_TOPICS, home.settings.partitions).begins


def wait_until_still(home: Home) -> None:
    """Returns when no sink is left in its group: each sees that tables are exchanged, and leaves. Raises ReplayRefused
    when one stays."""
    (group,) = SINK_GROUP
    deadline = time.monotonic() + STILL_SECONDS
    admin = KafkaAdminClient(bootstrap_servers=home.kafka_bootstrap, **home.settings.kafka.client_options())
    try:
        while found := _members(admin, group):
            if time.monotonic() > deadline:
                raise ReplayRefused(
                    f"{found} within {STILL_SECONDS:.0f} s; look at the logs, then give the same command again (or "
                    "replay rollback)"
                )
            time.sleep(0.2)
    finally:
        admin.close()


def _members(admin: KafkaAdminClient, group: str) -> str | None:
    """What is wrong as long as a group is not known to be without members."""
    try:
        members = admin.describe_groups([group])[group]["members"]
    except KafkaError as error:  # the coordinator is made when a group is first asked for, and moves with its broker
        return f"kafka did not say who reads: {error}"
    return f"{len(members)} sinks have not left" if members else None


def _topic_spec(home: Home, target: Target, topic: Topic) -> TopicSpec:
    """Records keep the time that they speak of; where that is ours, the bytes of refused records go in time."""
    spec = topic_spec(topic, partitions=home.settings.partitions, clock="event", prefix=target.topic_prefix)
    if home.clock == "wall":
        spec = spec._replace(settings={**spec.settings, "retention.ms": str(topic.retention_ms)})
    return spec


def _count(home: Home, target: Target) -> None:
    with column_store(home, target) as own:
        recounter = Recounter(own, f"replay-{target.name}")
        recounter.own(Ledger(own, own.name).positions())
        recounter.run()


def _cells_digest(home: Home, target: Target) -> str:
    """Of all counts, whatever partition they come from."""
    number = "cityHash64(topic, hour, site, kind, measure, value)"
    with column_store(home, target) as own:
        query = f"SELECT count(), groupBitXor({number}), sumWithOverflow({number}) FROM checkline.counts"
        ((count, either, total),) = own.rows(query)
    return f"{count}:{either:016x}{total:016x}"


def _figures(home: Home) -> list[Figure]:
    """Those of the campaigns that were published here."""
    found = [campaign for name, campaign in CAMPAIGNS.items() if account_file(home, name).exists()]
    return [figure for campaign in found for figure in campaign.figures]


def _experience(client: ClickHouse) -> Experience:
    """The size of events in the live tables, and the pace of the last replay."""
    query = """
        SELECT sum(bytes_on_disk), sumIf(rows, table = 'arrivals') FROM system.parts
        WHERE active AND database IN ('checkline', 'checkline_restricted')
    """
    ((size, rows),) = client.rows(query)
    known = Experience()
    if rows > 1000:
        known = known._replace(bytes_an_event=size / rows)
    if (done := last(steps(client), Step.DONE)) is not None and done.document["records"] > 100_000:
        known = known._replace(events_a_second=done.document["records"] / done.document["seconds"])
    return known


def _log(home: Home) -> Log:
    return Log(home.kafka_bootstrap, options=home.settings.kafka.aiokafka_options())
