"""Converts every model in tests/data and compares with its recorded answers, in an environment without TensorFlow.

    python tests/without_tensorflow.py

It needs no test tools, so that CI can run it where nothing but Onward is installed. TensorFlow, where it is installed
after all, cannot be imported from here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
ABSENT = ("ai_edge_litert", "keras", "tensorflow", "tensorflowjs", "tf_keras", "tflite_runtime")

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


def main() -> None:
    """Converts them all; ends with the first that fails."""
    sys.modules.update(dict.fromkeys(ABSENT))  # None says that there is no such package
    import onward

    for name, options in SOURCES.items():
        program = onward.convert(DATA / name, verify=DATA / f"{name}.npz", **options)
        print(f"{name}: {program.verification}")


if __name__ == "__main__":
    main()
