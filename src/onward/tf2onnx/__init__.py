"""What programs written for tf2onnx call, served by Onward: ``import onward.tf2onnx as tf2onnx`` is the migration.

``onward.tf2onnx.convert`` has tf2onnx's functions and, with ``python -m``, its command line. ``install()`` makes
``model.export("model.onnx", format="onnx")`` of Keras 3 use them. docs/from_tf2onnx.md says what differs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from onward.version import __version__

if TYPE_CHECKING:
    from onward.tf2onnx import convert
    from onward.tf2onnx.keras import install, uninstall

__all__ = ["__version__", "convert", "install", "uninstall"]


def __getattr__(name: str) -> Any:
    if name in ("install", "uninstall"):
        return getattr(importlib.import_module("onward.tf2onnx.keras"), name)
    if name == "convert":  # a module that is loaded late, so that `python -m onward.tf2onnx.convert` runs it once
        return importlib.import_module("onward.tf2onnx.convert")
    raise AttributeError(f"module 'onward.tf2onnx' has no attribute {name!r}")
