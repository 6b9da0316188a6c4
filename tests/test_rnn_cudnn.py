"""cuDNN's recurrent ops. They run on a GPU only: the reference is the Keras layer that computes the same on a CPU."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import onward
from onward.errors import UnsupportedOpsError

L = keras.layers
RAW = tf.raw_ops
UNITS = 4
ORDERS = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "rnn_tanh": (0,), "rnn_relu": (0,)}  # of cuDNN's gates in Keras'
KINDS = {
    "lstm": lambda **o: L.LSTM(UNITS, **o),
    "gru": lambda **o: L.GRU(UNITS, **o),
    "rnn_tanh": lambda **o: L.SimpleRNN(UNITS, **o),
    "rnn_relu": lambda **o: L.SimpleRNN(UNITS, activation="relu", **o),
}


def canonical(mode: str, layer: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """A Keras layer's weights as cuDNN names them: a matrix (units, inputs) and two biases a gate."""
    kernel, recurrent, bias = (np.asarray(v) for v in layer.cell.get_weights())
    order = ORDERS[mode]
    parts = [np.split(whole, len(order), axis=1) for whole in (kernel, recurrent)]
    both = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])
    gates = [np.split(row, len(order)) for row in both]
    return [part[k].T for part in parts for k in order], [row[k] for row in gates for k in order]


def vector(mode: str, layers: list[Any]) -> np.ndarray:
    """All matrices, then all biases."""
    found = [canonical(mode, layer) for layer in layers]
    return np.concatenate([a.ravel() for part in (0, 1) for weights in found for a in weights[part]])


def draw(layer: Any, width: int) -> Any:
    layer.build((None, None, width))
    rng = np.random.default_rng(width)
    layer.set_weights([rng.standard_normal(w.shape) * 0.5 for w in layer.get_weights()])
    return layer


def run(function: Any, *arrays: np.ndarray) -> list[np.ndarray]:
    specs = [tf.TensorSpec([None, None, 3][: a.ndim], a.dtype, name=f"x{k}") for k, a in enumerate(arrays)]
    program = onward.convert(tf.function(function, input_signature=specs), verify=False)
    assert "Loop" not in {node.op_type for node in program.model_proto.graph.node}
    return list(program.run({f"x{k}": a for k, a in enumerate(arrays)}).values())


def states(mode: str, rows: tf.Tensor, count: int = 1) -> dict[str, tf.Tensor]:
    zeros = tf.zeros(tf.stack([count, rows, UNITS]))
    return {"input_h": zeros, "input_c": zeros if mode == "lstm" else tf.constant(0.0)}


X = np.random.default_rng(1).standard_normal((5, 2, 3)).astype(np.float32)  # time-major


@pytest.mark.parametrize("op", [RAW.CudnnRNN, RAW.CudnnRNNV2], ids=["v1", "v2"])
@pytest.mark.parametrize("mode", KINDS)
def test_one_layer(mode: str, op: Any) -> None:
    layer = draw(KINDS[mode](return_sequences=True, return_state=True), 3)
    params = vector(mode, [layer])

    def call(x):
        made = op(input=x, params=params, rnn_mode=mode, is_training=False, **states(mode, tf.shape(x)[1]))
        return made.output, made.output_h[0], made.output_c[0] if mode == "lstm" else made.output_h[0]

    want, *ends = (np.asarray(t) for t in layer(X.swapaxes(0, 1)))
    output, h, c = run(call, X)
    np.testing.assert_allclose(output, want.swapaxes(0, 1), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(h, ends[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(c, ends[-1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mode", KINDS)
def test_two_layers_both_ways(mode: str) -> None:
    first, second = (draw(L.Bidirectional(KINDS[mode](return_sequences=True)), width) for width in (3, 2 * UNITS))
    params = vector(mode, [first.forward_layer, first.backward_layer, second.forward_layer, second.backward_layer])

    def call(x):
        made = RAW.CudnnRNNV2(
            input=x, params=params, rnn_mode=mode, direction="bidirectional", is_training=False,
            **states(mode, tf.shape(x)[1], 4),
        )  # fmt: skip
        return made.output, made.output_h

    want = np.asarray(second(first(X.swapaxes(0, 1)))).swapaxes(0, 1)
    output, h = run(call, X)
    np.testing.assert_allclose(output, want, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(h[2:], [want[-1, :, :UNITS], want[0, :, UNITS:]], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("time_major", [True, False])
def test_lengths(time_major: bool) -> None:
    layer = draw(L.LSTM(UNITS, return_sequences=True, zero_output_for_mask=True), 3)
    params, lengths = vector("lstm", [layer]), np.array([2, 5], np.int32)

    def call(x, n):
        rows = tf.shape(x)[1 if time_major else 0]
        begin = {k: v if time_major else tf.transpose(v, (1, 0, 2)) for k, v in states("lstm", rows).items()}
        made = RAW.CudnnRNNV3(
            input=x, params=params, sequence_lengths=n, time_major=time_major, is_training=False, **begin
        )
        return made.output

    mask = np.arange(5) < lengths[:, None]
    want = np.asarray(layer(X.swapaxes(0, 1), mask=mask))
    [output] = run(call, X if time_major else X.swapaxes(0, 1), lengths)
    np.testing.assert_allclose(output.swapaxes(0, 1) if time_major else output, want, rtol=1e-5, atol=1e-5)


def test_params_from_parts() -> None:
    layer = draw(L.LSTM(UNITS, return_sequences=True), 3)
    weights, biases = canonical("lstm", layer)

    def call(x):
        params = RAW.CudnnRNNCanonicalToParams(
            num_layers=1, num_units=UNITS, input_size=3, weights=weights, biases=biases
        )
        return RAW.CudnnRNN(input=x, params=params, is_training=False, **states("lstm", tf.shape(x)[1])).output

    [output] = run(call, X)
    np.testing.assert_allclose(output, np.asarray(layer(X.swapaxes(0, 1))).swapaxes(0, 1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("options", [{"num_proj": 2}, {"dropout": 0.5, "is_training": True}])
def test_refusals(options: dict[str, Any]) -> None:
    def call(x):
        made = RAW.CudnnRNNV3(
            input=x, params=np.zeros(144, np.float32), sequence_lengths=[5, 5], **states("lstm", 2), **options
        )
        return made.output

    with pytest.raises(UnsupportedOpsError, match="CudnnRNNV3"):
        run(call, X)


def test_the_gpu_path_of_keras_2() -> None:
    """What tf_keras traces where there is a GPU."""
    module = pytest.importorskip("tf_keras.src.layers.rnn.lstm", reason="Keras 2 is not installed")
    layer = draw(L.LSTM(UNITS, return_sequences=True), 3)
    kernel, recurrent, bias = (tf.constant(w) for w in layer.get_weights())
    x = X.swapaxes(0, 1)

    def call(x):
        zeros = tf.zeros(tf.stack([tf.shape(x)[0], UNITS]))
        return module.gpu_lstm(x, zeros, zeros, kernel, recurrent, bias, None, False, False, None, True)[1]

    [output] = run(call, x)
    np.testing.assert_allclose(output, np.asarray(layer(x)), rtol=1e-5, atol=1e-5)
