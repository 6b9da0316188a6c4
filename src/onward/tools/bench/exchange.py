"""Arrays handed from process to process in files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.dtypes import STRING
from onward.tools import golden
from onward.tools.golden import Arrays, Example


def write(path: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes arrays by name; of dtypes that numpy lacks as float32, which they become again without loss."""
    golden.write(path, [Example({name: _storable(array) for name, array in arrays.items()}, {}, {})])


def read(path: str) -> Arrays:
    """Reads them."""
    return golden.read(path)[0].inputs


def _storable(array: NDArray[Any]) -> NDArray[Any]:
    return array if array.dtype == STRING or array.dtype.isbuiltin == 1 else array.astype(np.float32)
