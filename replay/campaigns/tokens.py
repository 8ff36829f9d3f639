"""Synthetic tokens: the shape of real ones (`schemas.identities.TOKEN_PATTERN`), derived from a counter.

Epoch 00 is that of synthetic subjects, so a token of a campaign is never taken for that of a person.
"""

from hashlib import shake_256

import numpy as np
from numpy.typing import NDArray

EPOCH = "00"
_BLOCK = 1024
_LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", np.uint8)
_BITS = np.array([16, 8, 4, 2, 1], np.uint8)
_KEPT_BLOCKS = 256


class Tokens:
    """Tokens of one kind of subject: ``p`` person, ``v`` vehicle, ``s`` ship. Equal counters give equal tokens."""

    def __init__(self, seed: int, label: str, kind: str = "p") -> None:
        self._key = f"checkline synthetic token\x1f{seed}\x1f{label}\x1f".encode()
        self._prefix = f"{kind}{EPOCH}".encode()
        self._blocks: dict[int, list[bytes]] = {}

    def take(self, counters: NDArray[np.int64]) -> list[bytes]:
        """Tokens of many counters, as key bytes."""
        blocks = self._blocks
        for number in np.unique(counters >> 10).tolist():
            if number not in blocks:
                blocks[number] = self._block(number)
        found = [blocks[counter >> 10][counter & 1023] for counter in counters.tolist()]
        while len(blocks) > _KEPT_BLOCKS:  # oldest first: counters mostly grow
            del blocks[next(iter(blocks))]
        return found

    def one(self, counter: int) -> str:
        """Token of one counter, as text."""
        return self.take(np.array([counter], np.int64))[0].decode()

    def _block(self, number: int) -> list[bytes]:
        digest = np.frombuffer(shake_256(self._key + b"%d" % number).digest(15 * _BLOCK), np.uint8)
        fives = np.unpackbits(digest).reshape(-1, 5) @ _BITS
        text = _LETTERS[fives].tobytes()
        return [self._prefix + text[at : at + 24] for at in range(0, 24 * _BLOCK, 24)]
