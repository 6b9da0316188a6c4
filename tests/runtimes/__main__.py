"""Runs the fleet in ONNX Runtime for Node and for browsers, and writes docs/runtimes.md.

``python -m tests.runtimes [FOLDER]``: the folder keeps the converted models; without one they are converted anew. It
needs what ``python -m tests.javascript`` brings, Chromium and its driver.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import onward
from onward.tools.javascript import VERSION
from tests.fleet import MODELS, convert
from tests.runtimes import cases, unsupported

PAGE = Path(__file__).parents[2] / "docs" / "runtimes.md"
BEGIN, END = "<!-- runs -->", "<!-- end of runs -->"
COLUMNS = ("node", "wasm", "webgpu")


def main(models: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name in MODELS:
            path = convert(name, models)
            cases.write(path, folder / name, path.with_suffix(".npz"))
        for name, path in unsupported.write(folder).items():
            cases.write(path, folder / name)
        names = [*MODELS, *unsupported.MODELS]
        ran = {"node": cases.in_node(folder, names)}
        with cases.browser(folder, *cases.WEBGPU) as page:
            for backend in COLUMNS[1:]:
                ran[backend] = cases.in_browser(page, names, backend)
        verdicts = {name: onward.check(folder / name / "model.onnx", ["node", "wasm", "webgpu"]) for name in names}
    lines = ["| model | check | Node | WebAssembly | WebGPU |", "|---|---|---|---|---|"]
    for i, name in enumerate(names):
        word = " / ".join(dict.fromkeys(verdict.word for verdict in verdicts[name]))
        lines.append(f"| {name} | {word} | {' | '.join(_cell(ran[column][i]) for column in COLUMNS)} |")
    passed = ", ".join(f"{column} {sum(r.passed for r in ran[column][: len(MODELS)])}" for column in COLUMNS)
    lines += ["", f"Of {len(MODELS)} models with answers, these gave them, by runtime: {passed}. Version {VERSION}."]
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{chr(10).join(lines)}\n{END}{rest.partition(END)[2]}")
    print("\n".join(lines))


def _cell(ran: cases.Ran) -> str:
    if not ran.loaded:
        return "does not load"
    if ran.problem:
        return "does not run" if ran.difference is None else f"off by {ran.difference:.0e}"
    return "equal" if ran.difference == 0 else f"{ran.difference:.0e}"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(Path(folder))
