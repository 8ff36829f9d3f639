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


FOREIGN = "unhex('00000000000000000000000000000001')"


def test_a_row_that_never_arrived_is_seen_in_two_looks_and_forgotten_once_it_is_gone(fed_home: FedHome) -> None:
    fed_home.catch_up()
    checks = {one.check for one in COMPARISONS} | {"log"}
    waits: list[float] = []
    rounds = AuditRounds(fed_home.home, wait=waits.append)
    clean = rounds_until(rounds, lambda state: state.differences.keys() == checks)
    assert {*clean.differences.values()} == {0}, clean.places
    cursors = fed_home.home.directory / CURSORS_FILE
    before = cursors.read_bytes() if cursors.exists() else None
    with ClickHouse(writer_address(fed_home.home), "test") as client:
        another = f"CAST({FOREIGN}, 'FixedString(16)') AS identity"
        client.execute(
            f"INSERT INTO checkline.temperatures SELECT * REPLACE ({another}) FROM checkline.temperatures LIMIT 1"
        )
        try:
            waits.clear()
            found = rounds_until(rounds, lambda state: state.differences["rows"] > 0)
            assert waits  # the second look came later
            assert "has a row and never arrived" in found.places[0]
            assert (cursors.read_bytes() if cursors.exists() else None) == before
        finally:
            delete = f"ALTER TABLE checkline.temperatures DELETE WHERE identity = {FOREIGN}"
            client.execute(f"{delete} SETTINGS mutations_sync = 2")
    rounds_until(rounds, lambda state: not any(state.differences.values()))
