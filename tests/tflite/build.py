"""Builds TFLite files of one operator, and says what it means for a conversion of one to be right.

A case is a row in a table of this folder::

    "add/relu": case("ADD", [f32(2, 3), f32(3)], [f32()], fused_activation_function=RELU),

It is written as a file, converted, run in ONNX Runtime with and without its optimisations, and compared with TFLite's
interpreter. For quantised tensors the interpreter's own kernels differ by steps, so all sets of them are asked, and an
answer may be one step outside of what they say.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

import onward
from tests.harness import TOLERANCE

NONE, RELU, RELU_N1_TO_1, RELU6, TANH = range(5)
SAME, VALID = 0, 1
KERNELS = tf.lite.experimental.OpResolverType
SETS = (KERNELS.AUTO, KERNELS.BUILTIN_REF, KERNELS.BUILTIN_WITHOUT_DEFAULT_DELEGATES)

# Operators whose options are not called after them.
_OPTIONS = {
    "AVERAGE_POOL_2D": "Pool2D", "MAX_POOL_2D": "Pool2D", "L2_POOL_2D": "Pool2D", "CONV_2D": "Conv2D",
    "CONV_3D": "Conv3D", "CONV_3D_TRANSPOSE": "Conv3D", "DEPTHWISE_CONV_2D": "DepthwiseConv2D", "MEAN": "Reducer",
    "SUM": "Reducer", "REDUCE_MAX": "Reducer", "REDUCE_MIN": "Reducer", "REDUCE_PROD": "Reducer",
    "REDUCE_ANY": "Reducer", "REDUCE_ALL": "Reducer", "MAXIMUM": "MaximumMinimum", "MINIMUM": "MaximumMinimum",
    "L2_NORMALIZATION": "L2Norm", "TOPK_V2": "TopKV2", "RFFT2D": "Rfft2d", "BATCH_MATMUL": "BatchMatMul",
    "SPACE_TO_BATCH_ND": "SpaceToBatchND", "BATCH_TO_SPACE_ND": "BatchToSpaceND", "PADV2": "PadV2",
    "RANDOM_UNIFORM": "Random", "RANDOM_STANDARD_NORMAL": "Random", "MULTINOMIAL": "Random", "LSTM": "LSTM",
    "SVDF": "SVDF", "RNN": "RNN", "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "SequenceRNN", "BIDIRECTIONAL_SEQUENCE_RNN": "BidirectionalSequenceRNN",
    "BIDIRECTIONAL_SEQUENCE_LSTM": "BidirectionalSequenceLSTM", "LSH_PROJECTION": "LSHProjection",
}  # fmt: skip


@dataclass(frozen=True)
class T:
    """A tensor: an input, or with ``value`` a constant (of integers where it is quantised), or an output."""

    dtype: str
    shape: tuple[int | None, ...] = ()
    value: Any = None
    scale: Any = None
    zero: Any = 0
    axis: int = 0
    low: float | None = None
    high: float | None = None
    is_variable: bool = False
    sparsity: Any = None

    def sample(self, rng: np.random.Generator, batch: int) -> np.ndarray:
        shape = tuple(batch if d is None else d for d in self.shape)
        if self.dtype == "bool":
            return rng.uniform(size=shape) < 0.5
        dtype = np.dtype(self.dtype)
        if dtype.kind == "c":
            return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)
        if dtype.kind == "f":
            low, high = -3.0 if self.low is None else self.low, 3.0 if self.high is None else self.high
            return rng.uniform(low, high, shape).astype(dtype)
        limits = np.iinfo(dtype)
        whole = (limits.min, limits.max) if self.scale is not None and dtype.itemsize < 4 else (-9, 9)
        low = max(limits.min, whole[0] if self.low is None else int(self.low))
        return rng.integers(low, (whole[1] if self.high is None else int(self.high)) + 1, shape).astype(dtype)


def _of(dtype: str) -> Callable[..., T]:
    def make(*shape: int | None, **more: Any) -> T:
        return T(dtype, shape, **more)

    return make


f32, f16, i32, i64, boolean, c64 = (_of(d) for d in ("float32", "float16", "int32", "int64", "bool", "complex64"))


def i8(*shape: int | None, scale: Any = 0.05, zero: Any = 3, **more: Any) -> T:
    return T("int8", shape, scale=scale, zero=zero, **more)


def u8(*shape: int | None, scale: Any = 0.04, zero: Any = 120, **more: Any) -> T:
    return T("uint8", shape, scale=scale, zero=zero, **more)


def i16(*shape: int | None, scale: Any = 0.0002, zero: Any = 0, **more: Any) -> T:
    return T("int16", shape, scale=scale, zero=zero, **more)


def const(value: Any, dtype: str = "int32", **more: Any) -> T:
    """A constant."""
    array = np.asarray(value, dtype)
    return T(dtype, array.shape, value=array, **more)


def weights(*shape: int, dtype: str = "float32", seed: int = 0, scale: Any = None, **more: Any) -> T:
    """A drawn constant; quantised ones fill the range."""
    rng = np.random.default_rng(seed)
    if dtype == "float32":
        return const(rng.standard_normal(shape) * 0.5, dtype)
    if dtype in ("int32", "int64"):
        return const(rng.integers(-2000, 2000, shape), dtype, scale=scale, **more)
    limits = np.iinfo(dtype)
    low = max(limits.min, -127) if limits.min else 0
    return const(rng.integers(low, limits.max + 1, shape), dtype, scale=scale, **more)


def sparse(array: np.ndarray, block: tuple[int, int] | None = None, **more: Any) -> T:
    """A constant of rank 2 of which only rows' elements, or blocks, that are not zero are stored."""
    rows, columns = array.shape
    height, width = block or (1, 1)
    blocks = array.reshape(rows // height, height, columns // width, width).transpose(0, 2, 1, 3)
    there = blocks.any((2, 3))
    made = schema.SparsityParametersT()
    made.traversalOrder = [0, 1] if block is None else [0, 1, 2, 3]
    made.blockMap = None if block is None else [0, 1]
    outer, inner = schema.DimensionMetadataT(), schema.DimensionMetadataT()
    outer.format, outer.denseSize = schema.DimensionType.DENSE, len(there)
    inner.format = schema.DimensionType.SPARSE_CSR
    inner.arraySegmentsType = inner.arrayIndicesType = schema.SparseIndexVector.Int32Vector
    inner.arraySegments, inner.arrayIndices = schema.Int32VectorT(), schema.Int32VectorT()
    inner.arraySegments.values = [0, *np.cumsum(there.sum(1)).tolist()]
    inner.arrayIndices.values = np.nonzero(there)[1].tolist()
    made.dimMetadata = [outer, inner]
    for size in block or ():
        dense = schema.DimensionMetadataT()
        dense.format, dense.denseSize = schema.DimensionType.DENSE, size
        made.dimMetadata.append(dense)
    return T(array.dtype.name, array.shape, value=blocks[there], sparsity=made, **more)


def _packed(t: T) -> Any:
    """What is stored of a constant; two 4-bit integers make a byte, the first its lower half."""
    if t.dtype != "int4":
        return t.value
    flat = np.append(np.ravel(t.value), [0] * (np.size(t.value) % 2)).astype(np.uint8) & 15
    return flat[::2] | flat[1::2] << 4


@dataclass(frozen=True)
class Case:
    """One operator, its tensors (None for an input left out) and options.

    Attributes:
        steps: how many steps of a quantised output the answer may be outside of the kernels' own.
        sets: which kernels are asked; some crash or refuse.
        results: how many of the outputs are the graph's; the others are scratch.
        ops: ONNX operators that must be there, or with ``!`` must not.
    """

    op: str
    inputs: Sequence[T | None]
    outputs: Sequence[T]
    options: Mapping[str, Any]
    custom: bytes | None = None
    version: int = 1
    steps: int = 1
    tolerance: float | None = None
    opset: int = 21
    sets: tuple[Any, ...] = SETS
    dequantize: bool = False
    ops: str = ""
    intermediates: Sequence[T] = field(default_factory=tuple)
    results: int | None = None


_FIELDS = frozenset(
    "custom version steps tolerance opset sets dequantize ops intermediates results".split()
)  # of a Case; anything else is an option of the operator


def case(op: str, inputs: Sequence[T | None], outputs: Sequence[T], **options: Any) -> Case:
    """A case; what is no attribute of it is an option of the operator."""
    about = {name: options.pop(name) for name in list(options) if name in _FIELDS}
    return Case(op, inputs, outputs, options, **about)


class Model:
    """A TFLite file in the making."""

    def __init__(self) -> None:
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.operatorCodes = []
        self.model.subgraphs = []
        self.model.buffers = [schema.BufferT()]

    def subgraph(self, name: str = "main") -> Any:
        made = schema.SubGraphT()
        made.name = name
        made.tensors, made.operators, made.inputs, made.outputs = [], [], [], []
        self.model.subgraphs.append(made)
        return made

    def tensor(self, subgraph: Any, t: T, name: str) -> int:
        made = schema.TensorT()
        made.name = name
        made.shape = [1 if d is None else d for d in t.shape]
        if None in t.shape:
            made.shapeSignature = [-1 if d is None else d for d in t.shape]
        made.hasRank = True
        made.isVariable = t.is_variable
        made.type = getattr(schema.TensorType, t.dtype.upper())
        if t.scale is not None:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = np.atleast_1d(np.float32(t.scale))
            zero = np.broadcast_to(np.int64(t.zero), made.quantization.scale.shape)
            made.quantization.zeroPoint = np.array(zero)
            made.quantization.quantizedDimension = t.axis
        made.buffer, made.sparsity = 0, t.sparsity
        if t.value is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(_content(_packed(t)), np.uint8)
            made.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        subgraph.tensors.append(made)
        return len(subgraph.tensors) - 1

    def operator(
        self, subgraph: Any, op: str, inputs: Sequence[int], outputs: Sequence[int], options: Mapping[str, Any],
        version: int = 1, custom: bytes | None = None, intermediates: Sequence[int] = (),
    ) -> None:  # fmt: skip
        code = schema.OperatorCodeT()
        number = getattr(schema.BuiltinOperator, op) if custom is None else schema.BuiltinOperator.CUSTOM
        code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)
        code.customCode = None if custom is None else op
        code.version = version
        self.model.operatorCodes.append(code)
        made = schema.OperatorT()
        made.opcodeIndex = len(self.model.operatorCodes) - 1
        made.inputs, made.outputs = list(inputs), list(outputs)
        made.intermediates = list(intermediates) or None
        if custom is not None:
            made.customOptions = np.frombuffer(custom, np.uint8)
        else:
            kind = _OPTIONS.get(op) or "".join(part.capitalize() for part in op.split("_"))
            if hasattr(schema, f"{kind}OptionsT"):
                made.builtinOptions = getattr(schema, f"{kind}OptionsT")()
                where = "" if hasattr(schema.BuiltinOptions, f"{kind}Options") else "2"
                number = getattr(getattr(schema, f"BuiltinOptions{where}"), f"{kind}Options")
                if where:
                    made.builtinOptions2, made.builtinOptions = made.builtinOptions, None
                setattr(made, f"builtinOptions{where}Type", number)
                for name, value in options.items():
                    first, *rest = name.split("_")
                    attribute = first + "".join(part.capitalize() for part in rest)
                    target = made.builtinOptions or made.builtinOptions2
                    assert hasattr(target, attribute), f"{kind}Options has no {attribute}"
                    setattr(target, attribute, value)
            else:
                assert not options, f"{op} has no options"
        subgraph.operators.append(made)

    def signature(self, key: str, subgraph: int, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> None:
        """Names a subgraph, and its inputs and outputs."""
        made = schema.SignatureDefT()
        made.signatureKey, made.subgraphIndex = key, subgraph
        made.inputs, made.outputs = _named(inputs), _named(outputs)
        self.model.signatureDefs = [*(self.model.signatureDefs or []), made]

    def save(self, path: Path) -> Path:
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        path.write_bytes(builder.Output())
        return path


def _named(indices: Mapping[str, int]) -> list[Any]:
    entries = []
    for name, index in indices.items():
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name, index
        entries.append(entry)
    return entries


def _content(value: np.ndarray) -> bytes:
    """The bytes of a constant; strings are a count, the places where each begins, and where the last ends."""
    if value.dtype != object:
        return np.ascontiguousarray(value).tobytes()
    strings = [str(s).encode() for s in value.ravel()]
    ends = np.cumsum([4 * (len(strings) + 2), *(len(s) for s in strings)])
    return np.array([len(strings), *ends], "<i4").tobytes() + b"".join(strings)


def write(c: Case, path: Path) -> Path:
    """A file of the one operator."""
    model = Model()
    graph = model.subgraph()
    inputs = [-1 if t is None else model.tensor(graph, t, f"x{i}") for i, t in enumerate(c.inputs)]
    outputs = [model.tensor(graph, t, f"y{i}") for i, t in enumerate(c.outputs)]
    inner = [model.tensor(graph, t, f"z{i}") for i, t in enumerate(c.intermediates)]
    model.operator(graph, c.op, inputs, outputs, c.options, c.version, c.custom, inner)
    graph.inputs = [
        i for i, t in zip(inputs, c.inputs, strict=True) if t is not None and t.value is None and not t.is_variable
    ]
    graph.outputs = outputs[: c.results]
    return model.save(path)


def check(name: str, c: Case, folder: Path) -> None:
    """Converts, runs and compares a case."""
    path = write(c, folder / "case.tflite")
    feeds = [t for t in c.inputs if t is not None and t.value is None and not t.is_variable]
    names = [f"x{i}" for i, t in enumerate(c.inputs) if t is not None and t.value is None and not t.is_variable]
    dynamic = any(None in t.shape for t in feeds)
    program = onward.convert(path, verify=False, opset=c.opset, dequantize=c.dequantize)
    onnx.checker.check_model(program.model_proto, full_check=True)
    present = {node.op_type for node in program.model_proto.graph.node}
    for op in c.ops.split():
        assert (op.removeprefix("!") in present) != op.startswith("!"), f"{op}: {sorted(present)}"
    sessions = [_session(program, level) for level in ("ORT_ENABLE_ALL", "ORT_DISABLE_ALL")]
    for run in range(2 if dynamic else 1):
        rng = np.random.default_rng(zlib.crc32(f"{name}/{run}".encode()))
        arrays = {n: t.sample(rng, 2 + run) for n, t in zip(names, feeds, strict=True)}
        answers = _answers(path, arrays, c.sets)
        for session in sessions:
            given = {i.name: arrays[i.name] for i in session.get_inputs()}
            if c.dequantize:
                given = {n: reals(given[n], t) for n, t in zip(names, feeds, strict=True) if n in given}
            for i, (got, t) in enumerate(zip(session.run(None, given), c.outputs[: c.results], strict=True)):
                wanted = [reals(a[i], t) if c.dequantize else a[i] for a in answers]
                within(f"{name}, run {run}, output {i}", got, wanted, t, c)


def _answers(path: Path, arrays: Mapping[str, np.ndarray], sets: Sequence[Any]) -> list[list[np.ndarray]]:
    """What each set of kernels says; one that lacks the operator or its version says nothing."""
    found, refusals = [], []
    for kernels in sets:
        try:
            found.append(interpret(path, arrays, kernels))
        except (ValueError, RuntimeError) as error:
            refusals.append(str(error))
    assert found, refusals
    return found


def interpret(path: Path, arrays: Mapping[str, np.ndarray], kernels: Any) -> list[np.ndarray]:
    """What the interpreter answers with a set of kernels."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*tf.lite.Interpreter is deprecated")
        interpreter = tf.lite.Interpreter(str(path), experimental_op_resolver_type=kernels)
    indices = {d["name"]: d["index"] for d in interpreter.get_input_details()}
    for name, array in arrays.items():
        interpreter.resize_tensor_input(indices[name], array.shape)
    interpreter.allocate_tensors()
    for name, array in arrays.items():
        interpreter.set_tensor(indices[name], array)
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def reals(array: np.ndarray, t: T) -> np.ndarray:
    """What integers stand for; other tensors as they are."""
    if t.scale is None:
        return array
    return ((array.astype(np.float64) - t.zero) * np.float64(t.scale)).astype(np.float32)


def within(what: str, got: np.ndarray, wanted: Sequence[np.ndarray], t: T, c: Case) -> None:
    """Shape and dtype are exact; values lie between what the kernels say, give or take the tolerance or steps."""
    assert got.shape == wanted[0].shape, f"{what}: shape {got.shape}, expected {wanted[0].shape}"
    assert got.dtype == wanted[0].dtype, f"{what}: {got.dtype}, expected {wanted[0].dtype}"
    if got.dtype.kind == "O":
        assert [str(v) for v in got.ravel()] == [v.decode() for v in wanted[0].ravel()], what
        return
    wide = [w.astype(np.float64) for w in wanted]
    low, high = np.minimum.reduce(wide), np.maximum.reduce(wide)
    have = got.astype(np.float64)
    slack: Any = 0.0
    if c.dequantize and t.scale is not None:
        slack = (c.steps + 0.5) * np.max(t.scale)
        limits = np.iinfo(t.dtype)  # what floats do not know
        have = np.clip(have, (limits.min - t.zero) * t.scale, (limits.max - t.zero) * t.scale)
    elif t.scale is not None:
        slack = c.steps
    elif got.dtype.kind == "f":
        bound = TOLERANCE[got.dtype.name] if c.tolerance is None else c.tolerance
        slack = bound * (1 + np.abs(high))
    same = (have == wide[0]) | (np.isnan(have) & np.isnan(wide[0]))
    wrong = ~(same | ((have >= low - slack) & (have <= high + slack)))
    at = tuple(np.argwhere(wrong)[0]) if wrong.any() else ()
    assert not wrong.any(), f"{what}: {wrong.sum()} of {wrong.size} wrong, {got[at]} not {[w[at] for w in wanted]}"


def _session(program: onward.ONNXProgram, level: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    model = program.model_proto.SerializeToString()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
