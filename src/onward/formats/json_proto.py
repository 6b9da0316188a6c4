"""Protobuf's JSON form of TensorFlow's messages, as TensorFlow.js writes it.

Fields are in camelCase, 64-bit integers are strings, bytes are base64 (or, in files of early writers, lists of
character codes) and enums are names. What our messages do not have is left out, as the binary parser does.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from onward.errors import InvalidSourceError
from onward.formats.dtypes import NUMBERS
from onward.formats.protos import message

_ENUM_NAMES = {"float32": "FLOAT", "float64": "DOUBLE", "float16": "HALF"}
_ENUMS = {f"DT_{_ENUM_NAMES.get(name, name.upper())}": number for name, number in NUMBERS.items()}
_REF = 100  # DT_FLOAT_REF is DT_FLOAT + 100


def message_of(value: Any, kind: str, name: str) -> Any:
    """The message of type `kind` that a JSON value says.

    Args:
        value: what ``json.loads`` gave.
        kind: a message type of :mod:`onward.formats.protos`.
        name: what to call the source in an error.

    Raises:
        InvalidSourceError: the value is no such message; the error says where in it.
    """
    proto = message(kind)()
    try:
        _fill(proto, value)
    except _Misfit as misfit:
        raise InvalidSourceError(f"{name} is damaged: {misfit}") from misfit
    return proto


def dtype_number(value: Any) -> int:
    """The number of a ``DataType``, given by name (``DT_FLOAT``) or number.

    Raises:
        ValueError: there is no such type.
    """
    if isinstance(value, str) and value.startswith("DT_"):
        name = value.removesuffix("_REF")
        if name not in _ENUMS:
            raise ValueError(f"{value} is no dtype")
        return _ENUMS[name] + (_REF if name != value else 0)
    return int(value)


class _Misfit(Exception):
    """A part of the value that does not fit; the text begins with where it is."""

    def within(self, place: str) -> _Misfit:
        return _Misfit(f"{place}.{self}")


def _fill(proto: Any, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise _Misfit(f" an object should be here, not {_short(value)}")
    fields = proto.DESCRIPTOR.fields_by_name
    for key, part in value.items():
        field = fields.get(key) or fields.get(_snake(key))
        if field is None or part is None:
            continue
        try:
            _set(proto, field, part)
        except _Misfit as misfit:
            raise misfit.within(key) from None
        except (ValueError, TypeError, OverflowError, binascii.Error) as error:
            raise _Misfit(f"{key}: {_short(part)} does not fit ({error})") from None


def _set(proto: Any, field: Any, value: Any) -> None:
    target = getattr(proto, field.name)
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        _set_map(target, kind.fields_by_name["value"], value)
    elif _is_repeated(field):
        if not isinstance(value, list):
            raise _Misfit(f"{field.name}: a list should be here, not {_short(value)}")
        if kind is None:
            target.extend([_scalar(field, item) for item in value])
        else:
            for item in value:
                _fill(target.add(), item)
    elif kind is not None:
        target.SetInParent()
        _fill(target, value)
    else:
        setattr(proto, field.name, _scalar(field, value))


def _set_map(target: Any, entry: Any, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise _Misfit(f" an object should be here, not {_short(value)}")
    keys = entry.containing_type.fields_by_name["key"]
    for key, part in value.items():
        place = key if keys.cpp_type == keys.CPPTYPE_STRING else int(key)
        if entry.message_type is None:
            target[place] = _scalar(entry, part)
        else:
            try:
                _fill(target[place], part)
            except _Misfit as misfit:
                raise misfit.within(str(key)) from None


def _is_repeated(field: Any) -> bool:
    return field.is_repeated if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED


def _scalar(field: Any, value: Any) -> Any:
    kind = field.cpp_type
    if field.type == field.TYPE_BYTES:
        return bytes(value) if isinstance(value, list) else base64.b64decode(_padded(value), validate=True)
    if kind == field.CPPTYPE_STRING:
        if not isinstance(value, str):
            raise ValueError("not a text")
        return value
    if kind in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return float(value)
    if kind == field.CPPTYPE_BOOL:
        if value not in (True, False, "true", "false"):
            raise ValueError("neither true nor false")
        return value in (True, "true")
    return dtype_number(value)


def _padded(text: Any) -> str:
    """Base64 with the padding that some writers leave off, in the alphabet that Python reads."""
    if not isinstance(text, str):
        raise ValueError("not base64")
    plain = text.replace("-", "+").replace("_", "/")
    return plain + "=" * (-len(plain) % 4)


def _snake(name: str) -> str:
    return re.sub("(?<=[a-z0-9])([A-Z])", lambda match: "_" + match.group(1).lower(), name)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
