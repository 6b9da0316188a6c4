"""Quantisation, real and simulated."""

from __future__ import annotations

import itertools

import tensorflow as tf

from tests.harness import at_opsets, case, f32

_RAW = tf.raw_ops
_Q = tf.quantization
_TYPES = {"quint8": tf.quint8, "qint8": tf.qint8, "qint16": tf.qint16, "quint16": tf.quint16}
_wide = f32("b", "t", low=-4, high=5)


def _ranges(f):
    return {
        "around": lambda x: f(x, -2.0, 3.0),
        "positive": lambda x: f(x, 0.0, 3.0),
        "shifted": lambda x: f(x, -0.51, 2.77),
    }


def _there(x, mode, dtype, low=-3.0, high=2.5, **kw):
    q = _RAW.QuantizeV2(input=x, min_range=low, max_range=high, T=dtype, mode=mode, **kw)
    return [tf.bitcast(q.output, {1: tf.uint8, 2: tf.uint16}[dtype.size]), q.output_min, q.output_max]


def _back(x, mode, dtype, **kw):
    q = _RAW.QuantizeV2(input=x, min_range=-3.0, max_range=2.5, T=dtype, mode=mode, **kw)
    return _RAW.Dequantize(input=q.output, min_range=q.output_min, max_range=q.output_max, mode=mode, **kw)


_SOME = {
    "fake/vars": case(lambda x: _Q.fake_quant_with_min_max_vars(x, -2.0, 3.0), _wide, ops="QuantizeLinear"),
    "simulated": case(lambda x: _Q.quantize_and_dequantize_v2(x, -2.0, 2.0, range_given=True), _wide),
    "there/combined": case(lambda x: _back(x, "MIN_COMBINED", tf.quint8), _wide),
}

CASES = {
    **_SOME,
    **at_opsets(_SOME, 13, 18, 23),
    **{f"fake/{n}": case(f, _wide) for n, f in _ranges(_Q.fake_quant_with_min_max_vars).items()},
    "fake/args": case(lambda x: _Q.fake_quant_with_min_max_args(x, -1.5, 6.0), _wide),
    "fake/narrow": case(lambda x: _Q.fake_quant_with_min_max_vars(x, -2.0, 2.5, 8, True), _wide),
    "fake/4-bits": case(lambda x: _Q.fake_quant_with_min_max_vars(x, -2.0, 2.5, 4, True), _wide),
    "fake/16-bits": case(lambda x: _Q.fake_quant_with_min_max_vars(x, -2.0, 2.5, 16), _wide),
    "fake/computed": case(
        lambda x: _Q.fake_quant_with_min_max_vars(x, tf.reduce_min(x), tf.reduce_max(x)), _wide, tolerance=1e-4
    ),
    "fake/zero": case(lambda x: _Q.fake_quant_with_min_max_vars(x, tf.reduce_min(x) * 0, 0.0), _wide),
    "fake/channels": case(
        lambda x: _Q.fake_quant_with_min_max_vars_per_channel(x, [-1.0, -2.0, 0.0], [1.0, 0.5, 3.0]),
        f32("b", "t", 3, low=-4, high=5),
    ),
    **{
        f"simulated/{signed}-{bits}-{narrow}-{mode}": case(
            lambda x, a=(signed, bits, narrow, mode): _Q.quantize_and_dequantize_v2(
                x, -2.0, 2.3, a[0], a[1], True, a[3], narrow_range=a[2]
            ),
            _wide,
        )
        for signed, bits, narrow, mode in itertools.product(
            (True, False), (8, 5), (True, False), ("HALF_TO_EVEN", "HALF_UP")
        )
    },
    "simulated/computed": case(lambda x: _Q.quantize_and_dequantize_v2(x, 0.0, 0.0), _wide),
    "simulated/axis-computed": case(
        lambda x: _Q.quantize_and_dequantize_v2(x, [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], axis=1), f32("b", 3, "t")
    ),
    "simulated/v3": case(
        lambda x: _RAW.QuantizeAndDequantizeV3(input=x, input_min=-2.0, input_max=1.5, num_bits=8), _wide
    ),
    **{
        f"there/{mode}-{n}": case(lambda x, m=mode, t=t: _there(x, m, t), _wide)
        for mode in ("MIN_COMBINED", "SCALED")
        for n, t in _TYPES.items()
        if n in ("quint8", "qint8")
    },
    "there/MIN_FIRST": case(lambda x: _there(x, "MIN_FIRST", tf.quint8), _wide),
    "there/even": case(lambda x: _there(x, "SCALED", tf.qint8, round_mode="HALF_TO_EVEN"), _wide),
    "there/narrow": case(lambda x: _there(x, "SCALED", tf.qint8, narrow_range=True), _wide),
    **{
        f"back/{mode}-{n}": case(lambda x, m=mode, t=t: _back(x, m, t), _wide)
        for mode in ("MIN_COMBINED", "SCALED")
        for n, t in _TYPES.items()
    },
    "back/MIN_FIRST": case(lambda x: _back(x, "MIN_FIRST", tf.quint8), _wide),
    "uniform": case(
        lambda x: _RAW.UniformDequantize(
            input=_RAW.UniformQuantize(
                input=x, scales=0.05, zero_points=3, Tout=tf.qint8, quantization_min_val=-128, quantization_max_val=127
            ),
            scales=0.05, zero_points=3, Tout=tf.float32, quantization_min_val=-128, quantization_max_val=127,
        ),
        _wide,
    ),
    "uniform/axis": case(
        lambda x: _RAW.UniformDequantize(
            input=_RAW.UniformQuantize(
                input=x, scales=[0.05, 0.1, 0.02], zero_points=[3, 0, -2], Tout=tf.qint8, quantization_min_val=-128,
                quantization_max_val=127, quantization_axis=1,
            ),
            scales=[0.05, 0.1, 0.02], zero_points=[3, 0, -2], Tout=tf.float32, quantization_min_val=-128,
            quantization_max_val=127, quantization_axis=1,
        ),
        f32("b", 3, "t", low=-4, high=5),
    ),
}  # fmt: skip
