"""Hashes of strings and of integers written as strings, for every length class."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.harness import Arg, Case, at_opsets, case, i32, i64, prefixed, string, u8

S = tf.strings
BIG = 1 << 62


def texts(lengths: range) -> Arg:
    """As many random strings as there are lengths, with bytes of more than one in some characters."""
    rng = np.random.default_rng(0)
    letters = list("abcXYZ 019,;é日\n")
    words = ["".join(rng.choice(letters, n)) for n in lengths]
    return string(40, values=words)


_FAST: dict[str, Case] = {
    "words": case(lambda x: S.to_hash_bucket_fast(x, 1000), string("b", "t")),
    "scalar": case(lambda x: S.to_hash_bucket_fast(x, 1000), string()),
    "none": case(lambda x: S.to_hash_bucket_fast(x, 7), string("b"), sizes={"b": (0, 1)}),
    **{
        f"upto{stop}": case(lambda x: S.to_hash_bucket_fast(x, BIG), texts(range(start, stop)))
        for start, stop in ((0, 9), (8, 18), (16, 34), (30, 70), (60, 200))
    },
    "int64": case(lambda x: S.to_hash_bucket_fast(tf.as_string(x), BIG), i64("b", "t", low=-BIG, high=BIG)),
    "int64/ends": case(
        lambda x: S.to_hash_bucket_fast(tf.as_string(x), BIG),
        i64(9, values=[-(2**63), 2**63 - 1, 0, 1, -1, 9, 10, -10, 10**18]),
    ),
    "int32": case(lambda x: S.to_hash_bucket_fast(tf.as_string(x), 10), i32("b", low=-(2**31), high=2**31 - 1)),
    "uint8": case(lambda x: S.to_hash_bucket_fast(tf.as_string(x), BIG), u8("b", high=255)),
}
CASES = {
    **prefixed("fast", {**_FAST, **at_opsets({"int64": _FAST["int64"]}, 13, 18, 23)}),
    "strong": case(lambda x: S.to_hash_bucket_strong(x, BIG, [3, -5]), texts(range(40))),
    "strong/words": case(lambda x: S.to_hash_bucket_strong(x, 13, [0, 1]), string("b", "t")),
    "strong/none": case(lambda x: S.to_hash_bucket_strong(x, 13, [0, 1]), string("b"), sizes={"b": (0, 1)}),
    "plain": case(lambda x: S.to_hash_bucket(x, BIG), texts(range(40))),
    "plain/words": case(lambda x: S.to_hash_bucket(x, 13), string("b", "t")),
}
