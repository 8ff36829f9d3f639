"""The audit that always runs, on a running installation: quiet while events flow, and quick to see what was damaged."""

from collections.abc import Callable

from infra.auditing import CURSORS_FILE
from infra.column_store import writer_address
from infra.lag.audit_rounds import COMPARISONS
from infra.lag.audit_state import AuditRounds
from infra.lag.snapshot import AuditState
from sinks.clickhouse import ClickHouse
from tests.integration.conftest import FedHome

MOST_ROUNDS = 60


def rounds_until(rounds: AuditRounds, condition: Callable[[AuditState], bool]) -> AuditState:
    for _ in range(MOST_ROUNDS):
        state = rounds.round()
        if condition(state):
            return state
    raise AssertionError(f"not within {MOST_ROUNDS} rounds: {state}")


def test_a_deleted_row_and_a_foreign_cell_are_seen_in_two_looks_and_gone_once_mended(fed_home: FedHome) -> None:
    fed_home.catch_up()
    checks = {one.check for one in COMPARISONS} | {"log"}
    rounds = AuditRounds(fed_home.home)
    clean = rounds_until(rounds, lambda state: state.differences.keys() == checks)
    assert {*clean.differences.values()} == {0}, clean.places
    cursors = fed_home.home.directory / CURSORS_FILE
    before = cursors.read_bytes() if cursors.exists() else None
    with ClickHouse(writer_address(fed_home.home), "test") as client:
        query = "SELECT partition, offset FROM checkline.temperatures WHERE kind = 'READING' ORDER BY ALL LIMIT 1"
        ((partition, offset),) = client.rows(query)
        place = {"partition": partition, "offset": offset}
        delete = "ALTER TABLE checkline.temperatures DELETE WHERE partition = %(partition)s AND offset = %(offset)s"
        client.execute(f"{delete} SETTINGS mutations_sync = 2", place)
    found = rounds_until(rounds, lambda state: state.differences["rows"] > 0)
    assert f"temperatures/{partition} [{offset}, {offset + 1})" in found.places[0]
    assert (cursors.read_bytes() if cursors.exists() else None) == before
    mended = fed_home.call("audit", "--topic", "temperatures", "--repair")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    rounds_until(rounds, lambda state: not any(state.differences.values()))
