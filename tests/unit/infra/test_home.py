"""The home directory: remembered ports, generated passwords, one clock, one supervisor."""

import json
import shutil
import stat
from collections import namedtuple
from pathlib import Path

import pytest

from infra.errors import DiskFull, HomeInUse, MissingPart, WrongSetting
from infra.home import Home
from infra.settings import read_settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_ports_are_chosen_once_and_differ() -> None:
    names = Home.open(read_settings()).port_names
    first = {name: Home.open(read_settings()).port(name) for name in names}
    again = {name: Home.open(read_settings()).port(name) for name in names}
    assert first == again
    assert len(set(first.values())) == len(names)


def test_passwords_are_generated_once_and_only_the_owner_reads_them() -> None:
    home = Home.open(read_settings())
    users = home.users()
    assert users == Home.open(read_settings()).users()
    assert users["writer"].password != users["reader"].password
    assert stat.S_IMODE(home.users_file.stat().st_mode) == 0o600


def test_the_reader_is_kept_from_the_restricted_database() -> None:
    home = Home.open(read_settings())
    home.users()
    stored = json.loads(home.users_file.read_text(encoding="utf-8"))
    assert stored["reader"]["hidden_databases"] == ["checkline_restricted", "checkline_*_restricted"]
    assert "hidden_databases" not in stored["writer"]
    del stored["reader"]["hidden_databases"]
    home.users_file.write_text(json.dumps(stored), encoding="utf-8")
    home.users()
    assert "checkline_*_restricted" in home.users_file.read_text(encoding="utf-8")
    assert stat.S_IMODE(home.users_file.stat().st_mode) == 0o600


def test_a_configured_clickhouse_has_its_own_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHECKLINE_CLICKHOUSE_HOST", "example.org")
    monkeypatch.setenv("CHECKLINE_CLICKHOUSE_READER_PASSWORD", "given")
    home = Home.open(read_settings())
    assert home.clickhouse.host == "example.org"
    assert home.clickhouse.port == 9000
    assert home.clickhouse.reader.password == "given"
    assert not home.users_file.exists()


def test_the_clock_of_a_home_is_fixed_at_its_first_start() -> None:
    assert Home.open(read_settings(clock="event")).clock == "event"
    assert Home.open(read_settings()).clock == "event"
    with pytest.raises(WrongSetting, match="runs on the event clock since its first start") as caught:
        Home.open(read_settings(clock="wall"))
    assert "\n" not in str(caught.value)


def test_a_new_home_runs_on_the_wall_clock() -> None:
    assert Home.open(read_settings()).clock == "wall"


def test_the_number_of_brokers_of_a_home_is_fixed_at_its_first_start() -> None:
    assert Home.open(read_settings(brokers=3)).brokers == 3
    home = Home.open(read_settings())
    assert home.brokers == home.kafka_replication == 3
    with pytest.raises(WrongSetting, match=r"brokers: .* has 3 since its first start, not 1") as caught:
        Home.existing(read_settings(brokers=1))
    assert "\n" not in str(caught.value)


def test_a_home_from_before_there_could_be_several_brokers_has_one() -> None:
    (Home.open(read_settings()).directory / "brokers").unlink()
    with pytest.raises(WrongSetting, match="has 1 since its first start, not 3"):
        Home.open(read_settings(brokers=3))
    assert Home.existing(read_settings()).brokers == 1


def test_clients_are_told_the_addresses_of_all_brokers() -> None:
    home = Home.open(read_settings(brokers=3))
    names, directories, ports, controller_ports = zip(*home.kafka_nodes, strict=True)
    assert names == ("kafka-1", "kafka-2", "kafka-3")
    assert len(set(directories)) == 3
    assert len({*ports, *controller_ports}) == 6
    assert home.kafka_bootstrap == ",".join(f"127.0.0.1:{port}" for port in ports)


def test_the_brokers_of_another_cluster_are_its_own_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHECKLINE_KAFKA_BOOTSTRAP", "one:1")
    monkeypatch.setenv("CHECKLINE_KAFKA_REPLICATION", "2")
    assert Home.open(read_settings()).kafka_replication == 2
    with pytest.raises(WrongSetting, match="brokers: one:1 is used"):
        Home.open(read_settings(brokers=3))


def test_two_supervisors_do_not_share_a_home() -> None:
    first, second = Home.open(read_settings()), Home.open(read_settings())
    with first.locked():
        with pytest.raises(HomeInUse, match="already runs on"), second.locked():
            pytest.fail("the lock was given twice")
        assert second.supervisor_pid() is not None
    assert second.supervisor_pid() is None
    with second.locked():
        pass


def test_a_home_that_was_never_started_is_not_made_by_looking() -> None:
    with pytest.raises(MissingPart, match="nothing was ever started"):
        Home.existing(read_settings())
    assert not Path(".checkline").exists()


def test_a_full_disk_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2**40, 2**40, 3 * 2**20))
    with pytest.raises(DiskFull, match="3 MB are free and at least 512 MB are needed"):
        Home.open(read_settings())


def test_a_home_that_cannot_be_made_is_a_wrong_setting() -> None:
    Path("file").write_text("", encoding="utf-8")
    with pytest.raises(WrongSetting, match="CHECKLINE_HOME"):
        Home.open(read_settings(home=Path("file/home")))


def test_each_worker_has_a_port_for_its_metrics() -> None:
    home = Home.open(read_settings(workers=2))
    workers = ["worker-risk-1", "worker-risk-2", "worker-reports", "worker-urgent-care"]
    ports = [home.port(name) for name in (*workers[:2], "worker-reports-1", "worker-urgent-care-1")]
    found = home.metrics_addresses(["kafka", *workers, "sink"])
    assert list(found.values()) == [f"127.0.0.1:{port}" for port in ports]
    assert list(found) == workers
