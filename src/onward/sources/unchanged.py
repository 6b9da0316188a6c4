"""Asking a TensorFlow function without a trace: variables that it assigns hold afterwards what they held before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from numpy.typing import NDArray

from onward.formats.dtypes import RESOURCE
from onward.graph import Reference
from onward.specs import as_dtype


class Unchanged:
    """A reference that leaves its variables alone.

    Args:
        run: what changes them.
        captured: gives the outer tensors that the function uses; those that are variables are looked after.
    """

    def __init__(self, run: Reference, captured: Callable[[], Iterable[Any]]) -> None:
        self._run = run
        self._captured = captured

    def __call__(self, arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        with _kept(self._captured()):
            return self._run(arrays)

    def again(self, arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """What a second call answers, which finds the variables as the first one left them."""
        with _kept(self._captured()):
            self._run(arrays)
            return self._run(arrays)


@contextmanager
def _kept(captured: Iterable[Any]) -> Iterator[None]:
    """Puts back the variables that change.

    A variable's tensor is shared until somebody writes to it, so neither holding it nor putting it back copies it.
    """
    import tensorflow as tf

    held = [(handle, tf.raw_ops.ReadVariableOp(resource=handle, dtype=dtype)) for handle, dtype in _variables(captured)]
    try:
        yield
    finally:
        for handle, before in held:
            tf.raw_ops.AssignVariableOp(resource=handle, value=before)


def _variables(captured: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """The handles that belong to initialised variables, with the dtypes of these."""
    import tensorflow as tf

    seen = set()
    for handle in captured:
        data = getattr(handle, "_handle_data", None)
        if not hasattr(handle, "numpy") or as_dtype(handle.dtype) != RESOURCE or id(handle) in seen:
            continue
        seen.add(id(handle))
        if data is None or not data.is_set or not data.shape_and_type:
            continue  # a table
        dtype = tf.as_dtype(data.shape_and_type[0].dtype)
        if dtype != tf.variant and bool(tf.raw_ops.VarIsInitializedOp(resource=handle)):
            yield handle, dtype
