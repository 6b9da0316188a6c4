"""Writes src/onward/lowering/kernels.tsv: the dtypes that ONNX Runtime's CPU provider has kernels for.

Run it with the onnxruntime to record installed: ``python scripts/generate_kernels.py``. One line per operator and
version range: operator, first version, last version, then ``type=dtype,dtype`` for each of its type variables.
"""

from __future__ import annotations

from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as state

TARGET = Path(__file__).parents[1] / "src/onward/lowering/kernels.tsv"


def main() -> None:
    merged: dict[tuple[str, int, int], dict[str, set[str]]] = {}
    for kernel in state.get_all_opkernel_def():
        if kernel.provider != "CPUExecutionProvider" or kernel.domain not in ("", "ai.onnx"):
            continue
        first, last = kernel.version_range
        types = merged.setdefault((kernel.op_name, first, last), {})
        for name, allowed in kernel.type_constraints.items():
            types.setdefault(name, set()).update(t[7:-1] for t in allowed if t.startswith("tensor("))
    lines = [f"# ONNX Runtime {onnxruntime.__version__}, CPUExecutionProvider\n"]
    for (op, first, last), types in sorted(merged.items()):
        columns = [f"{name}={','.join(sorted(allowed))}" for name, allowed in sorted(types.items())]
        lines.append("\t".join([op, str(first), str(min(last, 9999)), *columns]) + "\n")
    TARGET.write_text("".join(lines))


if __name__ == "__main__":
    main()
