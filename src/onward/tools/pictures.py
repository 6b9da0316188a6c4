"""Pictures from files and folders, prepared as a network expects them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.dtypes import is_float
from onward.errors import InvalidArgumentError, InvalidSourceError, MissingDependencyError
from onward.runtime import Port

ENDINGS = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # Pillow's, by the number of channels
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """What becomes of pixels from 0 to 255: ``(pixel * scale - mean) / std``, channel by channel.

    Attributes:
        scale: of every pixel.
        mean, std: one number, or one for each channel in the order that the network sees.
        bgr: blue comes first.
        size: height and width, where the model leaves them open.
        crop: keep the shape of things by cutting the middle out, instead of stretching the picture.
    """

    scale: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    bgr: bool = False
    size: tuple[int, int] | None = None
    crop: bool = False

    def __call__(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Float32 from pixels (height, width, channels)."""
        pixels = pixels[..., ::-1] if self.bgr else pixels
        values = (pixels.astype(np.float32) * self.scale - np.array(self.mean)) / np.array(self.std)
        return np.asarray(values, np.float32)


# keras.applications' three ways (``preprocess_input``), by the names that Keras has for them.
PRESETS = {
    "none": Preprocessing(),
    "tf": Preprocessing(scale=1 / 127.5, mean=(1.0,)),
    "torch": Preprocessing(scale=1 / 255, mean=IMAGENET_MEAN, std=IMAGENET_STD),
    "caffe": Preprocessing(mean=(103.939, 116.779, 123.68), bgr=True),
    "unit": Preprocessing(scale=1 / 255),
}


def preprocessing(text: str | None) -> Preprocessing:
    """``torch``, ``tf,size=224x224``, ``scale=1/255,mean=0.5,std=0.2/0.2/0.3,bgr,crop``.

    Raises:
        InvalidArgumentError: it says something else.
    """
    found = PRESETS["none"]
    for part in (text or "").split(","):
        key, _, value = part.strip().partition("=")
        if key in PRESETS and not value:
            found = replace(PRESETS[key], size=found.size, crop=found.crop)
        elif key in ("bgr", "crop") and not value:
            found = replace(found, bgr=found.bgr or key == "bgr", crop=found.crop or key == "crop")
        elif key:
            found = replace(found, **_setting(key, value))
    return found


def _setting(key: str, value: str) -> dict[str, Any]:
    try:
        if key == "scale":
            above, _, below = value.partition("/")
            return {"scale": float(above) / float(below or 1)}
        if key in ("mean", "std"):
            return {key: tuple(float(number) for number in value.split("/"))}
        if key == "size":
            height, _, width = value.partition("x")
            return {"size": (int(height), int(width or height))}
    except (ValueError, ZeroDivisionError) as error:
        raise InvalidArgumentError(f"preprocessing: '{key}={value}' is no number ({error})") from error
    raise InvalidArgumentError(
        f"preprocessing is made of {', '.join(PRESETS)}, scale=, mean=, std=, size=HxW, bgr and crop; not '{key}'"
    )


class Pictures:
    """The pictures of a folder and of those in it, in order of their paths.

    Raises:
        InvalidSourceError: there are none.
        InvalidArgumentError: the model takes no pictures, or leaves their size open and nothing says it.
        MissingDependencyError: Pillow is not installed.
    """

    def __init__(self, folder: Path, ports: list[Port], preprocess: Preprocessing) -> None:
        self.files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
        if not self.files:
            raise InvalidSourceError(f"'{folder}' holds no pictures ({', '.join(sorted(ENDINGS))})")
        _pillow()
        if len(ports) != 1 or len(ports[0].shape) != 4 or _layout(ports[0]) is None:
            raise InvalidArgumentError(
                "a folder of pictures is for models with one input of rank 4 with 1, 3 or 4 channels; give an .npz "
                "file, or from Python an iterable of inputs"
            )
        [self._port] = ports
        if preprocess.size is None and not all(isinstance(side, int) for side in _sides(self._port)):
            raise InvalidArgumentError(f"input '{self._port.name}' takes pictures of any size: say one, size=224x224")
        self._folder, self._preprocess = folder, preprocess

    def classes(self) -> NDArray[Any]:
        """A number for each picture: the place of the folder that holds it among all such, by name."""
        names = [os.fspath(path.parent.relative_to(self._folder)) for path in self.files]
        known = {name: number for number, name in enumerate(sorted(set(names)))}
        return np.array([known[name] for name in names])

    def __iter__(self) -> Iterator[dict[str, NDArray[Any]]]:
        for path in self.files:
            yield {self._port.name: read(path, self._port, self._preprocess)}


def read(path: str | os.PathLike[str], port: Port, preprocess: Preprocessing = PRESETS["none"]) -> NDArray[Any]:
    """One picture for an input of rank 3, or 4 with a batch axis of 1; integers stay pixels from 0 to 255.

    Its size is what `preprocess` says, else the input's, else its own.

    Raises:
        InvalidArgumentError: the input takes no picture.
        InvalidSourceError: the file is no picture.
        MissingDependencyError: Pillow is not installed.
    """
    layout = _layout(port)
    if layout is None:
        raise InvalidArgumentError(f"input '{port.name}' of shape {list(port.shape)} takes no picture")
    _pillow()
    from PIL import Image, ImageOps, UnidentifiedImageError

    channels, first = layout
    try:
        with Image.open(path) as file:
            image = file.convert(MODES[channels])
    except (UnidentifiedImageError, OSError) as error:
        raise InvalidSourceError(f"'{path}' is no picture that Pillow reads: {error}") from error
    height, width = preprocess.size or _sides(port)
    size = (width if isinstance(width, int) else image.width, height if isinstance(height, int) else image.height)
    bilinear = Image.Resampling.BILINEAR
    image = ImageOps.fit(image, size, bilinear) if preprocess.crop else image.resize(size, bilinear)
    pixels = np.asarray(image).reshape(size[1], size[0], channels)
    array = (preprocess(pixels) if is_float(port.dtype) else pixels).astype(port.dtype)
    array = array.transpose(2, 0, 1) if first else array
    return array[None] if len(port.shape) == 4 else array


def _layout(port: Port) -> tuple[int, bool] | None:
    """The number of channels, and whether they come before height and width; None where an input is no picture."""
    if len(port.shape) in (3, 4):
        for axis, first in ((-1, False), (-3, True)):
            channels = port.shape[axis]
            if isinstance(channels, int) and channels in MODES:
                return channels, first
    return None


def _sides(port: Port) -> tuple[int | str | None, int | str | None]:
    """Height and width."""
    layout = _layout(port)
    height, width = port.shape[-2:] if layout is not None and layout[1] else port.shape[-3:-1]
    return height, width


def _pillow() -> None:
    try:
        import PIL  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError("reading pictures needs Pillow: pip install 'onward[image]'") from error
