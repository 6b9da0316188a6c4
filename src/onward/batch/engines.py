"""What runs the jobs: processes here, or the machines of a Dask or Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Generator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from onward import console
from onward.batch.job import Job, Outcome, lost, run, size_of
from onward.errors import MissingDependencyError
from onward.tools.machine import available_memory, cores

Arriving = Generator[tuple[int, Outcome], None, None]
"""The outcomes as they come, each with its job's place in the list. Closing it stops what is under way."""

LEAST = 1_500_000_000  # bytes that a process with TensorFlow and ONNX Runtime takes before there is a model
GRACE = 5  # seconds to end in
COPIES = 4  # of a model's weights: TensorFlow's, ONNX Runtime's, and what both make of them


def on_processes(jobs: Sequence[Job], count: int | None, address: str | None) -> Arriving:
    """In processes of this machine. One that dies fails its job alone."""
    waiting = list(enumerate(jobs))[::-1]
    workers = [_Worker() for _ in range(min(count or fitting(jobs), len(jobs)))]
    try:
        busy: dict[Any, tuple[_Worker, int]] = {}
        for worker in workers:
            _give(worker, waiting, busy)
        while busy:
            for pipe in wait(list(busy)):
                worker, index = busy.pop(pipe)
                outcome = worker.outcome(jobs[index])
                if not worker.process.is_alive():
                    workers.remove(worker)
                    worker = _Worker()
                    workers.append(worker)
                _give(worker, waiting, busy)
                yield index, outcome
    finally:
        for worker in workers:
            worker.ask_to_stop()
        deadline = time.monotonic() + GRACE
        for worker in workers:
            worker.stop(deadline)


def fitting(jobs: Sequence[Job]) -> int:
    """How many jobs the machine has cores and memory for at once."""
    free = available_memory()
    largest = max(size_of(job.source) if Path(job.source).exists() else 0 for job in jobs)
    return cores() if free is None else max(1, min(cores(), free // (LEAST + COPIES * largest)))


class _Worker:
    """A process that runs one job after the other."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")  # a fork of a process with TensorFlow's threads may hang
        self.pipe, there = context.Pipe()
        self.process = context.Process(target=_serve, args=(there,))
        self.process.start()
        there.close()

    def outcome(self, job: Job) -> Outcome:
        """What comes back; it may be that the process is gone."""
        try:
            return self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            code = self.process.exitcode or 0
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            hint = ": there may be too little memory" if code == -signal.SIGKILL else ""
            return lost(job, f"its process ended with {how}{hint}")

    def ask_to_stop(self) -> None:
        """Lets the process end, and remove what it has not finished."""
        self.pipe.close()
        self.process.terminate()

    def stop(self, deadline: float) -> None:
        """Ends the process, by then also one that a library keeps from hearing."""
        self.process.join(max(0.0, deadline - time.monotonic()))
        self.process.kill()
        self.process.join()


def _give(worker: _Worker, waiting: list[tuple[int, Job]], busy: dict[Any, tuple[_Worker, int]]) -> None:
    if waiting:
        index, job = waiting.pop()
        worker.pipe.send(job)
        busy[worker.pipe] = worker, index


def _serve(pipe: Connection) -> None:
    """A worker's life. Standard output belongs to the summary: what libraries print goes to standard error."""
    os.dup2(2, 1)
    console.mute_native_code()
    console.catch_signals()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one ends the others
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        pipe.send(run(job))


def on_dask(jobs: Sequence[Job], count: int | None, address: str | None) -> Arriving:
    """On a Dask cluster: at an address, or the one that Dask's own configuration names, or one of this machine."""
    try:
        from dask.distributed import Client, as_completed
    except ImportError as error:
        raise MissingDependencyError("spreading over Dask needs distributed: pip install 'onward[dask]'") from error
    with Client(address) if address else Client(n_workers=count, threads_per_worker=1) as client:
        futures = {client.submit(run, job, pure=False, retries=0): i for i, job in enumerate(jobs)}
        for future in as_completed(futures):
            index = futures[future]
            problem = future.exception()
            yield index, future.result() if problem is None else lost(jobs[index], f"Dask: {problem}")


def on_ray(jobs: Sequence[Job], count: int | None, address: str | None) -> Arriving:
    """On a Ray cluster: at an address ("auto" for the one running here), or one of this machine."""
    try:
        import ray
    except ImportError as error:
        raise MissingDependencyError("spreading over Ray needs ray: pip install 'onward[ray]'") from error
    with ray.init(address=address, num_cpus=None if address else count):
        task = ray.remote(run).options(max_retries=0)
        pending = {task.remote(job): i for i, job in enumerate(jobs)}
        while pending:
            [ready], _ = ray.wait(list(pending), num_returns=1)
            index = pending.pop(ready)
            try:
                outcome = ray.get(ready)
            except ray.exceptions.RayError as error:
                outcome = lost(jobs[index], f"Ray: {str(error).splitlines()[0]}")
            yield index, outcome


Engine = Callable[[Sequence[Job], "int | None", "str | None"], Arriving]
ENGINES: dict[str, Engine] = {"processes": on_processes, "dask": on_dask, "ray": on_ray}
