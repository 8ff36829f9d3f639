"""Judging the log of a home by another policy: a backtest over what lies in it, a shadow beside what comes.

Both only read, by position: no group is joined, nothing is committed, published or written into a table.
"""

import getpass
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple, Self

from infra.errors import MissingPart, WrongSetting
from infra.home import Home, write_whole
from replay.backtest import Comparison, Window
from replay.backtest_pair import Pair
from replay.backtest_report import Basis, document, files_of, iso
from replay.backtest_teams import Teams
from replay.log import Extent, Log, LogGone
from replay.shadow import Counts, Shadow, Told
from schemas.events import to_milliseconds
from schemas.policy import BadPolicy, Policy, default_policy, parse_policy, policy_text
from schemas.registry import default_registry
from schemas.topics import PERSON_TOPICS, REFERENCE
from schemas.wire.batches import RecordBatch
from sinks.blocks import Span
from sinks.ledger import Place

RULES = ("schemas", "streams", "replay")
"""Packages whose sources decide what follows from a log."""

RECORD_FILE = "record.json"

Tell = Callable[[int, int], None]
"""Hears how many positions of the log are done, of how many."""


class Candidate(NamedTuple):
    """A policy to judge by, and the digest of its text."""

    policy: Policy
    sha256: str


class Backtest(NamedTuple):
    """What was compared, and what came of it."""

    basis: Basis
    compared: Comparison

    def as_json(self) -> dict[str, Any]:
        return document(self.basis, self.compared)

    @property
    def judged_anything(self) -> bool:
        """Whether the candidate is valid at any time of the window."""
        until = self.basis.valid_until
        return self.basis.valid_from < self.compared.window.end and (
            until is None or until > self.compared.window.begin
        )


def read_candidate(name: str) -> Candidate:
    """The policy of a TOML file, or a shipped one by its name.

    Raises WrongSetting, which names the setting at fault.
    """
    path = Path(name)
    try:
        if path.suffix == ".toml" or path.exists():
            text, where = path.read_text(encoding="utf-8"), str(path)
        else:
            text, where = policy_text(name), name
        policy = parse_policy(text, where)
    except BadPolicy as error:
        raise WrongSetting(f"{error}") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise WrongSetting(f"{name}: cannot be read as a policy file: {reason}") from error
    _require_known_arrival(policy, where)
    return Candidate(policy, hashlib.sha256(text.encode()).hexdigest())


def _require_known_arrival(policy: Policy, where: str) -> None:
    """What is too old or ahead of its time is refused by the limits of the installation, whatever a version says."""
    limits = default_policy().arrival
    for name, value in policy.arrival:
        if value != getattr(limits, name):
            raise WrongSetting(
                f"{where}: arrival.{name}: {value} is not the {getattr(limits, name)} by which every record is "
                "received; a policy cannot change that, leave it as it is"
            )


def backtest(home: Home, candidate: Candidate, since: int | None, until: int | None, tell: Tell) -> Backtest:
    """Judges the log by the policies in effect and by the candidate while it is valid. Times are UTC milliseconds;
    without them all of the log is compared, up to its own time.

    Raises WrongSetting and MissingPart.
    """
    if since is not None and until is not None and since >= until:
        raise WrongSetting("--from must lie before --to")
    with _log_of(home) as log:
        pair, teams, spans = _gathered(home, log, candidate, since, tell)
    window = Window(since or 0, pair.log_time + 1 if until is None else until)
    if since is not None and since >= window.end:
        raise WrongSetting(f"--from: the log ends before, at {iso(pair.log_time)}")
    compared = Comparison(window, teams)
    for token in sorted(pair.tokens):
        mine, theirs = pair.conclude(token, window.begin, window.end)
        if mine.members or theirs.members:
            compared.add(mine, theirs)
    policy = candidate.policy
    in_effect = {pair.reference.policies.in_effect(window.end - 1).name, *compared.baseline.policies}
    basis = Basis(
        policy.name,
        candidate.sha256,
        to_milliseconds(policy.valid_from),
        to_milliseconds(policy.valid_until),
        sorted(in_effect),
        _version(),
        rules_digest(),
        spans,
        since,
        until,
    )
    return Backtest(basis, compared)


def keep(found: Backtest, directory: Path, started_at: float) -> None:
    """Writes all files of a backtest; who made it and when stands in one of its own. Raises WrongSetting."""
    record = {
        "made_by": getpass.getuser(),
        "made_at": iso(int(started_at * 1000)),
        "seconds": round(time.time() - started_at, 1),
        **{name: value for name, value in found.as_json().items() if name in _RECORDED},
    }
    texts = files_of(found.basis, found.compared) | {
        RECORD_FILE: json.dumps(record, ensure_ascii=False, indent=2) + "\n"
    }
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_whole(directory / name, text)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise WrongSetting(f"--out {directory}: {error.strerror}; name a directory that can be written to") from error


_RECORDED = ("candidate", "policies_in_effect", "checkline", "window", "log", "digests", "persons")


def directory_of(home: Home, candidate: Candidate, started_at: float) -> Path:
    """Where a backtest goes when nothing else is said."""
    moment = datetime.fromtimestamp(started_at, UTC).strftime("%Y%m%dT%H%M%SZ")
    return home.directory / "backtests" / f"{candidate.policy.name}-{moment}"


def rules_digest() -> str:
    """SHA-256 of the sources that decide what follows from a log."""
    digest = hashlib.sha256()
    for package in RULES:
        root = Path(str(files(package)))
        for path in sorted(path for ending in ("*.py", "*.avsc", "*.toml") for path in root.rglob(ending)):
            digest.update(f"{package}/{path.relative_to(root)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


class Following:
    """Reads the log of a home round by round, up to its end as it then is, into a `Shadow`; used with ``with``.

    In each round the reference data is read first, up to an end that was asked for together with the others': a version
    takes effect later than it arrives by more than a round can be torn.
    """

    def __init__(self, home: Home, candidate: Candidate, since: int | None) -> None:
        limits = default_policy().arrival.limits
        self._partitions = home.settings.partitions
        self._wall = home.clock == "wall"
        self._shadow = Shadow(default_registry(), candidate.policy, self._partitions, limits, since or 0)
        self._positions: dict[Place, int] = {}
        self._resources = ExitStack()
        self._log = self._resources.enter_context(_log_of(home))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def read_on(self, tell: Tell = lambda done, total: None) -> list[Told]:
        """Reads what came since the last round, and says whose difference it changed. Raises MissingPart."""
        extent = self._log.extent([REFERENCE, *PERSON_TOPICS], self._partitions)
        begins = {place: self._positions.get(place, begin) for place, begin in extent.begins.items()}
        known, spans = _split(Extent(begins, extent.ends).spans())
        for _, batches in self._log.read(known):
            self._shadow.add_reference(batches)
        for piece, batches in _told(self._log.read(spans), spans, tell):
            self._shadow.add(piece.topic, piece.partition, batches)
        self._positions |= extent.ends
        return self._shadow.settle(self._now)

    def counts(self) -> Counts:
        """How things stand after a round."""
        return self._shadow.counts(self._now)

    @property
    def _now(self) -> int:
        return time.time_ns() // 1_000_000 if self._wall else self._shadow.log_time


def _gathered(
    home: Home, log: Log, candidate: Candidate, since: int | None, tell: Tell
) -> tuple[Pair, Teams, list[Span]]:
    """Both sides of a backtest from the log as it is now, what is said of teams, and what was read."""
    limits = default_policy().arrival.limits
    teams = Teams()
    pair = Pair(default_registry(), candidate.policy, home.settings.partitions, limits, teams.take)
    extent = log.extent([REFERENCE, *PERSON_TOPICS], home.settings.partitions)
    known, _ = _split(extent.spans())
    for _, batches in log.read(known):
        pair.add_reference(batches)
    begins = dict(extent.begins)
    if since is not None:
        # Nothing of an event older than this counts at that time, and no event arrives before it happens but for skew.
        earliest = since - pair.longest_ms - 2 * limits.allowed_skew_ms
        places = [place for place in begins if place[0] != REFERENCE.name]
        begins |= {place: extent.ends[place] for place in places} | log.positions_at(places, max(0, earliest))
    _, spans = _split(Extent(begins, extent.ends).spans())
    for piece, batches in _told(log.read(spans), spans, tell):
        pair.add(piece.topic, piece.partition, batches)
    pair.expect()
    return pair, teams, [*known, *spans]


def _split(spans: Iterable[Span]) -> tuple[list[Span], list[Span]]:
    """Those of the reference data, and the others."""
    spans = list(spans)
    return [one for one in spans if one.topic == REFERENCE.name], [one for one in spans if one.topic != REFERENCE.name]


def _told(
    pieces: Iterable[tuple[Span, list[RecordBatch]]], spans: Iterable[Span], tell: Tell
) -> Iterator[tuple[Span, list[RecordBatch]]]:
    """The pieces, with word of how far they are."""
    done, total = 0, sum(span.end - span.begin for span in spans)
    for piece, batches in pieces:
        yield piece, batches
        done += piece.end - piece.begin
        tell(done, total)


@contextmanager
def _log_of(home: Home) -> Iterator[Log]:
    """The log of a home. Raises MissingPart where it, or what is to be read of it, is not there."""
    try:
        with Log(home.kafka_bootstrap, options=home.settings.kafka.aiokafka_options()) as log:
            yield log
    except LogGone as error:
        raise MissingPart(str(error)) from error


def _version() -> str:
    try:
        return version("checkline")
    except PackageNotFoundError:  # run from its sources
        return "not installed"
