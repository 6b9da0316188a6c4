"""Lowerings fit TensorFlow's op definitions, and each is exercised by a case."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator

import pytest
import tensorflow as tf

from onward.formats.opdefs import REQUIRED, OpDef, opdef
from onward.lowering.registry import LOWERINGS, Lowering
from onward.ops import load_all
from tests.harness import Case
from tests.test_ops import CASES
from tests.test_random import DRAWS, SEEDED

# Ops that no traced function holds, and where they are tested instead.
ELSEWHERE: dict[str, str] = {
    **dict.fromkeys(
        ("CudnnRNN", "CudnnRNNV2", "CudnnRNNV3", "CudnnRNNCanonicalToParams", "CudnnRNNCanonicalToParamsV2"),
        "TensorFlow runs it on a GPU only: tests/test_rnn_cudnn.py",
    ),
    "BatchNormWithGlobalNormalization": "TensorFlow removed it: tests/test_removed_ops.py",
    "TopK": "TensorFlow makes it no more; it shares its lowering with V2, which has cases",
    "QuantizeAndDequantize": "TensorFlow makes it no more; it shares its lowering's formula with V2, which has cases",
    "RngSkip": "TensorFlow makes RngReadAndSkip in its place, which has cases",
    "StatefulRandomBinomial": "its numbers match in distribution: tests/test_random.py",
    "StatelessRandomGammaV2": "its numbers match in distribution: tests/test_random.py",
    "HashTableV2": "a captured table has no node of its own: tests/ops/lookup.py, tests/sources",
    **{
        f"TensorArray{what}{version}": "of TensorFlow 1's graphs: tests/test_control_v1.py, tests/test_removed_ops.py"
        for what in ("", "Close", "Concat", "Gather", "Read", "Scatter", "Size", "Split", "Write")
        for version in ("", "V2", "V3")
    },
    "TensorArrayPack": "of TensorFlow 1's graphs: tests/test_removed_ops.py",
    "TensorArrayUnpack": "of TensorFlow 1's graphs: tests/test_removed_ops.py",
    "VarHandleOp": "a captured variable has no node of its own: tests/sources",
}

load_all()
SERVED = [
    (name, lowering)
    for name, versions in sorted(LOWERINGS.items())
    if not name.startswith("tfl.")  # TFLite's own, which TensorFlow does not define: tests/test_tflite_ops.py
    for lowering in versions
]


@pytest.mark.parametrize(("name", "lowering"), SERVED, ids=[f"{n}-{k.since}" for n, k in SERVED])
def test_a_lowering_fits_its_op(name: str, lowering: Lowering) -> None:
    definition = opdef(name)
    _check_attributes(name, definition, lowering)
    _check_inputs(definition, lowering)


def _check_attributes(name: str, definition: OpDef, lowering: Lowering) -> None:
    """What it asks for exists: in this op, or, where it has a default, in another that the function serves."""
    family = [opdef(n) for n, known in SERVED if known.function is lowering.function]
    for parameter in lowering.attributes:
        if parameter.name in definition.attrs:
            continue
        assert parameter.default is not parameter.empty, f"{name} has no attribute {parameter.name!r}"
        assert any(parameter.name in other.attrs for other in family), f"no op has an attribute {parameter.name!r}"


def _check_inputs(definition: OpDef, lowering: Lowering) -> None:
    """As many tensors as the op has inputs, lists where it has lists."""
    parameters = list(lowering.tensors)
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
        parameters = [p for p in parameters if p.kind is not inspect.Parameter.VAR_POSITIONAL]
        assert len(parameters) <= len(definition.inputs)
    else:
        required = [p for p in parameters if p.default is p.empty]
        assert len(required) <= len(definition.inputs) <= len(parameters)
    for parameter, arg in zip(parameters, definition.inputs, strict=False):
        annotation = str(parameter.annotation)
        if parameter.annotation is parameter.empty or "Any" in annotation:
            continue
        takes_list = "list[" in annotation or "Sequence[" in annotation
        assert takes_list == bool(arg.number_attr or arg.type_list_attr), f"{parameter.name}: {annotation}"


def test_required_attributes_are_asked_without_a_default() -> None:
    """A default in the signature of an attribute that TensorFlow requires would never be used."""
    for name, lowering in SERVED:
        definition = opdef(name)
        for parameter in lowering.attributes:
            given = definition.attrs.get(parameter.name)
            shared = sum(known.function is lowering.function for _, known in SERVED) > 1
            if given is not None and given.default is REQUIRED and not shared:
                assert parameter.default is parameter.empty, f"{name}: {parameter.name}"


def test_every_lowering_has_a_case() -> None:
    """One op at least of those that a function serves: the others are its older and newer names."""
    exercised: set[str] = set()
    for case in CASES.values():
        if case.opset == Case.opset:
            exercised.update(_case_ops(case))
    for draw, *_ in (*DRAWS.values(), *SEEDED.values()):
        exercised.update(_ops(lambda x, draw=draw: draw(tf.shape(x)), [tf.TensorSpec([None])]))
    families: dict[Callable, list[str]] = {}
    for name, lowering in SERVED:
        families.setdefault(lowering.function, []).append(name)
    exercised |= set(ELSEWHERE)
    without = [names[0] for names in families.values() if not exercised.intersection(names)]
    assert not without, f"{len(without)} ops have no case under tests/ops: {', '.join(without)}"


def _case_ops(case: Case) -> Iterator[str]:
    built = case.function() if case.builds else case.function
    return _ops(built, [arg.spec(f"x{i}") for i, arg in enumerate(case.args)])


def _ops(traced: Callable, specs: list[tf.TensorSpec]) -> Iterator[str]:
    """The types of all ops in a function's graph, those in inner functions included."""
    function = tf.function(lambda *xs: tf.nest.flatten(traced(*xs), expand_composites=True), input_signature=specs)
    graph = function.get_concrete_function().graph.as_graph_def()
    yield from (node.op for node in graph.node)
    for inner in graph.library.function:
        yield from (node.op for node in inner.node_def)
