"""A folder for browsers: the model, ONNX Runtime Web, and a page that tests itself and lets a person try the model."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onward.dtypes import STRING
from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.runtime import Port
from onward.tools.javascript import OPSET, VERSION
from onward.tools.package import npm, selftest, templating
from onward.tools.package.contents import Contents, port_dict
from onward.tools.package.folder import write_json
from onward.tools.package.plan import Outcome, Plan, refuse_dtypes
from onward.version import __version__

# A page's memory is that of 32-bit addresses, and the model lies in it twice while it loads.
LIMIT = 2**31 - 1
DTYPES = frozenset(
    f"float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool {STRING.name}".split()
)
PIXELS = re.compile(r"-?\d+(\.\d+)?\.\.-?\d+(\.\d+)?|imagenet|caffe")
CHANNELS = (1, 3, 4)


@dataclass(frozen=True)
class Options:
    """What can be asked of a web package.

    Attributes:
        runtime: the folder of the npm package onnxruntime-web, or its ``dist``; by default npm is asked for it, once.
        backends: ``wasm`` alone, or ``all``: WebGPU and WebNN too, which take 27 MB more.
        labels: a file with the name of a class on each line.
        pixels: what the page makes of pixels at first: a range such as ``0..1`` or ``-1..1``, ``imagenet`` (mean and
            deviation) or ``caffe`` (mean only, blue first).
        title: of the page; the model's name by default.
    """

    runtime: str | os.PathLike[str] | None = None
    backends: str = "all"
    labels: str | os.PathLike[str] | None = None
    pixels: str = "0..1"
    title: str | None = None


def check(contents: Contents, options: Options) -> None:
    """Refuses what no page could load or show.

    Raises:
        InvalidArgumentError: the model is too large, has inputs or outputs of a dtype that JavaScript lacks, or an
            option is not one of its values.
        InvalidSourceError: the file with labels cannot be read.
    """
    if contents.size > LIMIT:
        raise InvalidArgumentError(
            f"the model has {contents.size:,} bytes, and browsers hold less than {LIMIT:,}: quantize it first"
        )
    if contents.opset > OPSET:
        raise InvalidArgumentError(
            f"the model is of opset {contents.opset}, and ONNX Runtime Web {VERSION} loads up to {OPSET}: "
            f"convert it with --opset {OPSET}"
        )
    refuse_dtypes([*contents.inputs, *contents.outputs], DTYPES, "ONNX Runtime Web")
    if not PIXELS.fullmatch(options.pixels) or (len(set(options.pixels.split(".."))) == 1 and ".." in options.pixels):
        raise InvalidArgumentError(f"pixels is '{options.pixels}', which is no range such as 0..1, imagenet or caffe")
    if options.backends not in ("all", "wasm"):
        raise InvalidArgumentError(f"backends is '{options.backends}', which is none of all, wasm")
    _labels(contents, options)


def build(plan: Plan, options: Options) -> Outcome:
    """Writes the folder.

    Raises:
        MissingDependencyError: ONNX Runtime Web cannot be had, or Jinja2 is not installed.
    """
    contents, folder = plan.contents, plan.folder
    builds = ("wasm",) if options.backends == "wasm" else tuple(npm.BUILDS)
    for file in npm.runtime(options.runtime, builds):
        (folder / "runtime").mkdir(exist_ok=True)
        (folder / "runtime" / file.name).write_bytes(file.read_bytes())
    contents.copy(folder / "model")
    selftest.write(folder, contents, plan.examples, plan.tolerance)
    model = {
        **contents.to_dict(),
        "file": "model/model.onnx",
        "external": [{"path": name, "data": f"model/{name}"} for name in contents.external],
        "inputs": [{**port_dict(port), "image": picture(port)} for port in contents.inputs],
        "labels": _labels(contents, options),
        "pixels": options.pixels,
        "builds": builds,
    }
    write_json(folder / "model.json", model)
    for name in ("app.mjs", "inputs.mjs", "answers.mjs", "selftest.mjs", "style.css", "icon.svg", "serve.py"):
        templating.copy(f"web/{name}", folder / name)
    title = options.title or contents.name
    values: dict[str, Any] = {"model": model, "title": title, "version": VERSION, "onward": __version__}
    templating.render("web/index.html.j2", folder / "index.html", **values)
    templating.render("web/README.md.j2", folder / "README.md", **values)
    sets = len(plan.examples.sets)
    return Outcome(
        f"the page tests itself on {sets} example{'s' * (sets != 1)}: {plan.examples.origin}",
        f"python {Path(plan.output) / 'serve.py'}",
    )


def picture(port: Port) -> dict[str, Any] | None:
    """How an input takes a picture: channels, their place, sides (None where they are open); None if it does not."""
    if len(port.shape) not in (3, 4) or port.dtype == STRING or port.dtype.kind == "b":
        return None
    sides: tuple[int | str | None, ...]
    if port.shape[-1] in CHANNELS:
        layout, channels, sides = "nhwc", port.shape[-1], port.shape[-3:-1]
    elif port.shape[-3] in CHANNELS:
        layout, channels, sides = "nchw", port.shape[-3], port.shape[-2:]
    else:
        return None
    if any(isinstance(side, int) and side < 4 for side in sides) or (len(port.shape) == 4 and not _one(port.shape[0])):
        return None
    height, width = (side if isinstance(side, int) else None for side in sides)
    return {"layout": layout, "channels": channels, "height": height, "width": width}


def _one(dim: int | str | None) -> bool:
    """Whether a batch of one fits."""
    return dim == 1 or not isinstance(dim, int)


def _labels(contents: Contents, options: Options) -> list[str] | None:
    if options.labels is None:
        return None
    try:
        text = Path(options.labels).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSourceError(f"'{options.labels}' is no readable text file: {error}") from error
    labels = [line.strip() for line in text.splitlines()]
    sizes = [port.shape[-1] for port in contents.outputs if port.shape]
    if len(labels) not in sizes and all(isinstance(size, int) for size in sizes):
        raise InvalidArgumentError(
            f"'{options.labels}' names {len(labels)} classes, and no output has as many: "
            f"{', '.join(f'{port.name} {list(port.shape)}' for port in contents.outputs)}"
        )
    return labels
