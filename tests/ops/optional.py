"""Optional values, and the gradients of choices, which pass them."""

from __future__ import annotations

import tensorflow as tf
from tensorflow.python.ops import composite_tensor_ops  # what RaggedTensor and others go through

from tests.harness import at_opsets, case, f32, i32
from tests.ops.grad import gradient_of

Optional = tf.experimental.Optional


def _chosen(x):
    return tf.cond(tf.reduce_sum(x) > 0, lambda: tf.tanh(x) * x, lambda: tf.sin(x))


def _nested(x, n):
    def odd():
        return tf.cond(n > 2, lambda: tf.exp(x), lambda: tf.math.softplus(x) ** 2)

    return tf.cond(n % 2 == 1, odd, lambda: x * x * x)


def _carried(x):
    """An optional that comes out of a choice."""
    spec = tf.TensorSpec([None, 3])
    found = tf.cond(
        tf.reduce_sum(x) > 0, lambda: Optional.from_value(x * 2), lambda: Optional.empty(spec)
    )  # fmt: skip
    return found.has_value(), tf.cond(found.has_value(), found.get_value, lambda: tf.ones_like(x))


def _composite(x):
    """A sparse tensor as one value, and back."""
    sparse = tf.sparse.from_dense(x)
    encoded = composite_tensor_ops.composite_tensor_to_variants(sparse)
    return composite_tensor_ops.composite_tensor_from_variant(encoded, tf.type_spec_from_value(sparse)).values


CASES = {
    "composite": case(_composite, f32("b", 3)),
    "value": case(lambda x: Optional.from_value(x).get_value(), f32("b")),
    "has-value": case(
        lambda x: [Optional.from_value(x).has_value(), Optional.empty(tf.TensorSpec([])).has_value()], f32("b")
    ),
    "carried": case(_carried, f32("b", 3)),
    "cond": case(gradient_of(_chosen), f32("b", "t")),
    "cond/negative": case(gradient_of(_chosen), f32("b", "t", low=-2, high=-1)),
    "cond/nested": case(lambda x, n: gradient_of(lambda y: _nested(y, n))(x), f32("b", 3), i32(low=0, high=5)),
    "switch": case(
        lambda x, i: gradient_of(
            lambda y: tf.switch_case(i, [lambda: tf.exp(y), lambda: tf.sin(y) * y, lambda: y])
        )(x),
        f32("b", "t"), i32(low=0, high=3),
    ),
    "expm": case(gradient_of(tf.linalg.expm), f32(2, 3, 3), tolerance=1e-3),
    **at_opsets({"opset": case(gradient_of(_chosen), f32("b", "t"))}, 13, 18, 23),
}  # fmt: skip
