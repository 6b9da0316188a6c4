"""What quantising makes of networks: size, distance of the answers, and time beside float on this processor.

    python -m bench.quantize [--models MobileNetV2 BERT] [--kinds int8 int4] [--onnxruntime] [--folder .cache/quantize]

`--onnxruntime` adds ONNX Runtime's own `quantize_static`, given the same file and samples, per channel.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

KINDS = ("int8", "int8-dynamic", "int4", "float16")
SAMPLES = 48


def mobilenet() -> tuple[Any, dict[str, np.ndarray]]:
    """With calibrated random weights, on pictures of 224x224."""
    from bench.calibrate import images
    from bench.models import build

    model = build("MobileNetV2")
    return model, {"": images(SAMPLES, 224, 224, seed=5)}


def bert() -> tuple[Any, dict[str, np.ndarray]]:
    """Four layers of width 256 over 8,000 words, on 64 of them."""
    import keras
    import keras_hub

    keras.utils.set_random_seed(0)
    model = keras_hub.models.BertBackbone(
        vocabulary_size=8000, num_layers=4, num_heads=8, hidden_dim=256, intermediate_dim=1024, max_sequence_length=128
    )
    ids = np.random.default_rng(0).integers(1, 8000, (SAMPLES, 64))
    return model, {"token_ids": ids, "padding_mask": np.ones_like(ids), "segment_ids": np.zeros_like(ids)}


def lstm() -> tuple[Any, dict[str, np.ndarray]]:
    """A bidirectional LSTM of 64 and a GRU of 32, on 20 steps."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    steps = keras.Input((20, 16))
    x = layers.GRU(32)(layers.Bidirectional(layers.LSTM(64, return_sequences=True))(steps))
    model = keras.Model(steps, layers.Dense(5, activation="softmax")(x))
    return model, {"": np.random.default_rng(0).standard_normal((SAMPLES, 20, 16))}


MODELS: dict[str, Callable[[], tuple[Any, dict[str, np.ndarray]]]] = {
    "MobileNetV2": mobilenet, "BERT": bert, "LSTM and GRU": lstm,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=MODELS)
    parser.add_argument("--kinds", nargs="*", default=KINDS)
    parser.add_argument("--onnxruntime", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path(".cache/quantize"))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    print("| model | kind | size | of float | answers | ms | float, ms | ratio (middle half) |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for name in arguments.models:
        for row in rows(name, arguments.kinds, arguments.onnxruntime, arguments.folder):
            print("|", " | ".join(row), "|", flush=True)


def rows(name: str, kinds: list[str], with_onnxruntime: bool, folder: Path) -> Iterator[tuple[str, ...]]:
    """A line for each kind."""
    import onward
    from onward.runtime import Session
    from onward.tools.quantize.measure import Yardstick, decibels, speed
    from onward.tools.quantize.samples import open_samples

    model, data = MODELS[name]()
    path = folder / f"{name.replace(' ', '_')}.onnx"
    program = onward.convert(model, output=path, verify=False)
    session = Session(path)
    data = {key or program.input_names[0]: array for key, array in data.items()}
    data = {port.name: data[port.name].astype(port.dtype) for port in session.inputs}
    samples = open_samples(data, session.inputs, None, None, SAMPLES)
    yardstick, whole = Yardstick(session.run, samples), path.stat().st_size

    def row(kind: str, file: Path) -> tuple[str, ...]:
        made = Session(file)
        found, timed = yardstick.measure(made.run), speed(session, made, samples.one(), 5.0)
        low, high = timed.quartiles
        size = file.stat().st_size
        return (
            name, kind, f"{size / 1e6:.2f} MB", f"{size / whole:.3f}", decibels(found.sqnr or 0), f"{timed.after:.2f}",
            f"{timed.before:.2f}", f"{timed.ratio:.2f} ({low:.2f} to {high:.2f})",
        )  # fmt: skip

    for kind in kinds:
        file = path.with_suffix(f".{kind}.onnx")
        onward.quantize(path, file, to=kind, data=data, timed=False)
        yield row(kind, file)
    if with_onnxruntime:
        yield row("quantize_static", theirs(path, list(samples)))


def theirs(path: Path, batches: list[dict[str, np.ndarray]]) -> Path:
    """ONNX Runtime's own, of the same file."""
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._batches = iter(batches)

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self._batches, None)

    logging.disable(logging.WARNING)
    file = path.with_suffix(".theirs.onnx")
    quantize_static(path, file, Reader(), per_channel=True, activation_type=QuantType.QUInt8)
    logging.disable(logging.NOTSET)
    return file


if __name__ == "__main__":
    main()
