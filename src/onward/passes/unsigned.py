"""Carries quantised numbers as uint8 where the source has int8.

On x86, ONNX Runtime has integer kernels for unsigned activations alone. It makes some int8 ones unsigned by itself, but
none that several operators read, and leaves those operators in floating point. The reals are the same: all integers and
zero points are 128 higher. Weights stay as they are; inputs and outputs of the graph are converted at the border.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from onward import ir
from onward.ir import Node, Value
from onward.lowering.builder import Builder

INT8, UINT8 = np.dtype(np.int8), np.dtype(np.uint8)
_SHIFT = 128

# Operators that pass integers on as they are, and which inputs hold them (None: all).
MOVES: dict[str, tuple[int, ...] | None] = {
    "Concat": None, "DepthToSpace": (0,), "Expand": (0,), "Gather": (0,), "Identity": None, "MaxPool": (0,),
    "Pad": (0, 2), "Reshape": (0,), "Resize": (0,), "Slice": (0,), "SpaceToDepth": (0,), "Split": (0,),
    "Squeeze": (0,), "Tile": (0,), "Transpose": (0,), "Unsqueeze": (0,),
}  # fmt: skip


# What ONNX Runtime has integer kernels for; of those the ones whose second operand may be a signed constant.
COMPUTE = frozenset(
    "Add AveragePool Concat Conv Gemm GlobalAveragePool LeakyRelu MatMul Mul ReduceMean Sigmoid Softmax Where".split()
)
WEIGHTED = frozenset("Conv ConvTranspose Gemm MatMul".split())


def make_unsigned(op: Builder, graph: ir.Graph) -> None:
    """Makes every piece of the graph unsigned that begins at quantisation and ends at dequantisation.

    Where a piece reaches a border, an input say, the operators beside it get uint8 by quantising once more.
    """
    if not any(_is_quantizer(node) for node in graph.nodes):
        return
    nodes, ends = set(graph.nodes), {id(value) for value in graph.outputs}
    seen: set[int] = set()
    for node in list(graph.nodes):
        for value in node.outputs:
            if value.dtype == INT8 and id(value) not in seen:
                piece = _piece(value, nodes, ends, seen)
                if piece is not None:
                    _shift(op, piece)
    for node in list(graph.nodes):
        if _is_quantizer(node):
            _border(op, node)


def _border(op: Builder, node: Node) -> None:
    """What is dequantised from int8 is quantised anew for operators; what they make for int8 comes from uint8."""
    op.origin = node.origin
    source, users = node.inputs[0], list(node.output.users)
    assert source is not None
    if node.op == "QuantizeLinear":
        if source.producer is not None and source.producer.op in COMPUTE:
            node.set_input(0, _pair(op, source, node))
    elif source.is_const:
        if not any(user.op in WEIGHTED for user in users):
            node.set_input(0, _raised(op, source))
            node.set_input(2, _raised(op, node.inputs[2]))
    elif any(user.op in COMPUTE for user in users):
        again = _pair(op, node.output, node)
        for user in users:
            for i, taken in enumerate(user.inputs):
                if taken is node.output:
                    user.set_input(i, again)


def _is_quantizer(node: Node) -> bool:
    return node.op in ("QuantizeLinear", "DequantizeLinear") and not node.domain and _one_scale(node)


def _one_scale(node: Node) -> bool:
    """One scale and a zero point that say int8, both constant."""
    if len(node.inputs) < 3:
        return False
    scale, zero = node.inputs[1], node.inputs[2]
    return scale is not None and scale.rank == 0 and zero is not None and zero.is_const and zero.dtype == INT8


def _pair(op: Builder, real: Value, like: Node) -> Value:
    """Reals, quantised to uint8 with another node's scale and back."""
    scale, zero = like.inputs[1], _raised(op, like.inputs[2])
    return op.DequantizeLinear(op.QuantizeLinear(real, scale, zero), scale, zero)


def _raised(op: Builder, number: Value | None) -> Value:
    assert number is not None
    assert number.array is not None
    return op.constant((number.array.astype(np.int16) + _SHIFT).astype(UINT8), name=number.name)


def _piece(start: Value, nodes: set[Node], ends: set[int], seen: set[int]) -> list[Value] | None:
    """The int8 values that hang together by moves; None where anything else makes or reads one of them."""
    piece: list[Value] = []
    todo, whole = [start], True
    while todo:
        value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        piece.append(value)
        whole &= id(value) not in ends
        maker = value.producer
        if maker is None or maker not in nodes:
            whole = False
            continue
        whole &= _is_quantizer(maker) or maker.op in MOVES
        todo.extend(v for v in (*maker.outputs, *_data(maker)) if v.dtype == INT8 and not v.is_const)
        for user in value.users:
            whole &= user in nodes and (_is_quantizer(user) or user.op in MOVES)
            if user.op in MOVES:
                todo.extend(v for v in (*user.outputs, *_data(user)) if v.dtype == INT8 and not v.is_const)
    return piece if whole else None


def _data(node: Node) -> Iterable[Value]:
    if node.op not in MOVES or node.subgraphs:
        return []
    places = MOVES[node.op]
    return [v for i, v in enumerate(node.inputs) if v is not None and (places is None or i in places)]


def _shift(op: Builder, piece: list[Value]) -> None:
    changed: dict[Node, None] = {}
    for value in piece:
        value.dtype = UINT8
        assert value.producer is not None
        changed[value.producer] = None
        changed.update((user, None) for user in value.users)
    for node in changed:
        if node.op in ("QuantizeLinear", "DequantizeLinear"):
            node.set_input(2, _raised(op, node.inputs[2]))
            continue
        places = MOVES[node.op]
        for i, taken in enumerate(node.inputs):
            if taken is not None and taken.is_const and taken.dtype == INT8 and (places is None or i in places):
                node.set_input(i, _raised(op, taken))
        if node.op == "Pad" and (len(node.inputs) < 3 or node.inputs[2] is None):
            _fill(op, node)


def _fill(op: Builder, node: Node) -> None:
    """A Pad without a value pads with zeros."""
    while len(node.inputs) < 3:
        node.inputs.append(None)
    node.set_input(2, op.constant(np.array(_SHIFT, UINT8)))
