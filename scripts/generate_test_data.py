"""Writes tests/data: a small model of every kind that converts without TensorFlow, with answers recorded from it.

    PYTHONPATH=src:. python scripts/generate_test_data.py

tests/test_without_tensorflow.py converts them where TensorFlow cannot be imported.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

import onward
from tests.without_tensorflow import DATA, SOURCES

RNG = np.random.default_rng(11)
v1 = tf.compat.v1


def weights(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32) * 0.5


def pictures(x: Any) -> Any:
    """A small network for pictures of 8 by 8."""
    x = tf.nn.relu(tf.nn.conv2d(x, weights(3, 3, 1, 4), 2, "SAME") + weights(4))
    return tf.nn.softmax(tf.reduce_mean(x, [1, 2]) @ weights(4, 3) + weights(3), name="probabilities")


def frozen(file: Path) -> None:
    """TensorFlow 1's graph with a loop and a condition of its dataflow kind."""
    with tf.Graph().as_default() as graph:
        v1.disable_control_flow_v2()
        x = v1.placeholder(tf.float32, (None, 8, 8, 1), name="x")
        y = pictures(x)
        y = v1.while_loop(lambda i, _: i < 3, lambda i, v: (i + 1, tf.tanh(v * 2.0)), (tf.constant(0), y))[1]
        y = v1.cond(tf.reduce_sum(x) > 0.0, lambda: y + 1.0, lambda: y * 2.0)
        tf.identity(y, name="y")
        v1.enable_control_flow_v2()
    v1.io.write_graph(graph.as_graph_def(), str(file.parent), file.name, as_text=file.suffix == ".pbtxt")


def with_variables(build: Callable[[Any], None]) -> None:
    """A session of TensorFlow 1 with a variable and a table, initialised."""
    with tf.Graph().as_default(), v1.Session() as session:
        words = v1.placeholder(tf.string, (None,), name="words")
        vocabulary = DATA / "words.txt"
        vocabulary.write_text("red\ngreen\nblue\n")
        initializer = tf.lookup.TextFileInitializer(
            str(vocabulary),
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        )
        table = tf.lookup.StaticHashTable(initializer, 3)
        rows = v1.get_variable("rows", initializer=weights(4, 2))
        rows_of_words = tf.gather(rows, table.lookup(words), name="y")
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        build((session, words, rows_of_words))
        vocabulary.unlink()


def saved_model_v1(folder: Path) -> None:
    def save(built: Any) -> None:
        session, words, y = built
        v1.saved_model.simple_save(session, str(folder), {"words": words}, {"y": y}, v1.tables_initializer())

    with_variables(save)


def checkpoint(prefix: Path) -> None:
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, (None, 4), name="x")
        tf.nn.relu(x @ v1.get_variable("w", initializer=weights(4, 2)), name="y")
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(prefix), write_state=False)


def saved_model(folder: Path) -> None:
    class Module(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = tf.Variable(weights(6, 4))

        @tf.function(input_signature=[tf.TensorSpec((None, 5, 2), name="x")])
        def __call__(self, x: Any) -> Any:
            state = tf.zeros([tf.shape(x)[0], 4])
            for i in tf.range(5):
                state = tf.tanh(tf.concat([x[:, i], state], 1) @ self.cell)
            return {"state": state}

    module = Module()
    tf.saved_model.save(module, str(folder), signatures=module.__call__)


def tflite(file: Path, *, quantised: bool) -> None:
    @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 1), name="x")])
    def function(x: Any) -> Any:
        return {"y": pictures(x)}

    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    if quantised:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([weights(1, 8, 8, 1)] for _ in range(20))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    file.write_bytes(converter.convert())


def tfjs(folder: Path) -> None:
    """A graph model, its kernel quantised to 8 bits, in two shards."""
    from google.protobuf import json_format

    with tf.Graph().as_default() as graph:
        tf.identity(pictures(v1.placeholder(tf.float32, (None, 8, 8, 1), name="x")), name="y")
    graph_def = graph.as_graph_def()
    topology = json_format.MessageToDict(graph_def)
    entries, stored = [], b""
    for node, plain in zip(graph_def.node, topology["node"], strict=True):
        if node.op != "Const":
            continue
        array = tf.make_ndarray(node.attr["value"].tensor)
        entry = {"name": node.name, "shape": list(array.shape), "dtype": array.dtype.name}
        if array.ndim == 4:
            scale = float(np.ptp(array)) / 255
            entry["quantization"] = {"dtype": "uint8", "min": float(array.min()), "scale": scale}
            array = np.round((array - array.min()) / scale).astype(np.uint8)
        entries.append(entry)
        stored += array.tobytes()
        plain["attr"]["value"]["tensor"].pop("tensorContent", None)
        plain["attr"]["value"]["tensor"].pop("floatVal", None)
        plain["attr"]["value"]["tensor"].pop("intVal", None)
    half = len(stored) // 2 + 1
    shards = {"group1-shard1of2.bin": stored[:half], "group1-shard2of2.bin": stored[half:]}
    for name, data in shards.items():
        (folder / name).write_bytes(data)
    manifest = [{"paths": list(shards), "weights": entries}]
    content = {"format": "graph-model", "modelTopology": topology, "weightsManifest": manifest}
    (folder / "model.json").write_text(json.dumps(content))


def main() -> None:
    shutil.rmtree(DATA, ignore_errors=True)
    for folder in ("tfjs", "layers"):
        (DATA / folder).mkdir(parents=True)
    frozen(DATA / "frozen.pb")
    frozen(DATA / "frozen.pbtxt")
    saved_model_v1(DATA / "saved_model_v1")
    saved_model(DATA / "saved_model")
    checkpoint(DATA / "trained")
    tflite(DATA / "float.tflite", quantised=False)
    tflite(DATA / "int8.tflite", quantised=True)
    tfjs(DATA / "tfjs")
    layers(DATA / "layers")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the TFLite interpreter says that it will move
        for source, options in SOURCES.items():
            onward.record(DATA / source, DATA / f"{source}.npz", data=_words(source), **options)


def layers(folder: Path) -> None:
    """A layers model."""
    import tf_keras as keras

    model = keras.Sequential(
        [
            keras.layers.Conv2D(4, 3, strides=2, padding="same", input_shape=(8, 8, 1)),
            keras.layers.BatchNormalization(),
            keras.layers.LeakyReLU(),
            keras.layers.DepthwiseConv2D(3),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.set_weights([np.abs(weights(*v.shape)) + 0.1 for v in model.weights])
    entries = [{"name": v.name.removesuffix(":0"), "shape": list(v.shape), "dtype": "float32"} for v in model.weights]
    (folder / "weights.bin").write_bytes(b"".join(v.numpy().tobytes() for v in model.weights))
    manifest = [{"paths": ["weights.bin"], "weights": entries}]
    content = {"format": "layers-model", "modelTopology": json.loads(model.to_json()), "weightsManifest": manifest}
    (folder / "model.json").write_text(json.dumps(content))


def _words(source: str) -> Any:
    return {"words": np.array(["blue", "red", "mauve"], object)} if source == "saved_model_v1" else None


if __name__ == "__main__":
    main()
