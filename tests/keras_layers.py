"""Keras layers as the functions of cases, their weights drawn."""

from __future__ import annotations

import numpy as np


def layer(make):
    """A Keras layer, its weights drawn, as a case's builder."""

    def build():
        made = make()
        rng = np.random.default_rng(7)

        def call(x):
            if not made.built:
                made.build(x.shape)
                for v in made.variables:
                    v.assign(rng.uniform(0.5, 1.5, v.shape).astype("float32"))
            return made(x, training=False)

        return call

    return build


def chain(*makes):
    built = [layer(make) for make in makes]

    def build():
        calls = [make() for make in built]

        def call(x):
            for one in calls:
                x = one(x)
            return x

        return call

    return build


def both(*makes):
    """Layers of the same value, side by side."""
    built = [layer(make) for make in makes]

    def build():
        calls = [make() for make in built]
        return lambda x: [call(x) for call in calls]

    return build
