"""ONNX Runtime for JavaScript: the version that packages carry, tables describe and tests run."""

from __future__ import annotations

VERSION = "1.30.0"  # of onnxruntime-web and onnxruntime-node on npm
OPSET = 26  # the newest that this version loads
