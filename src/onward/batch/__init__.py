"""Many models at once: a list in TOML, processes or machines that share it, one summary."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from onward.batch import config as lists
from onward.batch.engines import ENGINES
from onward.batch.job import Outcome, skipped
from onward.batch.summary import Summary
from onward.errors import InvalidArgumentError
from onward.progress import Progress

__all__ = ["Outcome", "Summary", "convert_all"]


def convert_all(
    config: str | os.PathLike[str] | Mapping[str, Any],
    *,
    only: Sequence[str] | None = None,
    jobs: int | None = None,
    on: str = "processes",
    fail_fast: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Converts a list of models, several at once, and goes on with what is to follow each.

    A model that fails, or takes its process down, does not keep the others from being converted.

    Args:
        config: a TOML file, or what one would hold; its paths are relative to the file, or to the current folder.
            docs/pipelines.md says what stands in it.
        only: the names of the models to convert; all of them if not given.
        jobs: how many at once; by default as many as there are cores, and memory for.
        on: "processes" of this machine; "dask" or "ray", which spread them over machines that see the same files;
            "dask=tcp://host:8786" and "ray=ADDRESS" say which.
        fail_fast: stop at the first failure.
        progress: watches how many are done.

    Returns:
        What became of each model, in the order of the list.

    Raises:
        InvalidSourceError: the file cannot be read, or is no TOML.
        InvalidArgumentError: something in it cannot be honoured. All of it is looked at before any work begins.
        MissingDependencyError: Dask or Ray is not installed.
    """
    wanted = lists.read(config, only)
    name, _, address = on.partition("=")
    if name not in ENGINES:
        raise InvalidArgumentError(f"models are converted on {', '.join(ENGINES)}, not on '{name}'")
    if jobs is not None and jobs < 1:
        raise InvalidArgumentError(f"at least one model is converted at once, not {jobs}")
    progress = progress or Progress()
    start = time.perf_counter()
    outcomes: dict[int, Outcome] = {}
    with progress.stage("convert"), closing(ENGINES[name](wanted, jobs, address or None)) as arriving:
        for index, outcome in arriving:
            outcomes[index] = outcome
            progress.done(len(outcomes) / len(wanted))
            if fail_fast and not outcome.passed:
                break
    ordered = [outcomes.get(index) or skipped(job) for index, job in enumerate(wanted)]
    return Summary(tuple(ordered), time.perf_counter() - start)
