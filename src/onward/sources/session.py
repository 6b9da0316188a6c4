"""A plain graph as the reference: run in a session of TensorFlow 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.graph import Reference


def session_reference(load: Callable[[Any], Any], inputs: Mapping[str, str], outputs: Sequence[str]) -> Reference:
    """Runs the tensors `outputs` on arrays for those that `inputs` names; inputs without an array keep their default.

    Args:
        load: puts the source into the session that it is given, whose graph is the current one.
        inputs: references to tensors by the names of inputs.
        outputs: references to tensors.
    """
    sessions: list[Any] = []

    def run(arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        import tensorflow as tf

        if not sessions:
            with tf.Graph().as_default() as graph:
                config = tf.compat.v1.ConfigProto()
                config.graph_options.rewrite_options.remapping = config.graph_options.rewrite_options.OFF
                session = tf.compat.v1.Session(graph=graph, config=config)
                load(session)
            sessions.append(session)
        feeds = {inputs[name]: array for name, array in arrays.items()}
        results = sessions[0].run(list(outputs), feeds)
        return [np.asarray(r, object) if isinstance(r, (bytes, str)) else np.asarray(r) for r in results]

    return run
