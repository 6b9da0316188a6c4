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


def _assigned_in_a_loop():
    """By the body and what it calls, and read by the condition; put back at the end."""
    total, steps = tf.Variable([0.0, 0.0, 0.0]), tf.Variable(0)

    def run(x, n):
        def body(i):
            total.assign_add(x[0] * tf.cast(i, tf.float32))
            tf.cond(total[0] > 0, lambda: steps.assign_add(2), lambda: steps.assign_sub(1))
            return i + 1

        last = tf.while_loop(lambda i: i < n and tf.reduce_max(tf.abs(total)) < 5.0, body, [0])
        result = total + 0.0, steps + 0, last
        total.assign([0.0, 0.0, 0.0])
        steps.assign(0)
        return result

    return run


def _assigned_in_one_branch():
    v, other = tf.Variable(1.0), tf.Variable([1, 2])

    def run(x):
        def changes():
            v.assign(x[0, 0])
            return v + 1.0

        inner = tf.cond(x[0, 0] > 0, changes, lambda: v * 2.0)
        tf.cond(x[0, 1] > 0, lambda: other.assign([3, 4]), lambda: other + 0)
        result = inner, v + 0.0, other + 0
        v.assign(1.0)
        other.assign([1, 2])
        return result

    return run


CASES = {
    "loop/assigned": case(_assigned_in_a_loop, f32("b", 3), i32(low=3, high=7), builds=True, ops="Loop"),
    "branch/assigned": case(_assigned_in_one_branch, f32("b", 3), builds=True, ops="If"),
    "print": case(_printing, f32("b", 3), why="what a graph prints is left out"),
    "variable/asked": case(_asked, f32("b", 3), builds=True),
    "variable/assigned": case(_counter, f32("b", 3), builds=True),
    "variable/gathered": case(_table, i32("n", low=0, high=4), builds=True),
}
