"""Arithmetic on quantised tensors that carry their range."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, f32, i32, u8

raw = tf.raw_ops
BYTES = {"low": 0, "high": 256}
LOW, HIGH = f32(low=-2, high=-0.1), f32(low=0.2, high=3)
PLAIN = {tf.quint8: tf.uint8, tf.qint8: tf.int8, tf.qint32: tf.int32}


def _plain(results):
    """Bit patterns: quantised dtypes are no graph outputs."""
    return [tf.bitcast(v, PLAIN.get(v.dtype, v.dtype)) for v in results]


def _q(x, kind=tf.quint8):
    return tf.bitcast(x, kind)


def _conv(padding: str, stride: int):
    def function(x, k, *ranges):
        min_x, max_x, min_k, max_k = ranges
        return _plain(
            raw.QuantizedConv2D(
                input=_q(x),
                filter=_q(k),
                min_input=min_x,
                max_input=max_x,
                min_filter=min_k,
                max_filter=max_k,
                strides=[1, stride, stride, 1],
                padding=padding,
            )
        )

    return function  # fmt: skip


def _pool(name: str, padding: str):
    def function(x, low, high):
        return _plain(
            getattr(raw, name)(
                input=_q(x), min_input=low, max_input=high, ksize=[1, 3, 2, 1], strides=[1, 2, 2, 1], padding=padding
            )
        )

    return function


def _matmul(transpose: bool = False):
    def function(a, b, *ranges):
        min_a, max_a, min_b, max_b = ranges
        return _plain(
            raw.QuantizedMatMul(
                a=_q(a),
                b=_q(b),
                min_a=min_a,
                max_a=max_a,
                min_b=min_b,
                max_b=max_b,
                Toutput=tf.qint32,
                transpose_b=transpose,
            )
        )

    return function  # fmt: skip


def _multiply(x, y, *ranges):
    names = ("min_x", "max_x", "min_y", "max_y")
    return _plain(raw.QuantizedMul(x=_q(x), y=_q(y), Toutput=tf.qint32, **dict(zip(names, ranges, strict=True))))


def _concat(x, y, low, high, other_low, other_high):
    return _plain(
        raw.QuantizedConcat(
            concat_dim=1, values=[_q(x), _q(y)], input_mins=[low, other_low], input_maxes=[high, other_high]
        )
    )


def _relu(name: str):
    def function(x, low, high):
        return _plain(getattr(raw, name)(features=_q(x), min_features=low, max_features=high * 4, out_type=tf.quint8))

    return function


def _requantize(x, low, high, wanted_low, wanted_high):
    return _plain(
        raw.Requantize(
            input=_q(x, tf.qint32), input_min=low, input_max=high, requested_output_min=wanted_low,
            requested_output_max=wanted_high, out_type=tf.quint8,
        )
    )  # fmt: skip


def _shrink(x, low, high):
    return _plain(
        raw.QuantizeDownAndShrinkRange(input=_q(x, tf.qint32), input_min=low, input_max=high, out_type=tf.quint8)
    )


WIDE = i32("b", "t", low=-(2**20), high=2**20)
RANGE = f32(low=-900, high=-100), f32(low=100, high=900)
CASES = {
    "matmul": case(_matmul(), u8("b", "t", **BYTES), u8("t", 3, **BYTES), LOW, HIGH, LOW, HIGH),
    "matmul/turned": case(_matmul(True), u8("b", 5, **BYTES), u8("n", 5, **BYTES), LOW, HIGH, LOW, HIGH),
    "multiply": case(_multiply, u8("b", 4, **BYTES), u8(4, **BYTES), LOW, HIGH, LOW, HIGH),
    "concat": case(_concat, u8("b", 2, **BYTES), u8("b", 3, **BYTES), LOW, HIGH, LOW, HIGH),
    "concat/one-range": case(
        lambda x, y, low, high: _concat(x, y, low, high, low, high), u8("b", 2, **BYTES), u8("b", 3, **BYTES), LOW, HIGH
    ),
    **{
        f"conv/{padding}-{stride}".lower(): case(
            _conv(padding, stride), u8("b", 9, 8, 3, **BYTES), u8(3, 2, 3, 4, **BYTES), LOW, HIGH, LOW, HIGH
        )
        for padding, stride in (("SAME", 1), ("SAME", 2), ("VALID", 1))
    },
    **{
        f"{name}/{padding}".lower(): case(_pool(name, padding), u8("b", "h", "w", 3, **BYTES), LOW, HIGH)
        for name in ("QuantizedMaxPool", "QuantizedAvgPool")
        for padding in ("SAME", "VALID")
    },
    "relu": case(_relu("QuantizedRelu"), u8("b", "t", **BYTES), LOW, HIGH),
    "relu6": case(_relu("QuantizedRelu6"), u8("b", "t", **BYTES), LOW, HIGH),
    "reshape": case(
        lambda x, low, high: _plain(
            raw.QuantizedReshape(tensor=_q(x), shape=[-1, 2], input_min=low, input_max=high)
        ),
        u8("b", 6, **BYTES), LOW, HIGH,
    ),
    "range": case(
        lambda x, low, high: raw.RequantizationRange(input=_q(x, tf.qint32), input_min=low, input_max=high),
        WIDE, *RANGE,
    ),
    "requantize": case(_requantize, WIDE, *RANGE, f32(low=-0.4, high=-0.1), f32(low=0.1, high=0.4)),
    "requantize/wide": case(
        _requantize, i32("b", "t", low=-(2**31), high=2**31), *RANGE, f32(low=-500, high=-100), f32(low=100, high=900)
    ),
    "shrink": case(_shrink, WIDE, *RANGE),
    "uniform/clip": case(
        lambda x: _plain([
            raw.UniformQuantizedClipByValue(
                operand=_q(x, tf.qint32), min=_q([-3, 0, -9], tf.qint32), max=_q([2, 4, 0], tf.qint32),
                scales=[1.0, 2.0, 3.0], zero_points=[0, 0, 0], quantization_axis=1, quantization_min_val=-128,
                quantization_max_val=127,
            )
        ]),
        i32("b", 3, "t"),
    ),
    **at_opsets({
        "opset": case(_matmul(), u8("b", "t", **BYTES), u8("t", 3, **BYTES), LOW, HIGH, LOW, HIGH),
        "opset/shrink": case(_shrink, WIDE, *RANGE),
    }, 13, 18, 23),
}  # fmt: skip
