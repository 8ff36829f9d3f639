"""The audit that always runs: small rounds, each of which looks at what changed, and at a little more of the log.

What each round finds, whatever the tables hold: stretches of the log without a block, blocks without a recount. What
it finds as soon as its turn comes, at once while nothing flows (see `infra.lag.audit_rounds`): rows, blocks, cells,
conflicts and identities that were deleted, inserted or altered by a statement. What it finds when the cursor comes by:
columns that were altered without a trace in any other table, lost rows of derived tables, and files that were changed
beneath the server.

A difference counts when it is there in two looks, with time between them in which a block or a recount on its way
arrives. While tables are exchanged for those of a replay nothing is judged.
"""

import json
import time
from collections import Counter
from collections.abc import Callable
from itertools import zip_longest

from infra.auditing import Log, log_of, read_ranges, reading_of, written_meanwhile
from infra.column_store import writer_address
from infra.errors import MissingPart
from infra.home import Home, write_whole
from infra.lag.audit_rounds import COMPARISONS, Comparison, Parts, Seen, due, parts_of
from infra.lag.snapshot import AuditState
from sinks.audit import SETTLE_SECONDS, next_ranges, reread
from sinks.blocks import Span
from sinks.clickhouse import ClickHouse
from sinks.findings import Finding
from sinks.ledger import Place
from sinks.rereading import column_types
from sinks.standstill import SameTables, TablesExchanged, exchanging

CURSORS_FILE = "audited_always.json"
"""Its own: `checkline audit` goes on where it ended, whatever is looked at here."""

ROUND_SECONDS = 1.0
"""Comparisons are begun for so long in a round, at least one."""

POSITIONS_AT_ONCE = 2_000
STATEMENT_SECONDS = 300.0
MOST_PLACES = 10

_NAME = "checkline-audit-always"

_PARTS = """
SELECT
    concat(tables.database, '.', tables.name),
    toString(parts.parts),
    concat(toString(mutations.mutations), ' ', toString(mutations.newest))
FROM system.tables AS tables
LEFT JOIN
(
    SELECT database, table, (count(), groupBitXor(cityHash64(name, hash_of_all_files))) AS parts
    FROM system.parts WHERE active GROUP BY database, table
) AS parts ON tables.database = parts.database AND tables.name = parts.table
LEFT JOIN
(
    SELECT database, table, count() AS mutations, max(create_time) AS newest
    FROM system.mutations GROUP BY database, table
) AS mutations ON tables.database = mutations.database AND tables.name = mutations.table
WHERE tables.database IN ('checkline', 'checkline_restricted') AND tables.engine = 'ReplacingMergeTree'
"""


def pause_seconds(worked: float, share: float) -> float:
    """How long to rest after so many seconds of work, so that it takes at most this share of one processor."""
    return worked * (1 / share - 1)


class AuditRounds:
    """The rounds of one home; not to be shared by threads. ``worked_seconds``: of the last round, without the time in
    which it only waited for a second look."""

    def __init__(
        self, home: Home, wait: Callable[[float], None] = time.sleep, machine: Callable[[], float] = time.time
    ) -> None:
        self._home = home
        self._wait = wait
        self._machine = machine
        self._number = 0
        self._seen: dict[str, Seen] = {}
        self._of_log: dict[Span, tuple[Finding, ...]] = {}
        self._cursors = _cursors(home)
        self._place: Place | None = None
        self.worked_seconds = 0.0

    def round(self) -> AuditState:
        """What is known of all differences after one more round.

        Raises MissingPart when the log cannot be read or tables are being exchanged, StatementFailed.
        """
        begun, waited = time.monotonic(), 0.0
        self._number += 1
        with ClickHouse(writer_address(self._home), _NAME, STATEMENT_SECONDS) as client:
            client.execute("SET max_threads = 1")
            _require_standing(client)
            tables = SameTables(client)
            try:
                waited = self._look(client, begun)
                _require_standing(client)
                tables.require(client)
            except TablesExchanged as error:
                self._seen, self._of_log = {}, {}
                raise MissingPart(f"{error}; the next round looks at the new ones") from error
        self.worked_seconds = time.monotonic() - begun - waited
        return self._state()

    def _look(self, client: ClickHouse, begun: float) -> float:
        """Looks at what is due; returns the seconds that were only waited."""
        log = log_of(self._home)
        parts = {table: Parts(made_of, altered) for table, made_of, altered in client.rows(_PARTS)}
        always, turns = due(COMPARISONS, self._seen, parts)
        found: dict[Comparison, set[Finding]] = {}
        for number, one in enumerate([*always, *turns]):
            if number > len(always) and time.monotonic() - begun > ROUND_SECONDS:
                break
            found[one] = {*one.compare(client, log)}
        of_log = self._reread(client, log)

        known = {finding for seen in self._seen.values() for finding in seen.findings}
        known |= {finding for findings in self._of_log.values() for finding in findings}
        in_doubt = {one for one, findings in found.items() if findings - known}
        spans_in_doubt = {span for span, findings in of_log.items() if findings - known}
        waited = 0.0
        if in_doubt or spans_in_doubt:
            rested = time.monotonic()
            self._wait(SETTLE_SECONDS)
            waited = time.monotonic() - rested
            again = log_of(self._home)
            for one in in_doubt:
                second = {*one.compare(client, again)}
                found[one] &= second
            for span in spans_in_doubt:
                of_log[span] &= self._differences(client, span)
            ends = log_of(self._home).ends
            for one in in_doubt:
                found[one] = {finding for finding in found[one] if not written_meanwhile(finding, log, ends)}
        for one, findings in found.items():
            self._seen[one.name] = Seen(self._number, tuple(sorted(findings)), parts_of(one, parts))
        for span, findings in of_log.items():
            self._of_log.pop(span, None)
            if findings:
                self._of_log[span] = tuple(sorted(findings))
        self._keep_cursors()
        return waited

    def _reread(self, client: ClickHouse, log: Log) -> dict[Span, set[Finding]]:
        """The next range of the next partition, and the oldest range in which something was found."""
        places = sorted(log.acknowledged)
        after = [place for place in places if self._place is None or place > self._place]
        spans = [*self._of_log][:1]
        for place in [*after, *places]:
            upcoming = next_ranges(self._cursors, {place: log.acknowledged[place]}, POSITIONS_AT_ONCE, log.begins)
            if upcoming:
                self._place = place
                spans += [span for span in upcoming if span not in spans]
                break
        return {span: self._differences(client, span) for span in spans}

    def _differences(self, client: ClickHouse, span: Span) -> set[Finding]:
        batches = read_ranges(self._home, [span])[span]
        return {*reread(client, reading_of(self._home), column_types(client), span, batches)}

    def _keep_cursors(self) -> None:
        rows = [(*place, position) for place, position in sorted(self._cursors.items())]
        write_whole(self._home.directory / CURSORS_FILE, json.dumps(rows) + "\n")

    def _state(self) -> AuditState:
        of_checks = [seen.findings for seen in self._seen.values()] + [*self._of_log.values()]
        findings = [finding for of_check in of_checks for finding in of_check]
        looked_at = {one.check: 0 for one in COMPARISONS if one.name in self._seen} | {"log": 0}
        differences = looked_at | Counter(finding.check for finding in findings)
        in_turn = [finding for rank in zip_longest(*of_checks) for finding in rank if finding is not None]
        places = tuple(str(finding) for finding in in_turn[:MOST_PLACES])
        return AuditState(round(self._machine() * 1000), self.worked_seconds, differences, places)


def _require_standing(client: ClickHouse) -> None:
    if name := exchanging(client):
        raise MissingPart(f"tables are being exchanged for those of replay {name}: nothing is judged meanwhile")


def _cursors(home: Home) -> dict[Place, int]:
    file = home.directory / CURSORS_FILE
    stored: list[tuple[str, int, int]] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return {(topic, partition): position for topic, partition, position in stored}
