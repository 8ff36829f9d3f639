"""Bytes of the native protocol: numbers, strings and compressed frames.

No length from a packet is trusted: memory grows only with bytes that have arrived, up to MAX_PACKET."""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from clickhouse_cityhash.cityhash import CityHash128
from clickhouse_driver.compression import get_compressor_cls, get_decompressor_cls

from infra.embedded.clickhouse.errors import CANNOT_DECOMPRESS, CHECKSUM_DOESNT_MATCH, ProtocolError

MAX_PACKET = 1 << 30  # bytes of one packet, before and after decompression
MAX_NAME = 1 << 16
FRAME_BYTES = 1 << 20
LZ4 = 0x82
LZ4_MAX_RATIO = 255  # a block of n bytes cannot unpack to more than this many times n

_EQUAL_STRINGS = 4096
_MIXED_STRINGS = 1024


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def string(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogateescape")
    return varint(len(raw)) + raw


class ByteReader:
    """Reads from `source` (which returns b"" at the end) and can hand back the raw bytes it passed.

    Raises EOFError when the source ends inside something, ProtocolError where a limit is crossed.
    """

    def __init__(self, source: Callable[[], bytes]) -> None:
        self._source = source
        self._buffer = bytearray()
        self._position = 0
        self._kept: list[bytes] = []
        self._cut_from = 0

    # ---- position
    def start_packet(self) -> None:
        """Forget what has been read: limits and recorded pieces count from here."""
        del self._buffer[: self._position]
        self._position = 0

    def has_more(self) -> bool:
        """Whether bytes that have arrived are still unread (asks the source once when there are none)."""
        if self._position < len(self._buffer):
            return True
        chunk = self._source()
        self._buffer += chunk
        return bool(chunk)

    def _need(self, count: int) -> None:
        while len(self._buffer) - self._position < count:
            chunk = self._source()
            if not chunk:
                raise EOFError
            if len(self._buffer) + len(chunk) > MAX_PACKET + FRAME_BYTES:
                raise ProtocolError(f"Packet is larger than {MAX_PACKET} bytes")
            self._buffer += chunk

    # ---- raw pieces
    def record(self) -> None:
        """Start to keep the bytes that are passed."""
        self._kept, self._cut_from = [], self._position

    def cut(self, keep: bool = True) -> None:
        """End a piece here and keep it or not."""
        if keep:
            self._kept.append(bytes(self._buffer[self._cut_from : self._position]))
        self._cut_from = self._position

    def insert(self, raw: bytes) -> None:
        """Put bytes into the record that were not read."""
        self._kept.append(raw)

    def recorded(self) -> bytes:
        self.cut()
        raw, self._kept = b"".join(self._kept), []
        return raw

    # ---- values
    def skip(self, count: int) -> None:
        if count > MAX_PACKET:
            raise ProtocolError(f"{count} bytes announced, the limit is {MAX_PACKET}")
        self._need(count)
        self._position += count

    def take(self, count: int) -> bytes:
        start = self._position
        self.skip(count)
        return bytes(self._buffer[start : self._position])

    def byte(self) -> int:
        self._need(1)
        self._position += 1
        return self._buffer[self._position - 1]

    def varint(self) -> int:
        number = shift = 0
        while True:
            byte = self.byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
            shift += 7
            if shift > 63:
                raise ProtocolError("Malformed number: more than 10 bytes")

    def count(self) -> int:
        """An unsigned 64-bit number of things that follow."""
        number = int.from_bytes(self.take(8), "little")
        if number > MAX_PACKET:
            raise ProtocolError(f"Count {number} is too large")
        return number

    def string(self, limit: int = MAX_NAME) -> str:
        size = self.varint()
        if size > limit:
            raise ProtocolError(f"String of {size} bytes, the limit is {limit}")
        return self.take(size).decode("utf-8", "surrogateescape")

    def skip_strings(self, count: int) -> None:
        """Pass `count` length-prefixed strings. Tokens and the like have one length: runs of those go in one step."""
        while count > 0:
            passed = self._skip_equal_strings(min(count, _EQUAL_STRINGS))
            if not passed:
                passed = min(count, _MIXED_STRINGS)
                self._skip_mixed_strings(passed)
            count -= passed

    def _skip_equal_strings(self, count: int) -> int:
        self._need(1)
        length = self._buffer[self._position]
        stride = length + 1
        count = min(count, (len(self._buffer) - self._position) // stride)
        if length > 127 or count < 2:
            return 0
        lengths = np.frombuffer(self._buffer, np.uint8, count * stride, self._position)[::stride]
        equal = lengths == length
        passed = count if equal.all() else int(equal.argmin())
        if passed < count and passed < 32:
            return 0
        self._position += passed * stride
        return passed

    def _skip_mixed_strings(self, count: int) -> None:
        buffer, position, end = self._buffer, self._position, len(self._buffer)
        for _ in range(count):
            following = position + 1 + buffer[position] if position < end and buffer[position] < 128 else end + 1
            if following > end:  # long, or not wholly here yet
                self._position = position
                self.skip(self.varint())
                following, end = self._position, len(buffer)
            position = following
        self._position = position


def read_frame(reader: ByteReader) -> bytes:
    """One compressed frame: checksum (16), method (1), size with header (4), size of data (4), bytes."""
    high, low, method, packed, size = struct.unpack("<QQBII", reader.take(25))
    if method != LZ4:
        raise ProtocolError(f"Compression method 0x{method:02x} is not supported, only lz4")
    if not 9 <= packed <= MAX_PACKET or size > min(MAX_PACKET, LZ4_MAX_RATIO * packed):
        raise ProtocolError(f"Compressed frame announces {packed} bytes for {size}")
    body = struct.pack("<BII", method, packed, size) + reader.take(packed - 9)
    if CityHash128(body) != (high << 64) + low:
        raise ProtocolError("Checksum of a compressed frame does not match", CHECKSUM_DOESNT_MATCH)
    try:
        data: bytes = get_decompressor_cls(method)(None).decompress_data(body[9:], size)
    except Exception as error:
        raise ProtocolError(f"Cannot decompress: {error}", CANNOT_DECOMPRESS) from error
    return data


def frames(data: bytes) -> bytes:
    """`data` as compressed frames."""
    out = []
    for start in range(0, len(data), FRAME_BYTES):
        compressor: Any = get_compressor_cls("lz4")()
        compressor.write(data[start : start + FRAME_BYTES])
        body = bytes([compressor.method_byte]) + compressor.get_compressed_data(1)
        checksum = CityHash128(body)
        out.append(struct.pack("<QQ", checksum >> 64, checksum & (1 << 64) - 1) + body)
    return b"".join(out)
