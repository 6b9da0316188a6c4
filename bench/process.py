"""Whole processes, measured from outside: wall time, processor time and peak memory, imports and all."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "PYTHONDONTWRITEBYTECODE": "",  # a source tree is compiled once, as packages are when they are installed
}


@dataclass(frozen=True)
class Run:
    """One process: seconds on the wall and on the processor, megabytes at the peak, its exit status and output."""

    wall: float
    cpu: float
    peak_mb: float
    status: int
    stdout: str
    stderr: str

    @property
    def failure(self) -> str:
        """Why it failed, in its own last words; empty when it did not."""
        if self.status == 0:
            return ""
        lines = [line.strip() for line in self.stderr.splitlines() if line.strip()]
        said = [line for line in lines if re.match(r"onward:|[\w.]*(Error|Exception)\b", line)] or lines[-1:]
        return said[-1][:200] if said else f"exit status {self.status}"


# Linux counts the memory of the process that starts another as the other's until it runs its own program; so what
# starts them is as small as Python gets, and measures too.
LAUNCHER = """
import json, os, sys, time
report = int(sys.argv[1])
os.set_inheritable(report, False)
start = time.perf_counter()
_, status, usage = os.wait4(os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ), 0)
wall = time.perf_counter() - start
figures = wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status)
os.write(report, json.dumps(figures).encode())
"""


def run(command: Sequence[str], *, timeout: float = 900, environment: Mapping[str, str] | None = None) -> Run:
    """Run `command` to its end; after `timeout` seconds it and its children are killed and count as failed."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err, tempfile.TemporaryFile() as report:
        process = subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", LAUNCHER, str(report.fileno()), *command],
            stdout=out,
            stderr=err,
            env={**os.environ, **QUIET, **(environment or {})},
            pass_fds=[report.fileno()],
            start_new_session=True,
        )
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read())
        report.seek(0)
        figures = report.read()
    if not figures:
        return Run(timeout, 0.0, 0.0, process.returncode, *texts)
    wall, cpu, peak, status = json.loads(figures)
    return Run(wall, cpu, peak / (1024 if sys.platform != "darwin" else 1024**2), status, *texts)


def paired(runs: Mapping[str, Callable[[], Run]], rounds: int) -> dict[str, list[Run]]:
    """Every entry of `runs` once a round, each round starting with another one, so that all share the machine's moods.

    An entry that fails is not tried again.
    """
    results: dict[str, list[Run]] = {name: [] for name in runs}
    names = list(runs)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            if results[name] and results[name][-1].status:
                continue
            results[name].append(runs[name]())
            print(f"  round {turn + 1}: {name} {results[name][-1].wall:.2f} s", file=sys.stderr, flush=True)
    return results


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median over rounds of ours / theirs: below 1 is better."""
    return median(a / b for a, b in zip(ours, theirs, strict=False))
