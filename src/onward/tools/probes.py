"""What a package says of itself once it is imported: asked in a process of its own, which it may take down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PATIENCE = 120  # seconds; a provider that builds an engine takes its time

# What each module is asked, in Python; `said` is sent back as JSON.
QUESTIONS = {
    "protobuf": """
from google.protobuf.internal import api_implementation
said["backend"] = api_implementation.Type()
""",
    "onnx": """
import onnx, onnx.defs
said["opset"], said["ir"] = onnx.defs.onnx_opset_version(), onnx.IR_VERSION
""",
    "h5py": """
import h5py
said["hdf5"] = h5py.version.hdf5_version
""",
    # Which models it loads is found by trying: its opset and IR ceilings, and whether each provider really starts.
    "onnxruntime": """
import onnxruntime
from onnx import IR_VERSION, TensorProto, defs, helper
onnxruntime.set_default_logger_severity(4)
ports = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])] for name in "xy"]
graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", *ports)
def load(opset, ir, providers):
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=providers)
def loads(opset, ir):
    try:
        load(opset, ir, ["CPUExecutionProvider"])
    except Exception:
        return False
    return True
said["opset"] = next((v for v in range(defs.onnx_opset_version(), 12, -1) if loads(v, 8)), None)
said["ir"] = next((v for v in range(IR_VERSION, 6, -1) if loads(13, v)), None)
said["providers"] = onnxruntime.get_available_providers()
said["failing"] = {}
for provider in said["providers"]:
    if provider in ("CPUExecutionProvider", "AzureExecutionProvider"):
        continue
    try:
        if provider not in load(13, 8, [provider]).get_providers():
            said["failing"][provider] = "it falls back to the CPU: a library that it needs does not load"
    except Exception as error:
        said["failing"][provider] = str(error).splitlines()[0]
""",
    "openvino": """
import openvino
said["devices"] = openvino.Core().available_devices
""",
}


@dataclass(frozen=True)
class Answer:
    """What a module said; or, where it did not get that far, the last thing that it printed."""

    said: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


def ask(modules: Sequence[str], path: Sequence[str], variables: Mapping[str, str]) -> dict[str, Answer]:
    """Asks several modules at once, each in a process of its own.

    Args:
        modules: keys of `QUESTIONS`.
        path: the folders that they import from.
        variables: their environment.
    """
    environment = {**variables, "PYTHONPATH": os.pathsep.join(path)}
    started = {module: _start(QUESTIONS[module], environment) for module in modules}
    return {module: _answer(process) for module, process in started.items()}


def _start(question: str, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    code = f"import json\nsaid = {{}}\n{question}\nprint('\\n' + json.dumps(said))"
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=pipe, stderr=pipe, text=True)


def _answer(process: subprocess.Popen[str]) -> Answer:
    try:
        printed, complaints = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return Answer(problem=f"no answer within {PATIENCE} s")
    if process.returncode == 0:
        return Answer(json.loads(printed.splitlines()[-1]))
    lines = [line for line in complaints.splitlines() if line.strip()]
    return Answer(problem=lines[-1].strip() if lines else f"it ended the process with {process.returncode}")
