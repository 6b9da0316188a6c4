"""TensorFlow's ops, by family. A module registers its lowerings when it is imported, which waits until an op of it is
met: ``index.tsv`` says where each op is (``scripts/generate_op_index.py`` writes it)."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path


@cache
def load(name: str) -> None:
    """Registers the lowerings of an op, if there are any."""
    modules = _index().get(name)
    if modules is None:  # a module that the index does not know yet, or an op of nobody's
        load_all()
        return
    for module in modules.split():
        import_module(f"onward.ops.{module}")


@cache
def load_all() -> None:
    """Registers every lowering."""
    from pkgutil import walk_packages

    for module in walk_packages(__path__, f"{__name__}."):
        import_module(module.name)


@cache
def _index() -> dict[str, str]:
    lines = Path(__file__).with_name("index.tsv").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines)
