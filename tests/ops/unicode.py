"""Code points of text, and text of code points."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import Arg, at_opsets, case, i32, string

raw = tf.raw_ops
_WIDE = [0, 0x41, 0x7F, 0x80, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x10FFFF, 0x65E5]


def text(*dims: int | str) -> Arg:
    return string(*dims, values=["abc", "é日本語x z", "", "𝄞 \U0010ffff", "\x7f\u0080\u07ff\u0800\uffff", "\x01\n"])


def decode(**more: object) -> object:
    return lambda x: tuple(raw.UnicodeDecode(input=x, input_encoding="UTF-8", **more))


def encode(**more: object) -> object:
    return lambda x: raw.UnicodeEncode(
        input_values=x, input_splits=tf.constant([0, 2, 2, 7], tf.int64), output_encoding="UTF-8", **more
    )


CASES = {
    "decode": case(decode(), text("b")),
    "decode/none": case(decode(), text("b"), sizes={"b": (0, 1)}),
    "decode/int32": case(decode(Tsplits=tf.int32), text("b")),
    "decode/control": case(decode(replace_control_characters=True, replacement_char=63), text("b")),
    "decode/offsets": case(lambda x: tuple(raw.UnicodeDecodeWithOffsets(input=x, input_encoding="UTF-8")), text("b")),
    "encode": case(encode(), i32(7, values=_WIDE)),
    "encode/replace": case(encode(replacement_char=63), i32(7, values=[0x41, 0xD800, -1, 0x110000, 0x3B1])),
    "encode/ignore": case(encode(errors="ignore"), i32(7, values=[0x41, 0xD800, -1, 0x110000, 0x3B1])),
    "transcode": case(lambda x: tf.strings.unicode_transcode(x, "UTF-8", "UTF-8"), string("b", "t")),
    "transcode/control": case(
        lambda x: tf.strings.unicode_transcode(x, "UTF-8", "UTF-8", replace_control_characters=True), text("b", "t")
    ),
}
CASES.update(at_opsets({"decode": CASES["decode"]}, 20, 23))
