"""Models to package."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

import onward
from tests.command import DIGITS

GOLDEN = DIGITS / "golden.npz"


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits example as an ONNX file."""
    path = tmp_path_factory.mktemp("digits") / "digits.onnx"
    onward.convert(DIGITS / "saved_model", output=path, verify=False)
    return path


@pytest.fixture(scope="session")
def external(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits example with its weights in a file beside it."""
    path = tmp_path_factory.mktemp("external") / "apart.onnx"
    onward.convert(DIGITS / "saved_model", output=path, external_data=True, verify=False)
    assert path.with_name("apart.onnx.data").is_file()
    return path


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """A folder with files of the names that onnxruntime-web's have, for tests that open no page."""
    from onward.tools.package.npm import BUILDS

    folder = tmp_path / "onnxruntime-web" / "dist"
    folder.mkdir(parents=True)
    for names in BUILDS.values():
        for name in names:
            (folder / name).write_text(name)
    return folder.parent


def model(path: Path, nodes: list[onnx.NodeProto], inputs: list, outputs: list, opset: int = 17) -> Path:
    """A small model; inputs and outputs are (name, dtype, shape)."""
    ends = [[helper.make_tensor_value_info(*port) for port in ports] for ports in (inputs, outputs)]
    graph = helper.make_graph(nodes, path.stem, *ends)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)
    return path


@pytest.fixture
def mixing(tmp_path: Path) -> Path:
    """A model whose rows know of each other: each is set against the mean of all."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["x", "m"], ["y"]),
    ]
    ports = [("x", TensorProto.FLOAT, ["batch", 3])], [("y", TensorProto.FLOAT, ["batch", 3])]
    return model(tmp_path / "mixing.onnx", nodes, *ports)


@pytest.fixture
def halves(tmp_path: Path) -> Path:
    """A model that takes and gives bfloat16."""
    ports = [("x", TensorProto.BFLOAT16, ["batch", 3])], [("y", TensorProto.BFLOAT16, ["batch", 3])]
    return model(tmp_path / "halves.onnx", [helper.make_node("Identity", ["x"], ["y"])], *ports)
