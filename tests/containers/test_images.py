"""What is said when the tests on containers cannot run; these tests need no Docker daemon."""

from pathlib import Path
from typing import Any

import pytest
from docker.errors import DockerException, ImageNotFound

from infra.deploy.images.names import CLICKHOUSE, KAFKA
from tests.containers.images import Images, LeftOut, choose, daemon


class _Registry:
    """Stands for a daemon's images: what is on the machine, and what a registry would give."""

    def __init__(self, here: set[str], there: set[str]) -> None:
        self.images = self
        self._here, self._there = here, there

    def get(self, image: str) -> None:
        if image not in self._here:
            raise ImageNotFound("no such image")

    def pull(self, image: str) -> None:
        if image not in self._there:
            raise DockerException("no such host")


def _client(here: tuple[str, ...] = (), there: tuple[str, ...] = ()) -> Any:
    return _Registry(set(here), set(there))


@pytest.fixture(autouse=True)
def nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (KAFKA.variable, CLICKHOUSE.variable, "DOCKER_HOST"):
        monkeypatch.delenv(variable, raising=False)


def test_a_silent_daemon_is_named_with_its_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"unix://{tmp_path}/docker.sock"
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(LeftOut, match=f"no Docker daemon answers at {address}"):
        daemon()


def test_a_daemon_on_another_machine_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere:2375")
    with pytest.raises(LeftOut, match="tcp://elsewhere:2375 is not this machine's"):
        daemon()


def test_the_official_image_comes_first_also_when_it_must_be_pulled() -> None:
    assert choose(_client(here=(KAFKA.local,), there=(KAFKA.official,)), KAFKA) == KAFKA.official


def test_the_image_built_here_stands_in_where_no_registry_is_reached() -> None:
    assert choose(_client(here=(KAFKA.local,)), KAFKA) == KAFKA.local


def test_an_image_named_by_the_environment_is_used_or_missed_but_never_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(KAFKA.variable, "mine:1")
    assert choose(_client(here=("mine:1", KAFKA.local)), KAFKA) == "mine:1"
    with pytest.raises(LeftOut, match="mine:1 cannot be pulled"):
        choose(_client(here=(KAFKA.local, KAFKA.official)), KAFKA)


def test_without_any_image_each_reason_and_the_remedy_are_named() -> None:
    with pytest.raises(LeftOut) as left_out:
        choose(_client(), CLICKHOUSE)
    said = str(left_out.value)
    assert f"{CLICKHOUSE.official} cannot be pulled (no such host)" in said
    assert f"{CLICKHOUSE.local} is not built here (no such image)" in said
    assert "make images" in said
    assert CLICKHOUSE.variable in said


def test_the_report_says_when_no_clickhouse_server_was_behind_the_tests() -> None:
    assert "not a ClickHouse server" in str(Images(KAFKA.official, CLICKHOUSE.local))
    assert "not a ClickHouse server" not in str(Images(KAFKA.official, CLICKHOUSE.official))
