"""TFLite's builtin operators by their names in TensorFlow, where that is all there is to say.

What needs more than a name has a function: convolutions and other windows in ``windows``, what moves elements in
``movement``, quantisation in ``numbers``.
"""

from __future__ import annotations

from onward.sources.tflite.rules import Is, Rule, moved, of_output, of_reals, real

# Same inputs, no options that matter; element by element on reals.
SAME = """
ABS Abs, ADD_N AddN, ATAN2 Atan2, CEIL Ceil, COS Cos, ELU Elu, EXP Exp, FLOOR Floor, LOG Log, LOGISTIC Sigmoid,
LOG_SOFTMAX LogSoftmax, RELU Relu, RELU6 Relu6, ROUND Round, RSQRT Rsqrt, SIGN Sign, SIN Sin, SQRT Sqrt,
SQUARE Square, TANH Tanh, ADD AddV2, SUB Sub, MUL Mul, DIV Div, FLOOR_DIV FloorDiv, FLOOR_MOD FloorMod,
MAXIMUM Maximum, MINIMUM Minimum, POW Pow, SQUARED_DIFFERENCE SquaredDifference, EQUAL Equal, NOT_EQUAL NotEqual,
LESS Less, LESS_EQUAL LessEqual, GREATER Greater, GREATER_EQUAL GreaterEqual, LOGICAL_AND LogicalAnd,
LOGICAL_OR LogicalOr, LOGICAL_NOT LogicalNot, BITWISE_XOR BitwiseXor, RIGHT_SHIFT RightShift, ZEROS_LIKE ZerosLike,
BROADCAST_ARGS BroadcastArgs, RFFT2D RFFT2D, COMPLEX_ABS ComplexAbs, REAL Real, IMAG Imag,
RELU_N1_TO_1 tfl.relu_n1_to_1, RELU_0_TO_1 tfl.relu_0_to_1, HARD_SWISH tfl.hard_swish, PRELU tfl.prelu,
L2_NORMALIZATION tfl.l2_normalization
"""

RULES: dict[str, Rule] = {
    **{name: real(op) for name, op in (pair.split() for pair in SAME.replace("\n", " ").split(","))},
    "BATCH_MATMUL": real("BatchMatMulV3", adj_x="adj_x", adj_y="adj_y", Tout=of_reals),
    "BUCKETIZE": real("Bucketize", boundaries=lambda call: [float(b) for b in call.option("boundaries")]),
    "CUMSUM": real("Cumsum", exclusive="exclusive", reverse="reverse"),
    "FAKE_QUANT": real(
        "FakeQuantWithMinMaxArgs", min="min", max="max", num_bits="num_bits", narrow_range="narrow_range"
    ),
    "GELU": real("tfl.gelu", approximate="approximate"),
    "LEAKY_RELU": real("LeakyRelu", alpha="alpha"),
    "LOCAL_RESPONSE_NORMALIZATION": real("LRN", depth_radius="radius", bias="bias", alpha="alpha", beta="beta"),
    "MEAN": real("Mean", keep_dims="keep_dims"),
    "MULTINOMIAL": moved("Multinomial", data=(), seed="seed", seed2="seed2", output_dtype=of_output()),
    "NON_MAX_SUPPRESSION_V4": real("NonMaxSuppressionV4", pad_to_max_output_size=Is(True)),
    "NON_MAX_SUPPRESSION_V5": real("tfl.non_max_suppression_v5"),
    "RANDOM_STANDARD_NORMAL": real("RandomStandardNormal", seed="seed", seed2="seed2", dtype=of_output()),
    "RANDOM_UNIFORM": real("RandomUniform", seed="seed", seed2="seed2", dtype=of_output()),
    "REDUCE_PROD": real("Prod", keep_dims="keep_dims"),
    "RESIZE_BILINEAR": real("ResizeBilinear", align_corners="align_corners", half_pixel_centers="half_pixel_centers"),
    "SEGMENT_SUM": real("SegmentSum"),
    "SOFTMAX": real("tfl.softmax", beta="beta"),
    "SUM": real("Sum", keep_dims="keep_dims"),
    "UNSORTED_SEGMENT_MAX": real("UnsortedSegmentMax"),
    "UNSORTED_SEGMENT_MIN": real("UnsortedSegmentMin"),
    "UNSORTED_SEGMENT_PROD": real("UnsortedSegmentProd"),
    "UNSORTED_SEGMENT_SUM": real("UnsortedSegmentSum"),
    "ARG_MAX": moved("ArgMax", output_type=of_output()),
    "ARG_MIN": moved("ArgMin", output_type=of_output()),
    "BITCAST": moved("Bitcast", data=(), type=of_output()),
    "BROADCAST_TO": moved("BroadcastTo"),
    "CAST": moved("Cast", data=(), DstT=of_output()),
    "CONCATENATION": moved("ConcatV2", data=None, then=["axis"]),
    "DENSIFY": moved("Identity"),
    "DEPTH_TO_SPACE": moved("DepthToSpace", block_size="block_size"),
    "DILATE": moved("tfl.dilate", data=(0, 2)),
    "DYNAMIC_UPDATE_SLICE": moved("XlaDynamicUpdateSlice", data=(0, 1)),
    "EXPAND_DIMS": moved("ExpandDims"),
    "FILL": moved("Fill", data=(1,)),
    "GATHER": moved("GatherV2", then=["axis"], batch_dims="batch_dims"),
    "GATHER_ND": moved("GatherNd"),
    "MATRIX_DIAG": moved("MatrixDiag"),
    "MATRIX_SET_DIAG": moved("MatrixSetDiag", data=(0, 1)),
    "MIRROR_PAD": moved("MirrorPad", mode=lambda call: call.operator.options.enum("mode", "MirrorPadMode")),
    "NEG": moved("Neg"),  # of the integers, whatever the zero point: so its kernel does
    "ONE_HOT": moved("OneHot", data=(2, 3), axis="axis"),
    "PACK": moved("Pack", data=None, axis="axis"),
    "PADV2": moved("PadV2", data=(0, 2)),
    "RANGE": moved("Range", data=(0, 1, 2)),
    "RANK": moved("Rank", data=()),
    "REDUCE_ALL": moved("All", keep_dims="keep_dims"),
    "REDUCE_ANY": moved("Any", keep_dims="keep_dims"),
    "REDUCE_MAX": moved("Max", keep_dims="keep_dims"),
    "REDUCE_MIN": moved("Min", keep_dims="keep_dims"),
    "REDUCE_WINDOW": real(
        "tfl.reduce_window",
        reduce_function=lambda call: call.operator.options.enum("reduce_function", "ReduceWindowFunction"),
    ),
    "RESIZE_NEAREST_NEIGHBOR": moved(
        "ResizeNearestNeighbor", align_corners="align_corners", half_pixel_centers="half_pixel_centers"
    ),
    "REVERSE_SEQUENCE": moved("ReverseSequence", seq_dim="seq_dim", batch_dim="batch_dim"),
    "REVERSE_V2": moved("ReverseV2"),
    "SELECT": moved("Select", data=(1, 2)),
    "SELECT_V2": moved("SelectV2", data=(1, 2)),
    "SHAPE": moved("Shape", data=(), out_type=of_output()),
    "SLICE": moved("Slice"),
    "SPACE_TO_DEPTH": moved("SpaceToDepth", block_size="block_size"),
    "SPARSE_TO_DENSE": moved("SparseToDense", data=(2, 3)),
    "SPLIT": moved("Split", data=(1,), num_split=lambda call: len(call.outputs)),
    "SPLIT_V": moved("SplitV", num_split=lambda call: len(call.outputs)),
    "SQUEEZE": moved("Squeeze", squeeze_dims=lambda call: _ints(call.option("squeeze_dims"))),
    "TILE": moved("Tile"),
    "TOPK_V2": moved("TopKV2", index_type=of_output(1)),
    "TRANSPOSE": moved("Transpose"),
    "UNIQUE": moved("Unique", out_idx=of_output(1)),
    "UNPACK": moved("Unpack", num=lambda call: len(call.outputs), axis="axis"),
    "WHERE": moved("Where", data=()),
}


def _ints(numbers: object) -> list[int]:
    return [] if numbers is None else [int(n) for n in numbers]  # type: ignore[attr-defined]
