"""What outlives a subgraph: variables, lookup tables, and the functions that subgraphs become.

Variables are TensorFlow's: a ``VarHandleOp`` node that holds the value at the start, reads and assignments of it.
Tensors that the file marks as variable (the states of recurrent operators) are variables too. What runs once, before
all else (CALL_ONCE), fills them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from onward.arrays import values_of
from onward.errors import InvalidSourceError
from onward.formats.dtypes import RESOURCE
from onward.formats.tflite import Model
from onward.graph import FunctionRef, Graph, Input, Node, Output, Table, Tensor
from onward.sources.tflite.flow import Flow, clean
from onward.sources.tflite.lists import Write, writes
from onward.sources.tflite.rules import Call, Rule

_DEEPEST = 50  # subgraphs inside one another
_MOST = 1_000_000  # operators, calls unfolded


class State:
    """Shared by all subgraphs of a model.

    Args:
        model: the file.
        dequantize: compute in floating point what the file computes in integers.
        follow: reads a subgraph's operators into a flow.
    """

    def __init__(self, model: Model, dequantize: bool, follow: Callable[[Flow], None]) -> None:
        self.model = model
        self.dequantize = dequantize
        self._follow = follow
        self._handles: dict[Any, Node] = {}
        self._functions: dict[str, Graph] = {}
        self._active: list[int] = []
        self._ran: set[int] = set()
        self._count = 0

    def flow(self, index: int, caller: Flow | None = None) -> Flow:
        """A flow for a subgraph, a part of its caller's where that is given."""
        if not 0 <= index < len(self.model.subgraphs):
            raise self.model.file.damaged(f"subgraph {index} of {len(self.model.subgraphs)} is referred to")
        return Flow(self.model.subgraphs[index], self.dequantize, self, caller)

    def follow(self, flow: Flow) -> None:
        """Reads all operators of a flow's subgraph.

        Raises:
            InvalidSourceError: the subgraph is among its own callers, or calls unfold without end.
        """
        index = self.model.subgraphs.index(flow.subgraph)
        if index in self._active:
            raise InvalidSourceError(f"{self.model.path}: subgraph {index} calls itself")
        self._count += len(flow.subgraph.operators)
        if len(self._active) >= _DEEPEST or self._count > _MOST:
            raise InvalidSourceError(f"{self.model.path}: subgraphs call one another without end")
        self._active.append(index)
        try:
            self._follow(flow)
        finally:
            self._active.pop()

    def function(self, index: int, lists: Sequence[Write] = ()) -> tuple[FunctionRef, Graph]:
        """A subgraph as a function of its inputs, some of which are lists that it writes to."""
        name = f"subgraph_{index}" + "".join(f"_{write.place}" for write in lists)
        if name not in self._functions:
            flow = self.flow(index)
            inputs = []
            for i, tensor in enumerate(flow.subgraph.inputs):
                dtype = flow.form(tensor)
                node = Node(clean(flow.tensor(tensor).name) or f"argument_{i}", "_Arg", (), {"T": dtype, "index": i})
                flow.put(tensor, flow.add(node, dtype))
                inputs.append(Input(node.name, Tensor(node, 0), dtype, None))
            self.follow(flow)
            outputs = [Output(f"result_{i}", flow.stored(t)) for i, t in enumerate(flow.subgraph.outputs)]
            for write in lists:
                outputs[write.place].tensor = _written(flow, inputs[write.place].tensor, write)
            graph = Graph(flow.subgraph.name or name, inputs, outputs, flow.effects)
            self._functions[name] = self.lend(graph)
        return FunctionRef(name, {}), self._functions[name]

    def lend(self, graph: Graph) -> Graph:
        """The graph, its functions to be found here."""
        graph._library = self._find
        return graph

    def _find(self, ref: FunctionRef) -> Graph:
        if ref.name not in self._functions:
            raise InvalidSourceError(f"{self.model.path} holds no function '{ref.name}'")
        return self._functions[ref.name]

    def handle(self, flow: Flow, key: Any, op: str, name: str) -> Node:
        """The node of a variable or table; its value is None until something fills it."""
        if key not in self._handles:
            self._handles[key] = Node(flow.claim(name), op, (), {})
        return self._handles[key]

    def run_once(self, flow: Flow, index: int) -> None:
        """Takes what a subgraph puts into variables and tables as their value at the start.

        What it computes first is computed at the beginning of every run instead.
        """
        if index in self._ran:
            return
        self._ran.add(index)
        for node in self.function(index)[1].effects:
            source = [t.node for t in node.inputs]
            constant = all(n.op == "Const" for n in source[1:])
            if node.op == "AssignVariableOp" and constant:
                source[0].value = source[1].value
            elif node.op == "LookupTableImportV2" and constant:
                if source[0].value is None:  # a table is filled once
                    keys, values = (np.asarray(values_of(n.value)).ravel() for n in source[1:])
                    source[0].value = Table(keys, values)
            else:
                node.name = flow.claim(node.name)
                flow.acts(node)


# --- variables ------------------------------------------------------------------------------------------------------


def var_handle(call: Call) -> None:
    """The same container and name are the same variable in every subgraph."""
    names = tuple(call.option(part) or "" for part in ("container", "shared_name"))
    node = call.flow.state.handle(call.flow, names, "VarHandleOp", clean(names[1]) or "variable")
    call.put(call.flow.known(Tensor(node, 0), RESOURCE))


def read_variable(call: Call) -> None:
    y = call.node("ReadVariableOp", call.stored(0), dtype=call.dtype())
    call.flow.observes(y.node)
    call.put(y)


def assign_variable(call: Call) -> None:
    call.flow.acts(call.flow.make("AssignVariableOp", [call.stored(0), call.stored(1)]))


def held(flow: Flow, index: int) -> Tensor:
    """What a tensor that is a variable of its own holds, in the file's form."""
    if not flow.holds(index):
        handle = _own(flow, index)
        y = flow.node("ReadVariableOp", [handle], dtype=flow.form(index))
        flow.observes(y.node)
        flow.put(index, y)
    return flow.stored(index)


def hold(flow: Flow, index: int, value: Tensor) -> None:
    """Lets a tensor that is a variable hold a value, in the file's form."""
    flow.put(index, value)
    flow.acts(flow.make("AssignVariableOp", [_own(flow, index), value]))


def _own(flow: Flow, index: int) -> Tensor:
    name = clean(flow.tensor(index).name) or f"state_{index}"
    node = flow.state.handle(flow, (id(flow.subgraph), index), "VarHandleOp", name)
    if node.value is None:
        node.value = flow.initial(index)
    return flow.known(Tensor(node, 0), RESOURCE)


# --- tables ---------------------------------------------------------------------------------------------------------


def hashtable(call: Call) -> None:
    number = call.option("table_id")
    node = call.flow.state.handle(call.flow, ("table", number), "HashTableV2", f"table_{number}")
    call.put(call.flow.known(Tensor(node, 0), RESOURCE))


def hashtable_import(call: Call) -> None:
    call.flow.acts(call.flow.make("LookupTableImportV2", [call.stored(i) for i in range(3)]))


def hashtable_find(call: Call) -> None:
    inputs = [call.stored(i) for i in range(3)]
    call.put(call.node("LookupTableFindV2", *inputs, Tout=call.dtype()))


def hashtable_size(call: Call) -> None:
    """In TFLite, a list of one number."""
    call.put(call.node("Reshape", call.node("LookupTableSizeV2", call.stored(0)), call.ints(1)))


# --- control flow ---------------------------------------------------------------------------------------------------


def if_(call: Call) -> None:
    """One of two subgraphs, of all inputs but the first."""
    then, other = (_function(call, call.option(f"{which}_subgraph_index"), 1) for which in ("then", "else"))
    inputs, results = (
        [call.stored(i) for i in range(len(call.inputs))],
        [call.dtype(i) for i in range(len(call.outputs))],
    )
    node = call.flow.make("If", inputs, len(results), then_branch=then[0], else_branch=other[0], Tout=results)
    _order(call.flow, node, [then[1], other[1]])
    for i in range(len(results)):
        call.put(Tensor(node, i), i)


def while_(call: Call) -> None:
    """Lists that the body fills are TensorFlow's lists inside, and tensors outside."""
    numbers = [call.option(f"{which}_subgraph_index") for which in ("cond", "body")]
    condition, body = (_function(call, number, 0) for number in numbers)
    flow, parts = call.flow, [call.flow.state.model.subgraphs[number] for number in numbers]
    if len(parts[1].outputs) != len(call.inputs):
        raise flow.subgraph.model.file.damaged(f"WHILE has a body of {len(parts[1].outputs)} results")
    lists = writes(*parts)
    if lists:
        body = flow.state.function(numbers[1], lists)
    inputs, any_shape = [call.stored(i) for i in range(len(call.inputs))], call.scalar(-1)
    dtypes = [flow.dtype(tensor) for tensor in inputs]
    for k in (write.place for write in lists):
        inputs[k] = call.node("TensorListFromTensor", inputs[k], any_shape)
    node = flow.make("While", inputs, len(inputs), cond=condition[0], body=body[0])
    _order(flow, node, [condition[1], body[1]])
    results = [Tensor(node, i) for i in range(len(inputs))]
    for k in (write.place for write in lists):
        results[k] = call.node("TensorListStack", results[k], any_shape, element_dtype=dtypes[k], num_elements=-1)
    for i in range(len(call.outputs)):
        call.put(results[i], i)


def _written(flow: Flow, handle: Tensor, write: Write) -> Tensor:
    """A list after its write; what only the tensor was needed for falls away."""
    item = flow.stored(write.item)
    if write.is_row:
        item = flow.node("Squeeze", [item], squeeze_dims=[0])
    return flow.node("TensorListSetItem", [handle, flow.stored(write.at), item], resize_if_index_out_of_bounds=False)


def _function(call: Call, index: int, first: int) -> tuple[FunctionRef, Graph]:
    ref, graph = call.flow.state.function(index)
    if len(graph.inputs) != len(call.inputs) - first:
        raise call.flow.subgraph.model.file.damaged(f"{call.operator.op} calls subgraph {index} with too few operands")
    return ref, graph


def _order(flow: Flow, node: Node, functions: list[Graph]) -> None:
    """Puts a node among what reads and changes variables."""
    if any(graph.effects for graph in functions):
        flow.acts(node)
    else:
        flow.observes(node)


def call_(call: Call) -> None:
    """Another subgraph, put into place."""
    flow = call.flow
    inner = flow.state.flow(call.option("subgraph"), flow)
    for index, position in zip(inner.subgraph.inputs, range(len(call.inputs)), strict=True):
        inner.put(index, call.stored(position))
    flow.state.follow(inner)
    for i, index in enumerate(inner.subgraph.outputs[: len(call.outputs)]):
        call.put(inner.stored(index), i)


def call_once(call: Call) -> None:
    call.flow.state.run_once(call.flow, call.option("init_subgraph_index"))


RULES: dict[str, Rule] = {
    "ASSIGN_VARIABLE": assign_variable,
    "CALL": call_,
    "CALL_ONCE": call_once,
    "HASHTABLE": hashtable,
    "HASHTABLE_FIND": hashtable_find,
    "HASHTABLE_IMPORT": hashtable_import,
    "HASHTABLE_SIZE": hashtable_size,
    "IF": if_,
    "READ_VARIABLE": read_variable,
    "VAR_HANDLE": var_handle,
    "WHILE": while_,
}
