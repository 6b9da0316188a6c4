"""Pictures from a folder, prepared as a network expects them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        try:
            import PIL  # noqa: F401
        except ImportError as error:
            raise MissingDependencyError("reading pictures needs Pillow: pip install 'onward[image]'") from error
        self._folder, self._preprocess = folder, preprocess
        self._port, self._channels, self._first = _picture_input(ports)
        height, width = self._port.shape[2:4] if self._first else self._port.shape[1:3]
        if preprocess.size is not None:
            self._height, self._width = preprocess.size
        elif isinstance(height, int) and isinstance(width, int):
            self._height, self._width = height, width
        else:
            raise InvalidArgumentError(f"input '{self._port.name}' takes pictures of any size: say one, size=224x224")

    def classes(self) -> NDArray[Any]:
        """A number for each picture: the place of the folder that holds it among all such, by name."""
        names = [os.fspath(path.parent.relative_to(self._folder)) for path in self.files]
        known = {name: number for number, name in enumerate(sorted(set(names)))}
        return np.array([known[name] for name in names])

    def __iter__(self) -> Iterator[dict[str, NDArray[Any]]]:
        for path in self.files:
            yield {self._port.name: self._read(path)}

    def _read(self, path: Path) -> NDArray[Any]:
        """One picture, with a batch axis of 1."""
        from PIL import Image, ImageOps, UnidentifiedImageError

        size = (self._width, self._height)
        try:
            with Image.open(path) as file:
                image = file.convert(MODES[self._channels])
        except (UnidentifiedImageError, OSError) as error:
            raise InvalidSourceError(f"'{path}' is no picture that Pillow reads: {error}") from error
        bilinear = Image.Resampling.BILINEAR
        image = ImageOps.fit(image, size, bilinear) if self._preprocess.crop else image.resize(size, bilinear)
        pixels = np.asarray(image).reshape(self._height, self._width, self._channels)
        array = pixels if self._port.dtype == np.uint8 else self._preprocess(pixels).astype(self._port.dtype)
        return (array.transpose(2, 0, 1) if self._first else array)[None]


def _picture_input(ports: list[Port]) -> tuple[Port, int, bool]:
    """The input that takes pictures, its number of channels, and whether they come before height and width."""
    if len(ports) == 1 and len(ports[0].shape) == 4:
        [port] = ports
        for axis, first in ((3, False), (1, True)):
            channels = port.shape[axis]
            if isinstance(channels, int) and channels in MODES:
                return port, channels, first
    raise InvalidArgumentError(
        "a folder of pictures is for models with one input of rank 4 with 1, 3 or 4 channels; give an .npz file, or "
        "from Python an iterable of inputs"
    )
