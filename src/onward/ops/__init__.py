"""TensorFlow's ops, by family. Importing the package registers every lowering."""

from __future__ import annotations

from onward.lowering.registry import one_to_one
from onward.lowering.tables import ONE_TO_ONE
from onward.ops import (  # noqa: F401
    activation,
    array,
    bessel,
    bitcast,
    bitwise,
    boxes,
    colour,
    compare,
    complex,
    conv,
    conv_transpose,
    count,
    cross,
    cumulative,
    distribution,
    einsum,
    gamma,
    gather,
    grad,
    hash,
    image,
    linalg,
    lookup,
    loss,
    math,
    norm,
    number,
    patches,
    pool,
    quantize,
    random,
    reduce,
    regex,
    resample,
    resize,
    shape,
    slicing,
    source,
    special,
    split,
    string,
    substring,
    unicode,
    warp,
)

one_to_one(ONE_TO_ONE)
