"""tf2onnx's command line: ``python -m onward.tf2onnx.convert``."""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from onward.errors import InvalidArgumentError, OnwardError
from onward.graph import Graph
from onward.options import DEFAULT_OPSET, Options
from onward.specs import Spec

DEFAULT_DOMAIN = "ai.onnx.converters.tensorflow"  # of custom ops for which none is said
SOURCES = ("graphdef", "checkpoint", "saved_model", "keras", "tflite", "tfjs")
_log = logging.getLogger("onward.tf2onnx")


def main(arguments: Sequence[str] | None = None) -> None:
    """Converts as the arguments say; leaves with Onward's exit code where that fails."""
    parsed = parse(arguments)
    level = logging.DEBUG if parsed.debug else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s - %(levelname)s - %(message)s")
    try:
        convert(parsed)
    except OnwardError as error:
        if parsed.debug:
            raise
        print(f"onward.tf2onnx: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def convert(parsed: argparse.Namespace) -> None:
    """Converts what the parsed arguments name, and reports."""
    from onward.pipeline import run
    from onward.tf2onnx.convert import finish
    from onward.writing import check_writable

    _mention_what_has_no_effect(parsed)
    if parsed.output:
        Path(parsed.output).parent.mkdir(parents=True, exist_ok=True)
        check_writable(Path(parsed.output))
    if parsed.load_op_libraries:
        _load_libraries(parsed.load_op_libraries.split(","))
    source = next(getattr(parsed, kind) for kind in SOURCES if getattr(parsed, kind))
    program = run(source, options(parsed))
    finish(program, _opsets(parsed), parsed.large_model, parsed.output)
    _log.info("%s is converted", source)
    for note in program.notes:
        _log.info("%s", note)
    _log.info("Model inputs: %s", program.input_names)
    _log.info("Model outputs: %s", program.output_names)
    if parsed.output and parsed.large_model:
        _log.info("%s is a zip archive: unpack it before a runtime opens the model", parsed.output)
    elif parsed.output:
        _log.info("%s is written", parsed.output)
    else:
        _log.info("Nothing is written: --output names a file")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The arguments; what makes no sense ends the program with a message, as argparse does."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    parsed.graphdef = parsed.graphdef or parsed.input
    if not any(getattr(parsed, kind) for kind in SOURCES):
        parser.print_help()
        sys.exit(1)
    if (parsed.graphdef or parsed.checkpoint) and not (parsed.inputs and parsed.outputs):
        parser.error("a graph without a signature needs --inputs and --outputs")
    if parsed.dequantize and not parsed.tflite:
        parser.error("--dequantize is for --tflite")
    if parsed.output_frozen_graph:
        parser.error("--output_frozen_graph: Onward makes no frozen graph on its way, so it has none to write")
    for opset in (parsed.extra_opset or "").split(","):
        if opset and not re.fullmatch(r"[^:]*:\d+", opset):
            parser.error(f"--extra_opset: {opset!r} is no domain:version")
    return parsed


def options(parsed: argparse.Namespace) -> Options:
    """What the arguments mean to Onward."""
    names, shapes = split_inputs(parsed.inputs or "")
    outputs = parsed.outputs.split(",") if parsed.outputs else None
    versions = _opsets(parsed)
    signature = parsed.signature_def
    if parsed.concrete_function is not None:
        signature = f"__call__:{parsed.concrete_function}"
    known = _signature_names(parsed, signature)
    has_tensors = bool(parsed.graphdef or parsed.checkpoint or parsed.tfjs)

    def place(name: str) -> str:
        return known.get(name, name if has_tensors else name.removesuffix(":0"))

    places = [place(name) for name in names]
    stated = {place: shapes.get(name, Spec(None)) for name, place in zip(names, places, strict=True)}
    return Options(
        inputs=stated or None,
        outputs=None if outputs is None else [place(name) for name in outputs],
        signature=signature,
        opset=parsed.opset or DEFAULT_OPSET,
        verify=False if parsed.no_verify else "auto",
        custom_ops=_custom_ops(parsed.custom_ops or "", versions),
        tag=parsed.tag,
        rename=_Renaming(parsed, names, outputs or [], known),
        inputs_as=_layout(parsed.inputs_as_nchw, known),
        outputs_as=_layout(parsed.outputs_as_nchw, known),
        dequantize=parsed.dequantize,
        use_default=parsed.use_default.split(",") if parsed.use_default else None,
        ignore_default=parsed.ignore_default.split(",") if parsed.ignore_default else None,
        allow_unsafe=parsed.allow_unsafe,
    )


def split_inputs(text: str) -> tuple[list[str], dict[str, Spec]]:
    """Names, and specs of those with a shape, from ``image:0[1,224,224,3],mask:0``; -1 is a dynamic size.

    Raises:
        InvalidArgumentError: it is written in another way.
    """
    names: list[str] = []
    shapes: dict[str, Spec] = {}
    at = 0
    while at < len(text):
        match = _INPUT.match(text, at)
        if match is None:
            raise InvalidArgumentError(f"--inputs: {text[at:]!r} is not name[size,size,...]")
        names.append(match["name"])
        if match["sizes"] is not None:
            sizes = [int(size) for size in match["sizes"].split(",")] if match["sizes"].strip() else []
            shapes[match["name"]] = Spec(tuple(None if size < 0 else size for size in sizes))
        at = match.end()
    return names, shapes


_INPUT = re.compile(r"\s*(?P<name>[^\[\],\s]+)(?:\[(?P<sizes>[-\d,\s]*)\])?\s*(?:,|$)")


class _Renaming:
    """New names by the graph's: those asked for, and a graph's own tensor names where tf2onnx keeps these."""

    def __init__(
        self, parsed: argparse.Namespace, inputs: Sequence[str], outputs: Sequence[str], known: Mapping[str, str]
    ) -> None:
        self._new = [(text or "").split(",") if text else [] for text in (parsed.rename_inputs, parsed.rename_outputs)]
        self._given = [list(inputs), list(outputs)]
        self._known = known
        self._as_given = bool(parsed.graphdef or parsed.checkpoint or parsed.tfjs)
        self._graph_names = bool(parsed.use_graph_names or parsed.tflite)

    def __call__(self, graph: Graph) -> dict[str, str]:
        names: dict[str, str] = {}
        found = [made.name for made in graph.inputs], [output.name for output in graph.outputs]
        if self._graph_names:
            tensors = {name: tensor for tensor, name in self._known.items()}
            names |= {name: tensors[name] for name in (*found[0], *found[1]) if name in tensors}
        for ports, given, new in zip(found, self._given, self._new, strict=True):
            own = [self._known.get(name, name) for name in given] or ports
            if self._as_given:
                names |= {name: name for name in given}
            if len(new) > len(own):
                raise InvalidArgumentError(f"{len(new)} new names are given for {', '.join(own) or 'nothing'}")
            names |= dict(zip(own, new, strict=False))
        return names


def _signature_names(parsed: argparse.Namespace, signature: str | None) -> dict[str, str]:
    """The names that a signature gives tensors, by those that they have in the graph."""
    if parsed.tflite:
        from onward.sources.tflite import tensor_names

        return {tensor: name for name, tensor in tensor_names(parsed.tflite, signature).items()}
    if not parsed.saved_model:
        return {}
    from onward.sources.saved_model import describe_saved_model

    found = describe_saved_model(parsed.saved_model, parsed.tag)
    chosen = found.get(signature or "serving_default") or (next(iter(found.values())) if len(found) == 1 else None)
    return {} if chosen is None else {info.tensor: info.name for info in (*chosen.inputs, *chosen.outputs)}


def _layout(names: str | None, known: Mapping[str, str]) -> dict[str, str] | None:
    return None if not names else {known.get(name, name): "nchw" for name in names.split(",")}


def _custom_ops(text: str, versions: Mapping[str, int]) -> dict[str, Any] | None:
    from onward.lowering.custom import keep

    found = {}
    for item in filter(None, text.split(",")):
        op, _, domain = item.partition(":")
        domain = domain or DEFAULT_DOMAIN
        found[op] = keep(domain, version=versions.get(domain, 1))
    return found or None


def _opsets(parsed: argparse.Namespace) -> dict[str, int]:
    pairs = (opset.partition(":") for opset in (parsed.extra_opset or "").split(",") if opset)
    return {domain: int(version) for domain, _, version in pairs}


def _load_libraries(paths: Sequence[str]) -> None:
    """Makes TensorFlow know ops of the user's, for the comparison with the source."""
    import tensorflow as tf

    for path in paths:
        tf.load_op_library(os.path.abspath(path))


def _mention_what_has_no_effect(parsed: argparse.Namespace) -> None:
    for flag in ("target", "fold_const", "continue_on_error"):
        if getattr(parsed, flag):
            _log.info("--%s has no effect: %s", flag, _WHY[flag])


_WHY = {
    "target": "models are written for the standard, and run everywhere",
    "fold_const": "constants are always folded",
    "continue_on_error": "a model that is not whole is never written",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m onward.tf2onnx.convert",
        description="Converts TensorFlow models to ONNX, with tf2onnx's arguments. docs/from_tf2onnx.md: what differs.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument_group("what to convert").add_argument
    add("--input", help="the same as --graphdef")
    add("--graphdef", metavar="FILE.pb", help="a frozen GraphDef; needs --inputs and --outputs")
    add("--saved-model", metavar="FOLDER", help="a SavedModel")
    add("--checkpoint", metavar="FILE.meta", help="a checkpoint of TensorFlow 1; needs --inputs and --outputs")
    add("--keras", metavar="FILE", help="a .keras or .h5 file")
    add("--tflite", metavar="FILE", help="a TFLite model")
    add("--tfjs", metavar="FILE.json", help="a TensorFlow.js model")
    add = parser.add_argument_group("which part of it").add_argument
    add("--tag", help="the MetaGraph of a SavedModel")
    add("--signature_def", metavar="NAME", help="the signature of a SavedModel")
    add("--concrete_function", metavar="N", type=int, help="the N-th trace of __call__ of a SavedModel, no signature")
    add("--inputs", help="names of tensors, with shapes where they are to be stated: x:0[1,28,28,1],y:0")
    add("--outputs", help="names of tensors")
    add("--use_default", metavar="NAMES", help="placeholders with a default that take it, and are no inputs")
    add("--ignore_default", metavar="NAMES", help="placeholders with a default that have to be given")
    add = parser.add_argument_group("what to write").add_argument
    add("--output", metavar="FILE.onnx", help="the file; if not given, nothing is written")
    add("--opset", type=int, help=f"the ONNX operator set, {DEFAULT_OPSET} if not given")
    add("--extra_opset", metavar="DOMAIN:VERSION,...", help="further operator sets to import")
    add("--rename-inputs", metavar="NAMES", help="new names, in the order of --inputs or of the model")
    add("--rename-outputs", metavar="NAMES", help="new names, in the order of --outputs or of the model")
    add("--use-graph-names", action="store_true", help="names of tensors instead of those in the signature")
    add("--inputs-as-nchw", metavar="NAMES", help="inputs whose channels come first")
    add("--outputs-as-nchw", metavar="NAMES", help="outputs whose channels come first")
    add("--custom-ops", metavar="OP[:DOMAIN],...", help=f"ops to keep in a domain, {DEFAULT_DOMAIN} if not given")
    add("--load_op_libraries", metavar="FILES", help="libraries with ops that TensorFlow is to know")
    add("--dequantize", action="store_true", help="a float model of a quantised TFLite one")
    add("--large_model", action="store_true", help="a zip archive with the weights in files of their own")
    add("--no-verify", action="store_true", help="do not compare with the source")
    add("--allow-unsafe", action="store_true", help="let a Keras file run the Python code it carries")
    add = parser.add_argument_group("accepted for scripts that have them").add_argument
    add("--target", help=_WHY["target"])
    add("--fold_const", action="store_true", help=_WHY["fold_const"])
    add("--continue_on_error", action="store_true", help=_WHY["continue_on_error"])
    add("--output_frozen_graph", metavar="FILE", help="refused: there is no frozen graph")
    add("--verbose", "-v", action="count", default=0, help="without effect")
    add("--debug", action="store_true", help="show tracebacks")
    return parser
