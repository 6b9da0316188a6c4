"""Sorted string tables in LevelDB's format, which is what the index of a TensorFlow checkpoint is.

A table ends in a footer that points to an index block, which points to data blocks. A block holds key-value pairs with
shared key prefixes, may be compressed with Snappy, and carries a CRC-32C.
Sources: LevelDB's ``doc/table_format.md``, Snappy's ``format_description.txt``, RFC 3720 (the CRC).
"""

from __future__ import annotations

import functools
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.errors import InvalidSourceError

_FOOTER, _TRAILER = 48, 5  # two handles, padding and magic; compression type and CRC
_MAGIC = 0xDB4775248B80FB57
_RAW, _SNAPPY = 0, 1
_MOST_EXPANSION = 32  # Snappy yields at most 64 bytes from 3


def read_table(data: memoryview, name: str) -> dict[bytes, bytes]:
    """All pairs of a table.

    Raises:
        InvalidSourceError: the table is cut short or damaged.
    """
    try:
        if len(data) < _FOOTER or struct.unpack_from("<Q", data, len(data) - 8)[0] != _MAGIC:
            raise _DamagedError("it has no valid footer")
        position = len(data) - _FOOTER
        _, position = _handle(data, position)
        index, _ = _handle(data, position)
        pairs: dict[bytes, bytes] = {}
        for _, handle in _entries(_block(data, *index)):
            pairs.update(_entries(_block(data, *_handle(memoryview(handle), 0)[0])))
    except (_DamagedError, IndexError, struct.error) as error:
        raise InvalidSourceError(f"{name} is damaged or cut short: {error}") from error
    return pairs


class _DamagedError(Exception):
    pass


def _handle(data: memoryview, position: int) -> tuple[tuple[int, int], int]:
    offset, position = varint(data, position)
    size, position = varint(data, position)
    return (offset, size), position


def varint(data: Any, position: int) -> tuple[int, int]:
    """A base-128 number and where it ends."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise _DamagedError(f"a number is too long at byte {position}")


def _block(data: memoryview, offset: int, size: int) -> bytes:
    end = offset + size
    if end + _TRAILER > len(data):
        raise _DamagedError(f"a block of {size} bytes at {offset} reaches beyond the end")
    kind = data[end]
    if masked_crc(data[offset : end + 1]) != struct.unpack_from("<I", data, end + 1)[0]:
        raise _DamagedError(f"the checksum of the block at byte {offset} is wrong")
    block = bytes(data[offset:end])
    if kind == _RAW:
        return block
    if kind == _SNAPPY:
        return unsnap(block)
    raise _DamagedError(f"compression {kind} is unknown")


def _entries(block: bytes) -> list[tuple[bytes, bytes]]:
    restarts = struct.unpack_from("<I", block, len(block) - 4)[0]
    end = len(block) - 4 - 4 * restarts
    if end < 0:
        raise _DamagedError("a block is shorter than its restart points")
    pairs = []
    key, position = b"", 0
    while position < end:
        shared, position = varint(block, position)
        rest, position = varint(block, position)
        size, position = varint(block, position)
        if shared > len(key) or position + rest + size > end:
            raise _DamagedError("an entry reaches beyond its block")
        key = key[:shared] + block[position : position + rest]
        position += rest
        pairs.append((key, block[position : position + size]))
        position += size
    return pairs


def unsnap(data: bytes) -> bytes:
    """Decompress Snappy's raw format."""
    size, position = varint(data, 0)
    if size > _MOST_EXPANSION * len(data):
        raise _DamagedError(f"{len(data)} compressed bytes cannot hold {size}")
    out = bytearray()
    while position < len(data):
        tag = data[position]
        position += 1
        kind = tag & 3
        if kind == 0:
            length = (tag >> 2) + 1
            if length > 60:
                extra = length - 60
                length = int.from_bytes(data[position : position + extra], "little") + 1
                position += extra
            if position + length > len(data):
                raise _DamagedError("a compressed literal is cut short")
            out += data[position : position + length]
            position += length
        else:
            if kind == 1:
                length, offset = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | data[position]
                position += 1
            else:
                width = 2 if kind == 2 else 4
                length, offset = (tag >> 2) + 1, int.from_bytes(data[position : position + width], "little")
                position += width
            if not 0 < offset <= len(out):
                raise _DamagedError("a compressed copy points before its block")
            start = len(out) - offset
            if offset >= length:
                out += out[start : start + length]
            else:  # the copy overlaps what it writes: a repetition
                out += (bytes(out[start:]) * (length // offset + 1))[:length]
        if len(out) > size:
            break
    if len(out) != size:
        raise _DamagedError(f"a compressed block holds {len(out)} bytes and announces {size}")
    return bytes(out)


def masked_crc(data: bytes | memoryview) -> int:
    """The CRC-32C of `data` in the masked form that LevelDB stores."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


_LANES = 256


def crc32c(data: bytes | memoryview) -> int:
    """CRC-32C (Castagnoli), in numpy.

    A CRC is linear: the data is cut into lanes that advance together, one byte of each a step, and are then joined in
    pairs, the left one moved on by as many zero bytes as the right one is long. Zeros in front change nothing once
    the initial all-ones register has been folded into the first four bytes.
    """
    size = len(data)
    if size < 4:
        return _crc_bytewise(data)
    steps = -(-size // _LANES)
    padded = np.zeros(steps * _LANES, np.uint8)
    padded[-size:] = np.frombuffer(data, np.uint8)
    padded[len(padded) - size :][:4] ^= 0xFF
    table = _byte_table()
    lanes = padded.reshape(_LANES, steps)
    crc = np.zeros(_LANES, np.uint32)
    move = np.uint32(1) << np.arange(32, dtype=np.uint32)
    for step in range(steps):
        crc = crc >> 8 ^ table[(crc ^ lanes[:, step]) & 0xFF]
        move = move >> 8 ^ table[move & 0xFF]
    while len(crc) > 1:
        crc = _apply(move, crc[::2]) ^ crc[1::2]
        move = _apply(move, move)
    return int(crc[0]) ^ 0xFFFFFFFF


def _crc_bytewise(data: bytes | memoryview) -> int:
    crc, table = 0xFFFFFFFF, _byte_table()
    for byte in data:
        crc = crc >> 8 ^ int(table[(crc ^ byte) & 0xFF])
    return crc ^ 0xFFFFFFFF


def _apply(matrix: NDArray[np.uint32], registers: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The product of a 32 by 32 bit matrix, given by its columns, with each register."""
    bits = registers[:, None] >> np.arange(32, dtype=np.uint32) & 1
    product: NDArray[np.uint32] = np.bitwise_xor.reduce(bits * matrix, axis=1)
    return product


@functools.cache
def _byte_table() -> NDArray[np.uint32]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(0x82F63B78), table >> 1)
    return table
