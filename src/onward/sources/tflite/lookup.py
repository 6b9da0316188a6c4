"""Operators that look things up or hash them: embeddings, legacy hash tables, locality-sensitive hashes."""

from __future__ import annotations

import numpy as np

from onward.graph import Tensor
from onward.sources.tflite.rules import Call, Rule

_INT = np.dtype(np.int32)


def embedding_lookup_sparse(call: Call) -> None:
    """Sums of weighted rows: those that a sparse matrix of row numbers lists for each of its places but the last."""
    ids, indices, shape, weights = (call.stored(i) for i in range(4))
    table = call.real(4)
    one, zero = call.scalar(1), call.scalar(0)
    # Places are numbered: the steps from one to the next along each axis are products of the sizes behind it.
    sizes = call.node("Slice", shape, call.ints(0), call.node("Sub", call.node("Shape", shape, out_type=_INT), one))
    steps = call.node("Cumprod", sizes, zero, exclusive=True, reverse=True)
    rank = call.node("Shape", sizes, out_type=_INT)
    rows = call.node("Slice", indices, call.ints(0, 0), call.node("ConcatV2", call.ints(-1), rank, zero))
    place = call.node("Sum", call.node("Mul", rows, steps), one, keep_dims=False)
    count = call.node("Prod", sizes, zero, keep_dims=False)

    def total(x: Tensor) -> Tensor:
        return call.node("UnsortedSegmentSum", x, place, count)

    def tall(x: Tensor) -> Tensor:
        """With as many axes as the rows of the table have."""
        depth = len(call.flow.tensor(call.index(4)).shape or (0, 0))
        return call.node("Reshape", x, call.ints(-1, *[1] * (depth - 1)))

    found = total(call.node("Mul", call.node("GatherV2", table, ids, zero, batch_dims=0), tall(weights)))
    combiner = call.operator.options.enum("combiner", "CombinerType")
    if combiner != "SUM":
        squares = combiner == "SQRTN"
        divisor = total(call.node("Square", weights) if squares else weights)
        divisor = call.node("Sqrt", divisor) if squares else divisor
        ones = total(call.node("OnesLike", weights))
        empty = tall(call.node("Equal", ones, call.flow.const(np.float32(0))))
        found = call.node("SelectV2", empty, found, call.node("Div", found, tall(divisor)))
    behind = call.node("Slice", call.node("Shape", table, out_type=_INT), call.ints(1), call.ints(-1))
    call.put(call.node("Reshape", found, call.node("ConcatV2", sizes, behind, zero)))


def hashtable_lookup(call: Call) -> None:
    """The value of each key, zero where there is none, and which were found."""
    found, hits = call.flow.nodes("tfl.hashtable_lookup", [call.stored(i) for i in range(3)], outputs=2)
    call.put(call.flow.known(found, call.dtype()))
    call.put(call.flow.known(hits, np.dtype(np.uint8)), 1)


def lsh_projection(call: Call) -> None:
    inputs = [call.stored(i) for i in range(3)]
    sparse = call.operator.options.enum("type", "LSHProjectionType") == "SPARSE"
    call.put(call.flow.known(call.node("tfl.lsh_projection", *inputs, sparse=sparse), _INT))


RULES: dict[str, Rule] = {
    "EMBEDDING_LOOKUP_SPARSE": embedding_lookup_sparse,
    "HASHTABLE_LOOKUP": hashtable_lookup,
    "LSH_PROJECTION": lsh_projection,
}
