"""Strings: case, joining, formatting, splitting, numbers as text."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, boolean, case, i32, prefixed, string

S = tf.strings

_JOIN = {
    "join": case(lambda x, y: S.join([x, y, x], "-"), string("b", "t"), string("b", "t")),
    "join/scalar": case(lambda x: S.join(["<", x, ">"]), string("b")),
    "reduce_join/last": case(lambda x: S.reduce_join(x, -1, separator=", "), string("b", "t")),
    "reduce_join/static": case(lambda x: S.reduce_join(x, 1), string("b", 3)),
    "reduce_join/first": case(lambda x: S.reduce_join(x, 0, keepdims=True, separator="é"), string("b", "t")),
    "reduce_join/order": case(lambda x: S.reduce_join(x, [0, 2], separator="|"), string("b", 3, "t")),
    "reduce_join/all": case(lambda x: S.reduce_join(x), string("b", "t")),
    "reduce_join/empty": case(lambda x: S.reduce_join(x, 1, separator="+"), string("b", "t"), sizes={"t": (0, 1)}),
    "segment_join": case(lambda x: S.unsorted_segment_join(x, [0, 1, 3, 0, 1], 4, "+"), string(5)),
    "segment_join/dynamic": case(
        lambda x, i: S.unsorted_segment_join(x, i, 3), string("b", 2), i32("b", low=0, high=3)
    ),
}

CASES = {
    "lower": case(S.lower, string("b", "t")),
    "lower/static": case(S.lower, string(2, 3)),
    "lower/scalar": case(S.lower, string()),
    "lower/empty": case(S.lower, string("b"), sizes={"b": (0, 4)}),
    "lower/utf8": case(lambda x: S.lower(x, encoding="utf-8"), string("b", values=["ÀÉÑ", "ΔΩx", "Жук", "A1"])),
    "upper": case(S.upper, string("b", 1)),
    **_JOIN,
    **at_opsets({"join": _JOIN["join"], "reduce_join": _JOIN["reduce_join/last"]}, 20, 23),
    "format": case(lambda x: S.format("a {} b", x), i32(3)),
    "format/long": case(lambda x, y: S.format("{}={}", (x, y)), i32(9), string(2, 2)),
    "format/summarize": case(lambda x: S.format("{}", x, summarize=2), i32(3, 5)),
    "format/scalar": case(lambda x, y: S.format("% {} %{}", (x, y)), boolean(), string()),
    **prefixed("equal", {"string": case(tf.equal, string("b", "t"), string("b", 1))}),
    "where": case(lambda x: tf.where(x == "", "EMPTY", x), string("b", "t")),
}
