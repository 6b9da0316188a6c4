"""A model repository for Triton Inference Server, with manifests for KServe and Azure Machine Learning.

Source of the configuration's fields: ``model_config.proto`` of Triton's common repository; of the manifests': KServe's
v1beta1 and v1alpha1 resources, and Azure's managed online endpoint and deployment schemas.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onward.dtypes import STRING
from onward.errors import InvalidArgumentError
from onward.runtime import Port, RuntimeFailureError
from onward.tools.compare import compare
from onward.tools.golden import Example
from onward.tools.package import protocol, templating
from onward.tools.package.contents import Contents, port_dict
from onward.tools.package.folder import link_tree, manifest, write_json, write_manifest
from onward.tools.package.plan import Outcome, Plan, refuse_dtypes
from onward.tools.package.selftest import as_dtype, tolerance_of

MAX_BATCH = 8  # where nothing is said
ROWS = 8  # of an example that are run alone
ACCELERATORS = {"tensorrt": "gpu", "openvino": "cpu"}  # and where each runs
TEMPLATES = (
    "kserve/serving_runtime.yaml",
    "kserve/inference_service.yaml",
    "azureml/endpoint.yml",
    "azureml/deployment.yml",
    "README.md",
)
_TYPES = {**{k: f"TYPE_{v}" for k, v in protocol.DATATYPES.items()}, STRING.name: "TYPE_STRING"}


@dataclass(frozen=True)
class Options:
    """What can be asked of a Triton package.

    Attributes:
        version: of the model, from 1; it joins the versions that the folder holds already.
        max_batch: the largest batch that requests are joined to; 0 for none. By default 8 where the model takes batches
            of any size and its rows do not influence each other, else 0.
        delay: how long a request may wait for others to join it, microseconds.
        instances: copies of the model per device.
        device: ``cpu``, ``gpu``, or ``auto``: GPUs where there are any.
        accelerator: ``tensorrt`` on GPUs, ``openvino`` on CPUs; by default ONNX Runtime alone.
        storage: the URI that KServe loads the repository from.
        image: the name of Triton's image where it is run: NVIDIA's own, or that of a mirror.
    """

    version: int = 1
    max_batch: int | None = None
    delay: int = 100
    instances: int = 1
    device: str = "auto"
    accelerator: str | None = None
    storage: str = "s3://BUCKET/models"
    image: str = "nvidia/tritonserver:25.06-py3"


def check(contents: Contents, options: Options) -> None:
    """Refuses what Triton's ONNX Runtime backend does not serve.

    Raises:
        InvalidArgumentError: an input or output has a dtype that it lacks, or an option is out of its range.
    """
    refuse_dtypes([*contents.inputs, *contents.outputs], frozenset(_TYPES), "Triton's ONNX Runtime backend")
    if not contents.inputs:
        raise InvalidArgumentError("the model takes no input, and Triton serves none without")
    for option, least in (("version", 1), ("instances", 1), ("delay", 0), ("max_batch", 0)):
        value = getattr(options, option)
        if value is not None and value < least:
            raise InvalidArgumentError(f"{option} is {value}; it is at least {least}")
    if options.device not in ("auto", "cpu", "gpu"):
        raise InvalidArgumentError(f"device is '{options.device}', which is none of auto, cpu, gpu")
    if options.accelerator is not None:
        place = ACCELERATORS.get(options.accelerator)
        if place is None:
            raise InvalidArgumentError(
                f"accelerator is '{options.accelerator}', which is none of {', '.join(ACCELERATORS)}"
            )
        if options.device not in ("auto", place):
            raise InvalidArgumentError(f"{options.accelerator} runs on {place}, and device is '{options.device}'")


def build(plan: Plan, options: Options) -> Outcome:
    """Writes the repository, beside the versions and models that the output holds already.

    Raises:
        InvalidArgumentError: an earlier version has other inputs or outputs, or the batch that was asked for is none.
    """
    contents, folder, name = plan.contents, plan.folder, plan.contents.name
    earlier = (manifest(plan.output) or {}).get("models", {})
    ports = {
        "inputs": [port_dict(port) for port in contents.inputs],
        "outputs": [port_dict(port) for port in contents.outputs],
    }
    before = earlier.get(name, {"versions": {}})
    if set(before["versions"]) - {str(options.version)} and any(_kinds(before[k]) != _kinds(ports[k]) for k in ports):
        raise InvalidArgumentError(f"the versions of '{name}' that are there have other inputs or outputs: give --name")
    batch, why = _batch(plan, options)
    for model, entry in earlier.items():
        link_tree(plan.output / "models" / model, folder / "models" / model)
        if model == name:
            for made in ("config.pbtxt", "warmup", str(options.version)):
                _remove(folder / "models" / model / made)
        for version in entry["versions"]:
            assert (folder / "models" / model / version).is_dir() or (model, version) == (name, str(options.version))
    model_folder = folder / "models" / name
    contents.copy(model_folder / str(options.version))
    example = protocol.first_row(contents, plan.examples.sets[0])
    warm = _warm_up(contents, example, model_folder / "warmup", batch)
    versions = sorted({*map(int, before["versions"]), options.version})
    templating.render(
        "triton/config.pbtxt.j2", model_folder / "config.pbtxt",
        name=name, batch=batch, inputs=[_port(p, batch) for p in contents.inputs],
        outputs=[_port(p, batch) for p in contents.outputs], options=options, versions=versions, warm=warm,
        kind_of_device=_kind(options), place=ACCELERATORS.get(options.accelerator or ""),
    )  # fmt: skip
    entry = {
        **ports,
        "max_batch_size": batch,
        "versions": {**before["versions"], str(options.version): contents.to_dict()},
    }
    models = {**earlier, name: entry}
    write_json(folder / "requests" / f"{name}.json", protocol.request(contents, example), None)
    for other in models:
        if other != name:
            write_json(folder / "requests" / f"{other}.json", _read(plan.output / "requests" / f"{other}.json"), None)
    values = {"models": models, "name": name, "slug": _slug(plan.output.name), "options": options,
              "gpu": _kind(options) == "KIND_GPU"}  # fmt: skip
    for template in TEMPLATES:
        templating.render(f"triton/{template}.j2", folder / template, **values)
    write_manifest(folder, "triton", {"models": models})
    notes = () if why is None else (f"max_batch_size is 0: {why}",)
    checked = "ONNX Runtime runs it"
    if batch:
        checked = f"rows answer alone as they do together, so requests can share a batch of up to {batch}"
    repository = (plan.output / "models").resolve()
    run = (
        f"docker run --rm -p 8000:8000 -v {repository}:/models {options.image} tritonserver --model-repository=/models"
    )
    return Outcome(checked, run, notes)


def _kind(options: Options) -> str:
    place = options.device if options.device != "auto" else ACCELERATORS.get(options.accelerator or "", "auto")
    return f"KIND_{place.upper()}"


def _kinds(ports: list[dict[str, Any]]) -> list[tuple[str, str, tuple[int, ...]]]:
    """Ports as Triton tells them apart: names of dynamic dimensions mean nothing to it."""
    return [(p["name"], p["dtype"], tuple(d if isinstance(d, int) else -1 for d in p["shape"])) for p in ports]


def _batch(plan: Plan, options: Options) -> tuple[int, str | None]:
    """The largest batch, and why there is none where nobody asked for none."""
    if options.max_batch == 0:
        return 0, None
    why = _no_batch(plan.contents) or _mixed(plan)
    if why is None:
        return options.max_batch or MAX_BATCH, None
    if options.max_batch:
        raise InvalidArgumentError(f"max_batch is {options.max_batch}, and requests cannot share a batch: {why}")
    return 0, why


def _no_batch(contents: Contents) -> str | None:
    """Why an input or output has no batch as its first dimension; None where all have."""
    for port in (*contents.inputs, *contents.outputs):
        if not port.shape or isinstance(port.shape[0], int):
            return f"the first dimension of '{port.name}' is no batch of any size"
    return None


def _mixed(plan: Plan) -> str | None:
    """Why rows cannot share a batch: one that answers otherwise alone than among others; None where none does."""
    session, ports = plan.contents.session, {port.name: port for port in plan.contents.outputs}
    tried = 0
    for example in plan.examples.sets:
        answers = {name: array for name, array in example.outputs.items() if name in ports}
        counts = {name: len(array) for name, array in (*example.inputs.items(), *answers.items())}
        if len(set(counts.values())) != 1:
            sizes = ", ".join(f"{name} {count}" for name, count in counts.items())
            return f"first dimensions are not one and the same ({sizes})"
        count = next(iter(counts.values()))
        tried = max(tried, count)
        for row in range(min(count, ROWS) if count > 1 else 0):
            try:
                alone = session.run({k: v[row : row + 1] for k, v in example.inputs.items()})
            except RuntimeFailureError as error:
                return f"a row does not run alone ({error})"
            for name, whole in answers.items():
                if name not in plan.examples.random:
                    limit = tolerance_of(ports[name], plan.tolerance)
                    found = compare(name, whole[row : row + 1], alone[name], limit or None)
                    if not found.passed:
                        return f"'{name}' of a row depends on the rows beside it ({found.problem})"
    return None if tried > 1 else "no example has two rows to see whether they influence each other"


def _port(port: Port, batch: int) -> dict[str, Any]:
    """An input or output as the configuration has it: without the batch; a scalar is reshaped from one element."""
    dims = [dim if isinstance(dim, int) else -1 for dim in port.shape[1 if batch else 0 :]]
    return {"name": port.name, "type": _TYPES[port.dtype.name], "dims": dims or [1], "scalar": not dims}


def _warm_up(contents: Contents, example: Example, folder: Path, batch: int) -> list[dict[str, Any]]:
    """Writes the inputs that each instance runs before it is ready; what the configuration says of them."""
    folder.mkdir(parents=True)
    entries = []
    for number, port in enumerate(contents.inputs):
        array = as_dtype(port, example.inputs[port.name])
        if port.dtype == STRING:
            texts = [str(text).encode() for text in array.reshape(-1)]
            data = b"".join(struct.pack("<I", len(text)) + text for text in texts)
        else:
            data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        file = f"input_{number}"
        (folder / file).write_bytes(data)
        dims = list(array.shape[1:] if batch else array.shape)
        entries.append({"name": port.name, "type": _TYPES[port.dtype.name], "dims": dims or [1], "file": file})
    return entries


def _slug(text: str) -> str:
    """A name as Kubernetes and Azure take it: lower-case letters, digits and hyphens, beginning with a letter."""
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:32].strip("-")
    return slug if len(slug) > 2 and slug[0].isalpha() else f"models-{slug}".strip("-")


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _remove(path: Path) -> None:
    """Takes away a file or folder, if it is there."""
    if path.is_dir():
        for inner in path.iterdir():
            _remove(inner)
        path.rmdir()
    elif path.exists():
        path.unlink()
