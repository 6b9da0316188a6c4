"""Damaged graphs are answered with one of our errors, whatever the damage."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onward.errors import InvalidSourceError, OnwardError
from onward.formats.protos import message
from onward.graph import FunctionRef
from onward.options import Options
from onward.sources import open_source
from onward.sources.saved_model import describe_saved_model

STRING, BYTES, BOOL = 9, 12, 8


@pytest.fixture(scope="module")
def copy(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    folder = tmp_path_factory.mktemp("damage") / "model"
    shutil.copytree(saved / "called", folder)
    return folder, (folder / "saved_model.pb").read_bytes()


def fields(proto: Any) -> list[tuple[Any, Any]]:
    """Every scalar field that is set, in a message and in those below it."""
    found: list[tuple[Any, Any]] = []
    stack = [proto]
    while stack:
        current = stack.pop()
        for field, value in current.ListFields():
            if not field.message_type:
                found.append((current, field))
            elif field.message_type.GetOptions().map_entry:
                if field.message_type.fields_by_name["value"].message_type:
                    stack.extend(value[key] for key in sorted(value))
            elif hasattr(value, "add"):
                stack.extend(value)
            else:
                stack.append(value)
    return found


def damage(data: st.DataObject, owner: Any, field: Any) -> None:
    value = getattr(owner, field.name)
    if not value:
        return  # damaged before
    if hasattr(value, "append"):
        del value[data.draw(st.integers(0, len(value) - 1))]
    elif field.type == STRING:
        changes = ["", ":", f"{value}:7", f"^{value}", f"{value}:a:b", value[:-1], "StatefulPartitionedCall"]
        setattr(owner, field.name, data.draw(st.sampled_from(changes)))
    elif field.type == BYTES:
        setattr(owner, field.name, data.draw(st.sampled_from([b"", value[:-1], value + b"x"])))
    elif field.type == BOOL:
        setattr(owner, field.name, not value)
    else:
        owner.ClearField(field.name)
        if data.draw(st.booleans()):
            setattr(owner, field.name, data.draw(st.sampled_from([1, 7, 20, 99, 107])))


@settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_changed_fields(copy: tuple[Path, bytes], data: st.DataObject) -> None:
    folder, whole = copy
    proto = message("SavedModel").FromString(whole)
    places = fields(proto)
    for _ in range(data.draw(st.integers(1, 3))):
        damage(data, *places[data.draw(st.integers(0, len(places) - 1))])
    (folder / "saved_model.pb").write_bytes(proto.SerializeToString())
    for read in (lambda: open_source(folder, Options()).nodes(), lambda: describe_saved_model(folder)):
        with contextlib.suppress(OnwardError):
            read()


@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_cut_short(copy: tuple[Path, bytes], data: st.DataObject) -> None:
    folder, whole = copy
    (folder / "saved_model.pb").write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(InvalidSourceError, match=r"saved_model\.pb"):
        open_source(folder, Options())


@pytest.fixture(scope="module")
def loops() -> bytes:
    """A loop in a loop with a choice inside, as TensorFlow 1 has them."""
    import tensorflow as tf

    v1 = tf.compat.v1
    v1.disable_control_flow_v2()
    with tf.Graph().as_default() as graph:
        x, n = v1.placeholder(tf.float32, (None, 3), name="x"), v1.placeholder(tf.int32, (), name="n")

        def step(i: Any, a: Any) -> Any:
            inner = v1.while_loop(lambda j, b: j < i, lambda j, b: (j + 1, b * 0.5), [tf.constant(0), a])[1]
            return i + 1, v1.cond(
                tf.reduce_sum(inner) > 0, lambda: inner - x, lambda: tf.constant([[1.0, 2.0, 3.0]]) + a
            )

        tf.identity(v1.while_loop(lambda i, a: i < n, step, [tf.constant(0), x])[1], name="y")
    v1.enable_control_flow_v2()
    return graph.as_graph_def().SerializeToString()


@settings(max_examples=200, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_changed_loops(loops: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    proto = message("GraphDef").FromString(loops)
    nodes = proto.node
    for _ in range(data.draw(st.integers(1, 3))):
        node, other = (nodes[data.draw(st.integers(0, len(nodes) - 1))] for _ in range(2))
        what = data.draw(st.sampled_from(["input", "op", "inputs", "remove", "double"]))
        if what == "input" and node.input:
            place = data.draw(st.integers(0, len(node.input) - 1))
            node.input[place] = data.draw(st.sampled_from([other.name, f"{other.name}:1", f"^{other.name}", "", "x:9"]))
        elif what == "op":
            node.op = other.op
        elif what == "inputs":
            del node.input[:]
        elif what == "remove":
            nodes.remove(other)
        elif what == "double":
            nodes.add().CopyFrom(node)
    path = tmp_path_factory.getbasetemp() / "loops.pb"
    path.write_bytes(proto.SerializeToString())
    with contextlib.suppress(OnwardError):
        graph = open_source(path, Options(outputs=["y"]))
        bodies = [graph]
        while bodies:
            for node in bodies.pop().nodes():
                bodies.extend(graph.function(ref) for ref in node.attrs.values() if isinstance(ref, FunctionRef))


LOOPS_THAT_ARE_NONE = {
    "an exit of nothing": ("y", "Exit", ["x"], "leaves a loop that has no condition"),
    "an entry that nothing leaves": ("y", "Enter", ["x"], "lies inside a loop that nothing leaves"),
    "a turn that nothing takes": ("y", "NextIteration", ["x"], "lies inside a loop that nothing leaves"),
    "a merge of nothing": ("y", "Merge", [], "merges nothing"),
}


@pytest.mark.parametrize("name", LOOPS_THAT_ARE_NONE)
def test_loops_that_are_none(name: str, tmp_path: Path) -> None:
    output, op, inputs, words = LOOPS_THAT_ARE_NONE[name]
    graph = message("GraphDef")()
    graph.node.add(name="x", op="Placeholder").attr["dtype"].type = 1
    graph.node.add(name=output, op=op, input=inputs).attr["T"].type = 1
    (tmp_path / "graph.pb").write_bytes(graph.SerializeToString())
    with pytest.raises(InvalidSourceError, match=rf"graph\.pb {words}|{words}"):
        open_source(tmp_path / "graph.pb", Options(outputs=[output]))


@pytest.mark.parametrize("depth", [40, 1000])
def test_choices_within_choices(tmp_path: Path, depth: int) -> None:
    """Deep ones are taken apart in bounded time, or refused."""
    graph = message("GraphDef")()
    graph.node.add(name="x", op="Placeholder").attr["dtype"].type = 1
    graph.node.add(name="p0", op="Placeholder").attr["dtype"].type = 10
    value, inner = "x", []
    for i in range(depth):
        for name, op, inputs, dtype in (
            (f"q{i}", "Switch", [f"p{i}", f"p{i}"], 10),
            (f"p{i + 1}", "LogicalNot", [f"q{i}:1"], 10),
            (f"s{i}", "Switch", [value, f"p{i}"], 1),
        ):
            graph.node.add(name=name, op=op, input=inputs).attr["T"].type = dtype
        value = f"s{i}:1"
        inner.append(f"s{i}")
    for i in reversed(range(depth)):
        merge = graph.node.add(name=f"m{i}", op="Merge", input=[inner[i], value])
        merge.attr["T"].type, merge.attr["N"].i = 1, 2
        value = merge.name
    (tmp_path / "graph.pb").write_bytes(graph.SerializeToString())
    refused = pytest.raises(InvalidSourceError, match="too many switches") if depth > 64 else contextlib.nullcontext()
    with refused:
        open_source(tmp_path / "graph.pb", Options(outputs=["m0"])).nodes()


def test_functions_that_call_themselves(tmp_path: Path) -> None:
    graph = message("GraphDef")()
    function = graph.library.function.add()
    function.signature.name = "f"
    function.signature.output_arg.add(name="y", type=1)
    function.ret["y"] = "call:output:0"
    for nodes in (function.node_def, graph.node):
        call = nodes.add(name="call", op="PartitionedCall")
        call.attr["f"].func.name = "f"
        call.attr["Tout"].list.type.append(1)
        call.attr["Tin"].list.SetInParent()
    (tmp_path / "graph.pb").write_bytes(graph.SerializeToString())
    with pytest.raises(InvalidSourceError, match="calls itself"):
        open_source(tmp_path / "graph.pb", Options())


def test_functions_that_multiply(tmp_path: Path) -> None:
    """Thirty functions that each call the next twice would unfold to a billion nodes."""
    graph = message("GraphDef")()
    for i in range(30):
        function = graph.library.function.add()
        function.signature.name = f"f{i}"
        function.signature.output_arg.add(name="y", type=1)
        for name in "ab":
            node = function.node_def.add(name=name, op="PartitionedCall" if i < 29 else "Placeholder")
            node.attr["f"].func.name = f"f{i + 1}"
        function.node_def.add(name="sum", op="AddV2", input=["a:output:0", "b:output:0"])
        function.ret["y"] = "sum:z:0"
    node = graph.node.add(name="call", op="PartitionedCall")
    node.attr["f"].func.name = "f0"
    node.attr["Tout"].list.type.append(1)
    (tmp_path / "graph.pb").write_bytes(graph.SerializeToString())
    with pytest.raises(InvalidSourceError, match="unfolds to more than"):
        open_source(tmp_path / "graph.pb", Options())
