"""Lookup tables of every pair of dtypes, and what is built on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tests.harness import Case, at_opsets, case, i32, i64, prefixed, string

WORDS = ["apple", "zebra", "12", "é"]


def table(keys: Any, values: Any, default: Any, key: str, value: str) -> Callable[[], Callable]:
    def build() -> Callable:
        contents = tf.lookup.KeyValueTensorInitializer(tf.constant(keys, key), tf.constant(values, value))
        made = tf.lookup.StaticHashTable(contents, default)

        def look(x: tf.Tensor) -> tf.Tensor:
            return made.lookup(x)

        look.kept = made
        return look

    return build


def mutable(values: Any, default: Any) -> Callable[[], Callable]:
    def build() -> Callable:
        made = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float32, default)
        made.insert(tf.constant([1, 2, 7], tf.int64), tf.constant(values, tf.float32))

        def look(x: tf.Tensor) -> tf.Tensor:
            return made.lookup(x)

        look.kept = made
        return look

    return build


def vocabulary(buckets: int, dtype: str = "string") -> Callable[[], Callable]:
    def build() -> Callable:
        keys = tf.constant(WORDS) if dtype == "string" else tf.constant([4, 1, 7, 2], tf.int64)
        contents = tf.lookup.KeyValueTensorInitializer(keys, tf.range(4, dtype=tf.int64))
        made = tf.lookup.StaticVocabularyTable(contents, buckets, lookup_key_dtype=keys.dtype)

        def look(x: tf.Tensor) -> tf.Tensor:
            return made.lookup(x)

        look.kept = made
        return look

    return build


def exported() -> Callable:
    made = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["b"], tf.constant([3], tf.int64)), -1)

    def both(x: tf.Tensor) -> Any:
        return (*made.export(), made.lookup(x), made.size())

    both.kept = made
    return both


_IDS = [1, 5, 7, 11]
_FIND: dict[str, Case] = {
    "str_i64": case(table(WORDS, [10, 20, 30, 40], -1, "string", "int64"), string("b", "t"), builds=True),
    "str_i32": case(table(WORDS, [10, 20, 30, 40], -1, "string", "int32"), string("b", "t"), builds=True),
    "str_f32": case(table(WORDS, [0.1, 0.2, 0.3, 0.4], -1.0, "string", "float32"), string("b", "t"), builds=True),
    "str_f64": case(table(WORDS, [0.1, 0.2, 0.3, 0.4], -1.0, "string", "float64"), string("b", "t"), builds=True),
    "str_bool": case(table(WORDS, [True, False, True, True], False, "string", "bool"), string("b", "t"), builds=True),
    "str_str": case(table(WORDS, ["x", "", "y", "é"], "?", "string", "string"), string("b", "t"), builds=True),
    "i64_i64": case(table(_IDS, [-3, 2, 0, 9], -1, "int64", "int64"), i64("b", "t", low=0, high=13), builds=True),
    "i64_str": case(table(_IDS, WORDS, "UNK", "int64", "string"), i64("b", "t", low=0, high=13), builds=True),
    "i64_f32": case(table(_IDS, [1.5, 2.5, 0, -1], 0.5, "int64", "float32"), i64("b", low=0, high=13), builds=True),
    "i32_i32": case(table(_IDS, [1, 2, 3, 4], -1, "int32", "int32"), i32("b", low=0, high=13), builds=True),
    "i32_f64": case(table(_IDS, [1, 2, 3, 4], -1, "int32", "float64"), i32("b", low=0, high=13), builds=True),
    "empty_input": case(table(_IDS, WORDS, "", "int64", "string"), i64("b"), builds=True, sizes={"b": (0, 1)}),
}

CASES = {
    **prefixed("find", {**_FIND, **at_opsets({k: _FIND[k] for k in ("str_i64", "i32_f64")}, 13, 18, 23)}),
    "mutable/scalars": case(mutable([0.5, 1.5, 2.5], -1.0), i64("b", "t", low=0, high=9), builds=True),
    "mutable/rows": case(mutable([[1, 2], [3, 4], [5, 6]], [-1.0, -2.0]), i64("b", "t", low=0, high=9), builds=True),
    "vocabulary": case(vocabulary(3), string("b", "t"), builds=True),
    "vocabulary/ids": case(vocabulary(3, "int64"), i64("b", low=-2, high=13), builds=True),
    "export": case(exported, string("b", values=["a", "b"]), builds=True),
}
