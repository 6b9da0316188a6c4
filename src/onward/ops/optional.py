"""Optional values (``lowering.optional``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.optional import NOTHING, Optional
from onward.lowering.registry import Unsupported, lower


@lower("OptionalFromValue")
def from_value(op: Builder, components: list[Any]) -> Optional:
    return Optional.of(components)


@lower("OptionalNone")
def none(op: Builder) -> Optional:
    return NOTHING


@lower("OptionalHasValue")
def has_value(op: Builder, optional: Optional) -> Value:
    present = optional.present
    return present if isinstance(present, Value) else op.constant(np.array(present))


@lower("OptionalGetValue")
def get_value(op: Builder, optional: Optional, *, output_types: list[np.dtype], output_shapes: Any) -> tuple[Any, ...]:
    """The components, in the form that fits what is expected."""
    fitting = [
        components
        for components in optional.forms.values()
        if len(components) == len(output_types)
        and all(_fits(*component) for component in zip(components, output_types, output_shapes, strict=False))
    ]
    if not fitting:
        raise Unsupported("an optional without a value is read")
    if len(fitting) > 1:
        raise Unsupported("an optional holds lists of one kind or of another, by the branch that was taken")
    return tuple(fitting[0])


def _fits(component: Any, dtype: np.dtype, shape: Any) -> bool:
    if not isinstance(component, Value):
        return True
    return component.dtype == dtype and (shape is None or component.rank in (None, len(shape)))


@lower("CompositeTensorVariantFromComponents")
def composite_from_components(op: Builder, components: list[Any]) -> Optional:
    """A sparse or ragged tensor as one value: its components."""
    return Optional.of(components)


@lower("CompositeTensorVariantToComponents")
def composite_to_components(op: Builder, encoded: Optional) -> tuple[Any, ...]:
    (components,) = encoded.forms.values()
    return tuple(components)
