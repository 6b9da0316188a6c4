"""Messages from bytes: large tensors stay where they are, damage is named."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.errors import InvalidSourceError
from onward.formats.protos import message
from onward.formats.values import array
from onward.formats.wire import LARGE, SMALL_FILE, map_file, parse

LARGE_VALUES = np.arange(LARGE, dtype="float32")


def graph_def() -> bytes:
    graph = message("GraphDef")()
    for name, values in (("large", LARGE_VALUES), ("small", LARGE_VALUES[:3])):
        node = graph.node.add(name=name, op="Const")
        tensor = node.attr["value"].tensor
        tensor.dtype, tensor.tensor_content = 1, values.tobytes()
        tensor.tensor_shape.dim.add(size=len(values))
    function = graph.library.function.add()
    function.node_def.add().CopyFrom(graph.node[0])
    data: bytes = graph.SerializeToString()
    return data


def test_large_contents_are_views(tmp_path: Path) -> None:
    file = tmp_path / "g.pb"
    file.write_bytes(graph_def())
    mapped = map_file(file)
    graph, pieces = parse(mapped, "GraphDef", "g", scan_from=0)
    assert len(pieces) == 2
    assert graph.ByteSize() < LARGE
    for node in (graph.node[0], graph.library.function[0].node_def[0]):
        values = array(node.attr["value"].tensor, pieces)
        np.testing.assert_array_equal(values, LARGE_VALUES)
        assert np.shares_memory(values, np.frombuffer(mapped, np.uint8))
    np.testing.assert_array_equal(array(graph.node[1].attr["value"].tensor, pieces), LARGE_VALUES[:3])


def test_same_as_without_the_scan() -> None:
    data = graph_def()
    whole = message("GraphDef").FromString(data)
    graph, pieces = parse(data, "GraphDef", "g", scan_from=0)
    for ours, theirs in zip(graph.node, whole.node, strict=True):
        np.testing.assert_array_equal(array(ours.attr["value"].tensor, pieces), array(theirs.attr["value"].tensor))


@given(st.integers(min_value=1, max_value=3 * LARGE), st.sampled_from([0, SMALL_FILE]))
def test_cut_short(less: int, scan_from: int) -> None:
    data = graph_def()
    with contextlib.suppress(InvalidSourceError):
        graph, _ = parse(data[:-less], "GraphDef", "g", scan_from)
        # The cut lay between two fields, so all that is left is whole.
        assert len(graph.node) + len(graph.library.function) < 3


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    for kind in ("SavedModel", "GraphDef"):
        try:
            parse(data + bytes(LARGE), kind, "junk", scan_from=0)
        except InvalidSourceError:
            continue


def test_missing_and_empty_files(tmp_path: Path) -> None:
    with pytest.raises(InvalidSourceError, match="No such file"):
        map_file(tmp_path / "nothing")
    (tmp_path / "empty").touch()
    with pytest.raises(InvalidSourceError, match="is empty"):
        map_file(tmp_path / "empty")
