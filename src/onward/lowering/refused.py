"""TensorFlow ops that have no lowering: those that are dealt with while the graph is read, and the others with why."""

from __future__ import annotations

# What the sources make of ops before lowering begins.
READ: dict[str, str] = {
    **dict.fromkeys(["Placeholder", "PlaceholderV2"], "an input of the graph"),
    **dict.fromkeys(["PartitionedCall", "StatefulPartitionedCall"], "the function's body stands in its place"),
    **dict.fromkeys(
        "Switch Merge Enter Exit NextIteration LoopCond RefSwitch RefMerge RefEnter RefExit RefNextIteration".split(),
        "TensorFlow 1's control flow becomes If and While",
    ),
    **dict.fromkeys(["_FusedConv2D", "_FusedMatMul"], "taken apart again"),
    "RestoreV2": "says what a variable holds at the beginning",
    **dict.fromkeys(
        """Assign AssignAdd AssignSub ScatterUpdate ScatterAdd ScatterSub ScatterMul ScatterDiv ScatterMin
        ScatterMax""".split(),
        "reference variables become variables with handles",
    ),
    **dict.fromkeys(
        """InitializeTable InitializeTableV2 InitializeTableFromTextFile InitializeTableFromTextFileV2
        LookupTableImport LookupTableImportV2""".split(),
        "says what a lookup table holds; met while the graph runs, it is refused",
    ),
}

_TABLE = "the graph changes a lookup table while it runs, and ONNX keeps no state between runs"
_BYTES = (
    "strings in ONNX are text and cannot hold such bytes: begin behind it, at the tensors that it gives "
    "(ParseExample and DecodeWav of an input that nothing else reads are left out of themselves)"
)
_IMAGE = (
    "ONNX Runtime decodes no image files, and ONNX strings cannot hold them: begin behind it, at the pixels, which are "
    "the input where nothing else reads the file "
    "(onnxruntime-extensions has a DecodeImage of uint8 vectors that can stand before)"
)
_INPUT = "feeds data from an input pipeline: begin behind it, at the tensors that it gives"
_ONEDNN = "made by oneDNN's graph rewriting on the machine that runs TensorFlow: save the graph from before it"
_FIXED = "its kernel rounds in fixed point in a way of its own; quantise with Q/DQ, or begin from a TFLite file"
_NO_KERNEL = "TensorFlow has no kernel for it on a CPU to be compared with"
_CSR = "works on a compressed sparse matrix as one opaque value, which no public API of TensorFlow makes"
_STATE = "changes a reference variable in place, TensorFlow 1's way of training"
_REMOVED = "TensorFlow has removed it"

# Ops that ONNX cannot have, or that no graph for inference needs, by the reason.
_REASONS: dict[str, str] = {
    _TABLE: """LookupTableInsert LookupTableInsertV2 LookupTableImport LookupTableImportV2 LookupTableRemove
        LookupTableRemoveV2 InitializeTable InitializeTableV2 InitializeTableFromTextFile
        InitializeTableFromTextFileV2""",
    _BYTES: """DecodeCompressed ParseTensor ParseExample ParseExampleV2 ParseSingleExample ParseSequenceExample
        ParseSequenceExampleV2 ParseSingleSequenceExample DecodeJSONExample DecodeProtoV2 EncodeProto SerializeTensor
        DecodeWav EncodeWav""",
    _IMAGE: """DecodeImage DecodeJpeg DecodeAndCropJpeg DecodePng DecodeBmp DecodeGif DecodeWebP DecodeJxl EncodeJpeg
        EncodeJpegVariableQuality EncodePng ExtractJpegShape""",
    _INPUT: """FIFOQueue FIFOQueueV2 Iterator IteratorGetNext IteratorV2 OneShotIterator QueueDequeue
        QueueDequeueMany QueueDequeueManyV2 QueueDequeueUpTo QueueDequeueUpToV2 QueueDequeueV2""",
    _ONEDNN: """QuantizedConv2DAndRelu QuantizedConv2DAndReluAndRequantize QuantizedConv2DAndRequantize
        QuantizedConv2DPerChannel QuantizedConv2DWithBias QuantizedConv2DWithBiasAndRelu
        QuantizedConv2DWithBiasAndReluAndRequantize QuantizedConv2DWithBiasAndRequantize
        QuantizedConv2DWithBiasSignedSumAndReluAndRequantize QuantizedConv2DWithBiasSumAndRelu
        QuantizedConv2DWithBiasSumAndReluAndRequantize QuantizedDepthwiseConv2D QuantizedDepthwiseConv2DWithBias
        QuantizedDepthwiseConv2DWithBiasAndRelu QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize
        QuantizedMatMulWithBias QuantizedMatMulWithBiasAndDequantize QuantizedMatMulWithBiasAndRelu
        QuantizedMatMulWithBiasAndReluAndRequantize QuantizedMatMulWithBiasAndRequantize RequantizePerChannel
        RequantizationRangePerChannel""",
    _FIXED: """QuantizedAdd QuantizedBiasAdd QuantizedInstanceNorm QuantizedResizeBilinear
        QuantizedBatchNormWithGlobalNormalization UniformQuantizedAdd UniformQuantizedConvolution
        UniformQuantizedConvolutionHybrid UniformQuantizedDot UniformQuantizedDotHybrid UniformRequantize""",
    _NO_KERNEL: """FFTND IFFTND RFFTND IRFFTND GenerateBoundingBoxProposals CTCLossV2 QuantizedReluX XlaConvV2 XlaDotV2
        BoostedTreesBucketize BoostedTreesPredict CudnnRNN CudnnRNNV2 CudnnRNNV3 Conv2DBackpropFilterV2""",
    _CSR: """CSRSparseMatrixComponents CSRSparseMatrixToDense CSRSparseMatrixToSparseTensor DenseToCSRSparseMatrix
        SparseMatrixAdd SparseMatrixMatMul SparseMatrixMul SparseMatrixNNZ SparseMatrixOrderingAMD SparseMatrixSoftmax
        SparseMatrixSparseCholesky SparseMatrixSparseMatMul SparseMatrixTranspose SparseMatrixZeros
        SparseTensorToCSRSparseMatrix""",
    _STATE: "RefSelect ScatterNdUpdate StridedSliceAssign IsVariableInitialized",
    "nothing tells on which side of which choice its inputs are, or its index is asked for": "Merge RefMerge",
    "it has no end: no Merge brings its sides together": "Switch RefSwitch",
    _REMOVED: """AdjustContrast BatchSelfAdjointEig MatrixExponential
        SelfAdjointEig Conv3DBackpropFilter""",
    "training only": """RandomCrop RandomIndexShuffle SampleDistortedBoundingBox
        StatelessSampleDistortedBoundingBox IgammaGradA RandomGammaGrad FractionalMaxPoolGrad FractionalAvgPoolGrad""",
    "the state of TensorFlow 1.14's generators; later releases write StatefulStandardNormalV2":
        "StatefulStandardNormal",
    "eigenvalues of matrices that are not symmetric take an iteration of unknown length over complex numbers":
        "Eig",
    "a stack or map whose size and element types change while the graph runs; ONNX has sequences of one type only":
        """Stack StackClose StackCloseV2 StackPop StackPopV2 StackPush StackPushV2 StackV2 EmptyTensorMap TensorMapErase
        TensorMapHasKey TensorMapInsert TensorMapLookup TensorMapSize TensorMapStackKeys TensorListConcatLists
        TensorListPushBackBatch""",
    "holds a program in StableHLO, a language that is not read here": "XlaCallModule",
    "reads files or memory while the graph runs, which ONNX cannot": "ReadFile ImmutableConst",
    "ONNX has no table of the characters' scripts": "UnicodeScript",
    "puts requests of several clients together, which is the server's business": "BatchFunction",
    "a loop that no API of TensorFlow writes any more: tf.while_loop makes While": "For",
}  # fmt: skip

REFUSED: dict[str, str] = {op: reason for reason, names in _REASONS.items() for op in names.split()}
