"""Removes the transposes that lowering put around channels-first operators.

Operators that do not care about layout form regions: connected pieces of the graph where the same permutation of the
axes could be applied throughout. For each region and each permutation that stands at its border, the pass counts the
transposes that would be left if the region ran on permuted data, and rewrites it if there are fewer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from onward import ir
from onward.ir import Node, Value
from onward.lowering.builder import Builder

Perm = tuple[int, ...]
Rewritten = tuple[list[Any], dict[str, Any]]
Handler = Callable[[Builder, Node, list[Any], Perm], "Rewritten | None"]


class Behaviour(NamedTuple):
    """How an operator takes a permutation: which inputs are permuted with it, and what else must change."""

    operands: tuple[int, ...] | None  # None: all of them
    rewrite: Handler | None = None
    fits: Callable[[Node, Perm], bool] | None = None


def cancel_transposes(op: Builder, graph: ir.Graph) -> None:
    """Runs the pass until no region gains, in subgraphs too."""
    for node in graph.nodes:
        for subgraph in node.subgraphs:
            with op.scope(subgraph):
                cancel_transposes(op, subgraph)
    for _ in range(8):
        graph.sort()
        if sum(_improve(op, region) for region in _regions(graph)) == 0:
            break


class _Region:
    def __init__(self, nodes: list[Node], rank: int, graph: ir.Graph, own: set[Node]) -> None:
        self.nodes = nodes
        self.rank = rank
        self.graph = graph
        self.own = own  # the graph's nodes, those of subgraphs not among them
        self.members = set(nodes)

    def data(self, node: Node) -> list[int]:
        return [i for i in _operands(node) if node.inputs[i] is not None]


def _regions(graph: ir.Graph) -> list[_Region]:
    """Connected components of layout-blind nodes, linked by values of the same rank."""
    if not any(n.op == "Transpose" for n in graph.nodes):
        return []
    root: dict[Node, Node] = {}
    ranks: dict[Node, int] = {}
    order = {node: i for i, node in enumerate(graph.nodes)}

    def find(node: Node) -> Node:
        while root[node] is not node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    for node in graph.nodes:
        rank = _rank(node)
        if rank is None:
            continue
        root[node], ranks[node] = node, rank
        for i in _operands(node):
            value = node.inputs[i]
            producer = value.producer if value is not None else None
            if (
                producer in root
                and value is not None
                and value.rank == rank
                and ranks[producer] == rank
                and not _absorbs(producer)
            ):
                root[find(producer)] = find(node)
    pieces: dict[Node, list[Node]] = {}
    for node in sorted(root, key=order.__getitem__):
        pieces.setdefault(find(node), []).append(node)
    own = set(graph.nodes)
    return [_Region(nodes, ranks[nodes[0]], graph, own) for nodes in pieces.values()]


def _rank(node: Node) -> int | None:
    """The rank of the data that a layout-blind node works on, None for any other node."""
    behaviour = BEHAVIOUR.get(node.op) if not node.domain else None
    if behaviour is None or node.subgraphs:
        return None
    ranks = [v.rank for i in _operands(node) if (v := node.inputs[i]) is not None]
    if not ranks or any(r is None for r in ranks):
        return None
    rank = max(r for r in ranks if r is not None)
    return rank if rank >= 3 else None


def _operands(node: Node) -> Iterable[int]:
    operands = BEHAVIOUR[node.op].operands
    return range(len(node.inputs)) if operands is None else [i for i in operands if i < len(node.inputs)]


def _absorbs(node: Node) -> bool:
    """Whether the node ends a region: a reduction that drops axes."""
    return node.op in REDUCTIONS and not node.attrs.get("keepdims", 1)


def _improve(op: Builder, region: _Region) -> bool:
    candidates: Counter[Perm] = Counter()
    for node in region.nodes:
        for i in region.data(node):
            value = node.inputs[i]
            if value is not None and (perm := _made_by(value)) and len(perm) == region.rank:
                candidates[_inverse(perm)] += 1
        for value in node.outputs:
            candidates.update(
                tuple(user.attrs["perm"])
                for user in value.users
                if user.op == "Transpose" and value.rank == region.rank
            )
    best: tuple[int, Perm] | None = None
    for perm, _ in candidates.most_common(4):
        gain = _gain(region, perm)
        if gain is not None and (best is None or gain > best[0]):
            best = (gain, perm)
    if best is None or best[0] < 0 or (best[0] == 0 and not _worth_a_draw(region, best[1])):
        return False
    _rewrite(op, region, best[1])
    return True


def _gain(region: _Region, perm: Perm) -> int | None:
    """The cost of transposes saved by running the region permuted, None where a node cannot be."""
    inverse = _inverse(perm)
    before: dict[int, int] = {}
    after: dict[int, int] = {}
    outputs = {id(v) for v in region.graph.outputs}
    for node in region.nodes:
        behaviour = BEHAVIOUR[node.op]
        if behaviour.fits is not None and not behaviour.fits(node, perm):
            return None
        for i in region.data(node):
            value = node.inputs[i]
            assert value is not None
            if (value.producer in region.members and not _absorbs(value.producer)) or value.is_const:  # type: ignore[arg-type]
                continue
            made_by = _made_by(value)
            if made_by == inverse:
                if all(u in region.members for u in value.users) and id(value) not in outputs:
                    before[id(value)] = _cost(value, perm, region.rank)
            elif made_by is None:
                after[id(value)] = _cost(value, perm, region.rank)
        for value in node.outputs:
            if _absorbs(node):
                continue
            foreign = id(value) in outputs
            for user in value.users:
                if user in region.members:
                    continue
                if user.op == "Transpose" and user in region.own:
                    if tuple(user.attrs["perm"]) == perm:
                        before[id(user)] = _cost(value, perm, region.rank)
                else:
                    foreign = True
            if foreign:
                after[id(value)] = _cost(value, perm, region.rank)
    return sum(before.values()) - sum(after.values())


def _worth_a_draw(region: _Region, perm: Perm) -> bool:
    """Whether to run the region permuted though that saves no transpose.

    Between the graph's inputs and a transpose it is better that the transpose comes first, so that padding and scaling
    can go on into the convolution; behind transposes only, that it comes last, so that factors and offsets can go
    back into the convolution.
    """
    outside = [
        v
        for node in region.nodes
        for i in region.data(node)
        if (v := node.inputs[i]) is not None and not v.is_const and v.producer not in region.members
    ]
    entries = {id(v) for v in region.graph.inputs}
    if all(_made_by(v) == _inverse(perm) and id(v.producer.inputs[0]) not in entries for v in outside):
        return True
    leaves = any(
        user.op == "Transpose" and tuple(user.attrs["perm"]) == perm
        for node in region.nodes
        for value in node.outputs
        for user in value.users
    )
    return leaves and all(id(v) in entries for v in outside)


def _cost(value: Value, perm: Perm, rank: int) -> int:
    """What a transpose costs: next to nothing where only axes of size 1 move, so that a reshape does it."""
    if value.shape is None or len(value.shape) > rank:
        return 16
    shape = (1,) * (rank - len(value.shape)) + tuple(value.shape)
    if len(value.shape) < rank and all(size == 1 for size in shape):
        return 0
    moved = [p for p in perm if shape[p] != 1]
    return 1 if moved == sorted(moved) else 16


def _rewrite(op: Builder, region: _Region, perm: Perm) -> None:
    inverse = _inverse(perm)
    permuted: dict[Value, Value] = {}
    for node in region.nodes:
        op.origin = node.origin
        inputs: list[Any] = list(node.inputs)
        for i in region.data(node):
            value = node.inputs[i]
            assert value is not None
            if value not in permuted:
                permuted[value] = _permute(op, value, perm, region.rank)
            inputs[i] = permuted[value]
        rewrite = BEHAVIOUR[node.op].rewrite
        attrs = dict(node.attrs)
        if rewrite is not None:
            result = rewrite(op, node, inputs, perm)
            assert result is not None
            inputs, attrs = result
        made = op.emit(node.op, *inputs, outputs=len(node.outputs), **attrs)
        for old, new in zip(node.outputs, made if isinstance(made, tuple) else (made,), strict=True):
            new.name = old.name
            if _absorbs(node):
                region.graph.replace(old, new)
            else:
                permuted[old] = new
    for node in region.nodes:
        if not _absorbs(node):
            for value in node.outputs:
                _leave(op, region, value, permuted[value], inverse)


def _leave(op: Builder, region: _Region, old: Value, new: Value, inverse: Perm) -> None:
    """Serves the users outside the region from the permuted value."""
    if new.producer is not None:
        op.origin = new.producer.origin
    for user in list(old.users):
        if user.op == "Transpose" and user in region.own and user not in region.members:
            direct = op.Transpose(new, perm=[inverse[p] for p in user.attrs["perm"]])
            region.graph.replace(user.output, direct)
            user.detach()
    if any(user not in region.members for user in old.users) or any(v is old for v in region.graph.outputs):
        back = op.Transpose(new, perm=list(inverse))
        region.graph.replace(old, back)


def _permute(op: Builder, value: Value, perm: Perm, rank: int) -> Value:
    assert value.rank is not None
    if value.rank == 0 or (value.shape is not None and all(d == 1 for d in value.shape) and value.rank < rank):
        return value
    if value.rank < rank:
        value = op.Unsqueeze(value, axes=list(range(rank - value.rank)))
    return op.Transpose(value, perm=list(perm))


def _made_by(value: Value) -> Perm | None:
    producer = value.producer
    return tuple(producer.attrs["perm"]) if producer is not None and producer.op == "Transpose" else None


def _inverse(perm: Perm) -> Perm:
    return tuple(sorted(range(len(perm)), key=perm.__getitem__))


# --- how operators behave ---------------------------------------------------------------------------------------------


def _axes_of(node: Node, position: int = 1) -> list[int] | None:
    """Constant axes of a node, as an attribute or an input; None where they are not known."""
    if "axes" in node.attrs:
        return list(node.attrs["axes"])
    if len(node.inputs) > position:
        value = node.inputs[position]
        return None if value is None or value.array is None else [int(a) for a in value.array]
    return None


def _axis(op: Builder, node: Node, inputs: list[Any], perm: Perm) -> Rewritten:
    default = {"Softmax": -1, "LogSoftmax": -1}.get(node.op, 0)
    return inputs, {**node.attrs, "axis": perm.index(node.attrs.get("axis", default) % len(perm))}


def _reduced(op: Builder, node: Node, inputs: list[Any], perm: Perm) -> Rewritten:
    axes = _axes_of(node) or list(range(len(perm)))
    attrs = {k: v for k, v in node.attrs.items() if k != "axes"}
    return inputs[:1], {**attrs, "axes": sorted(perm.index(a % len(perm)) for a in axes)}


def _reducible(node: Node, perm: Perm) -> bool:
    axes = _axes_of(node)
    if axes is None:
        return len(node.inputs) == 1 and "axes" not in node.attrs and bool(node.attrs.get("keepdims", 1))
    if node.attrs.get("keepdims", 1):
        return True
    kept = [p for p in perm if p not in {a % len(perm) for a in axes}]
    return kept == sorted(kept)


def _padded(op: Builder, node: Node, inputs: list[Any], perm: Perm) -> Rewritten:
    assert node.inputs[1] is not None
    assert node.inputs[1].array is not None
    pads = node.inputs[1].array
    order = [*perm, *(p + len(perm) for p in perm)]
    return [inputs[0], pads[order], *inputs[2:3]], node.attrs


def _sliced(op: Builder, node: Node, inputs: list[Any], perm: Perm) -> Rewritten:
    axes = _axes_of(node, 3) if len(node.inputs) > 3 else list(range(len(perm)))
    assert axes is not None
    moved = np.array([perm.index(a % len(perm)) for a in axes], np.int64)
    return [*inputs[:3], moved, *inputs[4:5]], node.attrs


def _scaled(op: Builder, node: Node, inputs: list[Any], perm: Perm) -> Rewritten:
    """One scale, or one for each place on an axis."""
    scale = node.inputs[1]
    if scale is None or scale.rank == 0:
        return inputs, node.attrs
    return inputs, {**node.attrs, "axis": perm.index(node.attrs.get("axis", 1) % len(perm))}


def _constant_at(*positions: int) -> Callable[[Node, Perm], bool]:
    def fits(node: Node, perm: Perm) -> bool:
        return all(p >= len(node.inputs) or (v := node.inputs[p]) is None or v.is_const for p in positions)

    return fits


def _pad_fits(node: Node, perm: Perm) -> bool:
    pads = node.inputs[1]
    return pads is not None and pads.is_const and pads.const is not None and pads.const.size == 2 * len(perm)


ELEMENTWISE = """Abs Add And BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast Ceil Celu Cos Div Elu Equal Erf Exp Floor
Gelu Greater GreaterOrEqual HardSigmoid HardSwish IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Min Mish Mod Mul Neg
Not Or PRelu Pow Reciprocal Relu Round Selu Sigmoid Sign Sin Softplus Softsign Sqrt Sub Sum Swish Tan Tanh
ThresholdedRelu Where Xor""".split()
REDUCTIONS = frozenset(
    """ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare""".split()
)
BEHAVIOUR: dict[str, Behaviour] = {
    **{name: Behaviour(None) for name in ELEMENTWISE},
    **{name: Behaviour((0,), _reduced, _reducible) for name in REDUCTIONS},
    "Clip": Behaviour((0,)),
    "Concat": Behaviour(None, _axis),
    "DequantizeLinear": Behaviour((0,), _scaled),
    "LogSoftmax": Behaviour((0,), _axis),
    "Pad": Behaviour((0,), _padded, _pad_fits),
    "QuantizeLinear": Behaviour((0,), _scaled),
    "Slice": Behaviour((0,), _sliced, _constant_at(3)),
    "Softmax": Behaviour((0,), _axis),
    "Split": Behaviour((0,), _axis),
}
