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
from bench.survey import saved_model
from onward.errors import OnwardError
from onward.lowering.schema import MAX_OPSET, MIN_OPSET

DEFAULT = (
    "MobileNetV2", "ConvNeXtTiny", "U-Net", "Diffusion U-Net", "ViT", "SegFormer", "BERT", "T5", "GPT2", "Llama3",
    "Whisper", "LSTM", "text stacked bidirectional GRU, masked", "DLRM", "Two-tower retrieval",
)  # fmt: skip


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
            onward.record(source, golden)
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
