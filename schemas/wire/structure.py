"""Which of many datums can be read, found on all of them at once, without reading them.

`polars.read_avro` panics on lengths that point outside and says nothing of indexes that mean nothing; so what is not
known to be sound goes through here first. Accepts exactly what `datums.read_datum` accepts.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.wire.datums import INT_LIMIT, MAX_VARINT_BYTES, DatumError, end_of_field
from schemas.wire.fields import Field

Rows = NDArray[np.int64]


class _Walk:
    """A position in every datum, all moved field by field; a row that fails stays where it is and is `unsound`."""

    def __init__(self, values: Sequence[bytes], start: int) -> None:
        self.data = b"".join(values)
        self.buffer = np.frombuffer(self.data, np.uint8)
        sizes = np.fromiter(map(len, values), np.int64, len(values))
        self.end = np.cumsum(sizes)
        self.position = self.end - sizes + start
        self.unsound = self.position > self.end
        # How many bytes before each one are not ASCII: text without such bytes needs no further look.
        self.not_ascii = np.concatenate(([0], np.cumsum(self.buffer >= 0x80, dtype=np.int32)))

    def rows(self) -> Rows:
        return np.flatnonzero(~self.unsound)

    def keep(self, rows: Rows, sound: NDArray[np.bool_]) -> Rows:
        if sound.all():
            return rows
        self.unsound[rows[~sound]] = True
        return rows[sound]

    def advance(self, rows: Rows, sizes: Rows | int) -> Rows:
        rest = self.end[rows] - self.position[rows]
        sound = (sizes <= rest) & (sizes >= np.int64(0))
        kept = self.keep(rows, sound)
        self.position[kept] += sizes if isinstance(sizes, int) else sizes[sound]
        return kept

    def numbers(self, rows: Rows) -> tuple[Rows, Rows]:
        """The number at each row's position, and the rows that have one."""
        bits = np.zeros(len(rows), np.uint64)
        position, end = self.position[rows], self.end[rows]
        sound = np.ones(len(rows), np.bool_)
        open_ = np.arange(len(rows))  # the numbers not yet at their last byte
        for shift in range(0, 7 * MAX_VARINT_BYTES, 7):
            inside = position[open_] < end[open_]
            if not inside.all():
                sound[open_[~inside]] = False
                open_ = open_[inside]
            byte = self.buffer[position[open_]]
            bits[open_] |= (byte & 0x7F).astype(np.uint64) << np.uint64(shift)
            position[open_] += 1
            open_ = open_[byte >= 0x80]
            if not len(open_):
                break
        sound[open_] = False
        self.position[rows[sound]] = position[sound]
        numbers = (bits >> np.uint64(1)).astype(np.int64) ^ -(bits & np.uint64(1)).astype(np.int64)
        return self.keep(rows, sound), numbers[sound]

    def lengths(self, rows: Rows) -> tuple[Rows, Rows]:
        """Moves over length and bytes; answers where each row's bytes begin."""
        rows, sizes = self.numbers(rows)
        begin = self.position[rows]
        kept = self.advance(rows, sizes)
        return kept, begin[np.isin(rows, kept, assume_unique=True)] if len(kept) != len(rows) else begin

    def text(self, rows: Rows) -> None:
        rows, begin = self.lengths(rows)
        end = self.position[rows]
        for at in np.flatnonzero(self.not_ascii[end] > self.not_ascii[begin]).tolist():
            try:
                self.data[begin[at] : end[at]].decode()
            except UnicodeDecodeError:
                self.unsound[rows[at]] = True

    def arrays(self, shape: Field, rows: Rows) -> None:
        # Most arrays are empty: one zero byte. The others are read one by one.
        inside = self.position[rows] < self.end[rows]
        rows = self.keep(rows, inside)
        empty = self.buffer[self.position[rows]] == 0
        self.position[rows[empty]] += 1
        for row in rows[~empty]:
            begin, end = int(self.position[row]), int(self.end[row])
            try:
                self.position[row] = begin + end_of_field(shape, self.data[begin:end])
            except DatumError:
                self.unsound[row] = True

    def field(self, shape: Field) -> None:
        rows = self.rows()
        if shape.nullable:
            rows, index = self.numbers(rows)
            rows = rows[index != 0]
        match shape.kind:
            case "string":
                return self.text(rows)
            case "bytes":
                self.lengths(rows)
                return None
            case "fixed":
                self.advance(rows, shape.size)
                return None
            case "array":
                return self.arrays(shape, rows)
        rows, numbers = self.numbers(rows)
        low, high = bounds(shape)
        if low is not None and high is not None:
            self.keep(rows, (numbers >= low) & (numbers <= high))
        return None


def bounds(shape: Field) -> tuple[int | None, int | None]:
    """Least and greatest number that may stand for a value of a field read as a number; None: any."""
    match shape.kind:
        case "int":
            return -INT_LIMIT, INT_LIMIT - 1
        case "enum":
            return 0, len(shape.symbols) - 1
        case "boolean":  # one byte read as a number: 00 is 0, 01 is -1
            return -1, 0
    return None, None


def sound(shapes: tuple[Field, ...], values: Sequence[bytes], start: int) -> NDArray[np.bool_]:
    """Which values hold a readable datum from byte ``start`` to their end."""
    walk = _Walk(values, start)
    for shape in shapes:
        walk.field(shape)
    at_end: NDArray[np.bool_] = walk.position == walk.end
    return at_end & ~walk.unsound
