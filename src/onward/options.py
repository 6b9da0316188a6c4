"""What can be asked of a conversion: one dataclass for the Python call and the command line alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from onward.errors import InvalidArgumentError

DEFAULT_OPSET = 21
TARGETS = ("onnxruntime",)


def check_target(target: str | None) -> None:
    """Refuses a runtime that Onward has nothing of its own for.

    Raises:
        InvalidArgumentError: it is none of ``TARGETS``.
    """
    if target is not None and target not in TARGETS:
        raise InvalidArgumentError(f"target is {' or '.join(map(repr, TARGETS))}, or not given; not {target!r}")


def _option(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class Options:
    """The options of :func:`onward.convert`; each field's ``metadata["help"]`` is its help text."""

    inputs: Any = _option(
        None,
        "What the source is called with: specs of shape and dtype, nested as the source takes them, or by input name. "
        "What is left out comes from the source.",
    )
    outputs: Any = _option(None, "Names of the outputs to keep, in this order; all of them if not given.")
    signature: str | None = _option(
        None, "Which signature of a SavedModel to convert; 'serving_default', 'serve' or the only one if not given."
    )
    opset: int = _option(DEFAULT_OPSET, "The ONNX operator set to write for, from 13 to 26.")
    output: Any = _option(None, "The file to write.")
    verify: Any = _option(
        "auto",
        "Run source and result side by side and compare: True, False, 'auto' (where TensorFlow and ONNX Runtime are "
        "installed), or an .npz file of recorded inputs and outputs to compare with.",
    )
    external_data: bool | None = _option(
        None, "Keep the weights in a file of their own beside the model; if not given, only where they need it (2 GB)."
    )
    allow_unsafe: bool = _option(False, "Let a .keras or .h5 file run the Python code it carries (Lambda layers).")
    custom_ops: Mapping[str, Any] | None = _option(
        None, "Your own lowerings, by TensorFlow op name, or the domain of a custom ONNX op to keep the op as."
    )
    name: str | None = _option(None, "The name of the ONNX graph; the source's own if not given.")
    tag: str | None = _option(
        None, "Which MetaGraph of a SavedModel to read, by tag; 'serve' or the only one if not given."
    )
    rename: Any = _option(
        None, "New names for inputs and outputs, by the source's: a mapping, or a function that makes one of the graph."
    )
    inputs_as: Any = _option(
        None,
        "'nchw': inputs of four axes have their channels first, where the source has them last; or such a word for "
        "each input by name, of any rank from three.",
    )
    outputs_as: Any = _option(None, "The same for outputs.")
    state: str = _option(
        "stored",
        "What becomes of variables that the source assigns to: 'stored', every run begins with what they hold now; "
        "'carried', each is an input and, under its name with _next behind it, an output.",
    )
    dequantize: bool = _option(
        False, "Make a float model of a quantised TFLite one, instead of one with quantise/dequantise pairs."
    )
    use_default: Any = _option(
        None,
        "Placeholders of a frozen graph that have a default, by name (True for all): they take it, and are no inputs. "
        "If not given they are inputs that may be left out.",
    )
    ignore_default: Any = _option(
        None, "Placeholders that have a default, by name (True for all): they are inputs that must be given."
    )
    target: str | None = _option(
        None,
        "The one runtime that the file is for: 'onnxruntime' allows its own operators where they are faster; plain "
        "ONNX if not given.",
    )
    checkpoint: Any = _option(
        None,
        "A training checkpoint or weights file to load into a live or Keras file's model before it is converted.",
    )
