"""From a TensorFlow ``Graph`` to an ONNX ``Model``, one op at a time."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from onward import ir
from onward.dims import Dim, Shape, symbol, unknown
from onward.dtypes import ONNX_NUMBERS, is_complex, label
from onward.errors import LoweringError, MissingOp, OnwardError, UnsupportedOpsError
from onward.graph import FunctionRef, Graph, Node
from onward.ir import Origin, Value
from onward.lowering import carrying, composite, registry
from onward.lowering.builder import Builder
from onward.lowering.layout import channels_first, channels_last
from onward.lowering.refused import REFUSED
from onward.lowering.registry import Lowering, Static, Unsupported

if TYPE_CHECKING:
    from onward.journal import Journal

__all__ = ["Context", "Static", "Unsupported", "lower_graph"]

# Ops whose value is known from the source itself; the context places it, no lowering is called.
_SOURCES = frozenset({"Placeholder", "PlaceholderWithDefault", "PlaceholderV2", "_Arg"})


def lower_graph(
    graph: Graph,
    opset: int,
    custom_ops: Mapping[str, Any] | None = None,
    *,
    carry: bool = False,
    journal: Journal | None = None,
) -> Builder:
    """Lowers a graph; the builder returned holds the ONNX graph, unordered and unnamed yet.

    Args:
        carry: make inputs and outputs of the variables that it changes; else a run begins with what they hold now.
        journal: takes down what becomes of every node, where it is given.

    Raises:
        UnsupportedOpsError: ops without a lowering, or used in a way that has none; all of them are named.
        LoweringError: a lowering contradicts what TensorFlow recorded.
    """
    own: dict[str, Any] = {}
    if custom_ops:
        from onward.lowering.custom import keep

        own = {name: keep(value) if isinstance(value, str) else value for name, value in custom_ops.items()}
    carried: list[Node] = []
    while True:
        context = Context(graph, opset, own)
        context.op.journal = journal
        context.scan()
        context.run(carried)
        if not carry or not carrying.more(context, carried):
            break
    context.op.assigned = list(context.assigned)
    return context.op


@dataclass
class Context:
    """One conversion: the graph being read, the builder, and the values of the tensors so far."""

    graph: Graph
    opset: int
    custom_ops: dict[str, Callable] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.op = Builder(self.opset, ir.Graph(self.graph.name))
        self.values: dict[Node, tuple[Any, ...] | None] = {}
        self.state: dict[Node, Value] = {}  # what variables hold that changed, by their node
        self.assigned: dict[str, None] = {}  # their names, in order
        self._nodes = self.graph.nodes()
        self._failures: dict[str, list[tuple[Node, str]]] = {}
        self._lowerings: dict[str, Lowering | None] = {}

    def scan(self) -> None:
        """Raises UnsupportedOpsError for every op without a lowering, functions of control flow included."""
        total, seen, pending = 0, set(), [self._nodes]
        while pending:
            for node in pending.pop():
                total += 1
                for ref in _functions(node):
                    if repr(ref) not in seen:
                        seen.add(repr(ref))
                        pending.append(self.graph.function(ref).nodes())
                if node.op not in _SOURCES and self._lowering(node.op) is None and node.op not in registry.COMPLEX:
                    self._fail(node, self._why_missing(node.op))
        self._raise_failures(total)

    def run(self, carried: Sequence[Node] = ()) -> None:
        """Lowers the whole graph into the builder's; some variables come in as inputs and go out as outputs."""
        names: set[str] = set()
        for source in self.graph.inputs:
            if source.dtype not in ONNX_NUMBERS or is_complex(source.dtype):
                raise LoweringError(f"ONNX has no inputs of dtype {label(source.dtype)}", source.name, "Placeholder")
            shape = _named(source.name, source.shape, names)
            value = self.op.input(source.name, source.dtype, shape)
            if source.default is not None:
                moved = source.channels_first and source.default.ndim > 1
                self.op.graph.defaults[value] = np.moveaxis(source.default, -1, 1) if moved else source.default
            self.values[source.tensor.node] = (channels_last(self.op, value, "C") if source.channels_first else value,)
        carrying.take(self, carried)
        self.lower_nodes(self._nodes)
        self._raise_failures(len(self._nodes))
        self.op.origin = Origin()
        for output in self.graph.outputs:
            value = self.value(output.tensor)
            if isinstance(value, composite.Complex):
                raise LoweringError(
                    "ONNX Runtime has no complex outputs: return the real and the imaginary part", output.name, "output"
                )
            if not isinstance(value, Value):
                raise LoweringError(f"a {type(value).__name__} cannot be an output", output.name, "output")
            if output.moves(value.rank):
                value = channels_first(self.op, value, "C")
            self.op.graph.outputs.append(self.op.real(value))
        carrying.give(self, carried)

    def inside(self, function: Graph) -> Context:
        """A context for a function's body: its own values, everything else shared."""
        inner = copy.copy(self)
        inner.graph, inner.values = function, {}
        return inner

    def lower_nodes(self, nodes: list[Node]) -> None:
        """Lowers nodes in order, collecting what cannot be expressed."""
        lower = self._lower if self.op.journal is None else self._lower_noted
        for node in nodes:
            if node not in self.values:
                self.values[node] = lower(node)

    def value(self, tensor: Any) -> Any:
        """The lowered value of a TensorFlow tensor."""
        values = self.values[tensor.node]
        assert values is not None
        return values[tensor.index]

    def _lower_noted(self, node: Node) -> tuple[Any, ...] | None:
        """``_lower``, taken down in the journal."""
        assert self.op.journal is not None
        nodes, start = len(self.op.graph.nodes), time.perf_counter()
        values = self._lower(node)
        self.op.journal.lower(node, self.op.graph.nodes[nodes:], values, time.perf_counter() - start)
        return values

    def _lower(self, node: Node) -> tuple[Any, ...] | None:
        inputs = []
        for tensor in node.inputs:
            values = self.values.get(tensor.node)
            if values is None:
                return None  # follows a failure that is reported already
            if tensor.index >= len(values):
                raise LoweringError(f"reads {tensor.name}, an output that is not there", node.name, node.op)
            inputs.append(values[tensor.index])
        lowering = self._lowering(node.op)
        self.op.origin = Origin(node.name, node.op, node.name.rpartition("/")[0])
        try:
            if composite.holds_complex(inputs):
                result = composite.call(lowering, self.op, node, inputs, self)
            elif lowering is None:
                raise Unsupported("serves complex numbers only")
            else:
                result = lowering.call(self.op, node, inputs, self)
            values = tuple(result) if isinstance(result, (tuple, list)) else (result,)
            values = tuple(composite.paired(self.op, value) for value in values)
        except (Unsupported, NotImplementedError) as error:
            self._fail(node, str(error))
            return None
        except OnwardError:
            raise
        except (ValueError, TypeError, AssertionError, AttributeError, LookupError, ArithmeticError) as error:
            raise LoweringError(str(error) or type(error).__name__, node.name, node.op) from error
        for i, value in enumerate(values):
            if isinstance(value, Value):
                self._check(node, i, value)
            elif isinstance(value, composite.Complex):
                self._check_complex(node, i, value)
        return values

    def _check(self, node: Node, index: int, value: Value) -> None:
        """Compares with what TensorFlow recorded, and takes over the sizes that only it knows."""
        dtype = registry.declared_dtype(node, index)
        if dtype is not None and dtype in ONNX_NUMBERS and dtype != value.dtype:
            raise LoweringError(
                f"output {index} is {label(value.dtype)}, TensorFlow has {label(dtype)}", node.name, node.op
            )
        recorded = node.shapes[index] if node.shapes is not None and index < len(node.shapes) else None
        if recorded is not None:
            value.shape = self._merge(node, value.shape, recorded)
        if not value.name and value.producer is not None:
            value.name = node.name if index == 0 else f"{node.name}:{index}"

    def _check_complex(self, node: Node, index: int, value: composite.Complex) -> None:
        dtype = registry.declared_dtype(node, index)
        if dtype is not None and dtype != value.dtype:
            raise LoweringError(
                f"output {index} is {label(value.dtype)}, TensorFlow has {label(dtype)}", node.name, node.op
            )
        recorded = node.shapes[index] if node.shapes is not None and index < len(node.shapes) else None
        if recorded is not None:
            for part in (value.real, value.imag):
                part.shape = self._merge(node, part.shape, recorded)

    def _merge(self, node: Node, shape: Shape | None, recorded: tuple[int | None, ...]) -> Shape:
        if shape is None:
            return tuple(unknown() if d is None else d for d in recorded)
        fits = len(shape) == len(recorded) and all(
            d is None or isinstance(s, Dim) or s == d for s, d in zip(shape, recorded, strict=True)
        )
        if not fits:
            reason = f"the shape {list(shape)} contradicts TensorFlow's {list(recorded)}"
            raise LoweringError(reason, node.name, node.op)
        return tuple(s if d is None else d for s, d in zip(shape, recorded, strict=True))

    # --- lowerings and failures -----------------------------------------------------------------------------------

    def _lowering(self, op: str) -> Lowering | None:
        if op not in self._lowerings:
            from onward.ops import load

            load(op)
            self._lowerings[op] = registry.find(op, self.opset, self.custom_ops)
        return self._lowerings[op]

    def _why_missing(self, op: str) -> str:
        opset = registry.needed_opset(op)
        return f"needs opset {opset} or higher" if opset is not None else REFUSED.get(op, "no lowering")

    def _fail(self, node: Node, reason: str) -> None:
        self._failures.setdefault(node.op, []).append((node, reason))

    def _raise_failures(self, total: int) -> None:
        if not self._failures:
            return
        missing = [
            MissingOp(op, len(found), found[0][0].name, found[0][0].name.rpartition("/")[0], found[0][1])
            for op, found in sorted(self._failures.items())
        ]
        raise UnsupportedOpsError(self.graph.name, missing, total)


def _functions(node: Node) -> list[Any]:
    refs: list[Any] = []
    for value in node.attrs.values():
        items = value if isinstance(value, list) else [value]
        refs.extend(v for v in items if isinstance(v, FunctionRef))
    return refs


def _named(name: str, shape: Any, taken: set[str]) -> Shape | None:
    """Symbols for an input's dynamic sizes; one without a name of its own is called after the input."""
    if shape is None:
        return None
    result: list[Any] = []
    for axis, size in enumerate(shape):
        if size is None:
            size = "batch" if axis == 0 and "batch" not in taken else f"{name}_dim{axis}"
        if isinstance(size, str):
            taken.add(size)
            size = symbol(size)
        result.append(size)
    return tuple(result)
