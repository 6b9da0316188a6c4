"""What quantising each node alone does to the answers, asked of one session.

Each unit of the float model stands in an `If`: as it is, or with its inputs, weights and output rounded as integers
would round them, the arithmetic staying float. So a trial is a run that costs little more than one of the float model,
and not a model to make and load.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from onward.tools.golden import Arrays
from onward.tools.quantize import weights
from onward.tools.quantize.candidate import Recipe, loaded
from onward.tools.quantize.measure import Yardstick
from onward.tools.quantize.message import Message
from onward.tools.quantize.plan import (
    BETWEEN,
    CLIPPING,
    DYNAMIC,
    FLOAT_OUTPUT,
    INTEGERS,
    WEIGHT_INPUTS,
    Unit,
    channel_axis,
)

if TYPE_CHECKING:
    import onnx

SWITCHES = "onward/switches"


class Switchboard:
    """The float model of a recipe, with a switch for each unit."""

    def __init__(self, recipe: Recipe) -> None:
        import onnx

        copied = type(recipe.model)()
        copied.CopyFrom(recipe.model)
        self._recipe, self._model = recipe, Message(copied)
        self._numbers = {unit.node: number for number, unit in enumerate(recipe.plan.units)}
        graph, nodes = copied.graph, []
        taken: set[int] = set()
        for node in graph.node:
            if id(node) in taken:
                continue
            if node.name not in self._numbers:
                nodes.append(node)
                continue
            clip = self._clip(node)
            taken.update([id(clip)] if clip is not None else ())
            number = self._model.constant(np.array(self._numbers[node.name]), f"{SWITCHES}/{self._numbers[node.name]}")
            thrown = f"{number}/thrown"
            nodes.append(onnx.helper.make_node("Gather", [SWITCHES, number], [thrown]))
            nodes.append(self._either(node, clip, thrown))
        kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
        del graph.node[:], graph.value_info[:]
        graph.node.extend(kept)
        graph.input.append(onnx.helper.make_tensor_value_info(SWITCHES, onnx.TensorProto.BOOL, [len(self._numbers)]))
        self._session = loaded(copied)

    def run(self, batch: Arrays, thrown: Sequence[Unit]) -> Arrays:
        """The answers with some units rounded."""
        switches = np.zeros(len(self._numbers), bool)
        switches[[self._numbers[unit.node] for unit in thrown]] = True
        return self._session.run({**batch, SWITCHES: switches})

    def _clip(self, node: onnx.NodeProto) -> onnx.NodeProto | None:
        """The activation that clips what a node gives, where nothing else takes that: the two are one in integers."""
        takers = self._model.takers.get(node.output[0], [])
        alone = len(takers) == 1 and node.output[0] not in self._model.outputs | self._model.inner
        return takers[0] if alone and takers[0].op_type in CLIPPING and len(node.output) == 1 else None

    def _either(self, node: onnx.NodeProto, clip: onnx.NodeProto | None, thrown: str) -> onnx.NodeProto:
        import onnx

        outputs = [name for name in (clip or node).output if name]
        branches = {
            "then_branch": self._branch(node, clip, outputs, True),
            "else_branch": self._branch(node, clip, outputs, False),
        }
        return onnx.helper.make_node("If", [thrown], outputs, **branches)

    def _branch(
        self, node: onnx.NodeProto, clip: onnx.NodeProto | None, outputs: list[str], rounded: bool
    ) -> onnx.GraphProto:
        """The node, and the activation that clips it, as they are or rounded. Names in it are its own."""
        import onnx

        unit = self._recipe.plan.units[self._numbers[node.name]]
        mark = "rounded" if rounded else "exact"
        nodes: list[onnx.NodeProto] = []

        def own(name: str) -> str:
            return f"{name}/{mark}" if name else ""

        for each in (node, clip):
            if each is not None:
                inner = type(each)()
                inner.CopyFrom(each)
                inner.output[:] = [own(name) for name in each.output]
                if each is node and rounded:
                    inner.input[:] = [self._input(unit, node, i, nodes) for i in range(len(node.input))]
                if each is clip:
                    inner.input[0] = own(node.output[0])
                nodes.append(inner)
        ends = [own(name) for name in outputs]
        in_integers = unit.treatment in (INTEGERS, BETWEEN) and node.op_type not in FLOAT_OUTPUT
        if rounded and in_integers and outputs[0] in self._recipe.ranges:
            ends = [self._static(ends[0], outputs[0], ends[0], nodes)]
        infos = [onnx.helper.make_tensor_value_info(end, onnx.TensorProto.FLOAT, None) for end in ends]
        return onnx.helper.make_graph(nodes, f"{node.name}/{mark}", [], infos)

    def _input(self, unit: Unit, node: onnx.NodeProto, index: int, nodes: list[onnx.NodeProto]) -> str:
        """What a node takes, rounded."""
        import onnx

        name = node.input[index]
        stored = WEIGHT_INPUTS.get(node.op_type, ()) if unit.treatment != BETWEEN else ()
        if index in stored and name in self._model.constants:
            array = self._model.array(name)
            axis = channel_axis(node, array.ndim)
            return self._model.constant(
                weights.approximated(array, unit.treatment, axis), f"{name}/{unit.treatment}{axis}"
            )
        own = f"{name}/{self._numbers[node.name]}/{index}"
        if unit.treatment in (INTEGERS, BETWEEN) and name in self._recipe.ranges:
            return self._static(name, name, own, nodes)
        if unit.treatment == DYNAMIC and index == 0:
            parts = [f"{own}/{part}" for part in ("integers", "step", "zero")]
            nodes.append(onnx.helper.make_node("DynamicQuantizeLinear", [name], parts))
            nodes.append(onnx.helper.make_node("DequantizeLinear", parts, [f"{own}/reals"]))
            return f"{own}/reals"
        return name

    def _static(self, name: str, ranged: str, own: str, nodes: list[onnx.NodeProto]) -> str:
        """A tensor rounded as the integers of a range round it; `own` begins the names of what is made."""
        import onnx

        low, high = self._recipe.ranges[ranged]
        kind: Any = np.uint8
        if self._recipe.symmetric:
            step, zero, kind = max(abs(low), abs(high)) / 127, 0, np.int8
        else:
            low, high = min(low, 0.0), max(high, 0.0)
            step = (high - low) / 255
            zero = round(-low / step) if step else 0
        scale = self._model.constant(np.array(step or 1.0, np.float32), f"{ranged}/step")
        point = self._model.constant(np.array(zero, kind), f"{ranged}/zero")
        nodes.append(onnx.helper.make_node("QuantizeLinear", [name, scale, point], [f"{own}/integers"]))
        nodes.append(onnx.helper.make_node("DequantizeLinear", [f"{own}/integers", scale, point], [f"{own}/reals"]))
        return f"{own}/reals"


def ranked(
    recipe: Recipe, yardstick: Yardstick, seconds: float, done: Callable[[float], None]
) -> list[tuple[Unit, float]]:
    """The units with the signal-to-noise ratio (dB) that quantising each alone leaves, the most harmful first.

    Where there is no time to try each, neighbours are tried together and share their figure.
    """
    start = time.perf_counter()
    board, units = Switchboard(recipe), list(recipe.plan.units)

    def harm(thrown: Sequence[Unit]) -> float:
        figure = yardstick.measure(lambda batch: board.run(batch, thrown)).sqnr
        return float("inf") if figure is None else figure

    harm(units[:1])  # a first run allocates
    found: list[tuple[Unit, float]] = []
    begun, each = time.perf_counter(), 0.0
    for trial in range(len(units)):
        group = units[len(found) :][: _together(len(units) - len(found), start + seconds, time.perf_counter(), each)]
        if not group:
            break
        figure = harm(group)
        each = (time.perf_counter() - begun) / (trial + 1)
        found.extend((unit, figure) for unit in group)
        done(len(found) / len(units))
    return sorted(found, key=lambda pair: pair[1])


def _together(left: int, end: float, now: float, each: float) -> int:
    """How many units go into a trial, where trials take `each` seconds and all must be over at `end`."""
    return max(1, -(-left // max(1, int((end - now) / each)))) if each else 1
