"""Ops that are one ONNX operator, with the same inputs and no attributes."""

from __future__ import annotations

from onward.lowering.registry import one_to_one
from onward.lowering.tables import ONE_TO_ONE

one_to_one(ONE_TO_ONE)
