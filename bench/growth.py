"""Conversion time against graph size: it must grow as the graph does.

    python -m bench.growth [--sizes 1000,4000,16000,64000]

Three kinds of frozen graph are written without TensorFlow, at several sizes, and converted in this process: a deep
residual stack, wide attention blocks, and a recurrent cell unrolled. Printed: seconds, microseconds per node, and the
largest ratio per node between the sizes of a kind.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import onward
from onward.formats.protos import message

WIDTH, FLOAT, INT32 = 8, 1, 3


class Frozen:
    """A GraphDef under construction."""

    def __init__(self) -> None:
        self.graph = message("GraphDef")()

    def node(self, op: str, *inputs: str, **attrs: Any) -> str:
        """Adds a node and returns its name. Attributes are numbers of dtypes, bools, or arrays."""
        node = self.graph.node.add(name=f"n{len(self.graph.node)}", op=op, input=inputs)
        for key, value in attrs.items():
            attr = node.attr[key]
            if isinstance(value, bool):
                attr.b = value
            elif isinstance(value, np.ndarray):
                attr.tensor.dtype = FLOAT if value.dtype == np.float32 else INT32
                attr.tensor.tensor_content = value.tobytes()
                for size in value.shape:
                    attr.tensor.tensor_shape.dim.add(size=size)
            elif isinstance(value, tuple):
                for size in value:
                    attr.shape.dim.add(size=size)
            else:
                attr.type = value
        return node.name

    def const(self, *shape: int) -> str:
        values = np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)
        return self.node("Const", dtype=FLOAT, value=values)

    def ints(self, *values: int) -> str:
        return self.node("Const", dtype=INT32, value=np.array(values, np.int32))

    def matmul(self, x: str, y: str) -> str:
        return self.node("MatMul", x, y, T=FLOAT, transpose_a=False, transpose_b=False)

    def dense(self, x: str) -> str:
        return self.node("BiasAdd", self.matmul(x, self.const(WIDTH, WIDTH)), self.const(WIDTH), T=FLOAT)


def residual(graph: Frozen, x: str) -> str:
    """x + relu(x W + b)."""
    return graph.node("AddV2", x, graph.node("Relu", graph.dense(x), T=FLOAT), T=FLOAT)


def attention(graph: Frozen, x: str) -> str:
    """Queries, keys and values with their reshapes and transposes, softmax, and a residual connection."""

    def heads() -> str:
        split = graph.node("Reshape", graph.dense(x), graph.ints(-1, 2, WIDTH // 2), T=FLOAT, Tshape=INT32)
        return graph.node("Transpose", split, graph.ints(1, 0, 2), T=FLOAT, Tperm=INT32)

    query, key, value = heads(), heads(), heads()
    scores = graph.node("BatchMatMulV2", query, key, T=FLOAT, adj_x=False, adj_y=True)
    mixed = graph.node(
        "BatchMatMulV2", graph.node("Softmax", scores, T=FLOAT), value, T=FLOAT, adj_x=False, adj_y=False
    )
    merged = graph.node("Transpose", mixed, graph.ints(1, 0, 2), T=FLOAT, Tperm=INT32)
    flat = graph.node("Reshape", merged, graph.ints(-1, WIDTH), T=FLOAT, Tshape=INT32)
    return graph.node("AddV2", x, flat, T=FLOAT)


def recurrent(graph: Frozen, x: str) -> str:
    """h = sigmoid(x W) * tanh(x V + x)."""
    gate = graph.node("Sigmoid", graph.dense(x), T=FLOAT)
    state = graph.node("Tanh", graph.node("AddV2", graph.dense(x), x, T=FLOAT), T=FLOAT)
    return graph.node("Mul", gate, state, T=FLOAT)


KINDS: dict[str, Callable[[Frozen, str], str]] = {
    "residual stack": residual,
    "attention blocks": attention,
    "unrolled recurrence": recurrent,
}


def build(block: Callable[[Frozen, str], str], nodes: int) -> Frozen:
    """A chain of blocks with at least that many nodes."""
    graph = Frozen()
    x = graph.node("Placeholder", dtype=FLOAT, shape=(-1, WIDTH))
    while len(graph.graph.node) < nodes:
        x = block(graph, x)
    graph.node("Identity", x, T=FLOAT)
    return graph


def convert(block: Callable[[Frozen, str], str], nodes: int) -> float:
    """Seconds of processor time that one conversion takes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frozen.pb"
        path.write_bytes(build(block, nodes).graph.SerializeToString())
        gc.collect()  # what earlier graphs left behind is not this one's
        start = time.process_time()
        onward.convert(str(path), output=Path(folder) / "model.onnx", verify=False)
        return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description="Conversion time against graph size.")
    parser.add_argument("kinds", nargs="*", default=list(KINDS), metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--sizes", default="1000,4000,16000,64000", help="numbers of TensorFlow nodes")
    args = parser.parse_args()
    print("| graph | nodes | seconds | us per node |\n|---|---:|---:|---:|")
    for kind in args.kinds:
        block = KINDS[kind]
        rates = []
        convert(block, 100)  # what is imported once is not growth
        for size in map(int, args.sizes.split(",")):
            seconds = convert(block, size)
            rates.append(seconds / size * 1e6)
            print(f"| {kind} | {size:,} | {seconds:.2f} | {rates[-1]:.0f} |", flush=True)
        print(f"| {kind} | | | largest ratio {max(rates) / min(rates):.2f} |")


if __name__ == "__main__":
    main()
