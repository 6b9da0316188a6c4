"""Beginning behind what reads bytes: ONNX's strings are text, so a graph begins at the tensors in them.

An input of strings that nothing but such a reader takes gives way to what the reader makes of it: the features of
serialised ``tf.Example`` messages, the samples of a sound, the pixels of a picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.dtypes import INT32, INT64, STRING
from onward.graph import Graph, Input, Node, Reference, Tensor
from onward.sources.inline import placeholder
from onward.sources.naming import unique

_EXAMPLES = frozenset({"ParseExample", "ParseExampleV2"})
# What single records hold: for each output, what to add to the node's name, dtype (None: the attribute's) and rank.
_RECORDS: dict[str, list[tuple[str, Any, int]]] = {
    "DecodeWav": [("", np.dtype(np.float32), 2), (":1", INT32, 0)],
    **{op: [("", None, 3)] for op in ("DecodeJpeg", "DecodePng", "DecodeBmp", "DecodeImage")},
    "DecodeGif": [("", np.dtype(np.uint8), 4)],
}


def behind(graph: Graph) -> Graph:
    """The graph with what its readers of bytes make as inputs in place of the bytes, and a note of it."""
    texts = [given for given in graph.inputs if given.dtype == STRING]
    if not texts:
        return graph
    users: dict[Node, list[Node]] = {}
    nodes = graph.nodes()
    for node in nodes:
        for tensor in node.inputs:
            users.setdefault(tensor.node, []).append(node)
    shown = {output.tensor.node for output in graph.outputs}
    for given in texts:
        readers = users.get(given.tensor.node, [])
        whole = all(_reads(node, given.tensor) for node in readers) and given.tensor.node not in shown
        if readers and whole:
            made = _replaced(graph, nodes, given, readers)
            names = ", ".join(f"'{port.name}'" for port in made)
            graph.notes.append(
                f"ONNX cannot read the bytes of the input '{given.name}': give what is in them as {names}"
            )
    return graph


def _reads(node: Node, source: Tensor) -> bool:
    """Whether a node reads the bytes of a tensor, and in a way that is known."""
    if node.inputs[0] != source or any(tensor == source for tensor in node.inputs[1:]):
        return False
    if node.op in _EXAMPLES:
        return all(tensor.node.op == "Const" for tensor in _keys(node))
    return node.op in _RECORDS


def _replaced(graph: Graph, nodes: Sequence[Node], given: Input, readers: Sequence[Node]) -> list[Input]:
    """Puts inputs for what the readers make in the place of one for bytes."""
    places: dict[Tensor, Input] = {}
    for reader in readers:
        made = _features(reader, given) if reader.op in _EXAMPLES else _record(reader)
        places.update((Tensor(reader, index), port) for index, port in made.items())
    used = dict.fromkeys(t for node in nodes for t in node.inputs if t in places)
    used.update(dict.fromkeys(o.tensor for o in graph.outputs if o.tensor in places))
    taken = [port.name for port in graph.inputs if port is not given]
    for tensor in used:
        port = places[tensor]
        port.name = port.tensor.node.name = unique([*taken, port.name])[-1]
        taken.append(port.name)
    for node in nodes:
        node.inputs = [places[t].tensor if t in used else t for t in node.inputs]
    for output in graph.outputs:
        if output.tensor in used:
            output.tensor = places[output.tensor].tensor
    at = graph.inputs.index(given)
    graph.inputs[at : at + 1] = [places[tensor] for tensor in used]
    packed = len(readers) == 1 and readers[0].op in _EXAMPLES and graph.reference is not None
    graph.reference = _packing(graph.reference, given, readers[0], places) if packed else None
    return [places[tensor] for tensor in used]


def _keys(node: Node) -> list[Tensor]:
    """The inputs that name features: sparse ones first."""
    if node.op == "ParseExampleV2":
        return node.inputs[2:5]
    return node.inputs[2 : 2 + node.attrs["Nsparse"] + node.attrs["Ndense"]]


def _names(node: Node) -> tuple[list[str], list[str]]:
    """The names of sparse and of dense features."""
    values = [[_text(key) for key in np.asarray(tensor.node.value).ravel()] for tensor in _keys(node)]
    if node.op == "ParseExampleV2":
        return values[0], values[1]
    flat = [name for names in values for name in names]
    return flat[: node.attrs["Nsparse"]], flat[node.attrs["Nsparse"] :]


def _text(key: Any) -> str:
    return key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)


def _features(node: Node, given: Input) -> dict[int, Input]:
    """An input for each output of a ParseExample but ragged ones."""
    sparse, dense = _names(node)
    batch = given.shape[:1] if given.shape else ()
    made = {}
    for i, (name, dtype) in enumerate(zip(sparse, node.attrs["sparse_types"], strict=True)):
        parts = (
            ("indices", INT64, (None, 1 + len(batch))),
            ("values", dtype, (None,)),
            ("shape", INT64, (1 + len(batch),)),
        )
        for part, (what, kind, shape) in enumerate(parts):
            made[part * len(sparse) + i] = placeholder(f"{name}_{what}", kind, shape)
    types = zip(dense, node.attrs["Tdense"], node.attrs["dense_shapes"], strict=True)
    for i, (name, dtype, shape) in enumerate(types):
        sizes = None if shape is None else (*batch, *shape)
        made[3 * len(sparse) + i] = placeholder(name, dtype, sizes)
    return made


def _record(node: Node) -> dict[int, Input]:
    made = {}
    for index, (end, dtype, rank) in enumerate(_RECORDS[node.op]):
        shape: list[int | None] = [None] * rank
        if node.op == "DecodeWav" and rank:
            wanted = (node.attrs.get("desired_samples", -1), node.attrs.get("desired_channels", -1))
            shape = [None if size < 0 else int(size) for size in wanted]
        elif rank and node.attrs.get("channels", 0):
            shape[-1] = int(node.attrs["channels"])
        kind = dtype if dtype is not None else node.attrs.get("dtype", np.dtype(np.uint8))
        made[index] = placeholder(f"{node.name}{end}", kind, tuple(shape))
    return made


def _packing(
    reference: Reference | None, given: Input, reader: Node, places: Mapping[Tensor, Input]
) -> Reference | None:
    """The reference on features: they are serialised again. Only dense features of one size can be."""
    if reference is None:
        return None
    sparse, dense = _names(reader)
    ports = {places[Tensor(reader, 3 * len(sparse) + i)].name: key for i, key in enumerate(dense)}
    scalar = given.shape == ()

    def run(arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        features = {ports[name]: np.asarray(array) for name, array in arrays.items() if name in ports}
        rest = {name: array for name, array in arrays.items() if name not in ports}
        count = 1 if scalar else max((len(array) for array in features.values()), default=1)
        rows = [
            _serialised({key: array if scalar else array[i] for key, array in features.items()}) for i in range(count)
        ]
        packed = np.empty((), object) if scalar else np.empty(count, object)
        packed[...] = rows[0] if scalar else rows
        return reference({**rest, given.name: packed})

    return run


def _serialised(features: Mapping[str, NDArray[Any]]) -> bytes:
    """A ``tf.Example`` as bytes."""
    import tensorflow as tf

    example = tf.train.Example()
    for key, array in features.items():
        values, feature = array.ravel().tolist(), example.features.feature[key]
        if array.dtype == STRING:
            feature.bytes_list.value.extend(v if isinstance(v, bytes) else v.encode() for v in values)
        elif array.dtype == INT64:
            feature.int64_list.value.extend(values)
        else:
            feature.float_list.value.extend(values)
    return bytes(example.SerializeToString())
