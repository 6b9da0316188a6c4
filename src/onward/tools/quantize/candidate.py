"""Quantised models, made from the float one with any choice of nodes left out.

ONNX Runtime's quantisers place the operators; what they leave to wish for is done before and after: which nodes they
get, whole tables and recurrent weights, zero points that say nothing, names that are longer than what they name.
"""

from __future__ import annotations

import copy
import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from onward.errors import MissingDependencyError
from onward.program import LIMIT
from onward.runtime import Session
from onward.tools.quantize import weights
from onward.tools.quantize.message import Message, weight_bytes
from onward.tools.quantize.plan import (
    BETWEEN,
    BLOCKS,
    CLIPPING,
    DYNAMIC,
    FLOAT_OUTPUT,
    INTEGERS,
    MOVEMENT,
    ROWS,
    WEIGHT_INPUTS,
    WEIGHTS,
    Flow,
    Plan,
    Unit,
)

if TYPE_CHECKING:
    import onnx

INT32 = 6  # TensorProto.INT32
MICROSOFT = "com.microsoft"


class Range(NamedTuple):
    """The least and the largest value that a tensor's integers stand for."""

    low: float
    high: float


@dataclass(frozen=True)
class Recipe:
    """How candidates are made.

    Attributes:
        model: the float model.
        plan: what can be quantised in it.
        ranges: of activations by name, for static quantisation.
        reduce_range: weights of 7 bits, for processors that add two products in 16.
        symmetric: activations are int8 around zero, as accelerators want them; uint8 with a zero point otherwise.
    """

    model: onnx.ModelProto
    plan: Plan
    ranges: Mapping[str, Range] = field(default_factory=dict)
    reduce_range: bool = False
    symmetric: bool = False

    def make(self, kept: Iterable[Unit] = ()) -> onnx.ModelProto:
        """The model with every unit quantised but those that are kept."""
        kept = list(kept)
        proto = copy.deepcopy(self.model)
        flow = self.plan.flow(Message(self.model), kept)
        dynamic = self.plan.names(DYNAMIC, kept=kept)
        if flow.nodes:
            proto = _static(proto, flow, self.ranges, self.reduce_range, self.symmetric)
        if dynamic:
            proto = _dynamic(proto, dynamic, self.reduce_range)
        stored = {unit.node: unit.treatment for unit in self.plan.units if unit.treatment in (WEIGHTS, ROWS, BLOCKS)}
        model = Message(proto)
        weights.store(model, {name: how for name, how in stored.items() if name not in {unit.node for unit in kept}})
        _tidy(model)
        proto = model.finish()
        proto.producer_name, proto.producer_version = self.model.producer_name, self.model.producer_version
        return proto


def observed(plan: Plan, model: Message) -> list[str]:
    """The tensors whose ranges static quantisation asks for."""
    nodes = set(plan.names(INTEGERS, BETWEEN))
    found: dict[str, None] = {}
    for node in model.proto.graph.node:
        if node.name in nodes or node.op_type in MOVEMENT | CLIPPING:
            found.update((name, None) for name in (*node.input, *node.output) if name and name not in model.constants)
    real = _reals(model.proto)
    return [name for name in found if name in real]


def loaded(proto: onnx.ModelProto) -> Session:
    """A model in ONNX Runtime, by way of a file where it exceeds one message."""
    import onnx

    if weight_bytes(proto) < LIMIT // 2:
        return Session(proto.SerializeToString())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(copy.deepcopy(proto), path, save_as_external_data=True, location="model.data")
        return Session(path)


def _static(
    proto: onnx.ModelProto, flow: Flow, ranges: Mapping[str, Range], reduce_range: bool, symmetric: bool
) -> onnx.ModelProto:
    """Q/DQ pairs around nodes, by ONNX Runtime's quantiser, from ranges that are known."""
    nodes = {*flow.nodes, *flow.through}
    # Weights first: the quantiser rounds them one channel at a time, and leaves alone what is there in integers.
    model = Message(proto)
    products = {node.name: WEIGHTS for node in proto.graph.node if node.name in nodes and node.op_type in WEIGHT_INPUTS}
    largest = weights.INT8 // 2 if reduce_range else weights.INT8
    weights.store(model, products, largest, _floors(model, set(products), ranges))
    proto = model.finish()
    with _quiet():
        from onnxruntime.quantization import QuantType
        from onnxruntime.quantization.calibrate import TensorData
        from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

        aliases = _aliases(proto, flow.tensors)
        ranges = {**ranges, **{alias: ranges[name] for name, alias in aliases.items() if name in ranges}}
        operators = {node.op_type for node in proto.graph.node if node.name in nodes}
        data = {
            name: TensorData(lowest=np.float32(low), highest=np.float32(high)) for name, (low, high) in ranges.items()
        }
        options = {
            "ActivationSymmetric": symmetric,
            "MatMulConstBOnly": True,
            "OpTypesToExcludeOutputQuantization": sorted(FLOAT_OUTPUT),
        }
        activations = QuantType.QInt8 if symmetric else QuantType.QUInt8
        quantizer = QDQQuantizer(
            proto, True, reduce_range, QuantType.QInt8, activations, data, sorted(nodes), [],
            sorted(operators), options,
        )  # fmt: skip
        quantizer.quantize_model()
        quantizer.model.topological_sort()
    _bypass(quantizer.model.model, nodes, flow.tensors, {alias: name for name, alias in aliases.items()})
    return quantizer.model.model


def _floors(model: Message, nodes: set[str], ranges: Mapping[str, Range]) -> dict[str, np.ndarray]:
    """How coarse weights must be for the bias to fit into 32 bits: its step is the input's times theirs."""
    found = {}
    for node in model.proto.graph.node:
        biased = len(node.input) > 2 and node.input[2] in model.constants
        if node.name in nodes and biased and node.input[0] in ranges:
            low, high = ranges[node.input[0]]
            step = max((max(high, 0.0) - min(low, 0.0)) / 255, 1e-30)
            found[node.name] = np.abs(model.array(node.input[2]).reshape(-1)) / (step * (2**31 - 1) * 0.99)
    return found


def _aliases(proto: onnx.ModelProto, integers: set[str]) -> dict[str, str]:
    """Other names for outputs that float nodes make, under which nodes take them.

    The quantiser would round the output itself if any node that takes it computes in integers.
    """
    import onnx

    outputs = [value.name for value in proto.graph.output if value.name not in integers]
    aliases = {name: f"{name}/taken" for name in outputs}
    for node in proto.graph.node:
        node.input[:] = [aliases.get(name, name) for name in node.input]
    proto.graph.node.extend(onnx.helper.make_node("Identity", [name], [alias]) for name, alias in aliases.items())
    return aliases


def _bypass(proto: onnx.ModelProto, nodes: set[str], integers: set[str], names: Mapping[str, str]) -> None:
    """Lets float nodes take what float nodes make, though others take it rounded.

    The quantiser gives every taker the rounded tensor, so that a Transformer's residuals are rounded along with
    what its products take. What an integer kernel makes is in integers, and stays so for all.

    Args:
        nodes: those that compute in integers.
        integers: the tensors that they make.
        names: outputs by their aliases.
    """
    makers = {name: node for node in proto.graph.node for name in node.output}
    exact = {}
    for node in proto.graph.node:
        maker = makers.get(node.input[0]) if node.op_type == "DequantizeLinear" else None
        if maker is None or maker.op_type != "QuantizeLinear":
            continue
        if integers.isdisjoint([maker.input[0], node.output[0]]):
            exact[node.output[0]] = maker.input[0]
    for node in proto.graph.node:
        if node.name not in nodes and node.op_type != "QuantizeLinear":
            node.input[:] = [exact.get(name, name) for name in node.input]
        if node.op_type != "Identity":
            node.input[:] = [names.get(name, name) for name in node.input]


def _dynamic(proto: onnx.ModelProto, nodes: list[str], reduce_range: bool) -> onnx.ModelProto:
    """Integer products of activations that are quantised as they come, by ONNX Runtime's quantiser."""
    import onnx

    with _quiet(), tempfile.TemporaryDirectory() as folder:
        from onnxruntime.quantization import QuantType, quantize_dynamic

        path = Path(folder) / "model.onnx"
        operators = sorted({node.op_type for node in proto.graph.node if node.name in set(nodes)})
        quantize_dynamic(
            proto, path, operators, per_channel=True, reduce_range=reduce_range, weight_type=QuantType.QInt8,
            nodes_to_quantize=nodes, use_external_data_format=weight_bytes(proto) > LIMIT // 2,
        )  # fmt: skip
        return onnx.load(path)


def check_runtime() -> None:
    """Finds out before any work whether there is a runtime to quantise with.

    Raises:
        MissingDependencyError: there is none.
    """
    try:
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError("quantising needs ONNX Runtime: pip install 'onward[runtime]'") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the quantisers' advice to their own users (to prepare the model, as was done) from standard error."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _tidy(model: Message) -> None:
    """Drops what takes space and says nothing: zero points of zero, inferred types, long names of inserted nodes."""
    for node in model.proto.graph.node:
        if node.op_type != "DequantizeLinear" or len(node.input) < 3 or node.input[0] not in model.constants:
            continue
        takers = {taker.op_type for taker in model.takers.get(node.output[0], ())}
        # Products of matrices become integer kernels only if the zero point of their weights is stated.
        silent = model.constants[node.input[0]].data_type == INT32 or not takers & FLOAT_OUTPUT
        if silent and not model.array(node.input[2]).any():
            del node.input[2:]
    _rename(model)
    for node in model.proto.graph.node:
        if node.op_type in ("DequantizeLinear", "QuantizeLinear"):
            node.ClearField("name")
    del model.proto.graph.value_info[:]


_SHORTER = {
    "_QuantizeLinear_Input": "/r",
    "_QuantizeLinear_Output": "/q",
    "_DequantizeLinear_Output": "/d",
    "_quantized": "/q",
    "_scale": "/s",
    "_zero_point": "/z",
}


def _rename(model: Message) -> None:
    """Gives the quantiser's tensors names that are short; a quarter of a small model's bytes are such names."""
    graph = model.proto.graph
    names = {tensor.name for tensor in graph.initializer} | set(model.makers) | {value.name for value in graph.input}
    names |= model.inner
    renamed: dict[str, str] = {}
    for name in sorted(names - model.inner - model.outputs - {value.name for value in graph.input}):
        stem, short = name, ""
        while ending := next((e for e in _SHORTER if stem.endswith(e)), ""):
            stem, short = stem[: -len(ending)], _SHORTER[ending] + short
        short = stem + short
        if short != name and short not in names:
            names.add(short)
            renamed[name] = short
    for tensor in graph.initializer:
        tensor.name = renamed.get(tensor.name, tensor.name)
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    model.constants = {tensor.name: tensor for tensor in graph.initializer}


def _reals(proto: onnx.ModelProto) -> set[str]:
    """The names of float32 tensors, as ONNX's shape inference knows them."""
    import onnx

    shell = type(proto)()
    shell.CopyFrom(proto)
    for tensor in shell.graph.initializer:
        if len(tensor.raw_data) > 1024:  # inference wants the values of shapes only
            tensor.ClearField("raw_data")
    known = onnx.shape_inference.infer_shapes(shell).graph
    values: Any = (*known.value_info, *known.input, *known.output)
    return {value.name for value in values if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}
