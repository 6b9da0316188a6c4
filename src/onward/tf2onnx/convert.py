"""tf2onnx's functions: the same parameters and return values, converted by Onward.

Each returns ``(model_proto, external_tensor_storage)``, the latter None unless `large_model` is true. They have in
common:

    opset: the ONNX operator set; Onward's default if not given.
    custom_ops: ``{"Op": "domain"}`` for ops to keep in a custom domain; also all that ``onward.convert`` takes.
    custom_op_handlers, custom_rewriter: must be empty; they work on tf2onnx's own graphs. Write a lowering instead.
    inputs_as_nchw, outputs_as_nchw: names of inputs and outputs whose channels come first in the model.
    extra_opset: further opset imports: ``onnx.helper.make_opsetid("com.microsoft", 1)`` or pairs.
    shape_override: shapes by input name, -1 or None for what is dynamic.
    target, optimizers: without effect.
    large_model: keep weights apart; with `output_path` all goes into one zip archive.
    output_path: where to write the model.
    verify: as in :func:`onward.convert`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onward.errors import InvalidArgumentError
from onward.graph import Graph
from onward.options import DEFAULT_OPSET, Options
from onward.pipeline import run
from onward.program import ONNXProgram
from onward.sources.tflite import tensor_names
from onward.specs import Spec
from onward.writing import check_writable

if TYPE_CHECKING:
    import onnx

    from onward.tf2onnx.storage import ExternalTensorStorage

Converted = tuple["onnx.ModelProto", "ExternalTensorStorage | None"]


def from_keras(
    model: Any,
    input_signature: Any = None,
    opset: int | None = None,
    custom_ops: Mapping[str, Any] | None = None,
    custom_op_handlers: Mapping[str, Any] | None = None,
    custom_rewriter: Sequence[Any] | None = None,
    inputs_as_nchw: Sequence[str] | None = None,
    outputs_as_nchw: Sequence[str] | None = None,
    extra_opset: Sequence[Any] | None = None,
    shape_override: Mapping[str, Sequence[int | None]] | None = None,
    target: Any = None,
    large_model: bool = False,
    output_path: str | os.PathLike[str] | None = None,
    optimizers: Any = None,
    *,
    verify: Any = "auto",
) -> Converted:
    """The ONNX model of a Keras model, of Keras 3 on TensorFlow or of tf_keras.

    Args:
        model: the model.
        input_signature: specs of its inputs (``tf.TensorSpec``, arrays), in a list, a tuple or alone.

    The rest is described above.
    """
    _refuse(custom_op_handlers, custom_rewriter)
    options = _options(opset, custom_ops, extra_opset, inputs_as_nchw, outputs_as_nchw, verify)
    given = _signature(input_signature) if input_signature is not None else _by_label(shape_override)
    return _converted(model, {**options, "inputs": given}, extra_opset, large_model, output_path)


def from_function(
    function: Any,
    input_signature: Any = None,
    opset: int | None = None,
    custom_ops: Mapping[str, Any] | None = None,
    custom_op_handlers: Mapping[str, Any] | None = None,
    custom_rewriter: Sequence[Any] | None = None,
    inputs_as_nchw: Sequence[str] | None = None,
    outputs_as_nchw: Sequence[str] | None = None,
    extra_opset: Sequence[Any] | None = None,
    shape_override: Mapping[str, Sequence[int | None]] | None = None,
    target: Any = None,
    large_model: bool = False,
    output_path: str | os.PathLike[str] | None = None,
    *,
    verify: Any = "auto",
) -> Converted:
    """The ONNX model of a ``tf.function``.

    Args:
        function: the function.
        input_signature: the specs to trace it with, one for each argument.

    The rest is described above.

    Raises:
        ValueError: no `input_signature` is given.
    """
    if input_signature is None and not hasattr(function, "structured_outputs"):
        raise InvalidArgumentError("from_function needs an input_signature")
    if hasattr(function, "get_concrete_function"):
        function = function.get_concrete_function(*input_signature)
    _refuse(custom_op_handlers, custom_rewriter)
    options = _options(opset, custom_ops, extra_opset, inputs_as_nchw, outputs_as_nchw, verify)
    options |= {"inputs": _by_label(shape_override), "rename": lambda graph: _tensor_names(function, graph)}
    return _converted(function, options, extra_opset, large_model, output_path)


def from_concrete_functions(functions: Any, input_signature: Any = None, **options: Any) -> Converted:
    """The ONNX model of a concrete function, alone or in a list; `options` are those of :func:`from_function`.

    Raises:
        ValueError: there are several functions: an ONNX model is one.
    """
    found = list(functions) if isinstance(functions, (list, tuple)) else [functions]
    if len(found) != 1:
        raise InvalidArgumentError(f"an ONNX model is one function, and {len(found)} are given: convert each")
    return from_function(found[0], input_signature, **options)


def from_graph_def(
    graph_def: Any,
    name: str | None = None,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    opset: int | None = None,
    custom_ops: Mapping[str, Any] | None = None,
    custom_op_handlers: Mapping[str, Any] | None = None,
    custom_rewriter: Sequence[Any] | None = None,
    inputs_as_nchw: Sequence[str] | None = None,
    outputs_as_nchw: Sequence[str] | None = None,
    extra_opset: Sequence[Any] | None = None,
    shape_override: Mapping[str, Sequence[int | None]] | None = None,
    target: Any = None,
    large_model: bool = False,
    tensors_to_rename: Mapping[str, str] | None = None,
    output_path: str | os.PathLike[str] | None = None,
    *,
    verify: Any = "auto",
) -> Converted:
    """The ONNX model of a frozen GraphDef.

    Args:
        graph_def: the message, or the path of its file.
        name: the name of the ONNX graph.
        input_names: names of tensors that are the inputs, such as ``x:0``.
        output_names: names of tensors that are the outputs.
        tensors_to_rename: new names for some of them.

    The rest is described above.

    Raises:
        ValueError: names are missing.
    """
    if not input_names or not output_names:
        raise InvalidArgumentError("from_graph_def needs input_names and output_names")
    _refuse(custom_op_handlers, custom_rewriter)
    options = _options(opset, custom_ops, extra_opset, inputs_as_nchw, outputs_as_nchw, verify)
    shapes = _shapes(shape_override) or {}
    options |= {
        "name": name,
        "inputs": {tensor: shapes.get(tensor, Spec(None)) for tensor in input_names},
        "outputs": list(output_names),
        "rename": {tensor: tensor for tensor in (*input_names, *output_names)} | dict(tensors_to_rename or {}),
    }
    return _converted(graph_def, options, extra_opset, large_model, output_path)


def from_tflite(
    tflite_path: str | os.PathLike[str],
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    opset: int | None = None,
    custom_ops: Mapping[str, Any] | None = None,
    custom_op_handlers: Mapping[str, Any] | None = None,
    custom_rewriter: Sequence[Any] | None = None,
    inputs_as_nchw: Sequence[str] | None = None,
    outputs_as_nchw: Sequence[str] | None = None,
    extra_opset: Sequence[Any] | None = None,
    shape_override: Mapping[str, Sequence[int | None]] | None = None,
    target: Any = None,
    large_model: bool = False,
    output_path: str | os.PathLike[str] | None = None,
    *,
    verify: Any = "auto",
) -> Converted:
    """The ONNX model of a TFLite file.

    Args:
        tflite_path: the file.
        input_names: names of the tensors that are inputs, in the order to have them.
        output_names: names of the tensors to keep as outputs.

    The rest is described above.
    """
    if not tflite_path:
        raise InvalidArgumentError("from_tflite needs a path")
    _refuse(custom_op_handlers, custom_rewriter)
    options = _options(opset, custom_ops, extra_opset, inputs_as_nchw, outputs_as_nchw, verify)
    tensors = tensor_names(tflite_path)
    names = {tensor: name for name, tensor in tensors.items()}
    shapes = _shapes(shape_override) or {}
    options |= {
        "inputs": {names.get(tensor, tensor): spec for tensor, spec in shapes.items()} or _known(input_names, names),
        "outputs": _known(output_names, names),
        "rename": lambda graph: {
            port.name: tensors[port.name] for port in (*graph.inputs, *graph.outputs) if port.name in tensors
        },
        "inputs_as": _by_name(options["inputs_as"], names),
        "outputs_as": _by_name(options["outputs_as"], names),
    }
    return _converted(Path(tflite_path), options, extra_opset, large_model, output_path)


# --- what they have in common ----------------------------------------------------------------------------------------


def _options(
    opset: int | None,
    custom_ops: Mapping[str, Any] | None,
    extra_opset: Sequence[Any] | None,
    inputs_as_nchw: Sequence[str] | None,
    outputs_as_nchw: Sequence[str] | None,
    verify: Any,
) -> dict[str, Any]:
    return {
        "opset": opset or DEFAULT_OPSET,
        "custom_ops": _kept(custom_ops or {}, dict(map(_opset_pair, extra_opset or ()))),
        "inputs_as": dict.fromkeys(inputs_as_nchw, "nchw") if inputs_as_nchw else None,
        "outputs_as": dict.fromkeys(outputs_as_nchw, "nchw") if outputs_as_nchw else None,
        "verify": verify,
    }


def _converted(
    source: Any,
    options: Mapping[str, Any],
    extra_opset: Sequence[Any] | None,
    large_model: bool,
    output_path: str | os.PathLike[str] | None,
) -> Converted:
    program = _program(source, Options(**options), output_path)
    return finish(program, dict(map(_opset_pair, extra_opset or ())), large_model, output_path)


def _program(source: Any, options: Options, output_path: str | os.PathLike[str] | None) -> ONNXProgram:
    if output_path is not None:
        check_writable(Path(output_path))
    return run(source, options)


def finish(
    program: ONNXProgram, domains: Mapping[str, int], large_model: bool, output_path: str | os.PathLike[str] | None
) -> Converted:
    """What tf2onnx returns for a converted program, written if there is a path."""
    for domain, version in domains.items():
        program.domains.setdefault(domain, version)
    if large_model:
        from onward.tf2onnx.storage import split, write_zip

        proto, storage = split(program)
        if output_path is not None:
            write_zip(output_path, proto, storage)
        return proto, storage
    if output_path is not None:
        program.save(output_path, external_data=False)
    return program.model_proto, None


def _kept(custom_ops: Mapping[str, Any], versions: Mapping[str, int]) -> dict[str, Any]:
    """Domains with the versions that `extra_opset` says."""
    from onward.lowering.custom import keep

    return {
        op: keep(custom, version=versions.get(custom, 1)) if isinstance(custom, str) else custom
        for op, custom in custom_ops.items()
    }


def _opset_pair(opset: Any) -> tuple[str, int]:
    if hasattr(opset, "domain"):
        return opset.domain, opset.version
    domain, version = opset
    return str(domain), int(version)


def _refuse(custom_op_handlers: Any, custom_rewriter: Any) -> None:
    if custom_op_handlers or custom_rewriter:
        raise InvalidArgumentError(
            "custom_op_handlers and custom_rewriter work on tf2onnx's graphs, which Onward does not have: "
            "write a lowering, custom_ops={'Op': function} (docs/add_an_op.md)"
        )


def _signature(given: Any) -> Any:
    """A list of one spec is that spec."""
    return given[0] if isinstance(given, (list, tuple)) and len(given) == 1 else given


def _shapes(override: Mapping[str, Sequence[int | None]] | None) -> dict[str, Spec] | None:
    if not override:
        return None
    return {
        name: Spec(tuple(None if size is None or size < 0 else int(size) for size in shape))
        for name, shape in override.items()
    }


def _by_label(override: Mapping[str, Sequence[int | None]] | None) -> dict[str, Spec] | None:
    """Shapes by names of inputs, which are written as names of tensors at times."""
    return {name.removesuffix(":0"): spec for name, spec in (_shapes(override) or {}).items()} or None


def _known(given: Sequence[str] | None, names: Mapping[str, str]) -> list[str] | None:
    return None if given is None else [names.get(tensor, tensor) for tensor in given]


def _by_name(layouts: Mapping[str, str] | None, names: Mapping[str, str]) -> dict[str, str] | None:
    return None if layouts is None else {names.get(tensor, tensor): layout for tensor, layout in layouts.items()}


def _tensor_names(function: Any, graph: Graph) -> dict[str, str]:
    """Outputs that have no names of their own (no keys of a dict) are called after their tensors."""
    if isinstance(function.structured_outputs, Mapping):
        return {}
    return {output.name: tensor.name for output, tensor in zip(graph.outputs, function.outputs, strict=False)}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    from onward.tf2onnx.command import main as command

    command(arguments)


if __name__ == "__main__":
    main()
