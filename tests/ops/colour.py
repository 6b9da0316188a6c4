"""Colour."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import case, dtypes, f32, prefixed

IMAGE, WILD = f32("b", "h", "w", 3, low=0, high=1), f32("b", "h", "w", 3)
COARSE = f32("b", "h", "w", 3, values=[0.0, 0.5, 1.0])
FUNCTIONS = {
    "rgb-to-hsv": tf.image.rgb_to_hsv,
    "hsv-to-rgb": tf.image.hsv_to_rgb,
    "adjust-hue": lambda x: tf.image.adjust_hue(x, 0.15),
    "adjust-hue-back": lambda x: tf.image.adjust_hue(x, -0.4),
    "adjust-saturation": lambda x: tf.image.adjust_saturation(x, 1.4),
    "adjust-saturation-grey": lambda x: tf.image.adjust_saturation(x, 0.0),
    "adjust-contrast": lambda x: tf.image.adjust_contrast(x, 1.7),
}
CASES = {
    **prefixed("plain", {name: case(f, IMAGE) for name, f in FUNCTIONS.items()}),
    **prefixed("ties", {name: case(f, COARSE) for name, f in FUNCTIONS.items()}),
    "negative/adjust-contrast": case(FUNCTIONS["adjust-contrast"], WILD),
    **prefixed("rgb-to-hsv", dtypes(tf.image.rgb_to_hsv, f32("b", 4, 5, 3, low=0.1, high=1), over="float64")),
}
