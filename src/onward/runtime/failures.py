"""What ONNX Runtime raises, as one error of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from onward.errors import VerificationError


class RuntimeFailureError(VerificationError):
    """ONNX Runtime refuses a model, or fails on it."""


@contextmanager
def failures(what: str) -> Iterator[None]:
    """Turns whatever ONNX Runtime raises inside the ``with`` into a :class:`RuntimeFailureError`.

    Args:
        what: what it did, after its name: "does not load the model".
    """
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    named = (k for k in vars(state).values() if isinstance(k, type) and issubclass(k, Exception))
    kinds: tuple[type[Exception], ...] = (RuntimeError, *named)
    try:
        yield
    except kinds as error:
        text = " ".join(str(error).split())
        raise RuntimeFailureError(f"ONNX Runtime {what}: {text}") from error
