"""The messages that Onward writes are ONNX's."""

from __future__ import annotations

from typing import Any

import onnx
import pytest

from onward.onnx_messages import message

TYPES = [
    (name, getattr(onnx, name).DESCRIPTOR)
    for name in (
        "ModelProto", "OperatorSetIdProto", "StringStringEntryProto", "GraphProto", "NodeProto", "AttributeProto",
        "TensorProto", "ValueInfoProto", "TypeProto", "TensorShapeProto",
    )
]  # fmt: skip
TYPES += [("Tensor", onnx.TypeProto.Tensor.DESCRIPTOR), ("Dimension", onnx.TensorShapeProto.Dimension.DESCRIPTOR)]
ENUM, INT32 = 14, 5


@pytest.mark.parametrize(("name", "theirs"), TYPES, ids=[name for name, _ in TYPES])
def test_fields_are_those_of_onnx(name: str, theirs: Any) -> None:
    for field in message(name).DESCRIPTOR.fields:
        real = theirs.fields_by_name[field.name]
        kind = INT32 if real.type == ENUM else real.type
        assert (field.number, field.type) == (real.number, kind), field.name
        assert _repeated(field) == _repeated(real), field.name


def _repeated(field: Any) -> bool:
    return field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED


def test_every_message_is_compared() -> None:
    from onward.onnx_messages import _MESSAGES

    assert set(_MESSAGES.tokens()) == {name for name, _ in TYPES}
