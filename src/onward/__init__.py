"""Onward: TensorFlow and Keras models, onward to everywhere ONNX runs."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from onward.version import __version__

if TYPE_CHECKING:
    from onward.batch import convert_all
    from onward.lowering import Static, Unsupported
    from onward.lowering.custom import keep, lower
    from onward.options import Options
    from onward.pipeline import convert
    from onward.program import ONNXProgram
    from onward.specs import spec
    from onward.tools.bench import bench
    from onward.tools.beside import verify_beside
    from onward.tools.check import check
    from onward.tools.check.fix import fix
    from onward.tools.doctor import doctor
    from onward.tools.junit import write_junit
    from onward.tools.optimize import optimize
    from onward.tools.package import package
    from onward.tools.quantize import quantize
    from onward.tools.record import record
    from onward.tools.session import session
    from onward.tools.verify import Verification, verify

__all__ = [
    "ONNXProgram",
    "Options",
    "Static",
    "Unsupported",
    "Verification",
    "__version__",
    "bench",
    "check",
    "convert",
    "convert_all",
    "doctor",
    "errors",
    "fix",
    "keep",
    "lower",
    "optimize",
    "package",
    "quantize",
    "record",
    "session",
    "spec",
    "verify",
    "verify_beside",
    "write_junit",
]

# Public names load when first used: importing the package costs nothing.
_HOMES = {
    "ONNXProgram": "onward.program",
    "Options": "onward.options",
    "Static": "onward.lowering",
    "Unsupported": "onward.lowering",
    "Verification": "onward.tools.verify",
    "bench": "onward.tools.bench",
    "check": "onward.tools.check",
    "convert": "onward.pipeline",
    "convert_all": "onward.batch",
    "doctor": "onward.tools.doctor",
    "errors": "onward",
    "fix": "onward.tools.check.fix",
    "keep": "onward.lowering.custom",
    "lower": "onward.lowering.custom",
    "optimize": "onward.tools.optimize",
    "package": "onward.tools.package",
    "quantize": "onward.tools.quantize",
    "record": "onward.tools.record",
    "session": "onward.tools.session",
    "spec": "onward.specs",
    "verify": "onward.tools.verify",
    "verify_beside": "onward.tools.beside",
    "write_junit": "onward.tools.junit",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'onward' has no attribute {name!r}")
    if name == "errors":
        return importlib.import_module("onward.errors")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
