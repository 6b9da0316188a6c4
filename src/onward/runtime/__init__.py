"""ONNX Runtime, the one place where models run: on the CPU unless another provider is asked for."""

from __future__ import annotations

from onward.runtime.failures import RuntimeFailureError
from onward.runtime.session import Session
from onward.runtime.settings import Settings
from onward.runtime.values import Port, texts

__all__ = ["Port", "RuntimeFailureError", "Session", "Settings", "texts"]
