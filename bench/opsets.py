"""Every opset that Onward writes, each file run and compared with TensorFlow's answers.

    python -m bench.opsets MobileNetV2 BERT "text GRU, masked" --cache .cache/bench

TensorFlow answers once for each network (``onward.record``); then the network is converted for each opset, run in ONNX
Runtime at two sizes of each dynamic dimension and compared. Printed: the number of nodes, or what went wrong.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import onward
from bench.catalogue import CATALOGUE
from bench.survey import drawn, saved_model
from onward.errors import OnwardError
from onward.lowering.schema import MAX_OPSET, MIN_OPSET

DEFAULT = (
    "MobileNetV2", "ConvNeXtTiny", "U-Net", "ViT", "SegFormer", "BERT", "T5", "GPT2", "Llama3",
    "Whisper", "LSTM", "text stacked bidirectional GRU, masked", "DLRM", "Two-tower retrieval",
)  # fmt: skip


def record(name: str, source: Path, golden: Path) -> None:
    """TensorFlow's answers at sizes that Onward chooses, or else, where the model takes few sizes, at one of those."""
    try:
        onward.record(source, golden)
    except OnwardError:
        import tensorflow as tf

        loaded = tf.saved_model.load(str(source))
        onward.record(source, golden, data=drawn(name, loaded.signatures["serving_default"]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=DEFAULT, metavar="NAME", help=", ".join(CATALOGUE))
    parser.add_argument("--cache", type=Path, default=Path(".cache/bench"))
    arguments = parser.parse_args()
    opsets = range(MIN_OPSET, MAX_OPSET + 1)
    print(f"| model | {' | '.join(map(str, opsets))} |\n|---|{'---:|' * len(opsets)}")
    failures = 0
    for name in arguments.names:
        source = saved_model(name, arguments.cache)
        golden = source.with_name("golden.npz")
        if not golden.exists():
            record(name, source, golden)
        cells = []
        for opset in opsets:
            try:
                program = onward.convert(source, opset=opset, verify=golden)
                cells.append(str(sum(1 for _ in program.model_proto.graph.node)))
            except OnwardError as error:
                failures += 1
                cells.append(str(error).splitlines()[0][:60])
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
