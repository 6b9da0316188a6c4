"""Fractional pooling."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import Case, at_opsets, case, f32, f64, i32, i64

raw = tf.raw_ops


def _pool(kind: str, pseudo: bool = False, overlapping: bool = False, ratio: tuple[float, float] = (1.44, 1.73)):
    def function(x):
        return getattr(raw, f"Fractional{kind}Pool")(
            value=x,
            pooling_ratio=[1, *ratio, 1],
            pseudo_random=pseudo,
            overlapping=overlapping,
            deterministic=True,
            seed=3,
            seed2=5,
        )[0]

    return function  # fmt: skip


def _kinds(kind: str) -> dict[str, Case]:
    return {
        f"{kind}/{pseudo}-{overlapping}".lower(): case(_pool(kind, pseudo, overlapping), f32("b", 11, 9, 3))
        for pseudo in (False, True)
        for overlapping in (False, True)
    }


CASES = {
    **_kinds("Max"),
    **_kinds("Avg"),
    "max/large": case(_pool("Max", ratio=(1.9, 1.1)), f32("b", 40, 31, 2)),
    "max/large-pseudo": case(_pool("Max", True, ratio=(1.3, 2.7)), f32("b", 40, 31, 2)),
    "max/whole": case(_pool("Max", ratio=(2.0, 1.5)), f64(2, 8, 10, "n")),
    "max/whole-pseudo": case(_pool("Max", True, ratio=(2.0, 1.5)), f64(2, 8, 10, "n")),
    "max/integers": case(_pool("Max"), i64("b", 9, 7, 2)),
    "avg/integers": case(_pool("Avg"), i32("b", 9, 7, 2, low=-90, high=90)),
    "avg/double": case(_pool("Avg", True), f64("b", 9, 7, 2)),
    "api": case(lambda x: tf.nn.fractional_max_pool(x, 1.6, True, True, seed=7)[0], f32("b", 13, 13, 1)),
    **at_opsets({"opset": case(_pool("Max"), f32("b", 9, 7, 2))}, 13, 18, 23),
}
