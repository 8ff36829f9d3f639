"""Digest of a span's arrivals: the same for any order of its rows, computed here and by ClickHouse alike.

Each row becomes one number, by ClickHouse's `intHash64` over its words in turn; the digest is the sum of these numbers
(modulo 2^64) in its upper half and their exclusive or in its lower half.
"""

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

SQL = """bitOr(
        bitShiftLeft(toUInt128(sumWithOverflow(row)), 64),
        toUInt128(groupBitXor(row))
    )"""
"""The digest of rows whose number is ``row``."""

ROW_SQL = (
    "intHash64(bitXor(intHash64(bitXor(intHash64(bitXor(intHash64(bitXor(intHash64(bitXor(intHash64(bitXor("
    "intHash64(toUInt64(offset)), toUInt64(toUnixTimestamp64Milli(appended_at)))), "
    "reinterpretAsUInt64(substring(identity, 1, 8)))), reinterpretAsUInt64(substring(identity, 9, 8)))), "
    "reinterpretAsUInt64(substring(content, 1, 8)))), reinterpretAsUInt64(substring(content, 9, 8)))), "
    "toUInt64(toInt64(outcome) + 4 * toInt64(reason))))"
)
"""The number of one row of `checkline.arrivals`."""


def int_hash(words: Words) -> Words:
    """ClickHouse's `intHash64` of every word."""
    x = words ^ np.uint64(0x4CF2D2BAAE6DA887)
    x ^= x >> np.uint64(33)
    x *= np.uint64(0xFF51AFD7ED558CCD)
    x ^= x >> np.uint64(33)
    x *= np.uint64(0xC4CEB9FE1A85EC53)
    x ^= x >> np.uint64(33)
    return x


def row_numbers(
    offsets: NDArray[np.int64],
    appended_at: NDArray[np.int64],
    identities: bytes,
    contents: bytes,
    outcomes: NDArray[np.int64],
    reasons: NDArray[np.int64],
) -> Words:
    """One number per arrival; ``identities`` and ``contents`` are the 16-byte hashes of all rows, joined."""
    identity, content = (np.frombuffer(joined, "<u8").reshape(-1, 2) for joined in (identities, contents))
    words = [appended_at.astype(np.uint64), identity[:, 0], identity[:, 1], content[:, 0], content[:, 1]]
    number = int_hash(offsets.astype(np.uint64))
    for word in [*words, (outcomes + 4 * reasons).astype(np.uint64)]:
        number = int_hash(number ^ word)
    return number


def digest(numbers: Words) -> int:
    """The digest of rows, 128 bits."""
    if not len(numbers):
        return 0
    return int(np.add.reduce(numbers, dtype=np.uint64)) << 64 | int(np.bitwise_xor.reduce(numbers))
