"""What loops carry and compute, on the graphs that come out."""

from __future__ import annotations

from collections import Counter

import onnx
import tensorflow as tf

import onward
from tests.harness import Case, case, check, f32, i32, w


def _loop(c: Case) -> tuple[onnx.NodeProto, Counter]:
    """The only Loop of a case that holds, and the operators of its body."""
    check("loop", c)
    built = c.function() if c.builds else c.function
    specs = [a.spec(f"x{i}") for i, a in enumerate(c.args)]
    model = onward.convert(tf.function(built, input_signature=specs), verify=False).model_proto
    (loop,) = [n for n in model.graph.node if n.op_type == "Loop"]
    return loop, Counter(n.op_type for n in loop.attribute[0].g.node)


def test_what_does_not_change_is_computed_before() -> None:
    def run(x, n):
        return tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y + tf.matmul(tf.tanh(x), w(3, 3))), [0, x])[1]

    _, ops = _loop(case(run, f32("b", 3), i32(low=2, high=5)))
    assert not {"Tanh", "MatMul"} & set(ops)


def test_what_could_fail_stays_inside() -> None:
    def run(x, n):
        return tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y + x[7:][0]), [0, tf.zeros([3])])[1]

    _, ops = _loop(case(run, f32("t", 3), i32(low=0, high=1)))  # of no row 7, and of no step
    assert "Gather" in ops


def test_counters_that_only_count_are_not_carried() -> None:
    def run(x):
        return tf.while_loop(lambda i, y: i < 5, lambda i, y: (i + 1, y * 0.5 + x), [0, x], maximum_iterations=3)[1]

    loop, ops = _loop(case(run, f32("b", 3)))
    assert len(loop.input) == 3
    assert set(ops) == {"Mul", "Add", "Identity"}


def test_trip_count_and_condition_together() -> None:
    def run(x, n):
        return tf.while_loop(
            lambda i, y: tf.reduce_sum(y) < 9.0, lambda i, y: (i + 1, y + tf.abs(x)), [0, x], maximum_iterations=n
        )

    loop, _ = _loop(case(run, f32("b", 3), i32(low=2, high=9)))
    assert all(loop.input[:2])


def test_list_is_filled_as_far_as_the_loop_comes() -> None:
    def run(x):
        def body(i, y, seen):
            y = y * 1.5 + 0.1
            return i + 1, y, seen.write(i, y)

        seen = tf.TensorArray(tf.float32, 20, element_shape=[3])
        loop = tf.while_loop(
            lambda i, y, _: tf.reduce_max(tf.abs(y)) < 9.0, body, [0, x[0], seen], maximum_iterations=20
        )
        return loop[2].stack(), loop[0]

    loop, _ = _loop(case(run, f32("b", 3)))
    assert len(loop.input) == 4  # the counter, which is returned, and y


def test_stacks_are_carried_in_their_parts() -> None:
    def run(x):
        def body(i, stack):
            first, second = stack[:, 0], stack[:, 1]
            return i + 1, tf.stack([second * 0.5, first + second], 1)

        return tf.while_loop(lambda i, _: i < 4, body, [0, tf.stack([x, x * 2], 1)])[1]

    loop, ops = _loop(case(run, f32("b", 3)))
    assert len(loop.input) == 4
    assert not {"Gather", "Concat", "Unsqueeze"} & set(ops)


def test_stack_that_is_read_whole_stays_one() -> None:
    def run(x):
        def body(i, stack):
            return i + 1, tf.stack([stack[:, 1] * 0.5, tf.reduce_sum(stack, 1)], 1)

        return tf.while_loop(lambda i, _: i < 4, body, [0, tf.stack([x, x * 2], 1)])[1]

    loop, ops = _loop(case(run, f32("b", 3)))
    assert len(loop.input) == 3
    assert "Concat" in ops


def test_numbers_are_still_drawn_anew_in_every_step() -> None:
    def run(x):
        def body(i, y):
            return i + 1, y + tf.random.stateless_uniform([3], tf.stack([1, i]))

        return tf.while_loop(lambda i, _: i < 3, body, [0, x])[1]

    check("drawn", case(run, f32("b", 3), opset=21))
