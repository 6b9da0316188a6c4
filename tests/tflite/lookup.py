"""Embeddings, legacy hash tables, locality-sensitive hashes."""

from __future__ import annotations

import numpy as np

from tests.tflite.build import Case, T, case, const, f32, i32, weights

_SUM, _MEAN, _SQRTN = range(3)
_SPARSE, _DENSE = 1, 2


def _embedding(combiner: int, indices: list[list[int]], sizes: list[int], *depth: int) -> Case:
    count = len(indices)
    inputs = [i32(count, low=0, high=4), const(indices), const(sizes), f32(count, low=0.5, high=2.0)]
    return case("EMBEDDING_LOOKUP_SPARSE", [*inputs, weights(5, *depth)], [f32()], combiner=combiner)


def _lsh(kind: int, x: T, *, weighted: bool = False) -> Case:
    seeds = const(np.random.default_rng(3).uniform(-10, 10, (4, 3)), "float32")
    rows = x.shape[0]
    return case("LSH_PROJECTION", [seeds, x, *([f32(rows)] if weighted else [])], [i32()], type=kind)


_FLAT = [[0, 0], [0, 1], [2, 0], [3, 1], [3, 2]]
_DEEP = [[0, 0, 0], [0, 1, 0], [0, 1, 1], [1, 2, 0]]
CASES = {
    "embedding/sum": _embedding(_SUM, _FLAT, [4, 3], 2),
    "embedding/mean": _embedding(_MEAN, _FLAT, [4, 3], 2, 3),
    "embedding/sqrtn": _embedding(_SQRTN, _DEEP, [2, 3, 2], 2),
    "hash table": case(
        "HASHTABLE_LOOKUP", [i32(7, low=0, high=9), const([1, 3, 4, 8]), weights(4, 2)], [f32(), T("uint8")]
    ),
    "hash table/numbers": case(
        "HASHTABLE_LOOKUP", [i32(7, low=0, high=9), const([1, 3, 4, 8]), const([5.0, 6, 7, 8], "float32")],
        [f32(), T("uint8")],
    ),
    "lsh/dense": _lsh(_DENSE, i32(6)),
    "lsh/sparse": _lsh(_SPARSE, i32(6)),
    "lsh/weighted": _lsh(_SPARSE, f32(5, 3), weighted=True),
}  # fmt: skip
