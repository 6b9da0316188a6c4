"""Random numbers: those of stateless and of seeded ops are TensorFlow's own."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.harness import at_opsets, case, f32, i32

_R, _RAW = tf.random, tf.raw_ops
_SEED = [1, -2]
_FLOATS = {
    "uniform": _R.stateless_uniform,
    "normal": _R.stateless_normal,
    "truncated": _R.stateless_truncated_normal,
}


def _size(x):
    return tf.shape(x)


def _generator():
    generator = _R.Generator.from_seed(7)

    def draws(x):
        shape = _size(x)
        integers = generator.uniform(shape, 0, 9, tf.int32)
        return [generator.normal(shape), generator.uniform(shape), integers, generator.truncated_normal(shape)]

    return draws


def _old_generator():
    state = tf.Variable(tf.constant([5, 6, 7], tf.int64))

    def draws(x):
        state_of = {"resource": state.handle, "algorithm": 1, "shape": tf.shape(x, tf.int64)}
        return [
            _RAW.StatefulUniform(**state_of, dtype=tf.float32),
            _RAW.StatefulStandardNormalV2(**state_of, dtype=tf.float32),
            _RAW.StatefulUniformInt(**state_of, minval=-4, maxval=9),
            _RAW.StatefulUniformFullInt(**state_of, dtype=tf.uint32),
            _RAW.StatefulTruncatedNormal(**state_of, dtype=tf.float32),
        ]

    draws.keep = state
    return draws


_DRAWS = {
    "uniform": lambda x: _R.stateless_uniform(_size(x), _SEED, -1.0, 3.0),
    "normal": lambda x: _R.stateless_normal(_size(x), _SEED, 1.0, 2.0),
    "truncated": lambda x: _R.stateless_truncated_normal(_size(x), _SEED),
    "int32": lambda x: _R.stateless_uniform(_size(x), _SEED, -3, 10, tf.int32),
    "int64": lambda x: _R.stateless_uniform(_size(x), _SEED, -3, 2**40, tf.int64),
    "full-int32": lambda x: _R.stateless_uniform(_size(x), _SEED, None, None, tf.int32),
    "full-uint64": lambda x: _R.stateless_uniform(_size(x), _SEED, None, None, tf.uint64),
}
_SOME = {n: case(f, f32("b", "t"), tolerance=2e-6) for n, f in _DRAWS.items()}

CASES = {
    **_SOME,
    **at_opsets({n: _SOME[n] for n in ("normal", "int32")}, 13, 18, 23),
    **{f"{n}/fixed": case(lambda x, f=f: f(tf.zeros([3, 5])), f32(1), tolerance=2e-6) for n, f in _DRAWS.items()},
    **{
        f"{n}/{d.name}": case(lambda x, d=d, f=f: f(_size(x), _SEED, dtype=d), f32("b", "t"), tolerance=1e-6)
        for n, f in _FLOATS.items()
        for d in (tf.float64, tf.float16)
    },
    "seed/computed": case(lambda x, s: _R.stateless_normal(_size(x), s), f32("b", "t"), i32(2, low=-9), tolerance=2e-6),
    "v1/uniform": case(lambda x: _RAW.StatelessRandomUniform(shape=_size(x), seed=_SEED), f32("b", "t")),
    "v1/normal": case(lambda x: _RAW.StatelessRandomNormal(shape=_size(x), seed=_SEED), f32("b", "t"), tolerance=2e-6),
    "counter": case(
        lambda x: _RAW.StatelessRandomUniformV2(
            shape=_size(x),
            key=tf.constant([77], tf.uint64),
            counter=tf.constant(np.array([2**64 - 2, 5], np.uint64)),
            alg=1,
        ),
        f32("b", "t"),
    ),
    **{
        f"seeded/{n}": case(lambda x, f=f: f(_size(x)), f32(6, 5), tolerance=2e-6, why="the first call of each")
        for n, f in {
            "uniform": lambda shape: _RAW.RandomUniform(shape=shape, dtype=tf.float32, seed=7, seed2=9),
            "normal": lambda shape: _RAW.RandomStandardNormal(shape=shape, dtype=tf.float32, seed=7, seed2=9),
            "truncated": lambda shape: _RAW.TruncatedNormal(shape=shape, dtype=tf.float32, seed=7, seed2=9),
            "int": lambda shape: _RAW.RandomUniformInt(shape=shape, minval=-5, maxval=9, seed=7, seed2=9),
        }.items()
    },
    "v1/truncated": case(
        lambda x: _RAW.StatelessTruncatedNormal(shape=_size(x), seed=_SEED), f32("b", "t"), tolerance=2e-6
    ),
    "v1/int": case(
        lambda x: _RAW.StatelessRandomUniformInt(shape=_size(x), seed=_SEED, minval=-4, maxval=9), f32("b", "t")
    ),
    "v1/full-int": case(
        lambda x: _RAW.StatelessRandomUniformFullInt(shape=_size(x), seed=_SEED, dtype=tf.int32), f32("b", "t")
    ),
    "key": case(
        lambda x: (x, *_RAW.StatelessRandomGetKeyCounterAlg(seed=_SEED), _RAW.StatelessRandomGetAlg()), f32("b", "t")
    ),
    "entropy": case(
        lambda x: tf.shape(_RAW.NonDeterministicInts(shape=_size(x), dtype=tf.int64)),
        f32("b", "t"),
        why="the numbers differ by intention, so only their shape can be compared",
    ),
    "generator": case(_generator, f32(6, 5), builds=True, tolerance=2e-6),
    "generator/old": case(_old_generator, f32(6, 5), builds=True, tolerance=2e-6),
    "empty": case(lambda x: _R.stateless_normal(_size(x), _SEED), f32("n", 3), sizes={"n": (0, 4)}, tolerance=2e-6),
}
