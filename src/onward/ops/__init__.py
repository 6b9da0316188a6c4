"""TensorFlow's ops, by family. Importing the package registers every lowering."""

from __future__ import annotations

from onward.lowering.registry import one_to_one
from onward.lowering.tables import ONE_TO_ONE
from onward.ops import (  # noqa: F401
    activation,
    array,
    bitwise,
    compare,
    complex,
    conv,
    count,
    cumulative,
    conv_transpose,
    einsum,
    gather,
    grad,
    image,
    linalg,
    lookup,
    loss,
    math,
    norm,
    pool,
    reduce,
    resample,
    resize,
    shape,
    slicing,
    source,
    split,
    string,
)

one_to_one(ONE_TO_ONE)
