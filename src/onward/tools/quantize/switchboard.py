"""What quantising each node alone does to the answers, asked of one session.

The float model is given a switch for each unit. Thrown, the unit's inputs, weights and output are rounded as integers
would round them; the arithmetic stays float. So a trial is a run, not a model to make and load.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

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
        self._places = {id(node): place for place, node in enumerate(copied.graph.node)}
        switched = [node for node in copied.graph.node if node.name in self._numbers]
        for node in switched:  # before the inputs, since what these round goes behind what makes it
            if node.op_type not in FLOAT_OUTPUT and self._unit(node).treatment in (INTEGERS, BETWEEN):
                self._output(node)
        for node in switched:
            self._inputs(node, self._unit(node))
        proto = self._model.finish()
        ports = proto.graph.input
        ports.append(onnx.helper.make_tensor_value_info(SWITCHES, onnx.TensorProto.BOOL, [len(self._numbers)]))
        del proto.graph.value_info[:]
        self._session = loaded(proto)

    def run(self, batch: Arrays, thrown: Sequence[Unit]) -> Arrays:
        """The answers with some units rounded."""
        switches = np.zeros(len(self._numbers), bool)
        switches[[self._numbers[unit.node] for unit in thrown]] = True
        return self._session.run({**batch, SWITCHES: switches})

    def _unit(self, node: onnx.NodeProto) -> Unit:
        return self._recipe.plan.units[self._numbers[node.name]]

    def _inputs(self, node: onnx.NodeProto, unit: Unit) -> None:
        stored = WEIGHT_INPUTS.get(node.op_type, ()) if unit.treatment != BETWEEN else ()
        for index, name in enumerate(node.input):
            if index in stored and name in self._model.constants:
                array = self._model.array(name)
                axis = channel_axis(node, array.ndim)
                near = weights.approximated(array, unit.treatment, axis)
                rounded = self._model.constant(near, f"{name}/{unit.treatment}{axis}")
            elif unit.treatment in (INTEGERS, BETWEEN) and name in self._recipe.ranges:
                rounded = self._static(name, name, node)
            elif unit.treatment == DYNAMIC and index == 0:
                rounded = self._dynamic(name, node)
            else:
                continue
            node.input[index] = self._either(unit.node, rounded, name, f"{name}/{self._numbers[unit.node]}", node)

    def _output(self, node: onnx.NodeProto) -> None:
        """Rounds what a node gives; behind its activation, where one clips it and takes nothing else."""
        takers = self._model.takers.get(node.output[0], [])
        maker = takers[0] if len(takers) == 1 and takers[0].op_type in CLIPPING else node
        output = maker.output[0]
        takers = self._model.takers.get(output, [])
        if output not in self._recipe.ranges or output in self._model.outputs | self._model.inner or not takers:
            return
        raw = f"{output}/raw"
        maker.output[0] = raw
        del self._model.makers[output]
        # The nodes that take it come later; the first of them is where the new ones go.
        taker = min(takers, key=lambda node: self._places[id(node)])
        self._either(node.name, self._static(raw, output, taker), raw, output, taker)

    def _static(self, name: str, ranged: str, before: onnx.NodeProto) -> str:
        """A tensor rounded as the integers of a range round it."""
        low, high = self._recipe.ranges[ranged]
        kind: type[np.integer] = np.uint8
        if self._recipe.symmetric:
            step, zero, kind = max(abs(low), abs(high)) / 127, 0, np.int8
        else:
            low, high = min(low, 0.0), max(high, 0.0)
            step = (high - low) / 255
            zero = round(-low / step) if step else 0
        scale = self._model.constant(np.array(step or 1.0, np.float32), f"{ranged}/step")
        point = self._model.constant(np.asarray(zero, kind), f"{ranged}/zero")
        integers = self._model.node("QuantizeLinear", [name, scale, point], f"{name}/integers", before)
        return self._model.node("DequantizeLinear", [integers, scale, point], f"{name}/rounded", before)

    def _dynamic(self, name: str, before: onnx.NodeProto) -> str:
        """A tensor rounded as the integers of its own range round it."""
        names = [f"{name}/{part}" for part in ("integers", "step", "zero")]
        if names[0] not in self._model.makers:
            self._model.node("DynamicQuantizeLinear", [name], names[0], before, more=names[1:])
        return self._model.node("DequantizeLinear", names, f"{name}/rounded", before)

    def _either(self, unit: str, rounded: str, exact: str, output: str, before: onnx.NodeProto) -> str:
        number = self._model.constant(np.array(self._numbers[unit], np.int64), f"{SWITCHES}/{self._numbers[unit]}")
        thrown = self._model.node("Gather", [SWITCHES, number], f"{SWITCHES}/on/{self._numbers[unit]}", before)
        return self._model.node("Where", [thrown, rounded, exact], output, before)


def ranked(
    recipe: Recipe, yardstick: Yardstick, seconds: float, done: Callable[[float], None]
) -> list[tuple[Unit, float]]:
    """The units with the signal-to-noise ratio (dB) that quantising each alone leaves, the most harmful first.

    Where there is no time to try each, neighbours are tried together and share their figure.
    """
    board, units = Switchboard(recipe), list(recipe.plan.units)

    def harm(thrown: Sequence[Unit]) -> float:
        figure = yardstick.measure(lambda batch: board.run(batch, thrown)).sqnr
        return float("inf") if figure is None else figure

    harm(units[:1])  # a first run allocates
    start = time.perf_counter()
    found = [(units[0], harm(units[:1]))]
    trials = max(1, int(seconds / max(time.perf_counter() - start, 1e-6)))
    size = -(-len(units) // trials)
    if size > 1:
        found = []
    groups = [units[i : i + size] for i in range(len(found), len(units), size)]
    for number, group in enumerate(groups):
        figure = harm(group)
        found.extend((unit, figure) for unit in group)
        done((number + 1) / len(groups))
    return sorted(found, key=lambda pair: pair[1])
