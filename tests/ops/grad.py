"""Gradients of elementwise functions, sums, broadcasts and pads."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, dtypes, f32, prefixed

_EDGES = (0.0, -0.0, 6.0, 7.0, -1.0, 0.5, 3.0, -4.0)
_FUNCTIONS = {
    "relu": tf.nn.relu, "relu6": tf.nn.relu6, "leaky_relu": lambda x: tf.nn.leaky_relu(x, 0.3), "elu": tf.nn.elu,
    "selu": tf.nn.selu, "softplus": tf.nn.softplus, "softsign": tf.nn.softsign, "sigmoid": tf.sigmoid, "tanh": tf.tanh,
}  # fmt: skip
_POSITIVE = {"sqrt": tf.sqrt, "rsqrt": tf.math.rsqrt, "reciprocal": tf.math.reciprocal, "log": tf.math.log}


def gradient_of(f):
    """By all inputs of the sum of the outputs."""

    def gradient(*xs):
        with tf.GradientTape() as tape:
            tape.watch(xs)
            y = f(*xs)
        return tape.gradient(y, xs)

    return gradient


_BROADCASTS = {
    "same": (f32("b", "t"), f32("b", "t")),
    "vector": (f32("b", "t"), f32("t")),
    "one": (f32("b", 1, "t"), f32("k", 1)),
    "fixed": (f32("b", 5), f32(5)),
    "scalar": (f32("b", 5), f32()),
    "maybe-one": (f32("b", "t"), f32("k", "t")),
}

CASES = {
    **{n: case(gradient_of(f), f32("b", "t", values=_EDGES)) for n, f in _FUNCTIONS.items()},
    **{n: case(gradient_of(f), f32("b", "t", low=0.2, high=3)) for n, f in _POSITIVE.items()},
    **{
        k: c
        for n, f in _FUNCTIONS.items()
        for k, c in prefixed(n, dtypes(gradient_of(f), f32("b", "t"), over="float16 float64")).items()
    },
    **{
        f"broadcast/{n}": case(gradient_of(lambda x, y: x * y + x), *args, sizes={"k": (1, 3)})
        for n, args in _BROADCASTS.items()
    },
    "softplus": case(lambda x, y: tf.raw_ops.SoftplusGrad(gradients=x, features=y), f32("b", "t"), f32("b", "t")),
    "bias_add": case(gradient_of(lambda x, b: tf.nn.bias_add(x, b) ** 2), f32("b", "h", 3), f32(3)),
    "bias_add/first": case(
        gradient_of(lambda x, b: tf.raw_ops.BiasAdd(value=x, bias=b, data_format="NCHW") ** 2),
        f32("b", 3, "h", "w"),
        f32(3),
    ),
    **{
        f"mirror/{mode}-{dims}".lower(): case(
            gradient_of(lambda x, mode=mode: tf.pad(x, [[0, 0], [1, 2], [3, 0]], mode) ** 2), f32("b", *dims)
        )
        for mode in ("REFLECT", "SYMMETRIC")
        for dims in (("t", 4), (5, "h"))
    },
    "mirror/sizes-at-run-time": case(
        gradient_of(lambda x: tf.pad(x, [[0, 0], [1, tf.shape(x)[0]]], "SYMMETRIC") ** 2), f32("b", "t")
    ),
    "mirror/whole": case(gradient_of(lambda x: tf.pad(x, [[2, 2]], "REFLECT") ** 2), f32(3)),
    **at_opsets({n: case(gradient_of(_FUNCTIONS[n]), f32("b", "t")) for n in ("relu", "selu", "tanh")}, 13, 18, 23),
}
