"""Which nodes change something beside computing their outputs."""

from __future__ import annotations

from typing import Any

from onward.formats.opdefs import opdef

# Draw from a generator whose state they move on, so that their order counts.
_GENERATORS = frozenset(
    """RngReadAndSkip StatefulRandomBinomial StatefulStandardNormalV2 StatefulTruncatedNormal StatefulUniform
    StatefulUniformFullInt StatefulUniformInt""".split()
)
# Have no outputs, or do something that does not count when a graph is converted.
_WATCHERS = frozenset(
    """Abort Assert CheckNumerics ControlTrigger NoOp Print PrintV2 RefEnter RefExit RefIdentity RefMerge
    RefNextIteration RefSelect RefSwitch StackClose StackCloseV2 TensorArrayClose TensorArrayCloseV2
    TensorArrayCloseV3 WriteSummary""".split()
)


def has_effect(node: Any) -> bool:
    """Whether the op of a ``NodeDef`` changes a variable, a table or a generator; calls are not followed."""
    if node.op in _WATCHERS:
        return False
    if node.op in _GENERATORS:
        return True
    try:
        definition = opdef(node.op)
    except KeyError:
        return False
    if not definition.outputs:
        return True
    return definition.outputs[0].is_ref and bool(definition.inputs) and definition.inputs[0].is_ref
