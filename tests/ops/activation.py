"""Activation functions."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, dtypes, f32, prefixed

EDGES = [float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 1e-30, 88.0, -88.0, 3.0, -3.0, 6.0]
FUNCTIONS = {
    "elu": tf.nn.elu,
    "gelu": tf.nn.gelu,
    "gelu-tanh": lambda x: tf.nn.gelu(x, approximate=True),
    "leaky-relu": tf.nn.leaky_relu,
    "leaky-relu-steep": lambda x: tf.nn.leaky_relu(x, 1.5),
    "log-softmax": tf.nn.log_softmax,
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "selu": tf.nn.selu,
    "sigmoid": tf.nn.sigmoid,
    "silu": tf.nn.silu,
    "softmax": tf.nn.softmax,
    "softplus": tf.nn.softplus,
    "softsign": tf.nn.softsign,
    "tanh": tf.nn.tanh,
}

CASES = {
    **prefixed("float32", {name: case(f, f32("b", "t", 5, low=-8, high=8)) for name, f in FUNCTIONS.items()}),
    **prefixed("empty", {name: case(f, f32("b", 0)) for name, f in FUNCTIONS.items()}),
    **prefixed(
        "edges",
        {n: case(FUNCTIONS[n], f32("b", 11, 1, values=EDGES)) for n in ("elu", "relu", "relu6", "selu", "softplus")},
    ),
    **{
        key: value
        for name in ("elu", "relu", "relu6", "leaky-relu", "selu", "softmax", "log-softmax", "softplus", "softsign")
        for key, value in prefixed(
            name, dtypes(FUNCTIONS[name], f32("b", "t"), over="float16 float64", tolerance=3e-3)
        ).items()
    },
    **prefixed("relu", dtypes(tf.nn.relu, f32("b", "t"), over="int8 int16 int32 int64 uint8 uint16")),
    **prefixed("relu6", dtypes(tf.nn.relu6, f32("b", "t"), over="int8 int16 int32 int64 uint8 uint16")),
    "softmax/axis": case(lambda x: tf.nn.softmax(x, 1), f32("b", "t", 5)),
    "softmax/large": case(tf.nn.softmax, f32("b", "t", low=-1e4, high=1e4)),
    "crelu": case(tf.nn.crelu, f32("b", "t", 3)),
    **at_opsets({f"opset/{n}": case(FUNCTIONS[n], f32("b", "t")) for n in ("gelu", "silu", "relu6")}, 13, 18, 23),
}
