"""A container: an image definition with ONNX Runtime and a small server that speaks the Open Inference Protocol."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from dataclasses import dataclass

from onward.errors import InvalidArgumentError
from onward.tools.package import protocol, templating
from onward.tools.package.contents import Contents
from onward.tools.package.folder import write_json
from onward.tools.package.plan import Outcome, Plan, refuse_dtypes
from onward.version import __version__

# What the server is made of, with what that needs: the versions that it was tested with.
SERVER = {
    "starlette": "1.10.0",
    "uvicorn": "0.54.0",
    "anyio": "4.16.0",
    "click": "8.5.1",
    "h11": "0.16.0",
    "idna": "3.20",
    "typing_extensions": "4.16.0",
}


@dataclass(frozen=True)
class Options:
    """What can be asked of a container.

    Attributes:
        port: that the server listens on.
    """

    port: int = 8080


def check(contents: Contents, options: Options) -> None:
    """Refuses what the protocol has no datatype for.

    Raises:
        InvalidArgumentError: an input or output is such, or the port is none that a plain user may listen on.
    """
    refuse_dtypes([*contents.inputs, *contents.outputs], frozenset(protocol.DATATYPES), "the Open Inference Protocol")
    if not 1024 <= options.port <= 65535:
        raise InvalidArgumentError(f"port is {options.port}; a user other than root listens on 1024 to 65535")


def build(plan: Plan, options: Options) -> Outcome:
    """Writes the folder that ``docker build`` takes."""
    contents, folder = plan.contents, plan.folder
    contents.copy(folder / "model")
    model = contents.to_dict()
    example = protocol.first_row(contents, plan.examples.sets[0])
    write_json(folder / "model.json", model)
    write_json(folder / "request.json", protocol.request(contents, example), None)
    write_json(folder / "response.json", protocol.response(contents, example), None)
    templating.copy("docker/server.py", folder / "server.py")
    pins = {**SERVER, **_installed("onnxruntime")}
    values = {
        "model": model, "options": options, "onward": __version__, "pins": dict(sorted(pins.items())),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}", "random": plan.examples.random,
    }  # fmt: skip
    for name in ("Dockerfile", "requirements.txt", "compose.yaml", "README.md"):
        templating.render(f"docker/{name}.j2", folder / name, **values)
    (folder / ".dockerignore").write_text("*\n!server.py\n!model.json\n!requirements.txt\n!model\n", encoding="utf-8")
    image = contents.name.lower()
    return Outcome(
        f"ONNX Runtime gives what response.json holds: {plan.examples.origin}",
        f"docker build -t {image} {plan.output} && docker run --rm -p {options.port}:{options.port} {image}",
    )


def _installed(package: str) -> dict[str, str]:
    """The installed version of a package and of all that it needs."""
    found: dict[str, str] = {}
    waiting = [package]
    while waiting:
        name = waiting.pop()
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:  # needed on other systems only
            continue
        if name not in found:
            found[name] = distribution.version
            needs = [need for need in distribution.requires or [] if "extra ==" not in need]
            waiting += [match.group().lower() for need in needs if (match := re.match(r"[\w.-]+", need))]
    return found
