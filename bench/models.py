"""The networks that the benchmarks convert: keras.applications with calibrated random weights, nothing downloaded.

python -m bench.models ResNet50 --cache .cache/bench      # writes .cache/bench/ResNet50/saved_model
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

SIDE = 128  # of pictures for networks that leave it open
CLOSED = {"NASNetLarge": (331, 331, 3)}  # built for open sizes, it runs at none
PIXELS = 400_000  # to calibrate on, all pictures together; Keras keeps every layer's answer until the pass is over
MODELS = ("ResNet50", "MobileNetV2", "EfficientNetB0", "EfficientNetB7", "ConvNeXtTiny")


def build(name: str, *, include_top: bool = True, seed: int = 0) -> Any:
    """The keras.applications model `name`, calibrated so that its outputs vary and are of order one."""
    import keras

    from bench.calibrate import calibrate, images

    keras.utils.set_random_seed(seed)
    application = getattr(keras.applications, name)
    model = application(weights=None, include_top=include_top, input_shape=CLOSED.get(name))
    height, width = picture_size(model)
    calibrate(model, images(min(12, max(2, PIXELS // (height * width))), height, width), seed)
    return model


def picture_size(model: Any) -> tuple[int, int]:
    """Height and width of the pictures that `model` is run on here."""
    height, width = (side or SIDE for side in model.input_shape[1:3])
    return height, width


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
