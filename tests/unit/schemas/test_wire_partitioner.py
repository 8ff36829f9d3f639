"""Every producer and every check puts a key into the partition that Kafka's own partitioner gives it."""

import random

import polars as pl
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from kafka.partitioner.default import murmur2 as kafka_python_murmur2

from schemas.wire.partitioner import NO_PARTITION, murmur2, partition_of_key, partitions_of_keys

KEYS = [random.Random(seed).randbytes(seed % 41) for seed in range(500)]


def test_murmur2_is_that_of_both_clients() -> None:
    for key in KEYS:
        assert murmur2(key) == aiokafka_murmur2(key) & 0xFFFFFFFF
        assert murmur2(key) == kafka_python_murmur2(key) & 0xFFFFFFFF


def test_a_column_of_keys_of_mixed_lengths_is_partitioned_as_each_key_is() -> None:
    assert partitions_of_keys(KEYS, 8).tolist() == [partition_of_key(key, 8) for key in KEYS]
    assert set(partitions_of_keys(pl.Series(KEYS), 3).tolist()) == {0, 1, 2}


def test_a_record_without_a_key_has_no_partition_of_its_own() -> None:
    assert partitions_of_keys([b"a", None], 8).tolist() == [partition_of_key(b"a", 8), NO_PARTITION]


def test_no_keys_at_all() -> None:
    assert partitions_of_keys([], 8).tolist() == []
