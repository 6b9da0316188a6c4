"""Whole processes, measured from outside: wall time, processor time and peak memory, imports and all."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "TF_ENABLE_ONEDNN_OPTS": "0"}


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


def run(command: Sequence[str], *, timeout: float = 900, environment: Mapping[str, str] | None = None) -> Run:
    """Run `command` to its end; after `timeout` seconds it and its children are killed and count as failed."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=out, stderr=err, env={**os.environ, **QUIET, **(environment or {})}, start_new_session=True
        )
        status, usage = _wait(process.pid, start + timeout)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)  # reaped above: Popen must not wait again
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read())
    peak = usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    return Run(wall, usage.ru_utime + usage.ru_stime, peak, process.returncode, *texts)


def _wait(pid: int, deadline: float) -> tuple[int, os.struct_rusage]:  # type: ignore[name-defined]
    while True:
        reaped, status, usage = os.wait4(pid, os.WNOHANG)
        if reaped:
            return status, usage
        if time.perf_counter() > deadline:
            os.killpg(pid, signal.SIGKILL)
            _, status, usage = os.wait4(pid, 0)
            return status, usage
        time.sleep(0.002)


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
