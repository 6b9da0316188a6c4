"""A folder for apps: the model in ONNX Runtime's own format, and what accelerates it.

Source of what XNNPACK takes: ONNX Runtime's page on that provider; of NNAPI and Core ML: the lists in its package.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onward.dtypes import STRING
from onward.errors import InvalidArgumentError, VerificationError
from onward.progress import Progress
from onward.runtime import RuntimeFailureError, Session
from onward.runtime.failures import failures
from onward.tools.package import selftest, templating
from onward.tools.package.contents import Contents
from onward.tools.package.folder import write_json
from onward.tools.package.plan import Outcome, Plan
from onward.tools.verify import against_examples

if TYPE_CHECKING:
    import onnx

LIMIT = 2**31 - 1  # bytes that one flat buffer holds
PLATFORMS = ("arm", "amd64")
XNNPACK = frozenset(
    "AveragePool Conv ConvTranspose Gemm MatMul MaxPool QLinearAveragePool QLinearConv QLinearSoftmax Resize "
    "Softmax".split()
)
# How Kotlin wraps an input's values, and what Swift calls their type.
SNIPPETS = {
    "float32": ("FloatBuffer.wrap({})", "float"),
    "float64": ("DoubleBuffer.wrap({})", "float"),
    "int64": ("LongBuffer.wrap({})", "int64"),
    "int32": ("IntBuffer.wrap({})", "int32"),
    "int8": ("ByteBuffer.wrap({})", "int8"),
    STRING.name: ("{}", "string"),
}
VERDICTS = {"YES": "try it", "MAYBE": "measure it", "NO": "stay on the CPU"}
STYLES = {"Fixed": "model.ort", "Runtime": "model.with_runtime_opt.ort"}


@dataclass(frozen=True)
class Options:
    """What can be asked of a mobile package.

    Attributes:
        platform: ``arm``, or ``amd64`` for emulators and tablets on Intel: which integer kernels are counted on.
    """

    platform: str = "arm"


@dataclass(frozen=True)
class Acceleration:
    """What an accelerator would take of the model.

    Attributes:
        provider: its name in ONNX Runtime.
        nodes, taken, pieces: the model's nodes, those it takes as sizes are now, and in how many pieces these lie.
        fixed: those it would take if every size were fixed.
        verdict: what to do.
        lacking: operators that it does not know.
    """

    provider: str
    nodes: int
    taken: int
    pieces: int | None
    fixed: int
    verdict: str
    lacking: tuple[str, ...]


def check(contents: Contents, options: Options) -> None:
    """Refuses what the format cannot hold.

    Raises:
        InvalidArgumentError: the model is too large, or there is no such platform.
    """
    if contents.size > LIMIT:
        raise InvalidArgumentError(
            f"the model has {contents.size:,} bytes, and ONNX Runtime's own format holds less than {LIMIT:,}"
        )
    if options.platform not in PLATFORMS:
        raise InvalidArgumentError(f"platform is '{options.platform}', which is none of {', '.join(PLATFORMS)}")


def build(plan: Plan, options: Options) -> Outcome:
    """Writes the folder and runs what it holds.

    Raises:
        RuntimeFailureError: ONNX Runtime does not write the model in its own format.
        VerificationError: the converted model answers otherwise than the one given.
    """
    contents, folder, notes = plan.contents, plan.folder, []
    files = {}
    for style, file in STYLES.items():
        try:
            _convert(contents, folder, style, options.platform)
        except RuntimeFailureError as error:
            if style == "Fixed":
                raise
            notes.append(f"there is no {file}: {error}")
        else:
            files[file] = (folder / file).stat().st_size
    for file in files:
        sets = [example for example in plan.examples.sets if not plan.examples.random]
        found = against_examples(Session(folder / file), sets, file, plan.tolerance, Progress()) if sets else None
        if found is not None and not found.passed:
            raise VerificationError(f"{file}, converted for {options.platform}: {found}")
    selftest.write(folder, contents, plan.examples, plan.tolerance)
    accelerations = list(_accelerations(contents.path))
    write_json(folder / "acceleration.json", [asdict(found) for found in accelerations])
    values: dict[str, Any] = {
        "model": contents.to_dict(),
        "accelerations": accelerations,
        "inputs": _snippet(contents),
        "platform": options.platform,
        "files": files,
    }
    templating.render("mobile/README.md.j2", folder / "README.md", **values)
    promising = [found.provider for found in accelerations if found.verdict != VERDICTS["NO"]]
    notes.append(f"worth measuring against the CPU: {', '.join(promising) or 'no accelerator'} (README.md says why)")
    checked = f"{' and '.join(files)} run in ONNX Runtime"
    if not plan.examples.random:
        checked += f" and give the answers: {plan.examples.origin}"
    return Outcome(checked, f"read {plan.output / 'README.md'}", tuple(notes))


def _convert(contents: Contents, folder: Path, style: str, platform: str) -> None:
    """Writes the model in a style, and what a build of ONNX Runtime of one's own must hold for it."""
    with _quiet():
        from onnxruntime.tools.convert_onnx_models_to_ort import OptimizationStyle, convert_onnx_models_to_ort

        with tempfile.TemporaryDirectory() as work:
            contents.copy(Path(work) / "in")
            with failures("does not write the model in its own format"):
                convert_onnx_models_to_ort(
                    Path(work) / "in" / "model.onnx",
                    Path(work) / "out",
                    [OptimizationStyle[style]],
                    target_platform=platform,
                    enable_type_reduction=True,
                )
            for file in (Path(work) / "out").iterdir():
                name = file.name.removeprefix("model.") if file.suffix == ".config" else file.name
                text = file.read_bytes()
                if file.suffix == ".config":  # the first lines name files of this machine
                    text = b"\n".join(line for line in text.splitlines() if not line.startswith(b"#")) + b"\n"
                (folder / name).write_bytes(text)


def _accelerations(path: Path) -> Iterator[Acceleration]:
    """What each accelerator would take of the model, once ONNX Runtime has simplified it."""
    with _quiet(), tempfile.TemporaryDirectory() as work:
        from onnxruntime.tools.mobile_helpers import usability_checker as checker
        from onnxruntime.tools.onnx_model_utils import ModelProtoWithShapeInfo, optimize_model

        simple = Path(work) / "simple.onnx"
        optimize_model(path, simple, use_external_initializers=True)
        model = ModelProtoWithShapeInfo(simple).model_with_shape_info
        lists = {
            "NNAPI": checker.check_nnapi_partitions,
            "CoreML, NeuralNetwork": _core_ml(checker, "coreml_supported_neuralnetwork_ops.md"),
            "CoreML, MLProgram": _core_ml(checker, "coreml_supported_mlprogram_ops.md"),
        }
        for provider, partitions in lists.items():
            now, fixed = partitions(model, True), partitions(model, False)
            best = max(now.suitability(), fixed.suitability()).name if now.num_nodes else "NO"
            lacking = tuple(sorted(op.rpartition(":")[2] for op in now.unsupported_ops))
            yield Acceleration(
                provider, now.num_nodes, now.num_supported_nodes, now.num_partitions, fixed.num_supported_nodes,
                VERDICTS[best], lacking,
            )  # fmt: skip
        yield _xnnpack(model)


def _snippet(contents: Contents) -> list[dict[str, str]]:
    """For each input: its name, how Kotlin wraps its values, Swift's name for its dtype, and its sizes."""
    found = []
    for number, port in enumerate(contents.inputs):
        kotlin, swift = SNIPPETS.get(port.dtype.name, ("ByteBuffer.wrap({})", "uInt8"))
        value = f"values{number or ''}"
        found.append(
            {
                "name": port.name,
                "value": value,
                "kotlin": kotlin.format(value),
                "swift": swift,
                "sizes": ", ".join(str(dim) if isinstance(dim, int) else "1" for dim in port.shape),
            }
        )
    return found


def _core_ml(checker: Any, file: str) -> Any:
    return lambda model, fixed: checker.check_coreml_partitions(model, fixed, file)


def _xnnpack(model: onnx.ModelProto) -> Acceleration:
    """XNNPACK shares the CPU's memory, so that pieces cost nothing and what it does not take just runs beside it."""
    ops = [node.op_type for node in model.graph.node]
    taken = sum(op in XNNPACK for op in ops)
    verdict = VERDICTS["MAYBE" if taken else "NO"]
    return Acceleration("XNNPACK", len(ops), taken, None, taken, verdict, tuple(sorted(set(ops) - XNNPACK)))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what ONNX Runtime's tools print, log and leave open to themselves."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore", ResourceWarning)
            yield
    finally:
        logging.disable(before)
