"""Optionals: values that may be absent, as the gradient of a choice passes them from its branches.

ONNX Runtime has them for whole sequences only, and nothing here needs them: an optional is its components and whether
they are there. A branch that has none yields placeholders of the other branch's dtypes and ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from onward.ir import Value
from onward.lowering.composite import Complex
from onward.lowering.lists import TensorList
from onward.lowering.registry import Unsupported

if TYPE_CHECKING:
    from onward.lowering.builder import Builder

Kind = tuple[str, ...]  # what sort of component, its dtype and its rank
Kinds = tuple[Kind, ...]


class Optional:
    """Components that may be absent.

    TensorFlow lets one optional serve both branches of a choice for different things, so that what it holds may have
    more than one form; who reads it knows which one is meant.

    Attributes:
        forms: the components by their kinds (dtypes and ranks), one entry for each form that it may have.
        present: whether they are there: known now, or a boolean scalar.
    """

    def __init__(self, forms: Mapping[Kinds, Sequence[Any]], present: bool | Value) -> None:
        self.forms = forms
        self.present = present

    @classmethod
    def of(cls, components: Sequence[Any]) -> Optional:
        """One that holds these."""
        return cls({tuple(_kind(c) for c in components): components}, True)

    def tensors(self) -> list[Any]:
        """All that has to be handed on, in an order that the kinds decide."""
        flag = [self.present] if isinstance(self.present, Value) else []
        return flag + [part for kinds in sorted(self.forms) for part in self.forms[kinds]]

    def rebuilt(self, tensor: Callable[[Any], Any]) -> Optional:
        """One of the same forms, made of ``tensor(part)`` for each of what ``tensors`` gives."""
        present = tensor(self.present) if isinstance(self.present, Value) else self.present
        return Optional({kinds: [tensor(part) for part in self.forms[kinds]] for kinds in sorted(self.forms)}, present)


def _kind(component: Any) -> Kind:
    if isinstance(component, Complex):
        return "complex", *_kind(component.real)
    if isinstance(component, TensorList):
        return "list", component.dtype.name
    if isinstance(component, Optional):
        return ("optional",)
    return "tensor", component.dtype.name, str(component.rank)


NOTHING = Optional({}, False)


def matched(op: Builder, mine: Any, other: Any) -> Any:
    """A branch's result in the form that serves both branches; emits into the graph that is open.

    Args:
        mine: the result of this branch.
        other: the same result of the other one.
    """
    if not isinstance(mine, Optional) or not isinstance(other, Optional):
        return mine
    forms = {}
    for kinds in {**mine.forms, **other.forms}:
        theirs = other.forms.get(kinds) or [NOTHING] * len(kinds)
        ours = mine.forms.get(kinds) or [_placeholder(op, part) for part in theirs]
        forms[kinds] = [matched(op, part, like) for part, like in zip(ours, theirs, strict=True)]
    if mine.present is other.present:
        return Optional(forms, mine.present)
    present = mine.present if isinstance(mine.present, Value) else op.constant(np.array(mine.present))
    return Optional(forms, present)


def _placeholder(op: Builder, like: Any) -> Any:
    if isinstance(like, Complex):
        return Complex(_placeholder(op, like.real), _placeholder(op, like.imag))
    if isinstance(like, TensorList):
        return TensorList(_placeholder(op, like.tensor()))
    if isinstance(like, Optional):
        return NOTHING
    if like.shape is None:
        raise Unsupported("nothing tells the rank of an optional value")
    shape = tuple(size if isinstance(size, int) else 0 for size in like.shape)
    return op.constant(np.full(shape, "" if like.dtype == object else 0, like.dtype))
