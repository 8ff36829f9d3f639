"""Kafka's default partitioner: murmur2 of the key, made positive, modulo the number of partitions."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

NO_PARTITION = -1
"""The partition of a record without a key, whose place says nothing."""

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(key: bytes) -> int:
    """MurmurHash2 of a key as Kafka computes it, unsigned 32 bits."""
    length = len(key)
    h = _SEED ^ length
    whole = length - length % 4
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    if whole < length:
        h = (h ^ int.from_bytes(key[whole:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


def partition_of_key(key: bytes, partitions: int) -> int:
    """Partition that Kafka's default partitioner gives a key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def partitions_of_keys(keys: pl.Series | Sequence[bytes | None], partitions: int) -> NDArray[np.int32]:
    """Partition of every key of a Binary column; `NO_PARTITION` where there is none."""
    column = keys if isinstance(keys, pl.Series) else pl.Series(keys, dtype=pl.Binary)
    result = np.full(len(column), NO_PARTITION, np.int32)
    values = column.to_list()
    sizes = map(len, values) if not column.null_count() else (-1 if key is None else len(key) for key in values)
    lengths = np.fromiter(sizes, np.int64, len(values))
    # Keys of equal length are rows of one matrix of 32-bit words; tokens are all of one length.
    for length in sorted(set(lengths.tolist()) - {-1}):
        rows = np.flatnonzero(lengths == length)
        group = values if len(rows) == len(values) else [values[row] for row in rows]
        hashes = _murmur2_of_equal_lengths(b"".join(group), len(rows), length)
        result[rows] = (hashes & np.uint32(0x7FFFFFFF)) % np.uint32(partitions)
    return result


def _murmur2_of_equal_lengths(joined: bytes, count: int, length: int) -> NDArray[np.uint32]:
    m = np.uint32(_M)
    words = -(-length // 4)
    padded = np.zeros((count, words * 4), np.uint8)
    padded[:, :length] = np.frombuffer(joined, np.uint8).reshape(count, length)
    columns = np.ascontiguousarray(padded.view("<u4").T)
    h = np.full(count, _SEED ^ length, np.uint32)
    for k in columns[: length // 4]:
        k *= m
        k ^= k >> np.uint32(24)
        k *= m
        h *= m
        h ^= k
    if length % 4:
        h ^= columns[-1]
        h *= m
    h ^= h >> np.uint32(13)
    h *= m
    h ^= h >> np.uint32(15)
    return h
