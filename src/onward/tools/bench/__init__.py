"""How fast a model runs, in fresh processes that take turns, and which session options suit it."""

from __future__ import annotations

from onward.tools.bench.measure import bench
from onward.tools.bench.result import Benchmark

__all__ = ["Benchmark", "bench"]
