"""``model.export("model.onnx", format="onnx")`` of Keras 3, converted by Onward.

Keras' exporter traces the model, and calls ``tf2onnx.convert.from_function`` of a package that it loads when it is
first needed. Here that package is Onward's, and the repairs of tf2onnx that Keras makes are left out.
"""

from __future__ import annotations

import sys
from typing import Any

from onward.errors import MissingDependencyError

_before: dict[str, Any] = {}


def install() -> None:
    """From now on, Keras' ONNX export on TensorFlow is Onward's. Calling it twice is calling it once.

    Raises:
        MissingDependencyError: Keras is not installed, or it exports to ONNX in a way that is not known here.
    """
    if _before:
        return
    exporter, packages = _keras()
    _before.update(tf2onnx=packages.tf2onnx, patch_tf2onnx=exporter.patch_tf2onnx)
    packages.tf2onnx = sys.modules["onward.tf2onnx"]
    exporter.patch_tf2onnx = _nothing_to_repair


def uninstall() -> None:
    """Gives Keras back what it had."""
    if _before:
        exporter, packages = _keras()
        packages.tf2onnx, exporter.patch_tf2onnx = _before.pop("tf2onnx"), _before.pop("patch_tf2onnx")


def _nothing_to_repair() -> None:
    """Keras calls this before each export."""


def _keras() -> tuple[Any, Any]:
    try:
        from keras.src.export import onnx as exporter
        from keras.src.utils import module_utils
    except ImportError as error:
        raise MissingDependencyError(
            'Keras 3.8 or later is needed for its ONNX export: pip install "keras>=3.8"'
        ) from error
    if not hasattr(exporter, "patch_tf2onnx") or not hasattr(module_utils, "tf2onnx"):
        raise MissingDependencyError("this version of Keras exports to ONNX in another way: use onward.convert(model)")
    return exporter, module_utils
