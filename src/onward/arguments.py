"""What the values of command-line options mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onward.errors import InvalidArgumentError

if TYPE_CHECKING:
    from onward.specs import Spec


def names(text: str | None) -> list[str] | None:
    """Names from ``a,b``."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def specs(texts: list[str] | None) -> Any:
    """``x=batch,224,224,3``, ``x:int32=batch,128``; dimensions alone for the only input; a name alone to choose it."""
    if not texts:
        return None
    found = [_spec(text) for text in texts]
    labels = [spec.name for spec in found]
    if all(labels):
        if all(spec.shape is None and spec.dtype is None for spec in found):
            return labels
        return dict(zip(labels, found, strict=True))
    if any(labels):
        raise InvalidArgumentError("name every --input, or none")
    return found


def _spec(text: str) -> Spec:
    from onward.formats.dtypes import BY_NAME
    from onward.specs import Spec, spec

    name, equals, dims = text.rpartition("=")
    if not equals and "," not in dims and not dims.isdigit():
        return Spec(None, None, dims)
    name, _, dtype = name.rpartition(":") if name.rpartition(":")[2] in BY_NAME else (name, "", "")
    shape = spec(*map(_dim, dims.split(","))).shape if dims.strip("() ") else ()
    return Spec(shape, BY_NAME.get(dtype), name or None)


def _dim(text: str) -> int | str | None:
    text = text.strip()
    if text in ("?", "None", "-1"):
        return None
    return int(text) if text.lstrip("-").isdigit() else text


def pairs(texts: list[str] | None, what: str) -> dict[str, str] | None:
    """``old=new`` for each text."""
    found: dict[str, str] = {}
    for text in texts or ():
        left, equals, right = text.rpartition("=")
        if not (equals and left and right):
            raise InvalidArgumentError(f"{what} takes NAME=..., not '{text}'")
        found[left] = right
    return found or None


def sizes(texts: list[str] | None, what: str) -> dict[str, int] | None:
    """``name=size`` for each text."""
    found = pairs(texts, what)
    wrong = next((text for text in (found or {}).values() if not text.isdigit()), None)
    if wrong is not None:
        raise InvalidArgumentError(f"{what} takes NAME=SIZE, not '{wrong}' for a size")
    return None if found is None else {name: int(text) for name, text in found.items()}


def numbers(text: str | None, what: str) -> list[int] | None:
    """Whole numbers from ``1,8,32``."""
    found = names(text)
    return None if found is None else [count(number, what) for number in found]


def counts(text: str | None, what: str) -> list[int | None] | None:
    """Whole numbers; None for ``default``."""
    found = names(text)
    return None if found is None else [None if number == "default" else count(number, what) for number in found]


def count(text: str, what: str) -> int:
    """A whole number from 1 on."""
    if not text.isdigit() or not int(text):
        raise InvalidArgumentError(f"{what} takes whole numbers from 1 on, not '{text}'")
    return int(text)


def layouts(texts: list[str] | None, what: str) -> Any:
    """``nchw`` for all, or ``name=nchw`` for each text."""
    if texts and len(texts) == 1 and "=" not in texts[0]:
        return texts[0]
    return pairs(texts, what)


def custom_ops(texts: list[str] | None) -> dict[str, Any] | None:
    """``MyOp=domain``, or ``MyOp=domain:Name`` where the operator has another name there."""
    found = pairs(texts, "--custom-op")
    if found is None:
        return None
    from onward.lowering.custom import keep

    parts = {op: domain.partition(":") for op, domain in found.items()}
    return {op: keep(domain, name or None) for op, (domain, _, name) in parts.items()}


def chosen(text: str | None) -> Any:
    """Names from ``a,b``; all of them from ``all``."""
    return True if text == "all" else names(text)
