"""Gradients of simulated quantisation."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import case, f32
from tests.ops.grad import gradient_of

q = tf.quantization
LOW, HIGH = {"low": -1.0, "high": -0.3}, {"low": 0.4, "high": 1.0}
CASES = {
    "args": case(gradient_of(lambda x: q.fake_quant_with_min_max_args(x, -1.1, 0.9, 4, True) * 3), f32("b", "t")),
    "vars": case(
        gradient_of(lambda x, a, b: q.fake_quant_with_min_max_vars(x, a, b) * x), f32("b", "t"), f32(**LOW), f32(**HIGH)
    ),
    "vars/unset": case(
        gradient_of(lambda x: q.fake_quant_with_min_max_vars(x, 0.0, 0.0) * x), f32("b", "t")
    ),
    "per-channel": case(
        gradient_of(lambda x, a, b: q.fake_quant_with_min_max_vars_per_channel(x, a, b, 6, True) * x),
        f32("b", "t", 4), f32(4, **LOW), f32(4, **HIGH),
    ),
    "per-channel/vector": case(
        gradient_of(lambda x, a, b: q.fake_quant_with_min_max_vars_per_channel(x, a, b) * x),
        f32(4), f32(4, **LOW), f32(4, **HIGH),
    ),
    "there-and-back": case(
        gradient_of(lambda x, a, b: q.quantize_and_dequantize_v2(x, a, b, range_given=True) ** 2),
        f32("b", "t"), f32(**LOW), f32(**HIGH),
    ),
}  # fmt: skip
