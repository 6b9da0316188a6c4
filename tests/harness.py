"""How an op's case is declared, and what it means to pass.

A case is a row in ``tests/ops/<family>.py``::

    CASES = {
        "conv2d/strided": case(lambda x: tf.nn.conv2d(x, w(3, 3, 4, 8), 2, "VALID"), f32("b", "h", "w", 4)),
    }

It is traced with its named dimensions dynamic, converted, put through onnx.checker, run in ONNX Runtime at both sizes
of every dynamic dimension, and compared with TensorFlow: dtypes, shapes and values.
"""

from __future__ import annotations

import ctypes
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import tensorflow as tf

import onward

SIZES: dict[str, tuple[int, int]] = {
    "b": (2, 3), "t": (6, 9), "h": (10, 13), "w": (12, 9), "d": (6, 7), "n": (5, 8), "m": (4, 6), "k": (3, 5),
}  # fmt: skip
TOLERANCE = {"float16": 1e-2, "bfloat16": 4e-2, "float32": 1e-5, "float64": 1e-6}
WORDS = np.array(["apple", "Banana split", "", "zebra", "un known", "the quick, brown fox", "é", "12"], object)


@dataclass(frozen=True)
class Arg:
    """One input: dtype, dimensions (names are dynamic), and how values are drawn."""

    dtype: str
    dims: tuple[int | str, ...]
    low: float | None = None
    high: float | None = None
    values: Sequence[Any] | None = None

    def spec(self, name: str) -> tf.TensorSpec:
        return tf.TensorSpec([None if isinstance(d, str) else d for d in self.dims], self.dtype, name=name)

    def sample(self, rng: np.random.Generator, sizes: Mapping[str, int]) -> np.ndarray:
        shape = tuple(sizes[d] if isinstance(d, str) else d for d in self.dims)
        dtype = tf.as_dtype(self.dtype).as_numpy_dtype
        if self.values is not None:
            pool = np.array(self.values, object) if self.dtype == "string" else np.array(self.values)
            return np.asarray(rng.choice(pool, size=shape), object if self.dtype == "string" else dtype)
        if self.dtype == "string":
            return np.asarray(rng.choice(WORDS, size=shape), object)
        if self.dtype == "bool":
            return np.asarray(rng.uniform(size=shape) < 0.5)
        if np.issubdtype(dtype, np.integer):
            low, high = (
                (-5 if np.issubdtype(dtype, np.signedinteger) else 0) if self.low is None else self.low,
                self.high or 10,
            )
            return rng.integers(int(low), int(high), shape).astype(dtype)
        if self.low is not None or self.high is not None:
            real = rng.uniform(self.low if self.low is not None else -1, 1 if self.high is None else self.high, shape)
        else:
            real = rng.standard_normal(shape) * 1.3
        return real.astype(dtype)


def _arg(dtype: str) -> Callable[..., Arg]:
    def make(*dims: int | str, low: float | None = None, high: float | None = None, values: Any = None) -> Arg:
        return Arg(dtype, dims, low, high, values)

    return make


f16, f32, f64, bf16 = _arg("float16"), _arg("float32"), _arg("float64"), _arg("bfloat16")
i8, i16, i32, i64 = _arg("int8"), _arg("int16"), _arg("int32"), _arg("int64")
u8, u16, u32, u64 = _arg("uint8"), _arg("uint16"), _arg("uint32"), _arg("uint64")
boolean, string = _arg("bool"), _arg("string")


def w(*shape: int, seed: int = 0) -> tf.Tensor:
    """A constant weight."""
    return tf.constant(np.random.default_rng(seed).standard_normal(shape).astype("float32") * 0.5)


@dataclass(frozen=True)
class Case:
    """A function, its inputs, and what its conversion must satisfy.

    Attributes:
        builds: the function is called once to make the tested function (for variables and tables).
        sizes: overrides of SIZES.
        tolerance: absolute and relative, per output dtype's default.
        opset: target opset.
        target: the runtime to write for, if not for any.
        ops: ONNX op types that the graph must contain; a leading ``!`` forbids one.
        why: the reason for anything unusual.
    """

    function: Callable[..., Any]
    args: tuple[Arg, ...]
    builds: bool = False
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    tolerance: float | None = None
    opset: int = 21
    target: str | None = None
    ops: str = ""
    why: str = ""


def case(function: Callable[..., Any], *args: Arg, **options: Any) -> Case:
    return Case(function, args, **options)


def at_opsets(cases: Mapping[str, Case], *opsets: int) -> dict[str, Case]:
    """The same cases at other opsets."""
    return {f"{name}@{o}": replace(c, opset=o) for name, c in cases.items() for o in opsets}


def dtypes(function: Callable[..., Any], *args: Arg, over: str, **options: Any) -> dict[str, Case]:
    """One case a dtype: ``over`` names them, and every argument takes it."""
    return {d: case(function, *(replace(a, dtype=d) for a in args), **options) for d in over.split()}


def prefixed(name: str, cases: Mapping[str, Case]) -> dict[str, Case]:
    return {f"{name}/{key}": value for key, value in cases.items()}


def check(name: str, c: Case) -> None:
    """Converts, runs and compares a case; raises AssertionError with what differs."""
    built = c.function() if c.builds else c.function
    specs = [a.spec(f"x{i}") for i, a in enumerate(c.args)]
    function = tf.function(lambda *xs: tf.nest.flatten(built(*xs)), input_signature=specs)
    program = onward.convert(function, verify=False, opset=c.opset, target=c.target)
    model = program.model_proto
    onnx.checker.check_model(model, full_check=True)
    _check_ops(model, c.ops)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    dynamic = any(isinstance(d, str) for a in c.args for d in a.dims)
    for run in (0, 1) if dynamic else (0,):
        rng = np.random.default_rng(zlib.crc32(f"{name}/{run}".encode()))
        sizes = {k: v[run] for k, v in {**SIZES, **c.sizes}.items()}
        arrays = [np.asarray(a.sample(rng, sizes)) for a in c.args]
        expected = [t.numpy() for t in function(*(tf.constant(a, s.dtype) for a, s in zip(arrays, specs, strict=True)))]
        results = _run(session, {i.name: arrays[int(i.name[1:])] for i in session.get_inputs()})
        assert len(results) == len(expected)
        for i, (want, got) in enumerate(zip(expected, results, strict=True)):
            compare(f"{name}, run {run}, output {i}", np.asarray(want), np.asarray(got), c.tolerance)


def compare(what: str, want: np.ndarray, got: np.ndarray, tolerance: float | None = None) -> None:
    """Same shape, dtype and values; NaN equals NaN."""
    assert got.shape == want.shape, f"{what}: shape {got.shape}, expected {want.shape}"
    if want.dtype.kind in "OS":
        texts = [v.decode() if isinstance(v, bytes) else str(v) for v in want.ravel()]
        assert [str(v) for v in got.ravel()] == texts, f"{what}: strings differ"
        return
    assert got.dtype == want.dtype, f"{what}: dtype {got.dtype}, not {want.dtype}"
    if want.dtype.kind in "biu":
        np.testing.assert_array_equal(got, want, err_msg=what)
        return
    bound = tolerance if tolerance is not None else TOLERANCE[want.dtype.name]
    np.testing.assert_allclose(
        got.astype(np.float64), want.astype(np.float64), rtol=bound, atol=bound, err_msg=what, equal_nan=True
    )


def _run(session: onnxruntime.InferenceSession, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Runs a session; bfloat16, which numpy does not have, goes in and out as raw memory."""
    if not any("bfloat16" in a.type for a in [*session.get_inputs(), *session.get_outputs()]):
        return session.run(None, feeds)
    number, dtype = onnx.TensorProto.BFLOAT16, np.dtype(tf.bfloat16.as_numpy_dtype)
    value = onnxruntime.OrtValue
    values = {
        name: value.ortvalue_from_numpy_with_onnx_type(a, number) if a.dtype == dtype else value.ortvalue_from_numpy(a)
        for name, a in feeds.items()
    }
    results = []
    for result in session.run_with_ort_values(None, values):
        if result.element_type() != number:
            results.append(result.numpy())
            continue
        size = int(np.prod(result.shape())) * dtype.itemsize
        memory = ctypes.string_at(result.data_ptr(), size) if size else b""
        results.append(np.frombuffer(memory, dtype).reshape(result.shape()))
    return results


def _check_ops(model: onnx.ModelProto, wanted: str) -> None:
    present = {n.op_type for n in model.graph.node}
    for op in wanted.split():
        if op.startswith("!"):
            assert op[1:] not in present, f"{op[1:]} is in the graph: {sorted(present)}"
        else:
            assert op in present, f"{op} is not in the graph: {sorted(present)}"
