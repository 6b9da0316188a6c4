"""Converts every model in tests/data and compares with its recorded answers, in an environment without TensorFlow.

    python tests/without_tensorflow.py

It needs no test tools, so that CI can run it where nothing but Onward is installed. TensorFlow, where it is installed
after all, cannot be imported from here.
"""

from __future__ import annotations

import importlib.abc
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

DATA = Path(__file__).parent / "data"
ABSENT = frozenset({"keras", "tensorflow", "tensorflow_cpu", "tensorflowjs", "tf_keras", "tflite_runtime"})

# Every source with the options that it takes; the answers are in a file of its name.
SOURCES: dict[str, dict[str, Any]] = {
    "frozen.pb": {"outputs": ["y"]},
    "frozen.pbtxt": {"outputs": ["y"]},
    "saved_model_v1": {},
    "saved_model": {},
    "trained.meta": {"outputs": ["y"]},
    "float.tflite": {},
    "int8.tflite": {},
    "tfjs": {},
    "layers": {},
}


class _Absent(importlib.abc.MetaPathFinder):
    """Makes packages look as if they were not installed."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)


def main() -> None:
    """Converts them all; ends with the first that fails."""
    sys.meta_path.insert(0, _Absent())
    import onward

    for name, options in SOURCES.items():
        program = onward.convert(DATA / name, verify=DATA / f"{name}.npz", **options)
        print(f"{name}: {program.verification}")
    found = sorted(ABSENT & set(sys.modules))
    if found:
        sys.exit(f"imported: {', '.join(found)}")


if __name__ == "__main__":
    main()
