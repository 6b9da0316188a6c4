"""A worker process, from the side of the one who commands it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from onward.errors import OnwardError

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}


class FailedError(OnwardError):
    """A contender that does not load or run; the text says why."""


class Process:
    """Starts a worker; ends it at the end of the ``with``."""

    def __init__(self) -> None:
        root = str(Path(__file__).parents[3])  # where the package lies
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "onward.tools.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **{k: os.environ.get(k, v) for k, v in QUIET.items()}, "PYTHONPATH": path},
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Sends a command and waits for the answer.

        Raises:
            FailedError: it fails, or the process ends.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise FailedError(f"its process ended ({self._process.wait()})")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise FailedError(answer["error"])
        return answer
