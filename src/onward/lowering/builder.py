"""The builder: ``op.Conv(x, w, strides=..)`` gives a value whose dtype and shape are known at once.

Operands are lifted to their sibling's dtype, keywords go where the target opset wants them, constants fold, the
elements of shapes are followed symbolically, and operators newer than the target opset are expanded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from onward.arrays import LazyArray, values_of
from onward.dims import Dim, Shape, Size
from onward.dtypes import BOOL, FLOAT32, INT32, INT64, ONNX_NUMBERS, STRING
from onward.errors import InvalidArgumentError
from onward.ir import Graph, Node, Origin, Value, is_static, sizes
from onward.lowering import widen
from onward.lowering.canonical import CANONICAL
from onward.lowering.expand import EXPANSIONS
from onward.lowering.fold import FOLD, STRUCTURAL, SYMBOLIC, VIEWS
from onward.lowering.infer import infer
from onward.lowering.measure import Sizes
from onward.lowering.schema import MAX_OPSET, MIN_OPSET, ML_DOMAIN, ML_OPSET, Signature, introduced, signature

if TYPE_CHECKING:
    from onward.journal import Journal

EAGER_BYTES = 1 << 16  # results up to this size fold at once, larger ones when they are written
GROWTH_BYTES = 1 << 12  # a fold may not make more than this, or twice what went in
_PYTHON_DTYPES: dict[str, np.dtype] = {"f": FLOAT32, "i": INT64, "b": BOOL}  # of numbers without a sibling


class Builder:
    """Emits ONNX operators into a graph.

    Attributes:
        opset: the target opset of the default domain.
        origin: what the next nodes are attributed to; the dispatcher sets it.
        domains: the other domains used so far, with their versions.
        assigned: the variables that the source assigns to, by name.
        target: the one runtime that the graph is for, "" for any.
        carried: what the last outputs begin with, which give the variables that the last inputs take, by output.
        journal: takes down what becomes of every node; None, as at first, where nobody wants to know.
    """

    def __init__(self, opset: int, graph: Graph) -> None:
        if not MIN_OPSET <= opset <= MAX_OPSET:
            raise InvalidArgumentError(f"opset {opset} is not supported: choose {MIN_OPSET} to {MAX_OPSET}")
        self.opset = opset
        self.graph = graph
        self.origin = Origin()
        self.domains: dict[str, int] = {}
        self.assigned: list[str] = []
        self.target = ""
        self.carried: dict[str, np.ndarray] = {}
        self.journal: Journal | None = None
        self._sizes = [Sizes(self)]
        self._small: dict[tuple, Value] = {}
        self._growth = GROWTH_BYTES

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if not name[:1].isupper():
            raise AttributeError(name)
        emit = partial(self.emit, name)
        self.__dict__[name] = emit
        return emit

    def has(self, op: str) -> bool:
        """Whether the target opset has the operator itself."""
        return signature(op, self.opset) is not None

    def emit(self, op: str, *args: Any, outputs: int = 1, domain: str = "", **kwargs: Any) -> Any:
        """Emits one operator.

        Args:
            op: the ONNX operator's name.
            args: inputs in order; values, numbers, arrays, sizes, lists of these, or None where omitted.
            outputs: how many outputs to make.
            domain: the operator's domain.
            kwargs: attributes or inputs by ONNX's names; None counts as absent.

        Returns:
            The value, or a tuple of them where ``outputs`` is more than 1.

        Raises:
            TypeError: an argument that the operator does not have.
            ValueError: dtypes or shapes that the operator does not admit.
            NotImplementedError: the target opset does not have the operator and nothing expands it.
        """
        formal = signature(op, self.opset, domain)
        if formal is None:
            expansion = EXPANSIONS.get(op) if not domain else None
            if expansion is None:
                first = introduced(op)
                raise NotImplementedError(
                    f"ONNX has no {op}" if first is None else f"needs opset {first} or higher, which have {op}"
                )
            return expansion(self, *args, **kwargs)
        slots, attrs = formal.bind(args, kwargs)
        inputs = self._lift(formal, slots)
        if not domain and op in CANONICAL:
            simpler = CANONICAL[op](self, inputs, attrs)
            if simpler is not None:
                return simpler
        return self.append(formal, inputs, attrs, outputs)

    def append(
        self, formal: Signature | str, inputs: list[Value | None], attrs: dict[str, Any], outputs: int = 1
    ) -> Any:
        """Emits an operator whose inputs are values already, without simplifying it first; constants still fold."""
        if isinstance(formal, str):
            found = signature(formal, self.opset)
            assert found is not None, formal
            formal = found
        if "to" in attrs and not isinstance(attrs["to"], int):
            attrs["to"] = ONNX_NUMBERS[np.dtype(attrs["to"])]
        wide = widen.widened(formal, inputs)
        if wide:
            return widen.emit(self, formal, inputs, attrs, outputs, wide)
        inferred = infer(formal, inputs, attrs, partial(_proto, formal, inputs, attrs, outputs), outputs)
        folded = self._fold(formal, inputs, attrs, inferred)
        if folded is not None:
            return folded[0] if outputs == 1 else tuple(folded)
        real = [None if v is None else self.real(v) for v in inputs]
        node = Node(formal.op, real, attrs, domain=formal.domain, origin=self.origin)
        if formal.domain:
            self._import(formal.domain)
        for i, (dtype, shape) in enumerate(inferred):
            value = Value(self, dtype, shape, producer=node, index=i)
            node.outputs.append(value)
            self._sizes[-1].note(value)
        self.graph.nodes.append(node)
        return node.outputs[0] if outputs == 1 else tuple(node.outputs)

    def node(
        self,
        op: str,
        inputs: Sequence[Value | None],
        attrs: dict[str, Any],
        outputs: Sequence[tuple[np.dtype, Shape | None]],
        domain: str = "",
    ) -> tuple[Value, ...]:
        """Emits an operator whose output types the caller states (If, Loop, Scan, custom operators)."""
        node = Node(op, [None if v is None else self.real(v) for v in inputs], attrs, domain=domain, origin=self.origin)
        if domain:
            self._import(domain)
        for i, (dtype, shape) in enumerate(outputs):
            value = Value(self, dtype, shape, producer=node, index=i)
            node.outputs.append(value)
            self._sizes[-1].note(value)
        self.graph.nodes.append(node)
        return tuple(node.outputs)

    def _import(self, domain: str) -> None:
        self.domains[domain] = ML_OPSET if domain == ML_DOMAIN else 1

    # --- values ---------------------------------------------------------------------------------------------------

    def input(self, name: str, dtype: np.dtype, shape: Shape | None) -> Value:
        """Adds an input to the current graph."""
        value = Value(self, dtype, shape, name=name)
        self.graph.inputs.append(value)
        self._sizes[-1].note(value)
        return value

    def constant(self, array: Any, dtype: np.dtype | None = None, name: str = "") -> Value:
        """A constant tensor; equal small ones are one value."""
        if not isinstance(array, (np.ndarray, LazyArray)):
            array = np.asarray(array, dtype)
        if dtype is not None and array.dtype != dtype:
            array = np.asarray(array).astype(dtype)
        if array.dtype.kind in "SU":
            array = (np.char.encode(array, "utf-8") if array.dtype.kind == "U" else array).astype(object)
        if array.size > (16 if name else 1024) or isinstance(array, LazyArray) or array.dtype == STRING:
            return Value(self, array.dtype, tuple(array.shape), const=array, name=name)
        key = (array.dtype, array.shape, array.tobytes())
        if key not in self._small:
            self._small[key] = Value(self, array.dtype, tuple(array.shape), const=array, name=name)
        return self._small[key]

    def shape(self, x: Value, dtype: np.dtype = INT64) -> Value:
        """The shape of ``x`` as a 1-D tensor; no node where the rank is known, until one is needed."""
        if x.shape is not None:
            return self.known(sizes(x.shape), dtype)
        return self.Cast(self.append("Shape", [x], {}), to=dtype)

    def known(self, elements: Any, dtype: np.dtype = INT64) -> Value:
        """An integer tensor from integers and sizes (scalar or nested sequence)."""
        array = elements if isinstance(elements, np.ndarray) and elements.dtype == object else _objects(elements)
        if all(not isinstance(e, Dim) for e in array.flat):
            return self.constant(array.astype(dtype))
        return Value(self, np.dtype(dtype), array.shape, known=array)

    def size(self, size: Size, dtype: np.dtype = INT64) -> Value:
        """A size as a scalar tensor."""
        return self.known(size, dtype)

    def sizes(self, parts: Sequence[Size | Value], dtype: np.dtype = INT64) -> Value:
        """A 1-D tensor from integers, sizes and scalar values."""
        if not any(isinstance(p, Value) and p.elements is None for p in parts):
            return self.known([p.elements.item() if isinstance(p, Value) else p for p in parts], dtype)  # type: ignore[union-attr]
        pieces = [
            self.Reshape(self.Cast(p, to=dtype), [1]) if isinstance(p, Value) else self.known([p], dtype) for p in parts
        ]
        return self.Concat(*pieces, axis=0)

    def real(self, value: Value) -> Value:
        """The value itself, or nodes that compute it where only its elements are known so far."""
        if value.known is None or value.producer is not None:
            return value
        for scope in reversed(self._sizes):
            if id(value) in scope.made:
                return scope.made[id(value)]
        return self._sizes[-1].tensor(value)

    def told(self, value: Value) -> np.ndarray | None:
        """The elements of a value, also of one that nodes compute from known sizes."""
        if value.elements is not None:
            return value.elements
        return next((s.told[value] for s in self._sizes if value in s.told), None)

    def find_size(self, size: Dim) -> tuple[Value, int] | None:
        """A value and axis that has this size, from the innermost scope outwards."""
        return next((s.sources[size] for s in self._sizes if size in s.sources), None)

    @contextmanager
    def scope(self, graph: Graph) -> Iterator[Graph]:
        """Emits into another graph (a branch or loop body) for a while."""
        outer, self.graph = self.graph, graph
        self._sizes.append(Sizes(self))
        try:
            yield graph
        finally:
            self.graph = outer
            self._sizes.pop()

    @contextmanager
    def folding(self, limit: int = 1 << 24) -> Iterator[None]:
        """Lets constants fold into results of up to ``limit`` bytes for a while: tables that a formula makes."""
        outer, self._growth = self._growth, limit
        try:
            yield
        finally:
            self._growth = outer

    # --- lifting --------------------------------------------------------------------------------------------------

    def lift(self, operand: Any, dtype: np.dtype | None = None) -> Value:
        """Any operand as a value: numbers and arrays become constants of ``dtype``, sizes known elements."""
        if isinstance(operand, Value):
            return operand
        if isinstance(operand, Dim):
            return self.known(operand, dtype or INT64)
        if isinstance(operand, (list, tuple)) and any(isinstance(p, (Dim, Value)) for p in operand):
            return self.sizes(operand, dtype or INT64)
        array = operand if isinstance(operand, (np.ndarray, LazyArray)) else np.asarray(operand)
        if dtype is None and not isinstance(operand, (np.ndarray, np.generic, LazyArray)):
            dtype = _PYTHON_DTYPES.get(array.dtype.kind)
        return self.constant(array, dtype)

    def _lift(self, formal: Signature, slots: list[Any]) -> list[Value | None]:
        if all(isinstance(slot, Value) and slot.dtype != INT32 for slot in slots):
            return slots
        parameters = [formal.formal(i) for i in range(len(slots))]
        bound: dict[str, np.dtype] = {}
        for parameter, slot in zip(parameters, slots, strict=True):
            if isinstance(slot, Value):
                bound.setdefault(parameter.type, slot.dtype)
        inputs: list[Value | None] = []
        for parameter, slot in zip(parameters, slots, strict=True):
            if slot is None:
                inputs.append(None)
                continue
            if isinstance(slot, Value) and (slot.dtype != INT32 or INT32 in parameter.dtypes):
                inputs.append(slot)
                continue
            dtype = bound.get(parameter.type)
            if dtype is None and len(parameter.dtypes) == 1:
                dtype = next(iter(parameter.dtypes))
            value = self.lift(slot, dtype)
            if value.dtype == INT32 and parameter.dtypes == frozenset({INT64}):
                value = self.Cast(value, to=INT64)
            bound.setdefault(parameter.type, value.dtype)
            inputs.append(value)
        return inputs

    # --- folding --------------------------------------------------------------------------------------------------

    def _fold(
        self, formal: Signature, inputs: list[Value | None], attrs: dict[str, Any], inferred: Sequence
    ) -> list[Value] | None:
        function = FOLD.get(formal.op) if not formal.domain else None
        if function is None or not inputs or (formal.op == "Cast" and STRING in (inputs[0].dtype, inferred[0][0])):  # type: ignore[union-attr]
            return None
        if all(v is None or v.const is not None for v in inputs):
            return self._fold_constants(formal.op, function, inputs, attrs, inferred)
        if formal.op not in SYMBOLIC or inferred[0][0].kind not in "iu":
            return None
        return self._fold_sizes(formal.op, function, inputs, attrs, inferred)

    def _fold_constants(
        self, op: str, function: Callable, inputs: list[Value | None], attrs: dict[str, Any], inferred: Sequence
    ) -> list[Value] | None:
        if not all(is_static(shape) for _, shape in inferred):
            return None
        taken = sum(v.const.nbytes for v in inputs if v is not None and v.const is not None)
        made = sum(math.prod(shape) * dtype.itemsize for dtype, shape in inferred)
        if made > max(self._growth, 2 * taken):
            return None

        def compute(arrays: list[Any]) -> list[np.ndarray]:
            with np.errstate(all="ignore"):
                result = function(arrays, attrs)
            results = result if isinstance(result, list) else [result]
            return [np.asarray(r, dtype) for r, (dtype, _) in zip(results, inferred, strict=True)]

        views = op in VIEWS and all(not isinstance(v.const, LazyArray) for v in inputs if v is not None)
        if views or taken + made <= EAGER_BYTES or len(inferred) > 1:
            arrays = compute([None if v is None else v.array for v in inputs])
            values = [self.constant(a) for a in arrays]
        else:
            (dtype, shape), sources = inferred[0], [None if v is None else v.const for v in inputs]
            lazy = LazyArray(shape, dtype, lambda: compute([None if s is None else values_of(s) for s in sources])[0])
            values = [self.constant(lazy)]
        if len(values) == 1 and values[0].const is not None and values[0].const.size > 16:
            values[0].name = next((v.name for v in inputs if v is not None and v.name), "")
        return values

    def _fold_sizes(
        self, op: str, function: Callable, inputs: list[Value | None], attrs: dict[str, Any], inferred: Sequence
    ) -> list[Value] | None:
        arrays: list[Any] = []
        for i, value in enumerate(inputs):
            structural = i in STRUCTURAL.get(op, ())
            elements = None if value is None else value.array if structural else value.elements
            if value is not None and (elements is None or elements.size > 64):
                return None
            arrays.append(elements)
        if sum(math.prod(shape) if is_static(shape) else 1 << 20 for _, shape in inferred) > 64:
            return None
        result = function(arrays, attrs)
        results = result if isinstance(result, list) else [result]
        return [self.known(_objects(r), dtype) for r, (dtype, _) in zip(results, inferred, strict=True)]


def _objects(elements: Any) -> np.ndarray:
    if isinstance(elements, np.ndarray):
        return elements.astype(object)
    if isinstance(elements, (Dim, int, np.integer)):
        array = np.empty((), object)
        array[()] = elements if isinstance(elements, Dim) else int(elements)
        return array
    return np.array([e if isinstance(e, Dim) else int(e) for e in elements], object)


def _proto(formal: Signature, inputs: Sequence[Value | None], attrs: dict[str, Any], outputs: int) -> Any:
    """The operator as a NodeProto with inputs ``i0, i1, ..`` and outputs ``o0, o1, ..``."""
    from onward.onnx_messages import message
    from onward.serialize import attribute_proto

    proto = message("NodeProto")(op_type=formal.op, domain=formal.domain)
    proto.input.extend("" if v is None else f"i{i}" for i, v in enumerate(inputs))
    proto.output.extend(f"o{i}" for i in range(outputs))
    proto.attribute.extend(attribute_proto(name, value) for name, value in attrs.items())
    return proto


__all__ = ["ML_DOMAIN", "Builder"]
