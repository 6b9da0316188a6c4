"""KerasHub's architectures convert, match, and contain the operators that runtimes have kernels for."""

from __future__ import annotations

from collections import Counter

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf

import onward

pytest.importorskip("keras_hub", reason="KerasHub is large and optional")

from bench import hub

# The model, the opset, and how many of which operators there must be.
ROWS = [
    ("BERT", 21, "LayerNormalization 5 Gelu 2 Erf 0"),
    ("BERT", 23, "Attention 2 Softmax 0"),
    ("GPTNeoX", 21, "LayerNormalization 5 ReduceMean 0 Gelu 2"),
    ("GPT2", 23, "Attention 2 LayerNormalization 5"),
    ("Llama", 21, "Pow 5 Reciprocal 0"),
    ("Llama", 23, "Attention 2 RMSNormalization 5 Tile 0"),
    ("Mixtral", 23, "Attention 2 TopK 2"),
    ("T5", 23, "Attention 6 RMSNormalization 12"),
    ("Gemma2", 23, "RMSNormalization 9 Gelu 2"),
    ("Whisper", 23, "Attention 6 Conv 2"),
    ("ViT", 23, "Attention 2 LayerNormalization 5"),
    ("SegFormer", 21, "LayerNormalization 22 Resize 3"),
    ("StableDiffusion3", 23, "Attention 3 RMSNormalization 10"),
    ("StableDiffusion3 VAE", 21, "InstanceNormalization 28 ReduceMean 0"),
    ("MobileNet", 21, "HardSwish 6 HardSigmoid 3"),
]


@pytest.mark.filterwarnings("ignore::UserWarning:keras")
@pytest.mark.parametrize(("name", "opset", "wanted"), ROWS, ids=[f"{n}-{o}" for n, o, _ in ROWS])
def test_model(name: str, opset: int, wanted: str) -> None:
    model = hub.build(name)
    program = onward.convert(model, verify=False, opset=opset)
    counts = Counter(node.op_type for node in program.model_proto.graph.node)
    words = wanted.split()
    for op, count in zip(words[::2], words[1::2], strict=True):
        assert counts[op] == int(count), (op, counts)
    options = onnxruntime.SessionOptions()
    data = program.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    for seed, (batch, length, side) in enumerate(((2, 12, 64), (3, 17, 96))):
        feeds = hub.feeds(model, batch, length, side, seed)
        tensors = {key: tf.constant(value) for key, value in feeds.items()}
        whole = tensors if isinstance(model.input, dict) else list(tensors.values())
        expected = model(whole if len(tensors) > 1 or isinstance(whole, dict) else whole[0], training=False)
        if len(feeds) == 1:  # Keras calls the only input of a model after its layer
            feeds = {session.get_inputs()[0].name: value for value in feeds.values()}
        results = session.run(None, feeds)
        for want, got in zip(keras.tree.flatten(expected), results, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4 * float(np.abs(want).max()))
