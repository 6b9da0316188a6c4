"""What is a list is a table: TensorFlow ops that are one ONNX operator."""

from __future__ import annotations

# Same inputs in the same order, no attributes that matter, the same meaning for every dtype both admit.
ONE_TO_ONE: dict[str, str] = {
    "Abs": "Abs",
    "Acos": "Acos",
    "Acosh": "Acosh",
    "Add": "Add",
    "AddV2": "Add",
    "Asin": "Asin",
    "Asinh": "Asinh",
    "Atan": "Atan",
    "Atanh": "Atanh",
    "BitwiseOr": "BitwiseOr",
    "BitwiseXor": "BitwiseXor",
    "Ceil": "Ceil",
    "Cos": "Cos",
    "Cosh": "Cosh",
    "Div": "Div",
    "Elu": "Elu",
    "Erf": "Erf",
    "Exp": "Exp",
    "Floor": "Floor",
    "Greater": "Greater",
    "GreaterEqual": "GreaterOrEqual",
    "Inv": "Reciprocal",
    "Invert": "BitwiseNot",
    "IsInf": "IsInf",
    "IsNan": "IsNaN",
    "Less": "Less",
    "LessEqual": "LessOrEqual",
    "Log": "Log",
    "LogicalAnd": "And",
    "LogicalNot": "Not",
    "LogicalOr": "Or",
    "Maximum": "Max",
    "Minimum": "Min",
    "Mul": "Mul",
    "Neg": "Neg",
    "RealDiv": "Div",
    "Reciprocal": "Reciprocal",
    "Relu": "Relu",
    "Selu": "Selu",
    "Sigmoid": "Sigmoid",
    "Sign": "Sign",
    "Sin": "Sin",
    "Sinh": "Sinh",
    "Softplus": "Softplus",
    "Softsign": "Softsign",
    "Sqrt": "Sqrt",
    "Sub": "Sub",
    "Tan": "Tan",
    "Tanh": "Tanh",
    "TruncateDiv": "Div",
}

# Pass their first input through at inference.
PASS_THROUGH = """CheckNumerics CheckNumericsV2 DebugGradientIdentity DeepCopy EnsureShape GuaranteeConst Identity
PlaceholderWithDefault PreventGradient Snapshot StopGradient""".split()

# Complex numbers (composite.py): ops that do the same to the real and to the imaginary part,
BY_PARTS = frozenset(
    """AccumulateNV2 Add AddN AddV2 BatchToSpace BatchToSpaceND BiasAdd BiasAddV1 BroadcastTo Concat ConcatV2 Cumsum
    DepthToSpace DynamicPartition DynamicStitch EnsureShape ExpandDims Fill Gather GatherNd GatherV2 Identity IdentityN
    MatrixBandPart MatrixDiag MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 MatrixSetDiag
    MatrixSetDiagV2 MatrixSetDiagV3 Mean MirrorPad Neg Pack Pad PadV2 ParallelConcat ParallelDynamicStitch
    PreventGradient Reshape ResourceGather ResourceGatherNd Reverse ReverseSequence ReverseV2 Roll ScatterNd
    SegmentMean SegmentSum SegmentSumV2 Select SelectV2 Slice SpaceToBatch SpaceToBatchND SpaceToDepth Split SplitV
    Squeeze StopGradient StridedSlice Sub Sum TensorScatterAdd TensorScatterSub TensorScatterUpdate Tile Transpose
    Unpack UnsortedSegmentSum ZerosLike Snapshot""".split()
)
# products, linear in either of two operands,
BILINEAR = frozenset("BatchMatMul BatchMatMulV2 BatchMatMulV3 Cross Einsum MatMul Mul".split())
# and ops that look at the shape alone.
SHAPE_ONLY = frozenset("Rank Shape ShapeN Size".split())

# Ops that ONNX cannot have, and why.
REFUSED: dict[str, str] = {
    **dict.fromkeys(
        """LookupTableInsert LookupTableInsertV2 LookupTableImport LookupTableImportV2 LookupTableRemove
        LookupTableRemoveV2 InitializeTable InitializeTableV2 InitializeTableFromTextFile
        InitializeTableFromTextFileV2""".split(),
        "the graph changes a lookup table while it runs, and ONNX keeps no state between runs",
    ),
    **dict.fromkeys(
        """DecodeCompressed ParseTensor ParseExample ParseExampleV2 ParseSingleExample ParseSequenceExample
        ParseSequenceExampleV2 ParseSingleSequenceExample DecodeProtoV2 EncodeProto SerializeTensor
        DecodeWav""".split(),
        "strings in ONNX are text and cannot hold such bytes: begin behind it, at the tensors that it gives",
    ),
    **dict.fromkeys(
        "DecodeImage DecodeJpeg DecodePng DecodeBmp DecodeGif EncodeJpeg EncodePng".split(),
        "ONNX Runtime decodes no image files, and ONNX strings cannot hold them: begin behind it, at the pixels",
    ),
    "UnicodeScript": "ONNX has no table of the characters' scripts",
}
