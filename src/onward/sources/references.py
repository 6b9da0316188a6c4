"""Variables of TensorFlow 1 that hand out references, as variables with handles: what later versions have instead.

A reference is the variable itself, and so is what an ``Identity`` or ``Assign`` makes of it: who computes with it sees
what the variable holds then. Where something that is needed assigns, variables become handles here, and whatever
computes with a reference reads it for itself, once what it and the reference waited for is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from onward.formats.protos import message
from onward.sources.body import Body, node_of, rewired

_VARIABLES = frozenset({"Variable", "VariableV2"})
# What hands a reference on: a switch or entry of it is one of the same variable.
_PASSES = frozenset({"Identity", "RefIdentity", "RefSwitch", "RefEnter", "Switch", "Enter"})
_WRITES = {
    "Assign": "AssignVariableOp", "AssignAdd": "AssignAddVariableOp", "AssignSub": "AssignSubVariableOp",
    "ScatterUpdate": "ResourceScatterUpdate", "ScatterAdd": "ResourceScatterAdd", "ScatterSub": "ResourceScatterSub",
    "ScatterMul": "ResourceScatterMul", "ScatterDiv": "ResourceScatterDiv", "ScatterMin": "ResourceScatterMin",
    "ScatterMax": "ResourceScatterMax",
}  # fmt: skip
_RESOURCE = 20  # DT_RESOURCE


class _Reference(NamedTuple):
    """A node whose output is a variable: the variable's dtype, and what to wait for before reading it there."""

    dtype: int
    waits: tuple[str, ...]


def with_handles(body: Body, results: Sequence[str]) -> tuple[Body, list[str]]:
    """The body with handles in place of references, itself where nothing needed assigns to one; and its `results`."""
    needed = _needed(body, results) if any(node.op in _WRITES for node in body.nodes.values()) else {}
    if not any(body.nodes[name].op in _WRITES for name in needed):
        return body, list(results)
    references = _references(body, needed)
    made = [part for name in needed for part in _parts(body.nodes[name], references)]
    wanted = []
    for reference in results:
        if node_of(reference) in references:
            made.append(_read(f"{node_of(reference)}/read", reference, references[node_of(reference)], []))
            reference = made[-1].name
        wanted.append(reference)
    nodes = {**body.nodes, **{node.name: node for node in made}}
    return Body(
        body.name, nodes, list(body.arguments), body.results, body.result_names, body.control_results, body.signature,
        types=body.types, is_function=body.is_function,
    ), wanted  # fmt: skip


def _needed(body: Body, results: Sequence[str]) -> dict[str, None]:
    needed: dict[str, None] = {}
    stack = [node_of(reference) for reference in (*results, *body.control_results)]
    while stack:
        name = stack.pop()
        if name not in needed and name in body.nodes:
            needed[name] = None
            stack.extend(map(node_of, body.nodes[name].input))
    return needed


def _references(body: Body, needed: dict[str, None]) -> dict[str, _Reference]:
    """The nodes whose outputs are references."""
    found: dict[str, _Reference] = {}
    users: dict[str, list[str]] = {}
    for name in needed:
        node = body.nodes[name]
        if node.op in _VARIABLES:
            found[name] = _Reference(node.attr["dtype"].type, ())
        elif (node.op in _PASSES or node.op in _WRITES) and node.input:
            users.setdefault(node_of(node.input[0]), []).append(name)
    stack = list(found)
    while stack:
        name = stack.pop()
        for user in users.get(name, ()):
            if user not in found:
                node = body.nodes[user]
                own = [f"^{user}/write"] if node.op in _WRITES else [r for r in node.input if r.startswith("^")]
                found[user] = _Reference(found[name].dtype, tuple(dict.fromkeys([*found[name].waits, *own])))
                stack.append(user)
    return found


def _parts(node: Any, references: dict[str, _Reference]) -> list[Any]:
    """What a node becomes: itself and what reads or writes on its behalf."""
    if node.op in _VARIABLES:
        handle = message("NodeDef")(name=node.name, op="VarHandleOp")
        for name in ("dtype", "shape", "shared_name", "container"):
            if name in node.attr:
                handle.attr[name].CopyFrom(node.attr[name])
        return [handle]
    own = [reference for reference in node.input if reference.startswith("^")]
    operands, reads = [], []
    first = 1 if node.name in references else 0  # the reference that is handed on, or written to
    for i, reference in enumerate(node.input):
        if i >= first and not reference.startswith("^") and node_of(reference) in references:
            reads.append(_read(f"{node.name}/read_{i}", reference, references[node_of(reference)], own))
            reference = reads[-1].name
        operands.append(reference)
    if node.name not in references:
        return [*reads, rewired(node, operands)]
    if node.op in _WRITES:
        write = message("NodeDef")(name=f"{node.name}/write", op=_WRITES[node.op], input=operands)
        write.input.extend(wait for wait in references[node_of(node.input[0])].waits if wait not in operands)
        write.attr["dtype"].type = references[node.name].dtype
        if "Tindices" in node.attr:
            write.attr["Tindices"].CopyFrom(node.attr["Tindices"])
        passed = message("NodeDef")(name=node.name, op="Identity", input=[node.input[0], f"^{write.name}"])
        passed.attr["T"].type = _RESOURCE
        return [*reads, write, passed]
    passed = type(node)()
    passed.CopyFrom(node)
    passed.attr["T"].type = _RESOURCE
    return [passed]


def _read(name: str, reference: str, of: _Reference, waits: Sequence[str]) -> Any:
    node = message("NodeDef")(name=name, op="ReadVariableOp", input=[reference, *dict.fromkeys([*of.waits, *waits])])
    node.attr["dtype"].type = of.dtype
    return node
