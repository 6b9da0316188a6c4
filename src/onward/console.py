"""What the command line shows, and how it ends."""

from __future__ import annotations

import atexit
import json
import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from onward.errors import OnwardError
from onward.logs import listened
from onward.progress import Progress
from onward.writing import check_writable

INTERRUPTED, TERMINATED = 130, 143

_interrupted = _terminated = False


def catch_signals() -> None:
    """Lets Ctrl-C and a request to terminate unwind, so that unfinished files are removed."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _terminate)


def _interrupt(*_: object) -> None:
    global _interrupted
    _interrupted = True
    raise KeyboardInterrupt


def _terminate(*_: object) -> None:
    global _terminated
    _terminated = True
    raise SystemExit(TERMINATED)


def _heed(*_: object) -> None:
    """Ends here what a signal was to end, where a library that catches everything has kept it from that."""
    if _interrupted:
        raise KeyboardInterrupt
    if _terminated:
        raise SystemExit(TERMINATED)


def mute_native_code() -> None:
    """Silences what compiled libraries print (TensorFlow's start-up notices); Python's own standard error stays."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    try:
        native = sys.stderr.fileno()
    except (AttributeError, OSError):  # no descriptor behind it: nothing to share with compiled code
        return
    sys.stderr = os.fdopen(os.dup(native), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), native)


def leave(code: int) -> NoReturn:
    """Ends the process with what it must still do, but without taking its objects apart one by one, which would take a
    tenth of a small conversion's time."""
    if threading.active_count() > 1:  # Python waits for them
        sys.exit(code)
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # nobody reads any more: Python's own way out says so
        sys.exit(code)
    os._exit(code)


def outcome(error: BaseException) -> tuple[int, str] | None:
    """An error's exit code and sentence; None for what is no error of ours, and a bug if it is one at all.

    While Ctrl-C unwinds, a library may turn it into an error of its own.
    """
    if _interrupted or isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "interrupted"
    if isinstance(error, OnwardError):
        return error.exit_code, str(error)
    return (1, "not enough memory") if isinstance(error, MemoryError) else None


def show_error(error: BaseException, code: int, text: str, *, as_json: bool, report: Path | None = None) -> None:
    """Prints an error: JSON to standard output, the sentence to standard error; a report tells it too."""
    if as_json:
        print(json.dumps({"error": type(error).__name__, "message": text, "exit_code": code}, indent=2))
    else:
        print(f"onward: {text}", file=sys.stderr)
    if report is None:
        return
    from onward.reporting import of_error, save

    try:
        save(of_error(error, text), report, _command())
    except OnwardError as another:
        print(f"onward: and no report: {another}", file=sys.stderr)


def show(result: Any, as_json: bool, report: Path | None = None) -> None:
    """Prints a result: its text, or its ``to_dict`` as JSON; and writes its report (``onward.reporting``)."""
    print(json.dumps(result.to_dict(), indent=2) if as_json else result)
    if report is not None:
        from onward.reporting import save

        save(result.page(), report, _command())


def _command() -> str:
    """What was typed."""
    return shlex.join(["onward", *sys.argv[1:]])


def log_to(file: Path | None) -> None:
    """Writes what Onward logs to a file, or to standard error.

    Raises:
        OutputError: the file cannot be written.
    """
    import logging

    class Told(logging.Handler):
        """Prints to what standard error is by then: ``mute_native_code`` replaces it."""

        def emit(self, record: logging.LogRecord) -> None:
            print(self.format(record), file=sys.stderr)

    handler: logging.Handler
    if file is None:
        handler = Told()
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:
        check_writable(file)
        handler = logging.FileHandler(file, "w", encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("onward")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)


@contextmanager
def progress(*stages: str) -> Iterator[Progress]:
    """Progress through the stages: a bar while standard error is a terminal and no log; silence otherwise."""
    if not sys.stderr.isatty() or listened() is not None:
        yield Progress(_heed)
        return
    bar = _Bar(stages)

    def watch(stage: str, done: float) -> None:
        _heed()
        bar.watch(stage, done)

    timer = threading.Timer(_PATIENCE, bar.begin)
    timer.start()
    try:
        yield Progress(watch)
    finally:
        timer.cancel()
        timer.join()
        bar.end()


_PATIENCE = 0.5  # seconds that nobody needs a bar for


class _Bar:
    """A progress bar that appears when it is told to begin, for importing rich takes longer than most work does."""

    def __init__(self, stages: Sequence[str]) -> None:
        self._stages = stages
        self._at = stages[0], 0.0
        self._bars: Any = None

    def begin(self) -> None:
        """Shows the bar."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        bars = Progress(*columns, console=Console(stderr=True), transient=True)
        bars.add_task(self._stages[0], total=len(self._stages))
        bars.start()
        self._bars = bars
        self.watch(*self._at)

    def watch(self, stage: str, done: float) -> None:
        """Follows the work, shown or not."""
        self._at = stage, done
        if self._bars is not None:
            task = self._bars.task_ids[0]
            self._bars.update(task, description=stage, completed=self._stages.index(stage) + done)

    def end(self) -> None:
        """Takes the bar away."""
        if self._bars is not None:
            self._bars.stop()
