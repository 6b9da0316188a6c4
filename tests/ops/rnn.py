"""TensorFlow's recurrent kernels."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tests.harness import Arg, Case, at_opsets, case, f16, f32, prefixed, w

RAW = tf.raw_ops
NAMES = ("i", "cs", "f", "o", "ci", "co", "h")
STATE = f32("b", 4)
X = f32("t", "b", 3)


def _weights(dtype: tf.DType, rows: int, given: Any = None) -> dict[str, tf.Tensor]:
    made = {"w": w(rows, 16) if given is None else given, "b": w(16, seed=4)}
    made |= {f"wc{gate}": w(4, seed=k) for k, gate in enumerate("ifo", 1)}
    return {name: tf.cast(value, dtype) for name, value in made.items()}


def _cell(**attrs: Any) -> Any:
    def call(x, c, h):
        made = RAW.LSTMBlockCell(x=x, cs_prev=c, h_prev=h, **_weights(x.dtype, 7), **attrs)
        return [getattr(made, name) for name in NAMES]

    return call


def _block(kernel: Any, *outputs: str, steps: int | None = None, given: bool = False, **attrs: Any) -> Any:
    """Some of the outputs, over all steps or the first few; the kernel is an input where it is given."""

    def call(x, c, h, kernel_given=None):
        limit = tf.shape(x, tf.int64)[0] if steps is None else tf.constant(steps, tf.int64)
        weights = _weights(x.dtype, 7, kernel_given)
        made = kernel(seq_len_max=limit, x=x, cs_prev=c, h_prev=h, **weights, **attrs)
        return [getattr(made, name) for name in outputs or NAMES]

    return call


def _ends(kernel: Any, **attrs: Any) -> Any:
    """The output at every step, and both states after the last."""

    def call(x, c, h):
        states, outputs = _block(kernel, "cs", "h", **attrs)(x, c, h)
        return outputs, states[-1], outputs[-1]

    return call


def _gru(x, h):
    made = RAW.GRUBlockCell(x=x, h_prev=h, w_ru=w(7, 8), w_c=w(7, 4, seed=1), b_ru=w(8), b_c=w(4))
    return made.r, made.u, made.c, made.h


V1, V2 = RAW.BlockLSTM, RAW.BlockLSTMV2
BLOCK: dict[str, Case] = {
    "v1": case(_block(V1), X, STATE, STATE, ops="Loop"),
    "v1/unbounded": case(_block(V1, cell_clip=0.0, forget_bias=0.5), X, STATE, STATE, ops="Loop"),
    "v1/some-steps": case(  # TensorFlow leaves the other outputs as they lie in memory
        _block(V1, "cs", "h", steps=3, cell_clip=0.4), X, STATE, STATE,
    ),
    "v1/peepholes": case(_block(V1, use_peephole=True), X, STATE, STATE),
    "v1/last-bounded": case(_ends(V1, cell_clip=0.4), X, STATE, STATE, ops="Loop !LSTM"),
    "v1/last": case(_ends(V1, cell_clip=0.0), X, STATE, STATE, ops="LSTM !Loop"),
    "v2": case(_block(V2), X, STATE, STATE, ops="Loop"),
    "v2/output": case(_block(V2, "h"), X, STATE, STATE, ops="LSTM !Loop"),
    "v2/output/static": case(_block(V2, "h"), f32(5, 2, 3), f32(2, 4), f32(2, 4), ops="LSTM !Loop"),
    "v2/output/half": case(_block(V2, "h"), f16("t", "b", 3), f16("b", 4), f16("b", 4), ops="LSTM !Loop"),
    "v2/output/some-steps": case(_block(V2, "h", steps=3), X, STATE, STATE, ops="LSTM !Loop"),
    "v2/output/no-steps": case(_block(V2, "h", steps=0), X, STATE, STATE),
    "v2/output/peepholes": case(_block(V2, "h", use_peephole=True), X, STATE, STATE, ops="LSTM !Loop"),
    "v2/output/kernel-given": case(_block(V2, "h"), X, STATE, STATE, f32(7, 16), ops="LSTM !Loop"),
    "v2/output/any-steps": case(
        lambda x, c, h, n: V2(seq_len_max=n, x=x, cs_prev=c, h_prev=h, **_weights(x.dtype, 7)).h,
        X, STATE, STATE, Arg("int64", (), values=(0, 2, 4)),
        ops="LSTM !Loop",
    ),
    "v2/last": case(_ends(V2), X, STATE, STATE, ops="LSTM !Loop"),
    "v2/last/peepholes": case(_ends(V2, use_peephole=True), X, STATE, STATE, ops="LSTM !Loop"),
}  # fmt: skip
CELL = {
    "": case(_cell(), f32("b", 3), STATE, STATE),
    "bounded": case(_cell(cell_clip=0.3, forget_bias=0.0), f32("b", 3), STATE, STATE),
    "peepholes": case(_cell(use_peephole=True, cell_clip=-1.0), f32("b", 3), STATE, STATE),
    "half": case(_cell(), f16("b", 3), f16("b", 4), f16("b", 4)),
}

CASES = {
    **prefixed("block", BLOCK),
    **at_opsets({"block/v1": BLOCK["v1"], "block/v2/output": BLOCK["v2/output"]}, 13, 18, 26),
    **prefixed("lstm-cell", CELL),
    "gru-cell": case(_gru, f32("b", 3), STATE),
}
