"""Every error that Onward raises on purpose.

Each says in one sentence what is wrong and, where there is one, the way out. The command line prints that
sentence and leaves with the error's ``exit_code``; anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class OnwardError(Exception):
    """The base of all of them."""

    exit_code = 1


class InvalidArgumentError(OnwardError, ValueError):
    """An argument that cannot be honoured: an unknown signature, input, output, opset or shape."""

    exit_code = 2


class InvalidSourceError(OnwardError):
    """A source that cannot be read: not a known format, cut short, or damaged."""

    exit_code = 3


class MissingDependencyError(OnwardError, ImportError):
    """A package that this step needs is not installed; the message holds the command that installs it."""

    exit_code = 4


@dataclass(frozen=True)
class MissingOp:
    """One op type that cannot be converted: how many nodes, the first of them, its layer, and why."""

    op: str
    count: int
    first: str
    layer: str = ""
    reason: str = ""


class UnsupportedOpsError(OnwardError):
    """The graph holds ops that have no lowering. All of them are listed, found before any work started."""

    exit_code = 5

    def __init__(self, graph: str, missing: Sequence[MissingOp], total_nodes: int) -> None:
        self.missing = tuple(missing)
        nodes = sum(m.count for m in missing)
        kinds = f"{len(missing)} op type{'s' * (len(missing) != 1)}"
        lines = [f"Cannot convert '{graph}': {kinds} ({nodes} of {total_nodes} nodes) cannot be expressed."]
        width = max((len(m.op) for m in missing), default=0)
        for m in missing:
            where = f"{m.count} node{'s' * (m.count != 1)}, first at {m.first}"
            layer = f"  (layer '{m.layer}')" if m.layer else ""
            reason = f": {m.reason}" if m.reason else ""
            lines.append(f"  {m.op:<{width}}  {where}{layer}{reason}")
        lines.append(
            "Write a mapping (docs/add_an_op.md) and pass it as custom_ops={'OpName': function}, or keep the op in an "
            "ONNX domain of your own: custom_ops={'OpName': 'my.domain'}."
        )
        super().__init__("\n".join(lines))


class LoweringError(OnwardError):
    """One op could not be lowered as it stands here; the message names the TensorFlow node."""

    exit_code = 6

    def __init__(self, message: str, node: str = "", op: str = "") -> None:
        self.node, self.op = node, op
        super().__init__(f"{op} '{node}': {message}" if node else message)


class OutputError(OnwardError, OSError):
    """The result could not be written. What stood at the path before stands there still."""

    exit_code = 7


class VerificationError(OnwardError):
    """The converted model does not compute what the source computes, within the stated tolerance.

    Attributes:
        result: what was found, where there is more to tell than the message does.
    """

    exit_code = 8

    def __init__(self, message: str, result: object = None) -> None:
        self.result = result
        super().__init__(message)


class UnsupportedTargetError(OnwardError):
    """A target does not run a model, or not all of it where that was asked for; the message names the nodes.

    Attributes:
        result: the verdicts.
    """

    exit_code = 9

    def __init__(self, message: str, result: object = None) -> None:
        self.result = result
        super().__init__(message)
