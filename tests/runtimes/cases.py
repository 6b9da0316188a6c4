"""Models with recorded answers, in the form in which JavaScript reads them; and how ONNX Runtime's builds take them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onward.tools.package import selftest, templating
from onward.tools.package.contents import examples, look
from tests.browser import PATIENCE, chromium, served
from tests.javascript import NODE, NODE_RUNTIME, WEB_RUNTIME

HERE = Path(__file__).parent
MODEL_PATIENCE = 60  # seconds for one model
WEBGPU = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan")


@dataclass(frozen=True)
class Ran:
    """What became of a model.

    Attributes:
        name: of the model.
        loaded: whether the runtime made a session of it.
        problem: what went wrong, in words; empty if nothing did.
        difference: the largest difference from the recorded answers.
        milliseconds: that one run took.
    """

    name: str
    loaded: bool
    problem: str = ""
    difference: float | None = None
    milliseconds: float | None = None
    results: list[dict[str, Any]] = field(default_factory=list, repr=False)

    @property
    def passed(self) -> bool:
        return self.loaded and not self.problem


def write(model: Path, folder: Path, recorded: Path | None = None) -> None:
    """Puts a model and its recorded answers into a folder; without answers it is only to be loaded."""
    folder.mkdir(parents=True)
    if recorded is None:
        shutil.copyfile(model, folder / "model.onnx")
        return
    contents = look(model)
    contents.copy(folder)
    selftest.write(folder, contents, examples(contents, recorded), None)


def in_node(folder: Path, names: Iterable[str]) -> list[Ran]:
    """Runs the models of a folder in onnxruntime-node, in one process."""
    names = list(names)
    templating.copy("web/selftest.mjs", folder / "selftest.mjs")
    for name in ("node.mjs", "outcome.mjs"):
        shutil.copyfile(HERE / name, folder / name)
    done = subprocess.run(
        [str(NODE), "node.mjs", str(NODE_RUNTIME), *names],
        cwd=folder, capture_output=True, text=True, timeout=MODEL_PATIENCE * len(names), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [Ran(**json.loads(line)) for line in done.stdout.splitlines() if line.startswith("{")]


@contextmanager
def browser(folder: Path, *flags: str) -> Iterator[Any]:
    """A page that runs the models of a folder in onnxruntime-web."""
    for name in ("selftest.mjs", "serve.py"):
        templating.copy(f"web/{name}", folder / name)
    for name in ("index.html", "page.mjs", "outcome.mjs"):
        shutil.copyfile(HERE / name, folder / name)
    if not (folder / "runtime").exists():
        (folder / "runtime").symlink_to(WEB_RUNTIME / "dist", target_is_directory=True)
    with served(folder) as address, chromium(800, 600, *flags) as page:
        page.set_script_timeout(MODEL_PATIENCE)
        page.get(address)
        yield page


def in_browser(page: Any, names: Iterable[str], backend: str) -> list[Ran]:
    """Runs models in the page, on a backend."""
    script = "const done = arguments[2]; window.run(arguments[0], arguments[1]).then(done);"
    assert MODEL_PATIENCE <= PATIENCE
    return [Ran(**page.execute_async_script(script, name, backend)) for name in names]
