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
PASS_THROUGH = """CheckNumerics CheckNumericsV2 DebugGradientIdentity DebugIdentity DebugIdentityV2 DeepCopy EnsureShape
GuaranteeConst Identity PlaceholderWithDefault PreventGradient RefIdentity Snapshot StopGradient""".split()

# Complex numbers (composite.py): ops that do the same to the real and to the imaginary part,
BY_PARTS = frozenset(
    """AccumulateNV2 Add AddN AddV2 BatchToSpace BatchToSpaceND BiasAdd BiasAddV1 BroadcastTo Concat ConcatV2 Cumsum
    DepthToSpace DynamicPartition DynamicStitch EnsureShape ExpandDims Fill Gather GatherNd GatherV2 Identity IdentityN
    MatrixBandPart MatrixDiag MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3 MatrixSetDiag
    MatrixSetDiagV2 MatrixSetDiagV3 Mean MirrorPad Neg Pack Pad PadV2 ParallelConcat ParallelDynamicStitch
    PreventGradient Reshape ResourceGather ResourceGatherNd Reverse ReverseSequence ReverseV2 Roll ScatterNd
    SegmentMean SegmentSum SegmentSumV2 Select SelectV2 Slice SpaceToBatch SpaceToBatchND SpaceToDepth Split SplitV
    Squeeze StopGradient StridedSlice StridedSliceGrad Sub Sum TensorScatterAdd TensorScatterSub TensorScatterUpdate
    Tile Transpose Unpack UnsortedSegmentSum ZerosLike Snapshot""".split()
)
# products, linear in either of two operands,
BILINEAR = frozenset("BatchMatMul BatchMatMulV2 BatchMatMulV3 Cross Einsum MatMul Mul".split())
# and ops that look at the shape alone.
SHAPE_ONLY = frozenset("Rank Shape ShapeN Size".split())
