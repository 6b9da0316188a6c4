"""Complex numbers, seen through their parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tests.harness import Arg, at_opsets, case, f32, f64, i32
from tests.ops.grad import gradient_of

_W = tf.constant(np.random.default_rng(0).standard_normal((2, 4, 3)) @ np.ones((3, 3)), tf.float32)


def parts(z: Any) -> Any:
    """Real and imaginary part on a new last axis; real results as they are."""
    return tf.stack([tf.math.real(z), tf.math.imag(z)], -1) if z.dtype.is_complex else z


def _of(function: Callable[..., Any], args: int = 1, make: Callable[..., Arg] = f32, **limits: Any) -> Any:
    """A case whose operands are complex, each made of two real inputs."""

    def run(*xs: Any) -> Any:
        return [
            parts(y)
            for y in tf.nest.flatten(function(*(tf.complex(a, b) for a, b in zip(xs[::2], xs[1::2], strict=True))))
        ]

    return case(run, *(make("b", "t", **limits) for _ in range(2 * args)), tolerance=2e-5)


_UNARY = """abs angle conj real imag exp expm1 log log1p square sqrt rsqrt sin cos tan sinh cosh tanh asinh atanh asin
acos acosh atan reciprocal sign negative sigmoid""".split()
_BINARY = "add subtract multiply divide divide_no_nan pow".split()
_ZERO = (0.0, 1.0, -1.0)
_MOVES = {
    "reshape": lambda z: tf.reshape(z, [-1, 2]),
    "transpose": tf.transpose,
    "concat": lambda z: tf.concat([z, z], 1),
    "stack": lambda z: tf.stack([z, z]),
    "split": lambda z: tf.split(z, 2, 1),
    "gather": lambda z: tf.gather(z, [1, 0, 1], axis=1),
    "slice": lambda z: z[:, 1:],
    "strided": lambda z: z[..., ::-1],
    "pad": lambda z: tf.pad(z, [[0, 0], [1, 2]]),
    "tile": lambda z: tf.tile(z, [1, 2]),
    "expand": lambda z: z[:, None],
    "sum": lambda z: tf.reduce_sum(z, 1),
    "mean": lambda z: tf.reduce_mean(z, 1),
    "zeros": tf.zeros_like,
    "ones": tf.ones_like,
    "where": lambda z: tf.where(tf.math.real(z) > 0, z, tf.math.conj(z)),
    "shape": tf.shape,
    "constant": lambda z: z * tf.constant(2 - 1j, tf.complex64) + tf.constant([1j, 1, 2, 0], tf.complex64),
    "add_n": lambda z: tf.add_n([z, z, z]),
}

CASES = {
    "slice-gradient": case(gradient_of(lambda x: tf.signal.dct(x) ** 2), f32("b", 8), tolerance=1e-3),
    **{n: _of(getattr(tf.math, n), low=-0.9, high=0.9) for n in _UNARY},
    **{f"{n}/axes": _of(getattr(tf.math, n), values=(0.0, 1.5, -2.0)) for n in "abs angle exp sqrt tanh sign".split()},
    **{n: _of(getattr(tf.math, n), 2) for n in _BINARY},
    "tanh/large": _of(tf.math.tanh, low=-99, high=99),
    "log/wide": _of(tf.math.log, make=f64),
    "divide_no_nan/zero": _of(tf.math.divide_no_nan, 2, values=_ZERO),
    "squared_difference": _of(tf.math.squared_difference, 2),
    "equal": _of(tf.equal, 2, values=_ZERO),
    "not_equal": _of(tf.not_equal, 2, values=_ZERO),
    **{
        f"move/{n}": case(
            lambda a, b, f=f: [parts(y) for y in tf.nest.flatten(f(tf.complex(a, b)))], f32("b", 4), f32("b", 4)
        )
        for n, f in _MOVES.items()
    },
    "complex/broadcast": case(lambda a, b: parts(tf.complex(a, b)), f32("b", 1), f32(4)),
    "matmul": case(
        lambda a, b: parts(tf.matmul(tf.complex(a, b), tf.complex(_W, -_W), adjoint_b=True)), f32(2, 4, 3), f32(2, 4, 3)
    ),
    "batch_matmul/adjoint": case(
        lambda a, b: parts(tf.raw_ops.BatchMatMulV2(x=tf.complex(a, b), y=tf.complex(_W, -_W), adj_x=True)),
        f32("b", 2, 4, 3),
        f32("b", 2, 4, 3),
    ),
    "einsum": case(
        lambda a, b: parts(tf.einsum("bij,cij->bc", tf.complex(a, b), tf.complex(_W, -_W))),
        f32("b", 4, 3),
        f32("b", 4, 3),
    ),
    "adjoint": case(lambda a, b: parts(tf.linalg.adjoint(tf.complex(a, b))), f32("b", 3), f32("b", 3)),
    "cast/in": case(lambda x: parts(tf.cast(x, tf.complex64)), i32("b", "t")),
    "cast/out": case(lambda a, b: tf.cast(tf.complex(a, b), tf.float32), f32("b", "t"), f32("b", "t")),
    "cast/bool": case(
        lambda a, b: tf.cast(tf.complex(a, b), tf.bool), f32("b", "t", values=_ZERO), f32("b", "t", values=_ZERO)
    ),
    "cast/wide": case(lambda a, b: parts(tf.cast(tf.complex(a, b), tf.complex128)), f32("b", "t"), f32("b", "t")),
    **at_opsets({n: _of(getattr(tf.math, n), low=0.1, high=0.9) for n in ("sqrt", "log", "tanh")}, 13, 18, 23),
}
