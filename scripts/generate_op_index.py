"""Write src/onward/ops/index.tsv: which modules of ``onward.ops`` register which TensorFlow ops.

A conversion imports only the modules of the ops it meets. Run it after adding an op or a module:
`python scripts/generate_op_index.py`. One line an op: its name and, after a tab, its modules, separated by spaces.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

TARGET = Path(__file__).parent.parent / "src" / "onward" / "ops" / "index.tsv"


def index() -> str:
    """The table's text. It must run in a process that has not imported ``onward.ops`` yet."""
    from onward.lowering import registry

    found: dict[str, set[str]] = {}
    plain = registry.lower

    def lower(*names: str, **options: Any) -> Callable[[Callable], Callable]:
        for name in names:
            found.setdefault(name, set()).add(_module())
        return plain(*names, **options)

    registry.lower = lower
    package = import_module("onward.ops")
    for module in walk_packages(package.__path__, "onward.ops."):
        import_module(module.name)
    return "".join(f"{name}\t{' '.join(sorted(modules))}\n" for name, modules in sorted(found.items()))


def _module() -> str:
    """The module whose top level is being executed, however deep in calls its registration is made."""
    frame = sys._getframe(2)
    while frame.f_code.co_name != "<module>":
        assert frame.f_back is not None
        frame = frame.f_back
    return frame.f_globals["__name__"].removeprefix("onward.ops.")


if __name__ == "__main__":
    TARGET.write_text(index(), encoding="utf-8")
