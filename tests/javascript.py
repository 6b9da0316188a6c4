"""Node and ONNX Runtime's npm packages, for tests of where models run besides Python.

``python -m tests.javascript`` brings the packages into ``.cache/npm``, at the version that web packages carry; tests
that need them are skipped where they are absent.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from onward.tools.javascript import VERSION

FOLDER = Path(__file__).parents[1] / ".cache" / "npm"
NODE = shutil.which("node")
NODE_RUNTIME = FOLDER / "node_modules" / "onnxruntime-node"
WEB_RUNTIME = FOLDER / "node_modules" / "onnxruntime-web"
PATIENCE = 600  # seconds for 400 MB


def installed(package: Path) -> bool:
    """Whether a package is there, at the version wanted."""
    about = package / "package.json"
    return about.is_file() and json.loads(about.read_text())["version"] == VERSION


HAS_NODE = NODE is not None and installed(NODE_RUNTIME)
HAS_WEB = installed(WEB_RUNTIME)
WHY_NOT = f"needs ONNX Runtime {VERSION} from npm: python -m tests.javascript"


def main() -> int:
    """Brings the packages; says why where it cannot."""
    npm = shutil.which("npm")
    if npm is None or NODE is None:
        print("node or npm is not installed", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "package.json").write_text('{"private": true}\n')
    # Its install script would fetch CUDA libraries, which nothing here uses.
    command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    return subprocess.run(
        [*command, f"onnxruntime-node@{VERSION}", f"onnxruntime-web@{VERSION}"],
        cwd=FOLDER, timeout=PATIENCE, check=False,
    ).returncode  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
