"""Numbers of dimensions from one data layout to another."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import case, i32, i64

raw = tf.raw_ops
CASES = {
    "dims": case(lambda x: raw.DataFormatDimMap(x=x), i32("b", low=-4, high=4)),
    "dims/other": case(
        lambda x: raw.DataFormatDimMap(x=x, src_format="NCHW", dst_format="HWNC"), i64("b", "n", low=-4, high=4)
    ),
    "dims/3d": case(
        lambda x: raw.DataFormatDimMap(x=x, src_format="NDHWC", dst_format="NCDHW"), i32("b", low=-5, high=5)
    ),
    "permute": case(lambda x: raw.DataFormatVecPermute(x=x), i32(4)),
    "permute/pairs": case(lambda x: raw.DataFormatVecPermute(x=x, src_format="NCHW", dst_format="NHWC"), i64(4, 2)),
    "permute/spatial": case(lambda x: raw.DataFormatVecPermute(x=x, src_format="HWNC", dst_format="WHCN"), i32(2)),
}
