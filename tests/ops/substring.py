"""Lengths of strings and parts of them."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import Arg, at_opsets, case, i32, i64, string

S = tf.strings


def text(*dims: int | str) -> Arg:
    return string(*dims, values=["abcdef", "é日本語xyz", "  a b\t", "ab cd  efgh", "𝄞𝄞𝄞abc"])


def plain(*dims: int | str) -> Arg:
    return string(*dims, values=["abcdef", "abcd", "  a b\t", "ab cd  efgh"])


_LENGTH = {
    "length": case(lambda x: S.length(x), string("b", "t")),
    "length/chars": case(lambda x: S.length(x, unit="UTF8_CHAR"), text("b")),
    "length/scalar": case(lambda x: S.length(x), string()),
    "length/none": case(lambda x: S.length(x), string("b", "t"), sizes={"b": (0, 2), "t": (2, 0)}),
    "length/empty": case(lambda x: S.length(x), string("b", values=[""])),
}
CASES = {
    **_LENGTH,
    **at_opsets({"length": _LENGTH["length/chars"]}, 20, 23),
    "substr": case(lambda x: S.substr(x, 1, 3), plain("b", "t")),
    "substr/chars": case(lambda x: S.substr(x, 2, 3, unit="UTF8_CHAR"), text("b")),
    "substr/negative": case(lambda x: S.substr(x, -4, 2), plain("b")),
    "substr/negative_chars": case(lambda x: S.substr(x, -4, 2, unit="UTF8_CHAR"), text("b")),
    "substr/beyond": case(lambda x: S.substr(x, 3, 99), plain("b")),
    "substr/each": case(
        lambda x, p, n: S.substr(x, p, n), plain("b"), i32("b", low=-3, high=4), i32("b", low=0, high=5)
    ),
    "substr/broadcast": case(
        lambda x, p: S.substr(x, p, tf.ones_like(p) * 2), plain("b", 1), i64("b", 3, low=0, high=4)
    ),
    "strip": case(S.strip, string("b", "t", values=["  a b\t\n", "", " ", "\x0b\x0cx", "é ", "ab"])),
}
