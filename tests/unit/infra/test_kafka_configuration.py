"""What a node of the embedded Kafka is told, alone and as one of three."""

from pathlib import Path

import pytest

from infra.embedded.kafka.broker import EmbeddedKafka, remembered_cluster_id
from infra.embedded.kafka.configuration import Membership, least_in_sync, server_properties


def properties(node_id: int, controller_ports: list[int]) -> dict[str, str]:
    text = server_properties(Path("/data"), 9092, node_id, controller_ports)
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    told = dict(line.split("=", 1) for line in lines)
    assert len(told) == len(lines), "a property is set twice"
    return told


def test_a_single_node_is_its_own_quorum_and_keeps_one_copy() -> None:
    told = properties(1, [9093])
    assert told["controller.quorum.voters"] == "1@127.0.0.1:9093"
    assert told["offsets.topic.replication.factor"] == told["default.replication.factor"] == "1"
    assert told["min.insync.replicas"] == told["transaction.state.log.min.isr"] == "1"


@pytest.mark.parametrize("node_id", [1, 2, 3])
def test_each_of_three_nodes_votes_and_listens_on_its_own_ports(node_id: int) -> None:
    told = properties(node_id, [9001, 9002, 9003])
    assert told["node.id"] == str(node_id)
    assert told["process.roles"] == "broker,controller"
    assert told["controller.quorum.voters"] == "1@127.0.0.1:9001,2@127.0.0.1:9002,3@127.0.0.1:9003"
    assert told["listeners"] == f"PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:{9000 + node_id}"


def test_three_nodes_keep_three_copies_of_everything_and_acknowledge_with_two() -> None:
    told = properties(2, [9001, 9002, 9003])
    factors = {name: value for name, value in told.items() if name.endswith("replication.factor")}
    assert len(factors) == 4
    assert set(factors.values()) == {"3"}
    in_sync = [value for name, value in told.items() if name.endswith(("min.insync.replicas", "min.isr"))]
    assert in_sync == ["2", "2", "2"]


def test_more_than_half_of_the_replicas_must_have_a_record() -> None:
    assert [least_in_sync(replication) for replication in (1, 2, 3, 5)] == [1, 2, 2, 3]


def test_the_nodes_of_a_home_share_one_remembered_cluster_id(tmp_path: Path) -> None:
    first = remembered_cluster_id(tmp_path / "kafka")
    assert remembered_cluster_id(tmp_path / "kafka") == first
    assert remembered_cluster_id(tmp_path / "other") != first


def test_one_of_several_nodes_has_a_smaller_heap(tmp_path: Path) -> None:
    alone = EmbeddedKafka(tmp_path, 9092, 9093)
    one_of_three = EmbeddedKafka(tmp_path, 9092, 9002, Membership(2, (9001, 9002, 9003), "id"))
    assert "-Xmx1g" in alone.command()
    assert "-Xmx512m" in one_of_three.command()
    assert one_of_three.node_id == 2
