"""Variables that are read and assigned."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import case, f32, i32


def _counter():
    """Assigns before and after it reads; put back, so that every call of the reference begins alike."""
    v = tf.Variable([1.0, 2.0, 3.0])

    def run(x):
        before = v + 0.0
        v.assign_add(x[0])
        between = v * 2.0
        v.assign_sub(x[1])
        after = v + 1.0
        v.assign([1.0, 2.0, 3.0])
        return before, between, after, tf.shape(v)

    return run


def _table():
    v = tf.Variable(tf.reshape(tf.range(12.0), (4, 3)))
    return lambda i: (tf.gather(v, i), tf.gather_nd(v, i[:, None]))


def _asked():
    v = tf.Variable(tf.zeros((4, 3)))
    handle = v.handle
    return lambda x: (x, tf.raw_ops.VarIsInitializedOp(resource=handle), tf.raw_ops.VariableShape(input=handle))


def _printing(x):
    y = tf.raw_ops.Print(input=x, data=[x], message="x")
    tf.print(y)
    return y + 1


CASES = {
    "print": case(_printing, f32("b", 3), why="what a graph prints is left out"),
    "variable/asked": case(_asked, f32("b", 3), builds=True),
    "variable/assigned": case(_counter, f32("b", 3), builds=True),
    "variable/gathered": case(_table, i32("n", low=0, high=4), builds=True),
}
