"""What ``check`` says is missing, ONNX Runtime refuses; what it says runs, ONNX Runtime loads."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnx.parser
import pytest

from onward.errors import InvalidSourceError
from onward.runtime import RuntimeFailureError, Session
from onward.tools.check import check

# opset, dtype of x and y, nodes, whether it runs, operators that run expanded
CASES = [
    (18, "float", "y = Relu(x)", True, []),
    (18, "float", "y = Mish(x)", True, ["Mish"]),
    (18, "float16", "y = Conv(x, x)", True, []),
    (20, "float", "y = Gelu(x)", True, []),
    (22, "double", "y = Acos(x)", False, []),
    (18, "int16", "y = Add(x, x)", True, []),
    (18, "uint16", "y = Mod(x, x)", True, []),
    (18, "double", "y = Conv(x, x)", False, []),
    (18, "double", "y = HardSwish(x)", True, ["HardSwish"]),
    (22, "float", "y = HardSwish(x)", True, ["HardSwish"]),
    (18, "double", "y = Selu(x)", True, ["Selu"]),
    (18, "int64", "y = Relu(x)", True, ["Relu"]),
    (22, "int64", "y = PRelu(x, x)", False, []),
    (22, "double", "y = Mish(x)", False, []),
    (18, "bool", "c = Not(x)\n y = Identity(c)", True, []),
    (22, "float", "y = GlobalLpPool(x)", False, []),
    (18, "double", "z = Relu(x)\n y = Erf(z)", False, []),
]


@pytest.mark.parametrize(("opset", "dtype", "nodes", "runs", "expanded"), CASES)
def test_verdict_is_the_runtimes(
    tmp_path: Path, opset: int, dtype: str, nodes: str, runs: bool, expanded: list[str]
) -> None:
    path = tmp_path / "model.onnx"
    text = f'<ir_version: 8, opset_import: ["" : {opset}]> g ({dtype}[1,1,4,4] x) => ({dtype}[a,b,c,d] y) {{ {nodes} }}'
    onnx.save(onnx.parser.parse_model(text), path)
    verdict = check(path)["cpu"]
    assert verdict.runs is runs
    if runs:
        Session(path)
    else:
        with pytest.raises(RuntimeFailureError, match=r"NOT_IMPLEMENTED|Could not find an implementation"):
            Session(path)
    assert [fall.operator for fall in verdict.expanded] == expanded
    assert verdict.to_dict()["runs"] is runs


def test_no_model(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\xff\xff no model")
    with pytest.raises(InvalidSourceError):
        check(path)
