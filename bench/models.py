"""The networks that the benchmarks convert: keras.applications with calibrated random weights, nothing downloaded.

python -m bench.models ResNet50 --cache .cache/bench      # writes .cache/bench/ResNet50/saved_model
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

MODELS = ("ResNet50", "MobileNetV2", "EfficientNetB0", "EfficientNetB7", "ConvNeXtTiny")


def build(name: str, *, include_top: bool = True, seed: int = 0) -> Any:
    """The keras.applications model `name`, calibrated so that its outputs vary and are of order one."""
    import keras

    from bench.calibrate import calibrate, images

    keras.utils.set_random_seed(seed)
    # With a top, input_shape decides the size of the dense layer: the default is the published one.
    model = getattr(keras.applications, name)(weights=None, include_top=include_top)
    height, width = (side or 128 for side in model.input_shape[1:3])
    count = 4 if height > 128 else 12  # few places at the last stage need more pictures for their statistics
    calibrate(model, images(count, height, width), seed)
    return model


def saved_model(name: str, cache: Path) -> Path:
    """`name` as a SavedModel under `cache`, written unless it stands there already."""
    folder = cache / name / "saved_model"
    if not (folder / "saved_model.pb").exists():
        unfinished = folder.with_name("unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        build(name).export(unfinished, verbose=False)
        unfinished.rename(folder)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=MODELS)
    parser.add_argument("--cache", type=Path, default=Path(".cache/bench"))
    arguments = parser.parse_args()
    for name in arguments.names:
        print(saved_model(name, arguments.cache))


if __name__ == "__main__":
    main()
