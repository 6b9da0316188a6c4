"""LevelDB tables: checksums, compression, and damage."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.errors import InvalidSourceError
from onward.formats.table import _crc_bytewise, crc32c, masked_crc, read_table, unsnap

MAGIC = 0xDB4775248B80FB57


def test_crc_of_the_standard() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4


@given(st.binary(max_size=1500))
def test_crc_in_lanes_equals_crc_by_bytes(data: bytes) -> None:
    assert crc32c(data) == _crc_bytewise(data)


@pytest.mark.parametrize(
    ("packed", "plain"),
    [
        (b"", b""),
        (b"\x08abc", b"abc"),
        (b"\x04ab\x11\x02", b"ab" * 5),  # 8 bytes from 2 back: a repetition
        (b"\x14abcdef\xfe\x06\x00", b"abcdef" * 11 + b"abcd"),  # a two-byte offset
        (b"\x0cabcd\x0f\x04\x00\x00\x00", b"abcdabcd"),  # a four-byte offset
        (b"\xf0\x3c" + bytes(range(61)), bytes(range(61))),  # a length of its own byte
    ],
)
def test_snappy(packed: bytes, plain: bytes) -> None:
    assert unsnap(bytes([len(plain)]) + packed) == plain


def table(pairs: dict[bytes, bytes], *, snappy: bool = False) -> bytes:
    """A table of one block, its keys stored whole."""

    def block(entries: dict[bytes, bytes]) -> bytes:
        body = b"".join(bytes([0, len(k), len(v)]) + k + v for k, v in entries.items()) + struct.pack("<II", 0, 1)
        if snappy:
            body = bytes([len(body) & 0x7F | 0x80, len(body) >> 7]) + b"\xf0" + bytes([len(body) - 1]) + body
        body += bytes([int(snappy)])
        return body + struct.pack("<I", masked_crc(body))

    first = block(pairs)
    index = block({b"z": handle(0, len(first) - 5)})
    footer = handle(0, 0) + handle(len(first), len(index) - 5)
    return first + index + footer.ljust(40, b"\0") + struct.pack("<Q", MAGIC)


def handle(offset: int, size: int) -> bytes:
    return b"".join(bytes([n & 0x7F | 0x80, n >> 7]) for n in (offset, size))


PAIRS = {b"": b"header", b"a": b"1", b"ab": b"22"}


@pytest.mark.parametrize("snappy", [False, True])
def test_reading(snappy: bool) -> None:
    assert read_table(memoryview(table(PAIRS, snappy=snappy)), "t") == PAIRS


@given(st.data())
def test_damage_is_found(data: st.DataObject) -> None:
    whole = table(PAIRS, snappy=data.draw(st.booleans()))
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(InvalidSourceError, match="t is damaged or cut short"):
        read_table(memoryview(cut), "t")
    changed = bytearray(whole)
    changed[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(InvalidSourceError):  # a byte of the padding may change
        assert read_table(memoryview(bytes(changed)), "t") == PAIRS
