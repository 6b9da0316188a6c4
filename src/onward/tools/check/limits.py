"""The rules of ``limits.tsv``: what a target asks of a node beyond having its operator.

=====================================  ==================================================================
``rank=3,4`` ``rank<=5``               of the first operand; of every operand
``dtype=float,int32``                  of the first operand, instead of the target's general dtypes
``data=X:float,bool``                  of the operand of that name
``result=float,int32``                 of the first result
``constant=axes,shape``                operands that must be constant where they are given
``constant-unless-int32=indices``      an operand that must be constant, or int32
``static``                             the sizes of all operands must be known
``attribute:mode=linear,nearest``      an attribute's values; ``attributes:`` of each of its elements
``absent=mask`` ``absent-attribute=``  operands or an attribute that must be left out
``ignored=sequence_lens``              an operand that it loads with and then ignores: the results are wrong
``ones=dilations`` ``zeros=``          an attribute's elements, where it is given
``zero=y_zero_point``                  a constant operand that must be 0 throughout
``nonnegative=pads``                   a constant operand without negative elements
``below:K=3840``                       a constant operand's bound
``vector=indices``                     an operand that must not be a scalar
``inputs<=2`` ``outputs<=1``           how many may be given
``note=...``                           what no rule can tell; said of each such node
=====================================  ==================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

from onward.tools.check.nodes import Operand, View

_RULE = re.compile(r"(?P<kind>[a-z0-9-]+?)(?::(?P<what>\w+))?(?P<sign><?=)(?P<allowed>.*)|(?P<bare>static)")


def broken(rule: str, view: View) -> str | None:
    """What a node does against a rule, in words; None where it keeps to it or nothing tells."""
    match = _RULE.fullmatch(rule)
    assert match is not None, rule
    if match["bare"]:
        loose = [o.name for o in view.inputs if o is not None and not o.static]
        return f"the sizes of {loose[0]} are not all known" if loose else None
    return RULES[match["kind"] + match["sign"]](view, match["what"] or "", match["allowed"].split(","))


def _rank(view: View, _: str, allowed: list[str]) -> str | None:
    first = view.inputs[0] if view.inputs else None
    if first is None or first.shape is None or str(len(first.shape)) in allowed:
        return None
    return f"its operand has {len(first.shape)} axes, not {' or '.join(allowed)}"


def _ranks(view: View, _: str, allowed: list[str]) -> str | None:
    for operand in (*view.inputs, *view.outputs):
        if operand is not None and operand.shape is not None and len(operand.shape) > int(allowed[0]):
            return f"{operand.name} has {len(operand.shape)} axes, more than {allowed[0]}"
    return None


def _data(view: View, what: str, allowed: list[str]) -> str | None:
    what, _, first = allowed[0].partition(":")
    operand, dtypes = view.operand(what), [first, *allowed[1:]]
    if operand is None or not operand.dtype or operand.dtype in dtypes:
        return None
    return f"{what} is {operand.dtype}, not {' or '.join(dtypes)}"


def _result(view: View, _: str, allowed: list[str]) -> str | None:
    first = view.outputs[0] if view.outputs else None
    if first is None or not first.dtype or first.dtype in allowed:
        return None
    return f"it gives {first.dtype}, not {' or '.join(allowed)}"


def _constant(view: View, _: str, allowed: list[str]) -> str | None:
    loose = [name for name in allowed if _varies(view.operand(name))]
    return f"{loose[0]} is computed, and must be constant" if loose else None


def _constant_unless(view: View, _: str, allowed: list[str]) -> str | None:
    operand = view.operand(allowed[0])
    return None if operand is None or operand.dtype == "int32" else _constant(view, "", allowed)


def _attribute(view: View, what: str, allowed: list[str]) -> str | None:
    value = view.attribute(what)
    return None if value is None or _text(value) in allowed else f"{what} is {_text(value)}, not {' or '.join(allowed)}"


def _attributes(view: View, what: str, allowed: list[str]) -> str | None:
    wrong = [_text(v) for v in view.attribute(what) or () if _text(v).lower() not in {a.lower() for a in allowed}]
    return f"{what} has {wrong[0]}" if wrong else None


def _absent(view: View, _: str, allowed: list[str]) -> str | None:
    given = [name for name in allowed if view.operand(name) is not None]
    return f"{given[0]} is given" if given else None


def _ignored(view: View, _: str, allowed: list[str]) -> str | None:
    given = [name for name in allowed if view.operand(name) is not None]
    return f"{given[0]} is given, which it ignores" if given else None


def _absent_attribute(view: View, _: str, allowed: list[str]) -> str | None:
    given = {attribute.name for attribute in view.proto.attribute} & set(allowed)
    return f"{sorted(given)[0]} is given" if given else None


def _all(number: int) -> Callable[[View, str, list[str]], str | None]:
    def check(view: View, _: str, allowed: list[str]) -> str | None:
        value = view.attribute(allowed[0])
        return None if value is None or all(v == number for v in value) else f"{allowed[0]} is {list(value)}"

    return check


def _zero(view: View, _: str, allowed: list[str]) -> str | None:
    values = _known(view.operand(allowed[0]))
    return f"{allowed[0]} is not 0" if values is not None and np.any(values.astype(np.float64)) else None


def _nonnegative(view: View, _: str, allowed: list[str]) -> str | None:
    values = _known(view.operand(allowed[0]))
    return f"{allowed[0]} is negative" if values is not None and (values < 0).any() else None


def _below(view: View, what: str, allowed: list[str]) -> str | None:
    values = _known(view.operand(what))
    over = values is not None and (values >= int(allowed[0])).any()
    return f"{what} is not below {allowed[0]}" if over else None


def _vector(view: View, _: str, allowed: list[str]) -> str | None:
    operand = view.operand(allowed[0])
    return f"{allowed[0]} is a scalar" if operand is not None and operand.shape == () else None


def _inputs(view: View, _: str, allowed: list[str]) -> str | None:
    given = sum(operand is not None for operand in view.inputs)
    return f"it has {given} inputs, more than {allowed[0]}" if given > int(allowed[0]) else None


def _outputs(view: View, _: str, allowed: list[str]) -> str | None:
    given = sum(operand is not None for operand in view.outputs)
    return f"it has {given} outputs, more than {allowed[0]}" if given > int(allowed[0]) else None


def _nothing(*_: object) -> None:
    """A rule that is read elsewhere."""


def _varies(operand: Operand | None) -> bool:
    return operand is not None and not operand.constant


def _known(operand: Operand | None) -> np.ndarray | None:
    return None if operand is None else operand.values


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


RULES: Mapping[str, Callable[[View, str, list[str]], str | None]] = {
    "rank=": _rank,
    "rank<=": _ranks,
    "data=": _data,
    "result=": _result,
    "constant=": _constant,
    "constant-unless-int32=": _constant_unless,
    "attribute=": _attribute,
    "attributes=": _attributes,
    "absent=": _absent,
    "absent-attribute=": _absent_attribute,
    "ignored=": _ignored,
    "ones=": _all(1),
    "zeros=": _all(0),
    "zero=": _zero,
    "nonnegative=": _nonnegative,
    "below=": _below,
    "vector=": _vector,
    "inputs<=": _inputs,
    "outputs<=": _outputs,
    "dtype=": _nothing,
    "note=": _nothing,
}
