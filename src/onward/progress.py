"""What a long piece of work is doing, for whoever watches, and how long each stage of it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from onward.logs import listened

Watcher = Callable[[str, float], None]
"""Called with the stage under way and how much of it is done, from 0 to 1."""


class Progress:
    """The stages of one piece of work.

    Attributes:
        seconds: the time that each finished stage took, in order.
    """

    def __init__(self, watcher: Watcher | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._watcher = watcher
        self._stage = ""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Names what is done inside the ``with``."""
        start, self._stage = time.perf_counter(), name
        self.done(0.0)
        yield
        self.done(1.0)
        took = time.perf_counter() - start
        self.seconds[name] = self.seconds.get(name, 0.0) + took
        log = listened()
        if log is not None:
            log.info("%s: %.3f s", name, took)

    def done(self, fraction: float) -> None:
        """Reports how much of the stage under way is done."""
        if self._watcher is not None:
            self._watcher(self._stage, fraction)
