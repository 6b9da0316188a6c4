"""A traced TensorFlow graph with its captured variables, constants and tables, as a :class:`~onward.graph.Graph`.

It takes the road of every other source: TensorFlow writes a GraphDef, and that is read like one from a file. Only the
captures need TensorFlow: they are told apart by the identity of their handles, and their values are fetched when used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.arrays import LazyArray
from onward.errors import InvalidSourceError
from onward.formats.dtypes import RESOURCE, STRING
from onward.formats.wire import parse
from onward.graph import FunctionRef, Graph, Input, Node, Table
from onward.sources.inline import build
from onward.sources.library import Library
from onward.specs import as_dtype


def live_graph(
    func_graph: Any,
    inputs: Sequence[tuple[Input, Any]],
    outputs: Sequence[tuple[str, Any]],
    captures: Sequence[tuple[Any, Any]],
    *,
    name: str,
    paths: Mapping[int, str] | None = None,
) -> Graph:
    """The graph of a ``FuncGraph``.

    Args:
        func_graph: what was traced.
        inputs: inputs with the symbolic tensors that stand for them.
        outputs: names with symbolic tensors.
        captures: outer tensors with the placeholders that stand for them inside.
        name: the graph's name.
        paths: names of variables, by the ``id`` of their handle.

    Raises:
        InvalidSourceError: a captured value belongs to another graph, so it has no value yet.
    """
    data = func_graph.as_graph_def(add_shapes=True).SerializeToString()
    graph_def, pieces = parse(data, "GraphDef", f"the traced graph of '{name}'")
    library = Library(graph_def, pieces, f"'{name}'")
    variables = {id(variable.handle): variable for variable in func_graph.variables}
    given = {inside.name: _captured(outside, inside, variables, paths or {}) for outside, inside in captures}
    graph = build(
        library,
        library.main,
        [(made, tensor.name) for made, tensor in inputs],
        [(label, tensor.name) for label, tensor in outputs],
        name=name,
        given=given,
    )
    handles = {
        id(node): pair[0] for node, pair in zip(given.values(), captures, strict=True) if node.op == "HashTableV2"
    }
    if handles:
        _fill_tables(graph, handles)
    return graph


def _captured(outside: Any, inside: Any, variables: Mapping[int, Any], paths: Mapping[int, str]) -> Node:
    if not hasattr(outside, "numpy"):
        raise InvalidSourceError(
            f"the function uses '{getattr(outside, 'name', outside)}' of another graph that is not finished: "
            "convert the outer function instead"
        )
    dtype = as_dtype(outside.dtype)
    inner_name = inside.name.rpartition(":")[0]
    if dtype != RESOURCE:
        shape = tuple(outside.shape)
        value: Any = values_of(outside)
        return Node(inner_name, "Const", (), {"dtype": dtype, "value": value}, shapes=[shape], value=value)
    variable = variables.get(id(outside))
    described = variable if variable is not None else _handle_data(outside)
    label = paths.get(id(outside)) or _clean(getattr(variable, "name", "")) or inner_name
    if described is None:
        return Node(label, "HashTableV2", (), {"shared_name": label}, shapes=[()])
    shape, dtype = tuple(described.shape), as_dtype(described.dtype)
    if None in shape:
        lazy: Any = values_of(_read(outside, described.dtype))
    else:
        lazy = LazyArray(shape, dtype, lambda: values_of(_read(outside, described.dtype)))
    attrs = {"dtype": dtype, "shape": shape, "shared_name": label}
    return Node(label, "VarHandleOp", (), attrs, shapes=[()], value=lazy)


def _read(handle: Any, dtype: Any) -> Any:
    import tensorflow as tf

    return tf.raw_ops.ReadVariableOp(resource=handle, dtype=dtype)


def values_of(tensor: Any) -> NDArray[Any]:
    """The values of an eager tensor, in TensorFlow's own memory where that is the host's; the array keeps it alive."""
    return np.asarray(tensor.__array__()) if as_dtype(tensor.dtype) != STRING else string_values(tensor)


def string_values(tensor: Any) -> NDArray[Any]:
    """The values of an eager string tensor: an object array of bytes."""
    values = np.empty(tuple(tensor.shape), object)
    values[...] = tensor.numpy()
    return values


class _HandleData:
    def __init__(self, shape: Sequence[int | None], dtype: Any) -> None:
        self.shape, self.dtype = shape, dtype


def _handle_data(handle: Any) -> _HandleData | None:
    """What TensorFlow notes about a variable that nobody holds as an object any more; None for a table."""
    import tensorflow as tf

    data = getattr(handle, "_handle_data", None)
    if data is None or not data.is_set or not data.shape_and_type:
        return None
    entry = data.shape_and_type[0]
    return _HandleData(tf.TensorShape(entry.shape), tf.as_dtype(entry.dtype))


def _clean(variable_name: str) -> str:
    return variable_name.removesuffix(":0")


_LOOKUPS = {"LookupTableFindV2": ("Tin", "Tout"), "LookupTableExportV2": ("Tkeys", "Tvalues")}


def _fill_tables(graph: Graph, handles: Mapping[int, Any]) -> None:
    """Export each captured table, with the types that its first lookup has."""
    for table, keys, values in _lookups(graph, {}):
        if table.value is None and id(table) in handles and keys is not None and values is not None:
            table.value = _export(handles[id(table)], keys, values)
            table.attrs.update(key_dtype=keys, value_dtype=values)


def _lookups(graph: Graph, outer: Mapping[Node, Node]) -> Iterator[tuple[Node, Any, Any]]:
    """Tables with the dtypes of keys and values, by their use; `outer` says which node an argument stands for."""
    for node in graph.nodes():
        if node.op in _LOOKUPS and node.inputs:
            table, (keys, values) = node.inputs[0].node, _LOOKUPS[node.op]
            yield outer.get(table, table), node.attrs.get(keys), node.attrs.get(values)
        for value in node.attrs.values():
            for ref in value if isinstance(value, list) else [value]:
                if isinstance(ref, FunctionRef):
                    body = graph.function(ref)
                    given = node.inputs[len(node.inputs) - len(body.inputs) :]
                    names = zip(body.inputs, given, strict=False)
                    yield from _lookups(body, {made.tensor.node: outer.get(t.node, t.node) for made, t in names})


def _export(handle: Any, keys: np.dtype[Any], values: np.dtype[Any]) -> Table:
    import tensorflow as tf

    exported = tf.raw_ops.LookupTableExportV2(table_handle=handle, Tkeys=_tf(keys), Tvalues=_tf(values))
    found = values_of(exported.keys)
    order = np.argsort(found, kind="stable")  # TensorFlow exports in the order of its hash map
    return Table(found[order], values_of(exported.values)[order])


def _tf(dtype: np.dtype[Any]) -> Any:
    import tensorflow as tf

    return tf.string if dtype == STRING else tf.as_dtype(dtype)
