"""The pipeline on one screen."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onward import ir, passes
from onward.errors import InvalidArgumentError, VerificationError
from onward.graph import Graph
from onward.logs import listened
from onward.lowering import lower_graph
from onward.lowering.builder import Builder
from onward.options import DEFAULT_OPSET, Options, check_target
from onward.program import ONNXProgram
from onward.progress import Progress
from onward.sources import open_source
from onward.version import __version__
from onward.writing import check_writable

if TYPE_CHECKING:
    from onward.journal import Journal


def convert(
    source: Any,
    *,
    inputs: Any = None,
    outputs: Any = None,
    signature: str | None = None,
    opset: int = DEFAULT_OPSET,
    output: Any = None,
    verify: bool | str | os.PathLike[str] = "auto",
    external_data: bool | None = None,
    allow_unsafe: bool = False,
    custom_ops: Mapping[str, Any] | None = None,
    name: str | None = None,
    tag: str | None = None,
    rename: Mapping[str, str] | None = None,
    inputs_as: str | Mapping[str, str] | None = None,
    outputs_as: str | Mapping[str, str] | None = None,
    state: str = "stored",
    dequantize: bool = False,
    use_default: bool | str | Sequence[str] | None = None,
    ignore_default: bool | str | Sequence[str] | None = None,
    target: str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> ONNXProgram:
    """Converts a TensorFlow or Keras model to ONNX.

    Args:
        source: a SavedModel directory, a ``.keras`` or ``.h5`` file, a frozen ``.pb`` or ``.pbtxt``, a
            checkpoint (``.meta``), a live Keras model, a
            ``tf.function``, a concrete function, or a callable.
        inputs: what the source is called with: a spec (``onward.spec("batch", 224, 224, 3)``, ``tf.TensorSpec``,
            ``keras.KerasTensor``), the nested list, tuple or dict of specs, or specs by input name. What is left out
            comes from the source.
        outputs: names of the outputs to keep, in order.
        signature: which signature of a SavedModel.
        opset: the ONNX operator set to write for, 13 to 26.
        output: where to write the model; a file appears only when everything went well.
        verify: run source and result side by side and compare: True, False, "auto" for where TensorFlow and ONNX
            Runtime are installed, or the path of an ``.npz`` file with recorded inputs and outputs to compare with.
        external_data: keep the weights in a file beside the model; by default only above 2 GB.
        allow_unsafe: let a ``.keras`` or ``.h5`` file run the Python code it carries.
        custom_ops: by TensorFlow op name, a lowering of your own, or the ONNX domain to keep the op in (a text, or
            ``onward.keep(...)`` to say more).
        name: the ONNX graph's name.
        tag: which MetaGraph of a SavedModel.
        rename: new names for inputs and outputs, by the source's.
        inputs_as: "nchw": inputs of four axes have their channels first, where the source has them last; or
            ``{"image": "nchw"}`` for some, of any rank from three.
        outputs_as: the same for outputs.
        state: what becomes of variables that the source assigns to: "stored", every run begins with what they hold now;
            "carried", each is an input and, under its name with ``_next`` behind it, an output. See ``program.run``.
        dequantize: make a float model of a quantised TFLite one.
        use_default: placeholders of a frozen graph that take their default instead of being inputs that may be left
            out, by name; True for all.
        ignore_default: placeholders whose default does not count: inputs that must be given.
        target: "onnxruntime" allows operators of ONNX Runtime's own (``com.microsoft``) where they are faster there; by
            default a file is plain ONNX.
        checkpoint: a training checkpoint or weights file to load into the live model first.

    Returns:
        The program: ``.save(path)``, ``.model_proto``, ``.run(inputs)``, ``.report``.

    Raises:
        OnwardError: one of its children in ``onward.errors`` says what is wrong and what to do.
    """
    options = Options(
        inputs,
        outputs,
        signature,
        opset,
        output,
        verify,
        external_data,
        allow_unsafe,
        custom_ops,
        name,
        tag,
        rename=rename,
        inputs_as=inputs_as,
        outputs_as=outputs_as,
        state=state,
        dequantize=dequantize,
        use_default=use_default,
        ignore_default=ignore_default,
        target=target,
        checkpoint=checkpoint,
    )
    return run(source, options)


def run(source: Any, options: Options, progress: Progress | None = None, journal: Journal | None = None) -> ONNXProgram:
    """``convert`` with its options in one object, watched by `progress` and taken down in `journal`."""
    progress = progress or Progress()
    if journal is None and listened() is not None:
        from onward.journal import Journal

        journal = Journal()
    if options.state not in ("stored", "carried"):
        raise InvalidArgumentError(f"state is 'stored' or 'carried', not {options.state!r}")
    check_target(options.target)
    if options.output is not None:
        check_writable(Path(options.output))
    with _uncollected():
        with progress.stage("read"):
            graph = open_source(source, options)
        op = build(graph, options, progress, journal)
    model = ir.Model(op.graph, options.opset)
    model.domains = op.domains
    model.metadata = {"onward.version": __version__, "onward.source": graph.name}
    model.states = _states(op)
    if model.states:
        model.metadata["onward.state"] = json.dumps({state.input: state.output for state in model.states})
    program = ONNXProgram(model, graph)
    program.options, program.journal, program.source = options, journal, _named(source)
    program.notes.extend(graph.notes)
    program.notes.extend(_of_no_rank(model.graph))
    program.notes.extend(_on_state(op, model.states))
    _verify(program, options.verify, progress)
    if options.output is not None:
        with progress.stage("write"):
            program.path = program.save(options.output, external_data=options.external_data)
    program.seconds = progress.seconds
    log = listened()
    if log is not None:
        for note in program.notes:
            log.info("note: %s", note)
        log.info("%s", program.verification.summary() if program.verification is not None else "nothing was compared")
    return program


def _named(source: Any) -> str:
    """What was converted: a path, or the kind of object."""
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else type(source).__name__


def build(graph: Graph, options: Options, progress: Progress, journal: Journal | None = None) -> Builder:
    """The ONNX graph of a source that is read: lowered, and through the passes."""
    with progress.stage("lower"):
        op = lower_graph(graph, options.opset, options.custom_ops, carry=options.state == "carried", journal=journal)
    op.target = options.target or ""
    with progress.stage("simplify"):
        passes.run(op, op.graph, [*(output.name for output in graph.outputs), *op.carried])
    return op


def _of_no_rank(graph: ir.Graph) -> Iterator[str]:
    """What to know about inputs and outputs of which not even the rank is known."""
    for what, values in (("input", graph.inputs), ("output", graph.outputs)):
        for value in values:
            if value.shape is None:
                yield f"nothing tells the rank of the {what} '{value.name}', and onnx.checker wants one: give shapes"


def _states(op: Builder) -> list[ir.State]:
    """The variables that the last inputs and outputs carry."""
    count = len(op.carried)
    takes, gives = op.graph.inputs[len(op.graph.inputs) - count :], op.graph.outputs[len(op.graph.outputs) - count :]
    begin = op.carried.values()
    return [ir.State(a.name, b.name, value) for a, b, value in zip(takes, gives, begin, strict=True)]


def _on_state(op: Builder, states: Sequence[ir.State]) -> Iterator[str]:
    """What to know about variables that change."""
    for state in states:
        yield (
            f"the state '{state.input}' of a run is the '{state.output}' of the run before, "
            "at first what program.states and the .state.npz file beside the model hold"
        )
    if op.assigned and not states:
        names = ", ".join(op.assigned)
        yield (
            f"the source assigns to {names}: every run begins with the stored values and keeps none; "
            "state='carried' makes inputs and outputs of them"
        )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the cyclic garbage collector: a graph is all cycles and all alive, and walking it again and again costs a
    quarter of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _verify(program: ONNXProgram, wanted: Any, progress: Progress) -> None:
    """Compares the program with its source, or with recorded answers, and raises where it is not the same."""
    if wanted is False:
        return
    from onward.tools.reference import NoInputsError
    from onward.tools.verify import unavailable, verify

    golden = None if wanted in (True, "auto") else wanted
    reason = unavailable(program.graph, program.domains) if wanted == "auto" else ""
    if reason:
        program.notes.append(f"not verified: {reason}")
        return
    with progress.stage("verify"):
        try:
            program.verification = verify(program, golden=golden, progress=progress)
        except NoInputsError as error:
            if wanted != "auto":
                raise
            program.notes.append(f"not verified: {error}")
            return
    if not program.verification.passed:
        raise VerificationError(str(program.verification), program.report)
