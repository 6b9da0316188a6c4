"""A model written anew for a target: at another opset, in narrower integers or floats, with the operators it has.

Ranges of integers are followed from where they are known (constants, sizes, positions, narrower dtypes), so that int64
becomes int32 only where every value fits.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from onward.dtypes import FLOAT32, FLOAT64, INT32, INT64, ONNX_DTYPES
from onward.ir import Value
from onward.lowering.expand import EXPANSIONS
from onward.lowering.schema import signature
from onward.tools.check.nodes import called
from onward.tools.check.ranges import Ranges
from onward.tools.load import Reader

if TYPE_CHECKING:
    import onnx

SIDE = 2  # the axis that lifted operands get


class Rewriter(Reader):
    """Reads a model and emits it as a plan says.

    Args:
        opset: to write for.
        plan: what to do about nodes, by name: "narrow", "decompose", "lift" or "pairs".
        float32: compute in float32 what is float64.
    """

    def __init__(
        self, path: Path, proto: onnx.ModelProto, opset: int, plan: Mapping[str, str], float32: bool = False
    ) -> None:
        super().__init__(path, proto, opset)
        self._plan = plan
        self._float32 = float32
        self._ranges = Ranges()
        self._narrow: dict[int, tuple[Value, Value]] = {}  # int64 values and their int32 twins

    def emit(self, node: onnx.NodeProto, inputs: list[Value | None], attrs: dict[str, Any], outputs: int) -> Any:
        if node.domain not in ("", "ai.onnx"):
            return super().emit(node, inputs, attrs, outputs)
        remedy = self._plan.get(called(node), "")
        attrs = {name: value.decode() if isinstance(value, bytes) else value for name, value in attrs.items()}
        if node.op_type == "CastLike":
            assert inputs[0] is not None
            assert inputs[1] is not None
            return self.op.Cast(inputs[0], to=inputs[1].dtype)
        if remedy == "decompose" and node.op_type in EXPANSIONS:
            return self._expanded(node.op_type, inputs, attrs)
        if remedy == "pairs":
            return self._paired(node.op_type, [value for value in inputs if value is not None])
        if remedy == "lift":
            return self._lifted(node, inputs, attrs)
        if remedy == "narrow":
            made = self._narrowed(node, inputs, attrs, outputs)
        else:
            made = self._at_opset(node, inputs, attrs, outputs)
        self._ranges.note(node.op_type, inputs, attrs, made if isinstance(made, tuple) else (made,))
        return made

    # --- another opset --------------------------------------------------------------------------------------------

    def _at_opset(self, node: onnx.NodeProto, inputs: list[Value | None], attrs: dict[str, Any], outputs: int) -> Any:
        """Emits a node in the form that the target opset has; attributes and inputs change places by name.

        Raises:
            NotImplementedError: the target opset cannot say it.
        """
        old, new = signature(node.op_type, self.opset), signature(node.op_type, self.op.opset)
        if new is None and node.op_type in EXPANSIONS:
            return self._expanded(node.op_type, inputs, attrs)
        if new is None or old is None or old.since == new.since:
            return self.op.emit(node.op_type, *inputs, outputs=outputs, **attrs)
        if node.op_type in CHANGED and CHANGED[node.op_type] > new.since:
            raise NotImplementedError(f"{node.op_type} means something else before opset {CHANGED[node.op_type]}")
        kept: list[Value | None] = []
        said = dict(attrs)
        for i, value in enumerate(inputs):
            formal = old.formal(i)
            if formal.variadic or formal.name in new.positions or value is None:
                kept.append(value)
            elif formal.name in new.attributes and value.array is not None:
                said[formal.name] = value.array.tolist()
            else:
                raise NotImplementedError(f"opset {self.op.opset} wants {formal.name} of {node.op_type} to be constant")
        for name in set(said) - set(new.attributes) - set(new.positions):
            if node.op_type == "Split" and name == "num_outputs":
                self._split(inputs, said)
            elif not self._says_nothing(node.op_type, name, said[name]):
                raise NotImplementedError(f"opset {self.op.opset} has no {name} of {node.op_type}")
            said.pop(name)
        if node.op_type == "GridSample":
            said["mode"] = {"linear": "bilinear", "cubic": "bicubic"}.get(said.get("mode", "linear"), said.get("mode"))
        return self.op.emit(node.op_type, *kept, outputs=outputs, **said)

    @staticmethod
    def _split(inputs: list[Value | None], said: dict[str, Any]) -> None:
        """The sizes of so many equal parts."""
        axis, value = said.get("axis", 0), inputs[0]
        size = None if value is None or value.shape is None else value.shape[axis]
        if not isinstance(size, int):
            raise NotImplementedError("Split into a number of parts needs a known size before opset 18")
        part = -(-size // said["num_outputs"])
        sizes = [part] * (said["num_outputs"] - 1)
        said["split"] = np.array([*sizes, size - sum(sizes)], np.int64)

    def _says_nothing(self, operator: str, name: str, value: Any) -> bool:
        """Whether an attribute has its default, or one that means no more."""
        import onnx

        declared = onnx.defs.get_schema(operator, self.opset, "").attributes[name]
        if name == "stash_type" or (isinstance(value, list) and all(v == 1 for v in value)):
            return True
        if not declared.default_value.type:
            return False
        default = onnx.helper.get_attribute_value(declared.default_value)
        given = value.encode() if isinstance(value, str) else value
        return bool(default == given)

    def _expanded(self, operator: str, inputs: list[Value | None], attrs: dict[str, Any]) -> Any:
        """The operator written with others, as conversions write it where an opset lacks it."""
        function = EXPANSIONS[operator]
        known = inspect.signature(function).parameters
        for name in set(attrs) - set(known):
            if not self._says_nothing(operator, name, attrs[name]):
                raise NotImplementedError(f"{name} of {operator}")
        return function(self.op, *inputs, **{name: value for name, value in attrs.items() if name in known})

    # --- other forms ----------------------------------------------------------------------------------------------

    def _paired(self, operator: str, operands: list[Value]) -> Value:
        result = operands[0]
        for operand in operands[1:]:
            result = self.op.emit(operator, result, operand)
        return result

    def _lifted(self, node: onnx.NodeProto, inputs: list[Value | None], attrs: dict[str, Any]) -> Value:
        """A one-dimensional convolution or pooling as a two-dimensional one of height 1."""
        op, said = self.op, dict(attrs)
        for name in ("kernel_shape", "strides", "dilations"):
            if name in said:
                said[name] = [1, *said[name]]
        if "pads" in said:
            begin, end = said["pads"]
            said["pads"] = [0, begin, 0, end]
        raised = [
            op.Unsqueeze(value, axes=[SIDE]) if i < 2 and value is not None else value for i, value in enumerate(inputs)
        ]
        result: Value = op.Squeeze(op.emit(node.op_type, *raised, **said), axes=[SIDE])
        return result

    # --- narrower -------------------------------------------------------------------------------------------------

    def _narrowed(self, node: onnx.NodeProto, inputs: list[Value | None], attrs: dict[str, Any], outputs: int) -> Any:
        """Emits a node on int32 where all its int64 operands and results are known to fit, else as it is."""
        formal = signature(node.op_type, self.op.opset)
        wide = [
            i
            for i, value in enumerate(inputs)
            if value is not None and value.dtype == INT64 and formal is not None and INT32 in formal.formal(i).dtypes
        ]
        fits = all(self._ranges.fits(inputs[i]) for i in wide)
        if not fits or not self._ranges.result_fits(node.op_type, inputs, attrs):
            return self._at_opset(node, inputs, attrs, outputs)
        said = dict(attrs)
        if node.op_type == "Cast" and ONNX_DTYPES[attrs["to"]] == INT64:
            said["to"] = INT32
        twins = [self._twin(value) if i in wide and value is not None else value for i, value in enumerate(inputs)]
        made = self._at_opset(node, twins, said, outputs)
        results = made if isinstance(made, tuple) else (made,)
        if node.op_type == "Cast" and said == attrs:
            return made
        widened = tuple(self._wide(value) if value.dtype == INT32 else value for value in results)
        return widened if isinstance(made, tuple) else widened[0]

    def _twin(self, value: Value) -> Value:
        if id(value) not in self._narrow:
            self._narrow[id(value)] = value, self.op.Cast(value, to=INT32)
        return self._narrow[id(value)][1]

    def _wide(self, value: Value) -> Value:
        wide: Value = self.op.Cast(value, to=INT64)
        self._narrow[id(wide)] = wide, value
        return wide

    # --- float32 --------------------------------------------------------------------------------------------------

    def _single(self, dtype: np.dtype) -> np.dtype:
        return FLOAT32 if self._float32 and dtype == FLOAT64 else dtype

    def _type(self, declared: onnx.ValueInfoProto) -> Any:
        dtype, shape = super()._type(declared)
        return self._single(dtype), shape

    def _known_type(self, name: str, node: onnx.NodeProto) -> Any:
        dtype, shape = super()._known_type(name, node)
        return self._single(dtype), shape

    def _array(self, tensor: onnx.TensorProto) -> Any:
        array = super()._array(tensor)
        single = self._single(array.dtype)
        return array if single == array.dtype else np.asarray(array).astype(single)

    def _attribute(self, attr: onnx.AttributeProto, values: Mapping[str, Value]) -> Any:
        value = super()._attribute(attr, values)
        if self._float32 and attr.name in ("to", "dtype") and ONNX_DTYPES.get(value) == FLOAT64:
            return 1  # onnx.TensorProto.FLOAT
        return value


CHANGED = {"GroupNormalization": 21, "DFT": 20}  # operators whose operands mean something else before an opset
