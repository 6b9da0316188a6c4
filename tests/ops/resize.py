"""Resizing."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, dtypes, f32, i32, prefixed

raw = tf.raw_ops
STATIC, DYNAMIC = f32("b", 10, 12, 3), f32("b", "h", "w", 3)
TARGETS = {"up": (17, 25), "down": (4, 5), "mixed": (7, 15), "double": (20, 24), "halve": (5, 6), "one": (1, 1)}
MODES = {
    "plain": {}, "corners": {"align_corners": True}, "centres": {"half_pixel_centers": True},
}  # fmt: skip
OPS = {
    "nearest": raw.ResizeNearestNeighbor, "bilinear": raw.ResizeBilinear, "bicubic": raw.ResizeBicubic,
    "area": raw.ResizeArea,
}  # fmt: skip


def _modes(op: str) -> dict:
    return {k: v for k, v in MODES.items() if op != "area" or k != "centres"}


def _dynamic(op: str, **options: bool) -> object:
    return lambda x: OPS[op](images=x, size=tf.shape(x)[1:3] * 2 - 1, **options)


CASES = {
    **{
        f"{op}/{mode}/{name}": case(
            lambda x, f=function, s=size, o=options: f(images=x, size=s, **o), STATIC, tolerance=2e-5
        )
        for op, function in OPS.items()
        for mode, options in _modes(op).items()
        for name, size in TARGETS.items()
    },
    **{
        f"{op}/{mode}/dynamic": case(
            lambda x, f=function, o=options: f(images=x, size=[11, 7], **o), DYNAMIC, tolerance=2e-5
        )
        for op, function in OPS.items()
        for mode, options in _modes(op).items()
    },
    **{
        f"{op}/{mode}/computed": case(
            lambda x, s, f=function, o=options: f(images=x, size=s, **o), DYNAMIC, i32(2, values=[3, 7, 16]),
            tolerance=2e-5,
        )
        for op, function in OPS.items()
        for mode, options in _modes(op).items()
    },
    **{f"{op}/double-dynamic": case(
        lambda x, f=function: f(images=x, size=tf.shape(x)[1:3] * 2), DYNAMIC, ops="Resize !Shape", tolerance=2e-5
    ) for op, function in OPS.items() if op != "area"},
    **prefixed("nearest", dtypes(
        lambda x: raw.ResizeNearestNeighbor(images=x, size=[7, 15], half_pixel_centers=True), STATIC,
        over="float16 float64 int8 uint8 int16 uint16 int32 int64",
    )),
    **prefixed("nearest-double", dtypes(
        lambda x: raw.ResizeNearestNeighbor(images=x, size=[20, 24], half_pixel_centers=True), STATIC,
        over="float16 float64 int8 uint8 int16 uint16 int32 int64",
    )),
    **prefixed("bilinear", dtypes(
        lambda x: raw.ResizeBilinear(images=x, size=[7, 15], half_pixel_centers=True), STATIC,
        over="float16 float64 int8 uint8 int32 int64", tolerance=5e-5,
    )),
    **{
        f"sampled/{kernel}{'-antialias' if antialias else ''}{'-dynamic' if arg is DYNAMIC else ''}": case(
            lambda x, k=kernel, a=antialias: raw.ScaleAndTranslate(
                images=x, size=[7, 15], scale=[0.7, 1.3], translation=[0.5, -1.0], kernel_type=k, antialias=a
            ),
            arg, tolerance=3e-5,
        )
        for kernel in ("lanczos1", "lanczos3", "lanczos5", "gaussian", "box", "triangle", "keyscubic", "mitchellcubic")
        for antialias in (False, True)
        for arg in (STATIC, DYNAMIC)
    },
    "sampled/inputs": case(
        lambda x, s, t: raw.ScaleAndTranslate(images=x, size=[7, 15], scale=s, translation=t, kernel_type="triangle"),
        DYNAMIC, f32(2, low=0.5, high=2), f32(2), tolerance=3e-5,
    ),
    **{
        f"image/{method}{'-antialias' if antialias else ''}": case(
            lambda x, m=method, a=antialias: tf.image.resize(x, [4, 15], m, antialias=a), STATIC, tolerance=3e-5
        )
        for method in ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")
        for antialias in (False, True)
    },
    **at_opsets({
        f"opset/{op}": case(_dynamic(op), DYNAMIC, tolerance=2e-5) for op in OPS
    }, 13, 18, 23),
}  # fmt: skip
