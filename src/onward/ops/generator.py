"""Random generators with a state in a variable (tf.random.Generator).

Unless state is carried from run to run, every run draws what the next call in TensorFlow would draw.
"""

from __future__ import annotations

import numpy as np

from onward.dtypes import INT64
from onward.graph import Node
from onward.ir import Value
from onward.lowering import Context
from onward.lowering.builder import Builder
from onward.lowering.registry import Static, Unsupported, lower
from onward.ops import philox
from onward.ops.distribution import binomial
from onward.ops.philox import UINT64, Stream
from onward.ops.random import between, full, stateful
from onward.ops.source import Resource

_PHILOX = 1
_RESERVED = 256  # counters that TensorFlow sets apart for each number


def _advance(context: Context, resource: Resource, algorithm: np.ndarray, numbers: Value) -> Value:
    """The state, two words of counter and one of key, before it moves on by so many numbers."""
    if int(algorithm) != _PHILOX:
        raise Unsupported("generators other than Philox")
    op = context.op
    known = context.state.get(resource.node)
    state = op.constant(resource.node.value) if known is None else known
    moved = op.Reshape(op.Cast(numbers, to=INT64) * _RESERVED, [1])
    context.state[resource.node] = state + op.Pad(moved, [0, 2])
    return state


def _stream(context: Context, resource: Resource, algorithm: np.ndarray, shape: Value) -> Stream:
    op = context.op
    count = op.ReduceProd(op.Cast(shape, to=INT64), keepdims=0)
    state = op.Cast(_advance(context, resource, algorithm, count), to=UINT64)
    low, high, key = (op.Gather(state, np.int64(i), axis=0) for i in range(3))
    return Stream(key, low, high)


@lower("RngReadAndSkip", context=True)
def read_and_skip(context: Context, node: Node, resource: Resource, alg: Static, delta: Value) -> Value:
    return _advance(context, resource, alg, delta)


@lower("RngSkip", context=True)
def skip(context: Context, node: Node, resource: Resource, algorithm: Static, delta: Value) -> tuple[()]:
    _advance(context, resource, algorithm, delta)
    return ()


@lower("StatefulUniform", context=True)
def uniform(
    context: Context, node: Node, resource: Resource, algorithm: Static, shape: Value, *, dtype: np.dtype
) -> Value:  # fmt: skip
    return philox.uniform(context.op, _stream(context, resource, algorithm, shape), shape, dtype)


@lower("StatefulStandardNormalV2", context=True)
def normal(
    context: Context, node: Node, resource: Resource, algorithm: Static, shape: Value, *, dtype: np.dtype
) -> Value:  # fmt: skip
    return philox.normal(context.op, _stream(context, resource, algorithm, shape), shape, dtype)


@lower("StatefulTruncatedNormal", context=True)
def truncated_normal(
    context: Context, node: Node, resource: Resource, algorithm: Static, shape: Value, *, dtype: np.dtype
) -> Value:  # fmt: skip
    return philox.truncated_normal(context.op, _stream(context, resource, algorithm, shape), shape, dtype)


@lower("StatefulUniformInt", context=True)
def uniform_int(
    context: Context, node: Node, resource: Resource, algorithm: Static, shape: Value, low: Value, high: Value
) -> Value:  # fmt: skip
    return between(context.op, _stream(context, resource, algorithm, shape), shape, low, high)


@lower("StatefulUniformFullInt", context=True)
def uniform_full_int(
    context: Context, node: Node, resource: Resource, algorithm: Static, shape: Value, *, dtype: np.dtype
) -> Value:  # fmt: skip
    return full(context.op, _stream(context, resource, algorithm, shape), shape, dtype)


@lower("StatefulRandomBinomial", context=True)
def random_binomial(
    context: Context, node: Node, resource: Resource, algorithm: Static, shape: Value, counts: Value, probs: Value, *,
    dtype: np.dtype,
) -> Value:  # fmt: skip
    op = context.op
    stream = _stream(context, resource, algorithm, shape)
    return op.Cast(binomial(op, stream, op.Cast(shape, to=INT64), counts, probs), to=dtype)


@lower("NonDeterministicInts")
def non_deterministic_ints(op: Builder, shape: Value, *, dtype: np.dtype) -> Value:
    return full(op, stateful(op, 0, 0), shape, dtype)
