"""One step of a recurrent layer: which formulas are an LSTM, a GRU or a plain recurrent cell.

The cells are those of ONNX's ``LSTM``, ``GRU`` and ``RNN`` operators; each function begins with its equations. A gate
is an activation of a linear map of the step's input and the previous state, so how the source arranges its kernels and
biases does not matter.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from onward.fuse.linear import Linear, Reader, row
from onward.ir import Node, Value


class Activation(NamedTuple):
    """One of the functions that ONNX's recurrent operators know by name, with what it takes."""

    name: str
    alpha: float | None = None
    beta: float | None = None


# Operator: the defaults of its alpha and beta, where it has them. Softplus is not among them: within recurrent
# operators ONNX Runtime computes log(1 + exp(x)) as it stands, which is inf from 89 on.
ACTIVATIONS: dict[str, tuple[float, ...]] = {
    "Elu": (1.0,),
    "HardSigmoid": (0.2, 0.5),
    "LeakyRelu": (0.01,),
    "Relu": (),
    "Sigmoid": (),
    "Softsign": (),
    "Tanh": (),
    "ThresholdedRelu": (1.0,),
}
LINEAR = Activation("Affine", 1.0, 0.0)


class Step(NamedTuple):
    """What a loop's body does, as far as cells need to know.

    Attributes:
        reader: reads linear forms; inputs and states are atoms.
        inputs: values that are an element of a sequence at each step.
        states: for each state before the step, its value after it.
    """

    reader: Reader
    inputs: Container[Value]
    states: Mapping[Value, Value]


class Cell(NamedTuple):
    """A recognised cell, its weights as ONNX lays them out (without the dimension of directions).

    Attributes:
        op: ``LSTM``, ``GRU`` or ``RNN``.
        x: the step's input.
        states: the states before the step, the output first.
        outputs: the same after the step.
        w, r: kernels of (gates * units, input width) and (gates * units, units).
        b: the input's biases, then the state's, (2 * gates * units,).
        activations: in ONNX's order.
        linear_before_reset: for ``GRU``, whether the reset gate acts on the product with the state.
        p: for ``LSTM``, the peepholes of (3 * units,); None without them.
    """

    op: str
    x: Value
    states: tuple[Value, ...]
    outputs: tuple[Value, ...]
    w: np.ndarray
    r: np.ndarray
    b: np.ndarray
    activations: tuple[Activation, ...]
    linear_before_reset: bool = False
    p: np.ndarray | None = None


def recognise_cell(step: Step, h: Value, after: Value) -> Cell | None:
    """The cell that takes state ``h`` to ``after``, None if it is none that ONNX has."""
    found = (find(step, h, after) for find in (_lstm, _gru, _rnn))
    return next((cell for cell in found if cell is not None), None)


# --- cells ------------------------------------------------------------------------------------------------------------


def _lstm(step: Step, h: Value, after: Value) -> Cell | None:
    """c' = f * c + i * g; h' = o * act(c'), with gates i, o, f, g; i and f may look at c, and o at c'."""
    for out, squashed in _factors(after):
        for act, c_after in _activated(squashed):
            for c, c_next in step.states.items():
                if c is h or plain(c_next) is not c_after:
                    continue
                for kept, added in _operands(c_after, "Add"):
                    for forget, state in _factors(kept):
                        if state is not c:
                            continue
                        for fresh, candidate in _factors(added):
                            wanted = ((fresh, 0, c), (out, 0, c_after), (forget, 0, c), (candidate, 1, None))
                            found = _gates(step, h, wanted)
                            if found is not None:
                                x, gates, (gate, inner) = found
                                w, r, b = _stacked(gates, x, h)
                                p, acts = _peepholes(gates, (c, c_after, c)), (gate, inner, act)
                                return Cell("LSTM", x, (h, c), (after, c_after), w, r, b, acts, p=p)
    return None


def _gru(step: Step, h: Value, after: Value) -> Cell | None:
    """h' = z * h + (1 - z) * act(W x + r * (R h)) or, with the reset before the product, act(W x + R (r * h))."""
    for kept, fresh in _operands(after, "Add"):
        for update, state in _factors(kept):
            if state is not h:
                continue
            for rest, candidate in _factors(fresh):
                if not _is_complement(rest, update):
                    continue
                for act, inner in _activated(candidate):
                    cell = _gru_candidate(step, h, after, update, act, inner)
                    if cell is not None:
                        return cell
    return None


def _gru_candidate(step: Step, h: Value, after: Value, update: Value, act: Activation, inner: Value) -> Cell | None:
    form = step.reader.read(inner)
    if form is None:
        return None
    others = [a for a in form.matrices if a not in step.inputs]
    if len(others) != 1:
        return None
    for reset, other in _factors(others[0]):
        found = _gates(step, h, ((update, 0, None), (reset, 0, None)))
        if found is None:
            continue
        x, gates, (gate,) = found
        if set(form.matrices) - {x, others[0]}:
            continue
        w, r, b = _stacked(gates, x, h)
        w = np.concatenate([w, form.matrix(x).T])
        units = form.width
        if other is h:
            before, recurrent, inner_bias = False, form.matrix(others[0]), np.zeros(units, np.float32)
        else:
            product = step.reader.read(other)
            if form.matrices[others[0]] is not None or product is None or set(product.matrices) != {h}:
                continue
            before, recurrent, inner_bias = True, product.matrix(h), product.offset
        r = np.concatenate([r, recurrent.T])
        b = np.concatenate([b[: 2 * units], form.offset, b[2 * units :], inner_bias])
        return Cell("GRU", x, (h,), (after,), w, r, b, (gate, act), linear_before_reset=before)
    return None


def _rnn(step: Step, h: Value, after: Value) -> Cell | None:
    """h' = act(W x + R h)."""
    found = _gates(step, h, ((after, 0, None),))
    if found is None:
        return None
    x, gates, acts = found
    if h not in gates[0].matrices:
        return None
    w, r, b = _stacked(gates, x, h)
    return Cell("RNN", x, (h,), (after,), w, r, b, tuple(acts))


# --- parts ------------------------------------------------------------------------------------------------------------


def _gates(
    step: Step, h: Value, wanted: tuple[tuple[Value, int, Value | None], ...]
) -> tuple[Value, list[Linear], list[Activation]] | None:
    """Reads gates: the input, the forms, the activations.

    Args:
        wanted: gates; those with the same number share an activation; and what each may look at, unit by unit.
    """
    acts: dict[int, Activation] = {}
    forms: list[Linear] = []
    for gate, number, seen in wanted:
        for act, inner, part in _activated_parts(gate):
            form = step.reader.read(inner)
            form = _looking(step.reader, form if form is None or part is None else form.columns(part), seen)
            if form is not None and acts.get(number, act) == act and _depends(step, form, h, seen):
                acts[number] = act
                forms.append(form)
                break
        else:
            return None
    inputs = {a for form in forms for a in form.matrices if a in step.inputs}
    if len(inputs) != 1 or len({form.width for form in forms}) != 1:
        return None
    return inputs.pop(), forms, [acts[n] for n in sorted(acts)]


def _depends(step: Step, form: Linear, h: Value, seen: Value | None) -> bool:
    """Whether a form is made of nothing but the step's input, the state and, unit by unit, what it may look at."""
    return all(
        atom is h or atom in step.inputs or (atom is seen and _diagonal(form, atom) is not None)
        for atom in form.matrices
    )


def _looking(reader: Reader, form: Linear | None, seen: Value | None) -> Linear | None:
    """A form of the sum ``seen``, where it is one of the sum's parts, all alike."""
    whole = None if seen is None else reader.read(seen)
    if form is None or whole is None or seen is None or not set(whole.matrices) <= set(form.matrices):
        return form
    first, *others = (form.matrix(part) for part in whole.matrices)
    plainly = all(matrix is None for matrix in whole.matrices.values()) and not whole.offset.any()
    if not plainly or any(not np.array_equal(first, other) for other in others):
        return form
    rest = {atom: matrix for atom, matrix in form.matrices.items() if atom not in whole.matrices}
    return Linear({**rest, seen: first}, form.offset)


def _peepholes(gates: list[Linear], seen: tuple[Value, ...]) -> np.ndarray | None:
    """What the gates i, o, f make of what they look at; None where none looks at any."""
    found = [_diagonal(gate, atom) for gate, atom in zip(gates, seen, strict=False)]
    if not any(atom in gate.matrices for gate, atom in zip(gates, seen, strict=False)):
        return None
    return np.concatenate([weights for weights in found if weights is not None])


def _diagonal(form: Linear, atom: Value) -> np.ndarray | None:
    """The factor of each unit of an atom, None where units are mixed."""
    matrix = form.matrix(atom)
    weights = np.diagonal(matrix)
    square = matrix.shape[0] == matrix.shape[1]
    return weights if square and np.array_equal(matrix, np.diag(weights)) else None


def _stacked(gates: list[Linear], x: Value, h: Value) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    w = np.concatenate([gate.matrix(x).T for gate in gates])
    r = np.concatenate([gate.matrix(h).T for gate in gates])
    offsets = np.concatenate([gate.offset for gate in gates])
    return w, r, np.concatenate([offsets, np.zeros_like(offsets)])


def _activated(value: Value) -> Iterator[tuple[Activation, Value]]:
    """How a value can be read as an activation of another: by the operator that makes it, or as it stands."""
    value = plain(value)
    node = value.producer
    if node is not None and node.op in ACTIVATIONS and not node.domain:
        names = ("alpha", "beta")
        numbers = [float(node.attrs.get(n, d)) for n, d in zip(names, ACTIVATIONS[node.op], strict=False)]
        inner = node.inputs[0]
        assert inner is not None
        yield Activation(node.op, *numbers), plain(inner)
    if node is not None and node.op == "Clip" and [_number(bound) for bound in node.inputs[1:]] == [0, 1]:
        assert node.inputs[0] is not None
        yield Activation("HardSigmoid", 1.0, 0.0), plain(node.inputs[0])
    yield LINEAR, value


def _activated_parts(value: Value) -> Iterator[tuple[Activation, Value, slice | None]]:
    """The same, and where gates are activated side by side and then split, which columns a value is."""
    for act, inner in _activated(value):
        yield act, inner, None
    value = plain(value)
    node = _made_by(value, "Split")
    if node is None or node.inputs[0] is None or node.attrs.get("axis", 0) not in (1, -1) or value.rank != 2:
        return
    widths = [v.shape[1] if v.shape is not None else None for v in node.outputs[: value.index + 1]]
    if all(isinstance(width, int) for width in widths):
        *before, width = widths
        start = sum(before)
        for act, inner in _activated(node.inputs[0]):
            if act != LINEAR:
                yield act, inner, slice(start, start + width)


def _number(value: Value | None) -> float | None:
    return None if value is None or value.array is None or value.array.size != 1 else float(value.array.reshape(()))


def _is_complement(value: Value, of: Value) -> bool:
    """Whether value = 1 - of."""
    node = _made_by(value, "Sub")
    if node is None or node.inputs[0] is None or node.inputs[1] is None or node.inputs[1] is not of:
        return False
    one = row(node.inputs[0], 1)
    return one is not None and bool(one[0] == 1)


def _factors(value: Value) -> Iterator[tuple[Value, Value]]:
    return _operands(value, "Mul")


def _operands(value: Value, op: str) -> Iterator[tuple[Value, Value]]:
    """The operands of a commutative operator, both ways round."""
    node = _made_by(value, op)
    if node is not None:
        a, b = (plain(v) for v in node.inputs if v is not None)
        yield a, b
        yield b, a


def _made_by(value: Value, op: str) -> Node | None:
    node = plain(value).producer
    return node if node is not None and node.op == op and not node.domain else None


def plain(value: Value) -> Value:
    """The value behind identities."""
    while value.producer is not None and value.producer.op == "Identity" and value.producer.inputs[0] is not None:
        value = value.producer.inputs[0]
    return value
