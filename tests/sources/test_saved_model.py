"""SavedModels: what is called, in which order, with which values."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.graph import Graph, Node, Table
from onward.options import Options
from onward.sources import open_source
from onward.sources.saved_model import describe_saved_model
from onward.specs import spec


def named(graph: Graph) -> tuple[list[str], list[str]]:
    return [made.name for made in graph.inputs], [made.name for made in graph.outputs]


def values(graph: Graph) -> dict[str, np.ndarray]:
    """The variables, by name."""
    return {node.name: np.asarray(node.value) for node in graph.nodes() if node.op == "VarHandleOp"}


@pytest.mark.parametrize("folder", ["exported", "saved"])
def test_keras_models(saved: Path, folder: str) -> None:
    import keras

    graph = open_source(saved / folder, Options())
    names = ["a", "b"] if folder == "exported" else ["inputs", "inputs_1"]
    assert named(graph) == (names, ["y", "z"])
    assert [made.shape for made in graph.inputs] == [("batch", 4)] * 2
    model = keras.saving.load_model(saved / "model.keras")
    found = values(graph)
    for variable in model.variables:
        np.testing.assert_array_equal(found[variable.path], variable.numpy())
        assert not found[variable.path].flags.writeable  # a view of the file
    assert "two_1/left_1/MatMul" in {node.name for node in graph.nodes()}
    x, y = np.ones((2, 4), np.float32), np.full((2, 4), 2, np.float32)
    assert graph.reference is not None
    results = graph.reference(dict(zip(names, (x, y), strict=True)))
    expected = model({"a": x, "b": y})
    np.testing.assert_allclose(results[0], expected["y"], rtol=1e-6)
    np.testing.assert_allclose(results[1], expected["z"], rtol=1e-6)


def test_the_declared_order_is_kept(saved: Path) -> None:
    """Twelve inputs and outputs: sorted by name, the last two would come third and fourth."""
    graph = open_source(saved / "many", Options())
    assert named(graph) == ([f"in{i}" for i in range(12)], [f"output_{i}" for i in range(12)])
    described = describe_saved_model(saved / "many")["serving_default"]
    assert [info.name for info in described.inputs] == [f"in{i}" for i in range(12)]
    assert described.outputs[10].name == "output_10"


@pytest.mark.parametrize(("folder", "signature"), [("called", None), ("signed", "whole"), ("signed", "__call__")])
def test_tables_constants_and_assets(saved: Path, folder: str, signature: str | None) -> None:
    graph = open_source(saved / folder, Options(signature=signature))
    assert named(graph) == (["x", "s"], ["c", "o", "t", "v"])
    tables = [node.value for node in graph.nodes() if node.op == "HashTableV2"]
    assert [list(table.keys) for table in tables] == [[b"a", b"b"], [b"x", b"y", b"z"]]
    assert [table.values.tolist() for table in tables] == [[1, 2], [0, 1, 2]]
    assert all(isinstance(table, Table) for table in tables)
    large = next(node.value for node in graph.nodes() if node.op == "Const" and np.size(node.value) == 3000)
    np.testing.assert_array_equal(large, np.arange(3000))
    assert graph.reference is not None
    words = np.array(["b", "z"], object)
    results = dict(zip("cotv", graph.reference({"x": np.eye(3, dtype="float32")[:2], "s": words}), strict=True))
    np.testing.assert_array_equal(results["o"], [[1, 3, 5], [4, 6, 8]])
    assert results["t"].tolist() == [2, -1]
    assert results["v"][1] == 2


def test_reads_links_to_variables_not_copies_of_handles(saved: Path) -> None:
    graph = open_source(saved / "exported", Options())
    reads = [node for node in graph.nodes() if node.op == "ReadVariableOp"]
    assert reads
    assert all(node.inputs[0].node.op == "VarHandleOp" for node in reads)
    assert all(node.inputs[0].node.attrs["shape"] == node.shapes[0] for node in reads if node.shapes)


def test_choosing_inputs_and_outputs(saved: Path) -> None:
    graph = open_source(saved / "exported", Options(inputs={"b": spec("n", 4)}, outputs=["z"]))
    assert [made.shape for made in graph.inputs] == [("batch", 4), ("n", 4)]
    assert named(graph)[1] == ["z"]
    assert not any("right" in node.name for node in graph.nodes())
    assert graph.reference is not None
    assert len(graph.reference({"a": np.ones((1, 4)), "b": np.ones((1, 4))})) == 1
    reordered = open_source(saved / "exported", Options(inputs=["b", "a"], outputs=["z", "y"]))
    assert named(reordered) == (["b", "a"], ["z", "y"])
    renamed = open_source(saved / "exported", Options(inputs=[spec(1, 4, name="p"), spec(1, 4, name="q")]))
    assert named(renamed)[0] == ["p", "q"]
    assert renamed.inputs[0].shape == (1, 4)
    assert renamed.reference is not None
    assert renamed.reference({"p": np.ones((1, 4)), "q": np.ones((1, 4))})[0].shape == (1, 2)


@pytest.mark.parametrize(
    ("folder", "options", "message"),
    [
        ("signed", Options(), "several signatures, choose one: part, whole"),
        ("signed", Options(signature="nothing"), "no signature 'nothing'; it has: part, whole"),
        ("exported", Options(tag="train"), "no graph tagged 'train'; it has: serve"),
        ("exported", Options(inputs={"c": spec(1, 4)}), "no input 'c'; it has: a, b"),
        ("exported", Options(inputs={"a": spec(1, 4, 4)}), "input 'a' has 2 dimensions"),
        ("exported", Options(inputs={"a": spec(1, 5)}), "contradicts"),
        ("exported", Options(inputs=[spec(1, 4)]), "2 inputs"),
        ("exported", Options(outputs=["x"]), "no output 'x'; it has: y, z"),
        ("exported", Options(outputs=[]), "outputs is empty"),
    ],
)
def test_options_that_do_not_fit(saved: Path, folder: str, options: Options, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        open_source(saved / folder, options)


def test_missing_parts(saved: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(saved / "signed", copy)
    options = Options(signature="whole")
    next((copy / "assets").iterdir()).unlink()
    with pytest.raises(InvalidSourceError, match=r"file of table .* cannot be read"):
        open_source(copy, options)
    (copy / "variables" / "variables.data-00000-of-00001").unlink()
    with pytest.raises(InvalidSourceError, match=r"variables\.data-00000-of-00001"):
        open_source(copy, options)
    (copy / "variables" / "variables.index").unlink()
    with pytest.raises(InvalidSourceError, match=r"variables\.index"):
        open_source(copy, options)
    with pytest.raises(InvalidSourceError, match=r"directory without a saved_model\.pb"):
        open_source(tmp_path, options)


def test_needs_no_tensorflow(saved: Path) -> None:
    code = (
        "import sys\nfrom onward.options import Options\nfrom onward.sources import open_source\n"
        f"open_source({str(saved / 'exported')!r}, Options()).nodes()\n"
        "assert not {'tensorflow', 'keras', 'h5py'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_dead_code_is_left_out(saved: Path) -> None:
    graph = open_source(saved / "signed", Options(signature="whole", outputs="o"))
    ops = {node.op for node in graph.nodes()}
    assert ops == {"Placeholder", "VarHandleOp", "ReadVariableOp", "MatMul", "AddV2", "Identity"}
    assert all(isinstance(node, Node) for node in graph.nodes())
