"""The order of nodes, and what a graph refuses."""

from __future__ import annotations

import numpy as np
import pytest

from onward.errors import InvalidSourceError
from onward.graph import FunctionRef, Graph, Input, Node, Output, Tensor


def graph(*outputs: Node, inputs: tuple[Node, ...] = ()) -> Graph:
    dtype = np.dtype("float32")
    return Graph(
        "g",
        [Input(node.name, Tensor(node, 0), dtype, ()) for node in inputs],
        [Output(node.name, Tensor(node, 0)) for node in outputs],
    )


def test_each_node_follows_what_it_reads() -> None:
    a = Node("a", "Placeholder")
    b = Node("b", "Neg", [Tensor(a, 0)])
    c = Node("c", "Add", [Tensor(b, 0), Tensor(a, 0)])
    assert [n.name for n in graph(c, b, inputs=(a,)).nodes()] == ["a", "b", "c"]


def test_chains_deeper_than_the_stack() -> None:
    node = Node("0", "Placeholder")
    for i in range(1, 50_000):
        node = Node(str(i), "Neg", [Tensor(node, 0)])
    assert [n.name for n in graph(node).nodes()] == [str(i) for i in range(50_000)]


def test_control_edges_order_what_is_needed_and_add_nothing() -> None:
    a = Node("a", "Placeholder")
    unused = Node("unused", "Neg", [Tensor(a, 0)])
    write = Node("write", "AssignVariableOp", [Tensor(a, 0)])
    read = Node("read", "ReadVariableOp", [Tensor(a, 0)], controls=[write, unused])
    found = graph(read)
    assert [n.name for n in found.nodes()] == ["a", "read"]
    found.effects = [write]
    assert [n.name for n in found.nodes()] == ["a", "write", "read"]


def test_a_loop_of_tensorflow_1_has_an_order() -> None:
    start = Node("start", "Const")
    enter = Node("enter", "Enter", [Tensor(start, 0)])
    merge = Node("merge", "Merge", [Tensor(enter, 0)])
    switch = Node("switch", "Switch", [Tensor(merge, 0)])
    body = Node("body", "Neg", [Tensor(switch, 1)])
    following = Node("next", "NextIteration", [Tensor(body, 0)])
    merge.inputs.append(Tensor(following, 0))
    end = Node("exit", "Exit", [Tensor(switch, 0)])
    assert [n.name for n in graph(end).nodes()] == ["start", "enter", "merge", "switch", "exit", "body", "next"]


def test_a_cycle_is_refused() -> None:
    a = Node("a", "Neg")
    b = Node("b", "Neg", [Tensor(a, 0)])
    a.inputs.append(Tensor(b, 0))
    with pytest.raises(InvalidSourceError, match="depends on itself"):
        graph(b).nodes()


def test_functions_are_read_once() -> None:
    found = graph(Node("a", "Const"))
    with pytest.raises(InvalidSourceError, match="no function 'f'"):
        found.function("f")
    found._library = lambda ref: graph(Node(ref.name, "Const"))
    assert found.function("f") is found.function(FunctionRef("f", {}))
    assert found.function(FunctionRef("f", {"T": np.dtype("int32")})) is not found.function("f")


def test_recorded_shapes() -> None:
    node = Node("a", "Split", shapes=[(None, 2), None])
    assert [Tensor(node, i).shape for i in range(3)] == [(None, 2), None, None]
    assert Tensor(node, 1).name == "a:1"
