"""Builtin operators that move elements."""

from __future__ import annotations

import numpy as np

from tests.tflite.build import (
    Case,
    T,
    boolean,
    case,
    const,
    f32,
    i8,
    i32,
    i64,
    sparse,
    weights,
)

X = f32(None, 5, 4)
IMAGE = f32(None, 8, 9, 4)


HOLED = np.where(np.arange(32).reshape(8, 4) % 3 == 0, np.arange(32).reshape(8, 4), 0).astype(np.float32)
HOLED[4:6] = 0

CASES: dict[str, Case] = {
    "densify": case("DENSIFY", [sparse(HOLED)], [f32()]),
    "densify/blocks": case("DENSIFY", [sparse(HOLED, (2, 2))], [f32()]),
    "densify/int8": case("DENSIFY", [sparse(HOLED.astype(np.int8), (4, 1), scale=0.1)], [T("int8", scale=0.1)]),
    "batch_to_space_nd": case("BATCH_TO_SPACE_ND", [f32(8, 3, 4, 2), const([2, 2]), const([[0, 1], [0, 0]])], [f32()]),
    "space_to_batch_nd": case("SPACE_TO_BATCH_ND", [f32(2, 5, 6, 3), const([2, 2]), const([[0, 1], [0, 0]])], [f32()]),
    "depth_to_space": case("DEPTH_TO_SPACE", [IMAGE], [f32()], block_size=2),
    "space_to_depth": case("SPACE_TO_DEPTH", [f32(None, 8, 6, 3)], [f32()], block_size=2),
    "broadcast_args": case("BROADCAST_ARGS", [const([3, 1]), const([2, 1, 4])], [i32()]),
    "broadcast_to": case("BROADCAST_TO", [f32(5, 1), const([3, 5, 4])], [f32()], version=2),
    "bucketize": case("BUCKETIZE", [X], [i32()], boundaries=[-1.0, 0.0, 2.0]),
    **{
        f"cast/{a}-{b}": case("CAST", [T(a, (None, 3))], [T(b)])
        for a, b in (
            ("float32", "int32"),
            ("int32", "float32"),
            ("int64", "int32"),
            ("bool", "float32"),
            ("float32", "bool"),
            ("uint8", "float32"),
            ("int32", "int64"),
        )
    },
    "concatenation": case("CONCATENATION", [X, X], [f32()], axis=-1),
    "dilate": case("DILATE", [f32(3, 4), const([2, 3]), const(0.5, "float32")], [f32()]),
    "dynamic_update_slice": case("DYNAMIC_UPDATE_SLICE", [f32(5, 4), f32(2, 3), const([4, 1])], [f32()]),
    "embedding_lookup": case("EMBEDDING_LOOKUP", [i32(5, low=0, high=7), weights(8, 3)], [f32()]),
    "expand_dims": case("EXPAND_DIMS", [X, const(1)], [f32()]),
    "fill": case("FILL", [const([2, 3]), f32()], [f32()]),
    "gather": case("GATHER", [X, const([2, 0])], [f32()], axis=1),
    "gather/batch": case("GATHER", [f32(3, 5, 4), i32(3, 2, low=0, high=4)], [f32()], axis=1, batch_dims=1),
    "gather_nd": case("GATHER_ND", [f32(3, 5, 4), const([[0, 1], [2, 4]])], [f32()]),
    "matrix_diag": case("MATRIX_DIAG", [f32(3, 4)], [f32()]),
    "matrix_set_diag": case("MATRIX_SET_DIAG", [f32(3, 4, 4), f32(3, 4)], [f32()]),
    "mirror_pad/reflect": case("MIRROR_PAD", [f32(4, 5), const([[1, 2], [2, 0]])], [f32()], mode=0),
    "mirror_pad/symmetric": case("MIRROR_PAD", [f32(4, 5), const([[1, 2], [2, 0]])], [f32()], mode=1),
    "non_max_suppression_v4": case(
        "NON_MAX_SUPPRESSION_V4",
        [f32(6, 4, low=0, high=1), f32(6, low=0, high=1), const(4), const(0.5, "float32"), const(0.2, "float32")],
        [i32(), i32()],
    ),
    "non_max_suppression_v5/soft": case(
        "NON_MAX_SUPPRESSION_V5",
        [
            f32(24, 4, low=0, high=1),
            f32(24, low=0, high=1),
            const(12),
            const(0.3, "float32"),
            const(0.2, "float32"),
            const(0.5, "float32"),
        ],
        [i32(), f32(), i32()],
    ),
    "non_max_suppression_v5": case(
        "NON_MAX_SUPPRESSION_V5",
        [
            f32(6, 4, low=0, high=1),
            f32(6, low=0, high=1),
            const(4),
            const(0.5, "float32"),
            const(0.2, "float32"),
            const(0.0, "float32"),
        ],
        [i32(), f32(), i32()],
    ),
    "one_hot": case(
        "ONE_HOT",
        [i32(None, 3, low=-1, high=4), const(4), const(2.0, "float32"), const(-1.0, "float32")],
        [f32()],
        axis=-1,
    ),
    "pack": case("PACK", [X, X], [f32()], values_count=2, axis=1),
    "pad": case("PAD", [X, const([[0, 0], [1, 2], [0, 1]])], [f32()]),
    "padv2": case("PADV2", [X, const([[0, 0], [1, 2], [0, 1]]), const(1.5, "float32")], [f32()]),
    "range": case("RANGE", [const(1), const(9), const(3)], [i32()]),
    "range/float": case("RANGE", [const(1.0, "float32"), const(3.0, "float32"), const(0.5, "float32")], [f32()]),
    "rank": case("RANK", [X], [i32()]),
    "shape": case("SHAPE", [X], [i32()], out_type=2),
    "shape/int64": case("SHAPE", [X], [i64()], out_type=4),
    "reshape": case("RESHAPE", [X, const([-1, 20])], [f32()]),
    "reshape/option": case("RESHAPE", [f32(2, 6)], [f32()], new_shape=[3, 4]),
    "reshape/both": case("RESHAPE", [f32(2, 6), const([3, -1])], [f32()], new_shape=[3, 4]),
    "reduce_window": case(
        "REDUCE_WINDOW",
        [f32(7, 8), const(0.0, "float32"), const([3, 2], "int64"), const([2, 1], "int64"), const([1, 2], "int64")],
        [f32()],
        reduce_function=1,
    ),
    "reverse_sequence": case("REVERSE_SEQUENCE", [f32(3, 5, 2), const([2, 5, 1])], [f32()], seq_dim=1, batch_dim=0),
    "reverse_v2": case("REVERSE_V2", [X, const([1])], [f32()]),
    "scatter_nd": case("SCATTER_ND", [const([[0], [2], [0]]), f32(3, 4), const([5, 4])], [f32()]),
    "select": case("SELECT", [boolean(3, 4), f32(3, 4), f32(3, 4)], [f32()]),
    "select/rows": case("SELECT", [boolean(3), f32(3, 4), f32(3, 4)], [f32()]),
    "select_v2": case("SELECT_V2", [boolean(3, 1), f32(3, 4), f32(4)], [f32()]),
    "slice": case("SLICE", [X, const([0, 1, 0]), const([-1, 3, -1])], [f32()]),
    "sparse_to_dense": case(
        "SPARSE_TO_DENSE", [const([[0, 1], [2, 3]]), const([3, 4]), f32(2), const(-1.0, "float32")], [f32()]
    ),
    "split": case("SPLIT", [const(1), f32(None, 6, 2)], [f32(), f32(), f32()], num_splits=3),
    "split_v": case("SPLIT_V", [f32(None, 6, 2), const([1, -1, 2]), const(1)], [f32(), f32(), f32()], num_splits=3),
    "squeeze": case("SQUEEZE", [f32(None, 1, 3, 1)], [f32()], squeeze_dims=[1, -1]),
    "strided_slice": case(
        "STRIDED_SLICE",
        [f32(4, 5, 6), const([1, 0, 4]), const([3, 5, 0]), const([1, 2, -1])],
        [f32()],
        end_mask=2,
        shrink_axis_mask=0,
    ),
    "strided_slice/masks": case(
        "STRIDED_SLICE",
        [f32(4, 5, 6), const([1, 2, 1]), const([2, 5, 3]), const([1, 1, 1])],
        [f32()],
        begin_mask=2,
        shrink_axis_mask=1,
    ),
    "strided_slice/offset": case(
        "STRIDED_SLICE", [f32(4, 5), const([1, 2]), const([2, 2]), const([1, 1])], [f32()], offset=True, version=8
    ),
    "tile": case("TILE", [X, const([1, 2, 3])], [f32()]),
    "transpose": case("TRANSPOSE", [X, const([0, 2, 1])], [f32()]),
    "unpack": case("UNPACK", [f32(None, 3, 2)], [f32(), f32(), f32()], num=3, axis=1),
    "where": case("WHERE", [boolean(3, 4)], [i64()]),
    "reverse/integers as they are": case("REVERSE_V2", [i8(2, 3), const([1])], [i8(scale=0.07, zero=9)], steps=0),
}
