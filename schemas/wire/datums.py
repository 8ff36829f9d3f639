"""One Avro datum read field by field: slow, exact, and able to say which field is wrong and why.

It defines what both codecs accept. Beyond the Avro specification: an index or a length may be encoded in more bytes
than needed (at most ten), and a union's index that is not null's means the other type, as `polars.read_avro` reads it.
"""

from typing import Any

from schemas.codes import Refusal
from schemas.wire.fields import Field

MAX_VARINT_BYTES = 10
INT_LIMIT = 2**31
LONG_LIMIT = 2**63


class DatumError(Exception):
    """A datum that cannot be read; ``field`` is None where the whole is at fault."""

    def __init__(self, reason: Refusal, field: str | None, detail: str) -> None:
        super().__init__(f"{field}: {detail}" if field else detail)
        self.reason, self.field, self.detail = reason, field, detail


class _Reader:
    def __init__(self, data: bytes, position: int) -> None:
        self.data = data
        self.position = position
        self.field = ""

    def error(self, detail: str, reason: Refusal = Refusal.UNDECODABLE) -> DatumError:
        return DatumError(reason, self.field, detail)

    def take(self, size: int) -> bytes:
        end = self.position + size
        if end > len(self.data):
            raise self.error(
                f"needs {size} bytes at byte {self.position}, the value ends after {len(self.data)}", Refusal.TRUNCATED
            )
        taken = self.data[self.position : end]
        self.position = end
        return taken

    def long(self) -> int:
        bits = 0
        for shift in range(0, 7 * MAX_VARINT_BYTES, 7):
            byte = self.take(1)[0]
            bits |= (byte & 0x7F) << shift
            if byte < 0x80:
                bits &= 2**64 - 1
                return (bits >> 1) ^ -(bits & 1)
        raise self.error(f"a number of more than {MAX_VARINT_BYTES} bytes before byte {self.position}")

    def bytes(self) -> bytes:
        length = self.long()
        if length < 0:
            raise self.error(f"length {length} before byte {self.position}")
        return self.take(length)

    def text(self) -> str:
        data = self.bytes()
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise self.error(f"not UTF-8 at byte {self.position - len(data) + error.start}") from None

    def array(self, items: str) -> list[Any]:
        result: list[Any] = []
        while count := self.long():
            if count < 0:  # a block that says its size in bytes
                count = -count
                self.long()
            # Every item has a byte at least: an absurd count must not be believed before that is known.
            if count > len(self.data) - self.position:
                raise self.error(f"{count} items at byte {self.position}, the value ends before", Refusal.TRUNCATED)
            read = {"long": self.long, "string": self.text, "bytes": self.bytes}[items]
            result += (read() for _ in range(count))
        return result

    def value(self, shape: Field) -> Any:
        self.field = shape.name
        if shape.nullable and self.long() == 0:
            return None
        match shape.kind:
            case "long":
                return self.long()
            case "string":
                return self.text()
            case "bytes":
                return self.bytes()
            case "fixed":
                return self.take(shape.size)
            case "array":
                return self.array(shape.items)
        number = self.long()
        if shape.kind == "int":
            if not -INT_LIMIT <= number < INT_LIMIT:
                raise self.error(f"{number} is not an int of 32 bits")
            return number
        if shape.kind == "enum":
            if not 0 <= number < len(shape.symbols):
                raise self.error(f"symbol number {number}, the enumeration has {len(shape.symbols)}")
            return shape.symbols[number]
        if number not in (0, -1):  # as a number of one byte, 00 is 0 and 01 is -1
            raise self.error(f"byte before {self.position} is neither false (00) nor true (01)")
        return number == -1


def end_of_field(shape: Field, data: bytes) -> int:
    """Position after a field that begins ``data``. Raises `DatumError`."""
    reader = _Reader(data, 0)
    reader.value(shape)
    return reader.position


def read_datum(shapes: tuple[Field, ...], value: bytes, position: int) -> dict[str, Any]:
    """The fields of the datum that begins at ``position`` and fills the rest of ``value``.

    Times are milliseconds, enumerations their symbols. Raises `DatumError`.
    """
    reader = _Reader(value, position)
    row = {shape.name: reader.value(shape) for shape in shapes}
    if left := len(value) - reader.position:
        raise DatumError(
            Refusal.TRAILING_BYTES, None, f"{left} bytes after the last field, from byte {reader.position} on"
        )
    return row
