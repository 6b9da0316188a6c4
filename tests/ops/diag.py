"""Diagonals and bands."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.harness import Case, at_opsets, case, dtypes, f32, i32, prefixed

raw = tf.raw_ops
ALIGNMENTS = ("LEFT_RIGHT", "RIGHT_LEFT", "LEFT_LEFT", "RIGHT_RIGHT")


def _aligned(align: str) -> dict[str, Case]:
    return {
        f"part-{align}": case(
            lambda x: raw.MatrixDiagPartV3(input=x, k=[-2, 1], padding_value=-1.0, align=align), f32("b", 4, 5)
        ),
        f"diag-{align}": case(
            lambda x: raw.MatrixDiagV3(diagonal=x, k=[-1, 1], num_rows=-1, num_cols=-1, padding_value=9.0, align=align),
            f32("b", 3, 4),
        ),
        f"set-{align}": case(
            lambda x, d: raw.MatrixSetDiagV3(input=x, diagonal=d, k=[-1, 2], align=align),
            f32(2, 3, 4),
            f32(2, 4, 3),
        ),
    }


_part = {
    "part": case(lambda x: tf.linalg.diag_part(x), f32("b", 4, 5)),
    "part-dynamic": case(lambda x: tf.linalg.diag_part(x), f32("b", "t", "k")),
    "part-v1": case(lambda x: raw.MatrixDiagPart(input=x), f32("b", 5, 4)),
    "part-v2": case(lambda x: raw.MatrixDiagPartV2(input=x, k=[0, 2], padding_value=0.0), f32(3, 5)),
    "part-above": case(lambda x: tf.linalg.diag_part(x, k=2), f32("b", 4, 5)),
    "part-below": case(lambda x: tf.linalg.diag_part(x, k=-3), f32("b", 4, 5)),
    "part-band-dynamic": case(lambda x: tf.linalg.diag_part(x, k=(-1, 1)), f32("b", "t", "k")),
    "tensor-part": case(lambda x: tf.linalg.tensor_diag_part(x), f32(2, 3, 2, 3)),
    "tensor-part-dynamic": case(lambda x: tf.linalg.tensor_diag_part(tf.einsum("i,j->ij", x, x)), f32("n")),
}
_make = {
    "diag": case(lambda x: tf.linalg.diag(x), f32("b", 4)),
    "diag-nan": case(lambda x: tf.linalg.diag(x), f32("b", 4, values=[np.nan, np.inf, 1.0])),
    "diag-dynamic": case(lambda x: tf.linalg.diag(x), f32("b", "t")),
    "diag-v1": case(lambda x: raw.MatrixDiag(diagonal=x), f32("b", 4)),
    "diag-v2": case(
        lambda x: raw.MatrixDiagV2(diagonal=x, k=1, num_rows=3, num_cols=5, padding_value=2.0), f32("b", 3)
    ),
    "diag-below": case(lambda x: tf.linalg.diag(x, k=-2), f32("b", 3)),
    "diag-band": case(lambda x: tf.linalg.diag(x, k=(-1, 0), num_rows=5, num_cols=4), f32("b", 2, 4)),
    "diag-band-above": case(lambda x: tf.linalg.diag(x, k=(1, 2)), f32("b", 2, 3)),
    "diag-band-dynamic": case(lambda x: tf.linalg.diag(x, k=(0, 1)), f32("b", 2, "t")),
    "tensor-diag": case(lambda x: tf.linalg.tensor_diag(x), f32(2, 3)),
    "eye": case(lambda x: tf.eye(tf.shape(x)[1], batch_shape=[2]) + x, f32(2, "t", "t")),
    "set": case(lambda x, d: tf.linalg.set_diag(x, d), f32("b", 3, 4), f32("b", 3)),
    "set-dynamic": case(lambda x, d: tf.linalg.set_diag(x, d), f32("b", "t", "t"), f32("b", "t")),
    "set-v1": case(lambda x, d: raw.MatrixSetDiag(input=x, diagonal=d), f32("b", 3, 4), f32("b", 3)),
    "set-v2": case(lambda x, d: raw.MatrixSetDiagV2(input=x, diagonal=d, k=[-1, 0]), f32(2, 3, 4), f32(2, 2, 3)),
    "set-below": case(lambda x, d: tf.linalg.set_diag(x, d, k=-1), f32("b", 3, 4), f32("b", 2)),
}
_band = {
    "upper": case(lambda x: tf.linalg.band_part(x, 0, -1), f32("b", "t", "t")),
    "lower": case(lambda x: tf.linalg.band_part(x, -1, 0), f32("b", 4, 5)),
    "both": case(lambda x: tf.linalg.band_part(x, 1, 2), f32("b", 4, 5)),
    "all": case(lambda x: tf.linalg.band_part(x, -1, -1), f32("b", 4, 5)),
    "wide": case(lambda x: tf.linalg.band_part(x, 3, 5), f32("b", 4, 5)),
    "dynamic": case(
        lambda x, k: raw.MatrixBandPart(input=x, num_lower=k[0], num_upper=k[1]),
        f32("b", "t", 5),
        i32(2, low=-1, high=3),
    ),
    "nan": case(lambda x: tf.linalg.band_part(x, 1, 0), f32("b", 4, 5, values=[np.nan, np.inf, 2.0])),
}

CASES = {
    **prefixed("diag", {**_part, **_make}),
    **prefixed("diag", {k: v for align in ALIGNMENTS for k, v in _aligned(align).items()}),
    **prefixed("band", {**_band, **at_opsets({k: _band[k] for k in ("both", "dynamic")}, 13, 18, 23)}),
    **prefixed(
        "diag",
        dtypes(
            lambda x: (tf.linalg.diag(x), tf.linalg.band_part(x, 1, 0), tf.linalg.diag_part(x, k=(0, 1))),
            f32(3, 3, low=0, high=2),
            over="float16 float64 int8 uint8 int16 int32 int64 bool bfloat16",
        ),
    ),
}
