"""Texts as numbers and in base 64."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, i32, string

io = tf.io
RAW = string("b", values=["abcdefgh", "01234567", "~é-()/*"])
CASES = {
    **{
        f"raw/{dtype}": case(
            lambda x, dtype=dtype: io.decode_raw(x, getattr(tf, dtype)), RAW
        )
        for dtype in ("uint8", "int8", "uint16", "int32", "int64", "float32", "float64")
    },
    "raw/highest-first": case(lambda x: io.decode_raw(x, tf.int32, little_endian=False), RAW),
    "raw/padded": case(
        lambda x: [io.decode_raw(x, kind, fixed_length=8) for kind in (tf.uint8, tf.int16, tf.float64)],
        string("b", values=["", "abc", "0123456789"]),
    ),
    "raw/padded-matrix": case(
        lambda x, n: io.decode_raw(x, tf.uint8, fixed_length=n), string("b", "t"), i32(values=[5])
    ),
    "raw/matrix": case(lambda x: io.decode_raw(x, tf.uint8), string("b", "t", values=["ab", "cd", "é"])),
    "encode": case(io.encode_base64, string("b", "t")),
    "encode/padded": case(lambda x: io.encode_base64(x, pad=True), string("b")),
    "decode": case(lambda x: io.decode_base64(io.encode_base64(x)), string("b")),
    "decode/padded": case(lambda x: io.decode_base64(io.encode_base64(x, pad=True)), string("b", 2)),
    "decode/given": case(io.decode_base64, string("b", values=["", "YQ", "YWI", "YWJj", "YWI=", "w6k_", "Pz8_"])),
    **at_opsets({"opset": case(io.encode_base64, string("b"))}, 20, 23),
}  # fmt: skip
