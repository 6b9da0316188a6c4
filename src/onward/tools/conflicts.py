"""Packages and settings that do not work together, and the commands that mend them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from onward.options import DEFAULT_OPSET
from onward.serialize import IR_VERSIONS
from onward.tools.packages import MATTERS, MODULES, WHEELS, Installed, holds
from onward.tools.probes import Answer


@dataclass(frozen=True)
class Conflict:
    """What does not work together.

    Attributes:
        about: the packages or variables, by name.
        text: what happens, in a sentence.
        mend: the command that mends it.
        breaks: whether something fails, rather than may fail or be slow.
    """

    about: tuple[str, ...]
    text: str
    mend: str
    breaks: bool = True

    def __str__(self) -> str:
        return f"{'broken' if self.breaks else 'note'}  {self.text}\n        mend: {self.mend}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**asdict(self), "about": list(self.about)}


class Beside(NamedTuple):
    """Versions of two packages that do not work beside each other. ``{one}`` and ``{other}`` are those installed."""

    one: str
    other: str
    text: str
    mend: str
    breaks: bool = True


BUILT_FOR_1 = "{other} is built for NumPy 1 and does not load beside NumPy {one}"
BESIDE = (
    Beside("numpy>=2", "onnxruntime<1.19", BUILT_FOR_1, "pip install --upgrade 'onnxruntime>=1.19'"),
    Beside("numpy>=2", "tensorflow<2.18", BUILT_FOR_1, "pip install 'numpy<2'"),
    Beside("numpy>=2", "h5py<3.11", BUILT_FOR_1, "pip install --upgrade 'h5py>=3.11'"),
    Beside("numpy>=2", "ml-dtypes<0.4", BUILT_FOR_1, "pip install --upgrade 'ml_dtypes>=0.4'"),
    Beside("keras>=3", "tensorflow<2.16", "TensorFlow {other} knows Keras 2 alone; tf.keras fails beside Keras {one}",
           "pip install --upgrade 'tensorflow>=2.16'"),
    Beside("tensorflow>=2.16", "keras<3", "TensorFlow {one} wants Keras 3; tf.keras fails beside Keras {other}",
           "pip install --upgrade 'keras>=3.3'"),
    Beside("protobuf>=3", "protobuf<4.21", "protobuf {one} has no upb backend, without which Onward reads no model",
           "pip install --upgrade 'protobuf>=4.25'"),
)  # fmt: skip

# Tools whose bounds hold the rest of an environment back, and what to do about them.
CURES = {
    "tf2onnx": "pip uninstall -y tf2onnx  (onward.tf2onnx serves its functions and its command line)",
}


class Facts(NamedTuple):
    """What conflicts are found in."""

    packages: Installed
    answers: Mapping[str, Answer]
    variables: Mapping[str, str]


def find(facts: Facts) -> list[Conflict]:
    """Every conflict, those that break something first; each pair of packages once."""
    found: list[Conflict] = []
    for rule in RULES:
        known = [set(conflict.about) for conflict in found]
        found.extend(conflict for conflict in rule(facts) if set(conflict.about) not in known)
    return sorted(found, key=lambda conflict: not conflict.breaks)


def _same_files(facts: Facts) -> Iterator[Conflict]:
    """Several wheels of one module: each has overwritten the one before, and removing one removes the files of all."""
    for module in WHEELS:
        wheels = facts.packages.wheels(module)
        if len(wheels) > 1:
            names = [wheel.name for wheel in wheels]
            keep = wheels[-1]
            text = f"{' and '.join(names)} write the same files: only what was installed last is whole"
            mend = f"pip uninstall -y {' '.join(names)} && pip install {keep.name}=={keep.version}"
            yield Conflict(tuple(names), text, mend)


def _versions(facts: Facts) -> Iterator[Conflict]:
    """Rows of `BESIDE` that apply."""
    for row in BESIDE:
        pair = [Requirement(row.one), Requirement(row.other)]
        wheels = [facts.packages.wheels(requirement.name) for requirement in pair]
        if all(wheels) and all(holds(w[-1].version, r) for w, r in zip(wheels, pair, strict=True)):
            one, other = (w[-1] for w in wheels)
            shown = {
                "one": one.version,
                "other": f"{other.name} {other.version}" if row.text == BUILT_FOR_1 else other.version,
            }
            yield Conflict((one.name, other.name), row.text.format(**shown), row.mend, row.breaks)


def _requirements(facts: Facts) -> Iterator[Conflict]:
    """What a package asks for and does not get: of what matters all, of others only what is of what matters."""
    ours = [name for name in MATTERS if name in facts.packages]
    ours += [wheel for wheel in MODULES if wheel in facts.packages and wheel not in ours]
    others = [name for name in facts.packages if name not in ours]
    for unmet in facts.packages.unmet([*ours, *others]):
        name, requirement = canonicalize_name(unmet.package), unmet.requirement
        wanted = MODULES.get(canonicalize_name(requirement.name), canonicalize_name(requirement.name))
        if name not in ours and (unmet.version is None or wanted not in MATTERS):
            continue
        bound = f"{requirement.name}{requirement.specifier}"
        instead = "which is not installed" if unmet.version is None else f"and {unmet.version} is installed"
        mend = CURES.get(name, f"pip install '{bound}'")
        about = (unmet.package, requirement.name)
        yield Conflict(about, f"{unmet.package} asks for {bound}, {instead}", mend, breaks=name == "onward")


def _pure_protobuf(facts: Facts) -> Iterator[Conflict]:
    if facts.answers.get("protobuf", Answer()).said.get("backend") != "python":
        return
    text = "protobuf runs in pure Python, a thousand times too slow for models: Onward refuses it"
    variable = "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"
    if facts.variables.get(variable) == "python":
        yield Conflict((variable,), text, f"unset {variable}")
    else:
        yield Conflict(("protobuf",), text, "pip install --force-reinstall protobuf")


def _legacy_keras(facts: Facts) -> Iterator[Conflict]:
    variable = "TF_USE_LEGACY_KERAS"
    wanted = facts.variables.get(variable, "").lower() in ("1", "true")
    if wanted and facts.packages.wheels("tensorflow") and not facts.packages.wheels("tf-keras"):
        text = f"{variable} asks TensorFlow for Keras 2, which comes with tf_keras, and that is not installed"
        yield Conflict((variable, "tf_keras"), text, "pip install 'onward[keras2]'")


def _keras_backend(facts: Facts) -> Iterator[Conflict]:
    backend = facts.variables.get("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        text = f"KERAS_BACKEND is {backend}: live Keras models are converted on the TensorFlow backend"
        yield Conflict(("KERAS_BACKEND",), text, "export KERAS_BACKEND=tensorflow", breaks=False)


def _does_not_load(facts: Facts) -> Iterator[Conflict]:
    for module, answer in facts.answers.items():
        if answer.problem:
            wheels = facts.packages.wheels(module)
            known = {"numpy", *(wheel.name for wheel in wheels)}
            if any(set(conflict.about) <= known for conflict in _versions(facts)):
                continue
            text = f"{module} is installed and does not load: {answer.problem}"
            mend = f"pip install --force-reinstall {wheels[-1].name if wheels else module}"
            yield Conflict((module,), text, mend)


def _newer_than_runtime(facts: Facts) -> Iterator[Conflict]:
    """onnx writes what ONNX Runtime does not load yet. Onward goes by the opset, others by onnx' own version."""
    onnx, runtime = (facts.answers.get(name, Answer()).said for name in ("onnx", "onnxruntime"))
    if not onnx or not runtime:
        return
    opset, ir = runtime["opset"] or 0, runtime["ir"] or 0
    if opset >= onnx["opset"] and ir >= onnx["ir"]:
        return
    loads = f"ONNX Runtime loads up to opset {opset} and IR version {ir}"
    breaks = opset < DEFAULT_OPSET or ir < IR_VERSIONS[DEFAULT_OPSET]
    writes = f"Onward writes opset {DEFAULT_OPSET} and IR version {IR_VERSIONS[DEFAULT_OPSET]} unless told otherwise"
    text = f"onnx writes up to opset {onnx['opset']} and IR version {onnx['ir']}, {loads}; {writes}"
    yield Conflict(("onnx", "onnxruntime"), text, "pip install --upgrade onnxruntime", breaks)


def _failing_providers(facts: Facts) -> Iterator[Conflict]:
    failing = facts.answers.get("onnxruntime", Answer()).said.get("failing", {})
    for provider, reason in failing.items():
        wheel = facts.packages.wheels("onnxruntime")[-1].name
        mend = f"pip install --upgrade '{wheel}[cuda,cudnn]'" if provider == "CUDAExecutionProvider" else PROVIDERS
        yield Conflict((provider,), f"ONNX Runtime lists {provider}, which does not start: {reason}", mend, False)


PROVIDERS = "install what its page among ONNX Runtime's execution providers asks for"

RULES = (
    _same_files,
    _versions,
    _requirements,
    _pure_protobuf,
    _legacy_keras,
    _keras_backend,
    _does_not_load,
    _newer_than_runtime,
    _failing_providers,
)
