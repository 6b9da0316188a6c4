"""Layers of Keras whose traces are wrong or needlessly large, given a better one while a model is traced.

``TimeDistributed`` (Keras 3) counts its steps by the batch where it does not know their number, as only a trace does
not: called directly it is right, so right is what a direct call gives. Where it knows the number it writes its layer
out for every step.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_tracing = threading.RLock()  # layers belong to the caller, who may trace a model in several threads


@contextmanager
def mended(model: Any) -> Iterator[None]:
    """Gives such layers of a model a ``call`` of their own, and takes it away again."""
    layers = _time_distributed(model)
    if not layers:
        yield
        return
    with _tracing:
        for layer in layers:
            object.__setattr__(layer, "call", functools.partial(_each_step, layer))
        try:
            yield
        finally:
            for layer in layers:
                object.__delattr__(layer, "call")


def _time_distributed(model: Any) -> list[Any]:
    if not any(cls.__module__.startswith("keras.") for cls in type(model).__mro__):
        return []
    from keras.layers import TimeDistributed

    layers = [model, *model._flatten_layers(include_self=False)]
    return [layer for layer in layers if isinstance(layer, TimeDistributed) and "call" not in vars(layer)]


def _each_step(layer: Any, inputs: Any, training: Any = None, mask: Any = None) -> Any:
    """``TimeDistributed.call``, which takes the steps as one large batch.

    That is the same for layers that treat the items of a batch alone, as all of Keras' do in inference.
    """
    if inputs.shape[1] is not None and not _of_keras(layer.layer):
        return type(layer).call(layer, inputs, training=training, mask=mask)
    flags = {"training": training} if layer.layer._call_has_training_arg else {}
    if mask is not None and layer.layer._call_has_mask_arg:
        flags["mask"] = _joined(mask)
    outputs = layer.layer.call(_joined(inputs), **flags)

    import tensorflow as tf

    return tf.reshape(outputs, tf.concat([tf.shape(inputs)[:2], tf.shape(outputs)[1:]], 0))


def _of_keras(layer: Any) -> bool:
    """Whether a layer and all that it holds are Keras' own: no code of the user's, no state from call to call."""
    from keras.layers import Lambda

    return all(
        type(part).__module__.startswith("keras.")
        and not isinstance(part, Lambda)
        and not getattr(part, "stateful", False)
        for part in layer._flatten_layers()
    )


def _joined(tensor: Any) -> Any:
    """A tensor whose first two axes are one."""
    import tensorflow as tf

    joined = tf.reshape(tensor, tf.concat([[-1], tf.shape(tensor)[2:]], 0))
    joined.set_shape([None, *tensor.shape[2:]])
    return joined
