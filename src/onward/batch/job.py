"""One model of the list: converted, and what follows, wherever an engine runs it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onward
from onward.errors import OnwardError, OutputError, VerificationError
from onward.reporting import Reported

if TYPE_CHECKING:
    from onward.tools.verify import Verification

# The functions that a list can name: each takes a model's file first. What they return says by `passed`, or raises when
# told to `require`, whether all is well; where it does neither, having returned is enough.
STEPS = ("verify", "optimize", "quantize", "bench", "check", "package")


@dataclass(frozen=True)
class Step:
    """A function of Onward's by name, and its keyword arguments. Without ``model`` it takes the file written last."""

    function: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A source, the fields of Options, and the steps that follow. Paths are absolute."""

    name: str
    source: str
    options: dict[str, Any]
    steps: tuple[Step, ...] = ()

    def writes(self) -> Iterator[str]:
        """The files that it writes."""
        yield self.options["output"]
        for step in self.steps:
            if "output" in step.arguments:
                yield step.arguments["output"]


@dataclass(frozen=True)
class Done:
    """One thing that was done: the conversion, or a step.

    Attributes:
        name: "convert", or the step's function.
        seconds: it took.
        passed: whether all is well.
        text: what is to be said about it in a line.
        output, size: the file that it wrote and its bytes, external data included.
        result: what the function returned, as plain values.
        verification: how the model compared, where that was asked for.
    """

    name: str
    seconds: float
    passed: bool
    text: str
    output: str | None = None
    size: int | None = None
    result: dict[str, Any] = field(default_factory=dict)
    verification: Verification | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        about = {"name": self.name, "seconds": round(self.seconds, 3), "passed": self.passed, "text": self.text}
        return {**about, "output": self.output, "size": self.size, "result": self.result}


@dataclass(frozen=True)
class Outcome:
    """What became of a model.

    Attributes:
        name, source: of the model.
        status: "ok", "failed", or "skipped" where an earlier failure kept it from being tried.
        done: the conversion and the steps, as far as they got.
        error, exit_code, trace: what went wrong, its exit code, and the traceback of a bug.
    """

    name: str
    source: str
    status: str
    done: tuple[Done, ...] = ()
    error: str = ""
    exit_code: int = 0
    trace: str = ""

    @property
    def passed(self) -> bool:
        return self.status != "failed"

    @property
    def seconds(self) -> float:
        """All of it took."""
        return sum(each.seconds for each in self.done)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        about = {"name": self.name, "source": self.source, "status": self.status, "seconds": round(self.seconds, 3)}
        wrong = {"error": self.error, "exit_code": self.exit_code, "trace": self.trace}
        return {**about, **wrong, "done": [each.to_dict() for each in self.done]}


def skipped(job: Job) -> Outcome:
    """The outcome of a job that was not tried."""
    return Outcome(job.name, job.source, "skipped")


def lost(job: Job, reason: str) -> Outcome:
    """The outcome of a job whose process or machine is gone."""
    return Outcome(job.name, job.source, "failed", error=reason, exit_code=OnwardError.exit_code)


def run(job: Job) -> Outcome:
    """Converts the model and does what follows; whatever goes wrong is in the outcome, so that others go on."""
    done: list[Done] = []
    names = ["convert", *(step.function for step in job.steps)]
    start = time.perf_counter()

    def failed(text: str, code: int, trace: str = "", result: Any = None) -> Outcome:
        verification = getattr(result, "verification", result)  # a report holds it, unless it is one itself
        took = time.perf_counter() - start
        wrong = Done(names[len(done)], took, False, text, verification=verification)
        return Outcome(job.name, job.source, "failed", (*done, wrong), text, code, trace)

    try:
        for each in _work(job):
            if not each.passed:
                return Outcome(job.name, job.source, "failed", (*done, each), each.text, VerificationError.exit_code)
            done.append(each)
            start = time.perf_counter()
    except OnwardError as error:
        return failed(str(error), error.exit_code, result=getattr(error, "result", None))
    except Exception as error:  # noqa: BLE001  (a bug in one model's conversion is told, and is not the others' end)
        return failed(f"{type(error).__name__}: {error}", OnwardError.exit_code, traceback.format_exc())
    return Outcome(job.name, job.source, "ok", tuple(done))


def _work(job: Job) -> Iterator[Done]:
    for path in job.writes():
        _make_folder(Path(path).parent)
    model = job.options["output"]
    start = time.perf_counter()
    program = onward.convert(job.source, **job.options)
    report, verification = program.report, program.verification
    text = "not verified" if verification is None else verification.summary()
    took = time.perf_counter() - start
    yield Done("convert", took, True, text, model, size_of(model), report.to_dict(), verification)
    for step in job.steps:
        start = time.perf_counter()
        given = dict(step.arguments)
        target = given.pop("model", model)
        if step.function == "verify" and not {"source", "golden"} & set(given):
            given["source"] = job.source
        result = getattr(onward, step.function)(target, **given)
        if hasattr(result, "require"):
            result.require()
        output = given.get("output")
        model = output if output and Path(output).is_file() else model  # a package is a folder
        passed = bool(getattr(result, "passed", True))
        size = size_of(output) if output else None
        told = _told(result)
        verification = result if step.function == "verify" else None
        took = time.perf_counter() - start
        yield Done(step.function, took, passed, told, output, size, result.to_dict(), verification)


def _told(result: Any) -> str:
    """What became of a step, in a sentence."""
    if hasattr(result, "summary"):
        return result.summary()
    return (result.page().summary if isinstance(result, Reported) else "") or str(result).strip().splitlines()[-1]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder '{folder}': {error.strerror or error}") from error


def size_of(path: str) -> int:
    """The bytes of a model's file, or of a folder's, and of the data beside it."""
    file = Path(path)
    if file.is_dir():
        return sum(part.stat().st_size for part in file.rglob("*") if part.is_file())
    return sum(part.stat().st_size for part in (file, Path(f"{path}.data")) if part.is_file())
