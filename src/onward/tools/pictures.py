"""A picture's file as the array that an input takes: its size, its layout, its range of values."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.dtypes import is_float
from onward.errors import InvalidArgumentError, InvalidSourceError, MissingDependencyError
from onward.runtime import Port

# What the bytes 0 to 255 become: a factor, and what is added then. Most Keras models scale by themselves.
PIXELS = {"0..255": (1.0, 0.0), "0..1": (1 / 255, 0.0), "-1..1": (2 / 255, -1.0)}
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def read(path: str | os.PathLike[str], port: Port, pixels: str = "0..255") -> NDArray[Any]:
    """Reads a picture for an input.

    Args:
        port: the input: three axes, or four with a batch of one; channels (1, 3 or 4) first or last. The picture is
            resized (bilinear) to the input's height and width where they are fixed.
        pixels: for inputs of floats, one of ``PIXELS``; integers stay 0 to 255.

    Raises:
        InvalidArgumentError: the input takes no picture.
        InvalidSourceError: the file is no picture.
        MissingDependencyError: Pillow is not installed.
    """
    if pixels not in PIXELS:
        raise InvalidArgumentError(f"pixels are one of {', '.join(PIXELS)}, not '{pixels}'")
    axes = port.shape[-3:]
    last, first = axes[-1:] and axes[-1] in _MODES, axes[:1] and axes[0] in _MODES
    if len(port.shape) not in (3, 4) or not (last or first):
        raise InvalidArgumentError(f"input '{port.name}' of shape {list(port.shape)} takes no picture")
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise MissingDependencyError("reading pictures needs Pillow: pip install 'onward[image]'") from error
    channels = axes[-1] if last else axes[0]
    height, width = axes[:2] if last else axes[1:]
    assert isinstance(channels, int)
    try:
        with Image.open(Path(path)) as file:
            picture = file.convert(_MODES[channels])
    except (OSError, UnidentifiedImageError) as error:
        raise InvalidSourceError(f"'{path}' is no picture that can be read: {error}") from error
    size = (width if isinstance(width, int) else picture.width, height if isinstance(height, int) else picture.height)
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.BILINEAR)
    array = np.asarray(picture).reshape(size[1], size[0], channels)
    if not last:
        array = array.transpose(2, 0, 1)
    if is_float(port.dtype):
        factor, shift = PIXELS[pixels]
        array = array.astype(np.float32) * np.float32(factor) + np.float32(shift)
    return np.ascontiguousarray(array.astype(port.dtype)).reshape((1,) * (len(port.shape) - 3) + array.shape)
