"""TensorFlow.js models: what their files say, and what is said of files that are damaged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onward
from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.options import Options
from onward.sources import open_source

WEIGHT = np.arange(24, dtype=np.float32).reshape(4, 6) / 7


def write(
    folder: Path,
    graph_def: Any,
    *,
    quantised: Mapping[str, str] | None = None,
    shard: int = 1 << 20,
    groups: int = 1,
    **content: Any,
) -> Path:
    """Writes a GraphDef as TensorFlow.js' converter does: constants apart, in groups of shards."""
    import tensorflow as tf
    from google.protobuf import json_format

    topology = json_format.MessageToDict(graph_def)
    entries, data = [], []
    for node, plain in zip(graph_def.node, topology.get("node", ()), strict=True):
        if node.op == "Const":
            array = np.asarray(tf.make_ndarray(node.attr["value"].tensor))
            entry, stored = weight(node.name, array, (quantised or {}).get(node.name))
            entries.append(entry)
            data.append(stored)
            tensor = plain["attr"]["value"]["tensor"]
            plain["attr"]["value"]["tensor"] = {key: tensor[key] for key in ("dtype", "tensorShape")}
    manifest = []
    for number in range(groups):
        stored = b"".join(data[number::groups])
        paths = [f"group{number}-shard{i}.bin" for i in range(0, max(len(stored), 1), shard)]
        for i, path in enumerate(paths):
            (folder / path).write_bytes(stored[i * shard : (i + 1) * shard] or b"")
        manifest.append({"paths": paths, "weights": entries[number::groups]})
    file = folder / "model.json"
    content = {"format": "graph-model", "modelTopology": topology, "weightsManifest": manifest, **content}
    file.write_text(json.dumps(content))
    return file


def weight(name: str, array: np.ndarray, quantised: str | None = None) -> tuple[dict[str, Any], bytes]:
    """A weight's entry in the manifest, and its bytes."""
    entry: dict[str, Any] = {"name": name, "shape": list(array.shape), "dtype": array.dtype.name}
    if array.dtype == object:
        entry["dtype"] = "string"
        return entry, b"".join(len(text).to_bytes(4, "little") + text for text in array.ravel())
    if array.dtype in (np.int64, np.float64):
        array = array.astype(np.int32 if array.dtype == np.int64 else np.float32)
        entry["dtype"] = array.dtype.name
    if quantised == "float16":
        entry["quantization"] = {"dtype": quantised}
        array = array.astype(np.float16)
    elif quantised:
        levels = np.iinfo(quantised).max
        least, scale = float(array.min()), float(array.max() - array.min()) / levels
        entry["quantization"] = {"dtype": quantised, "min": least, "scale": scale, "original_dtype": "float32"}
        array = np.round((array - least) / scale).astype(quantised)
    return entry, array.tobytes()


def frozen(build: Callable[[], Any]) -> Any:
    """The GraphDef that `build` makes."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        build()
    return graph.as_graph_def()


def dense() -> None:
    import tensorflow as tf

    x = tf.compat.v1.placeholder(tf.float32, (None, 4), name="x")
    w = tf.constant(WEIGHT, name="w")
    y = tf.identity(x @ w, name="y")
    rows = tf.constant([1, 0], tf.int64, name="rows")
    tf.gather(y, rows, axis=1, name="z")


SIGNATURE = {
    "inputs": {
        "picture": {"name": "x:0", "dtype": "DT_FLOAT", "tensorShape": {"dim": [{"size": "-1"}, {"size": "4"}]}}
    },
    "outputs": {"chosen:0": {"name": "z:0", "dtype": "DT_FLOAT"}, "all": {"name": "y:0", "dtype": "DT_FLOAT"}},
}


def agree(file: Path, arrays: Mapping[str, np.ndarray], tolerance: float = 1e-5) -> onward.ONNXProgram:
    """Converts a file and compares with TensorFlow."""
    program = onward.convert(file, verify=False)
    assert program.graph is not None
    assert program.graph.reference is not None
    results = program.run(arrays)
    for output, expected in zip(program.graph.outputs, program.graph.reference(arrays), strict=True):
        if expected.dtype == object:
            assert [str(v) for v in results[output.name].ravel()] == [v.decode() for v in expected.ravel()]
        else:
            np.testing.assert_allclose(results[output.name], expected, rtol=tolerance, atol=tolerance)
    return program


@pytest.mark.parametrize("quantised", [None, "uint8", "uint16", "float16"])
def test_weights(quantised: str | None, tmp_path: Path) -> None:
    """In groups, in shards that end within a number, quantised, and 64-bit integers that are stored as 32."""
    stored = {} if quantised is None else {"w": quantised}
    file = write(tmp_path, frozen(dense), quantised=stored, shard=13, groups=2, signature=SIGNATURE)
    program = agree(file, {"picture": np.eye(4, dtype=np.float32)})
    assert (program.input_names, program.output_names) == (["picture"], ["chosen", "all"])
    found = program.run({"picture": np.eye(4, dtype=np.float32)})
    bound = {None: 0, "uint8": 0.01, "uint16": 1e-4, "float16": 2e-3}[quantised]
    np.testing.assert_allclose(found["all"], WEIGHT, atol=bound)
    np.testing.assert_array_equal(found["chosen"], found["all"][:, [1, 0]])


def test_rounding_of_quantised_integers(tmp_path: Path) -> None:
    file = write(tmp_path, frozen(dense), signature=SIGNATURE)
    content = json.loads(file.read_text())
    entry = next(e for e in content["weightsManifest"][0]["weights"] if e["name"] == "rows")
    entry["quantization"] = {"dtype": "uint8", "min": 1, "scale": 0.5}
    path = tmp_path / content["weightsManifest"][0]["paths"][0]
    data = path.read_bytes()
    path.write_bytes(data[: WEIGHT.nbytes] + bytes([2, 3]) + data[WEIGHT.nbytes + 8 :])
    file.write_text(json.dumps(content))
    found = onward.convert(file, verify=False).run({"picture": np.eye(4, dtype=np.float32)})
    np.testing.assert_array_equal(found["chosen"], found["all"][:, [2, 3]])  # 2.0 and 2.5


def test_strings(tmp_path: Path) -> None:
    import tensorflow as tf

    def build() -> None:
        i = tf.compat.v1.placeholder(tf.int32, (None,), name="i")
        tf.gather(tf.constant([b"a", b"", "é".encode()], name="words"), i, name="word")

    agree(write(tmp_path, frozen(build), shard=5), {"i": np.array([2, 0, 1], np.int32)})


def test_choosing(tmp_path: Path) -> None:
    """Without a signature, placeholders and ends; any tensor can be an output."""
    file = write(tmp_path, frozen(dense))
    plain = open_source(tmp_path, Options())
    assert ([made.name for made in plain.inputs], [made.name for made in plain.outputs]) == (["x"], ["z"])
    graph = open_source(file, Options(inputs={"x:0": onward.spec("n", 4)}, outputs=["y", "z:0"]))
    assert ([made.shape for made in graph.inputs], [made.name for made in graph.outputs]) == ([("n", 4)], ["y", "z"])
    with pytest.raises(InvalidArgumentError, match="no output 'nothing'"):
        open_source(file, Options(outputs=["nothing"]))
    with pytest.raises(InvalidArgumentError, match="no input 'nothing'"):
        open_source(file, Options(inputs=["nothing"]))


def test_a_signature_that_says_more_than_the_graph(tmp_path: Path) -> None:
    """Inputs that were pruned, and shapes that the placeholder lacks."""
    signature = {**SIGNATURE, "inputs": {**SIGNATURE["inputs"], "unused": {"name": "gone:0", "dtype": "DT_FLOAT"}}}
    file = write(tmp_path, frozen(dense), signature=signature)
    content = json.loads(file.read_text())
    for shape in ({"shape": {}}, {"shape": {"unknownRank": True}}):
        _node(content, "x")["attr"]["shape"] = shape
        file.write_text(json.dumps(content))
        graph = open_source(file, Options())
        assert [(made.name, made.shape) for made in graph.inputs] == [("picture", ("batch", 4))]


def test_cutting(tmp_path: Path) -> None:
    """Tensors may be named in place of the signature's inputs, and any of them can be an input."""
    file = write(tmp_path, frozen(dense), signature=SIGNATURE)
    graph = open_source(file, Options(inputs={"x:0": onward.spec("n", 4)}))
    assert [(made.name, made.shape) for made in graph.inputs] == [("picture", ("n", 4))]
    assert [made.name for made in open_source(file, Options(inputs=["x"])).inputs] == ["picture"]
    program = onward.convert(file, inputs={"y": (2, 6)}, outputs=["z"], verify=True)
    assert program.input_names == ["y"]
    y = np.arange(12, dtype=np.float32).reshape(2, 6)
    np.testing.assert_array_equal(program.run({"y": y})["z"], y[:, [1, 0]])


def test_the_older_place_of_the_signature(tmp_path: Path) -> None:
    file = write(tmp_path, frozen(dense), userDefinedMetadata={"signature": SIGNATURE})
    assert [made.name for made in open_source(file, Options()).inputs] == ["picture"]


def test_strings_as_character_codes(tmp_path: Path) -> None:
    """As TensorFlow.js before 1.0 wrote them."""
    import tensorflow as tf

    def build() -> None:
        x = tf.compat.v1.placeholder(tf.float32, (1, 4, 4, 1), name="x")
        tf.nn.max_pool2d(x, 2, 2, "VALID", name="y")

    file = write(tmp_path, frozen(build))
    text = file.read_text()
    assert '"VkFMSUQ="' in text
    file.write_text(text.replace('"VkFMSUQ="', str(list(b"VALID"))))
    agree(file, {"x": np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)})


def test_functions(tmp_path: Path) -> None:
    """A loop whose condition and body are functions of the library."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((None,), name="x")])
    def doubled(x: Any) -> Any:
        return tf.while_loop(lambda i, _: i < 3, lambda i, v: (i + 1, v * 2.0), (0, x))[1]

    graph_def = doubled.get_concrete_function().graph.as_graph_def()
    agree(write(tmp_path, graph_def), {"x": np.ones(3, np.float32)})


def test_tables(tmp_path: Path) -> None:
    """Tables are made by a graph of their own, whose handles the main graph takes as inputs."""
    import tensorflow as tf

    def build() -> None:
        table = tf.compat.v1.placeholder(tf.resource, (), name="table")
        words = tf.compat.v1.placeholder(tf.string, (None,), name="words")
        tf.raw_ops.LookupTableFindV2(table_handle=table, keys=words, default_value=tf.constant(-1), name="found")

    def initializer() -> None:
        table = tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int32, shared_name="t", name="made")
        keys, values = tf.constant([b"a", b"b"], name="keys"), tf.constant([5, 6], name="values")
        tf.raw_ops.LookupTableImportV2(table_handle=table, keys=keys, values=values, name="filled")

    handle = {"dtype": "DT_RESOURCE", "resourceId": 7}
    main = write(tmp_path, frozen(build))
    content = json.loads(main.read_text())
    (tmp_path / "init").mkdir()
    other = json.loads(write(tmp_path / "init", frozen(initializer)).read_text())
    for group in other["weightsManifest"]:
        group["paths"] = [f"init/{path}" for path in group["paths"]]
    content["weightsManifest"] += other["weightsManifest"]
    content["modelInitializer"] = other["modelTopology"]
    content["initializerSignature"] = {"outputs": {"made": {"name": "made:0", **handle}}}
    content["signature"] = {
        "inputs": {"words": {"name": "words:0", "dtype": "DT_STRING"}, "table": {"name": "table:0", **handle}},
        "outputs": {"found": {"name": "found:0", "dtype": "DT_INT32"}},
    }
    main.write_text(json.dumps(content))
    program = agree(main, {"words": np.array(["b", "c", "a"], object)})
    assert program.input_names == ["words"]


def layers_model(folder: Path, model: Any, *, rename: Callable[[str], str] = str) -> Path:
    """Writes a tf_keras model as a layers model."""
    written = [weight(rename(v.name.removesuffix(":0")), v.numpy()) for v in model.weights]
    (folder / "weights.bin").write_bytes(b"".join(data for _, data in written))
    file = folder / "model.json"
    file.write_text(
        json.dumps(
            {
                "format": "layers-model",
                "modelTopology": {"keras_version": "2.15.0", "model_config": json.loads(model.to_json())},
                "weightsManifest": [{"paths": ["./weights.bin"], "weights": [entry for entry, _ in written]}],
            }
        )
    )
    return file


def keras_2() -> Any:
    return pytest.importorskip("tf_keras", reason="layers models are Keras 2's")


def layers() -> Any:
    keras = keras_2()
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.layers.Dense(3, activation="relu", input_shape=(4,)), keras.layers.Dense(2)])


def _stack(shape: tuple[int, ...], *makes: Callable[[Any], Any]) -> Callable[[], Any]:
    """A Sequential model of layers."""
    return lambda: keras_2().Sequential([
        keras_2().Input(shape, name="x"), *(make(keras_2().layers) for make in makes)
    ])  # fmt: skip


def _two_inputs() -> Any:
    """Shared and nested layers, of which some are called twice."""
    k = keras_2()
    a, b = k.Input((6, 6, 3), name="a"), k.Input((6, 6, 3), name="b")
    shared = k.layers.Conv2D(4, 3, padding="same", name="shared")
    inner = k.Sequential([k.Input((6, 6, 4)), k.layers.Conv2D(5, 1, name="inside"), k.layers.ReLU(6.0)], name="inner")
    left, right = inner(shared(a)), inner(shared(b))
    joined = k.layers.Concatenate()([left, k.layers.Average()([left, right]), k.layers.Subtract()([left, right])])
    best = k.layers.Maximum()([left, k.layers.Multiply()([left, right]), k.layers.Minimum()([left, right])])
    total = k.layers.Add(name="total")([k.layers.GlobalMaxPooling2D()(best), k.layers.GlobalAveragePooling2D()(left)])
    return k.Model([b, a], [k.layers.Flatten(name="flat")(joined), total])


# Models that are drawn without Keras, and compared with it.
DRAWN: dict[str, Callable[[], Any]] = {
    "convolutions": _stack(
        (9, 10, 3),
        lambda k: k.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
        lambda k: k.SeparableConv2D(5, 3, padding="same", depth_multiplier=2, use_bias=False),
        lambda k: k.BatchNormalization(),
        lambda k: k.DepthwiseConv2D(2, dilation_rate=2, activation="tanh"),
        lambda k: k.Conv2DTranspose(3, 3, strides=2, padding="same"),
        lambda k: k.Conv2DTranspose(3, 3, strides=1),
        lambda k: k.PReLU(shared_axes=[1, 2]),
        lambda k: k.GlobalAveragePooling2D(),
    ),
    "geometry": _stack(
        (6, 8, 2),
        lambda k: k.ZeroPadding2D(((1, 2), (0, 3))), lambda k: k.Cropping2D(((0, 1), (2, 0))),
        lambda k: k.MaxPooling2D(2, strides=1), lambda k: k.AveragePooling2D((2, 3), padding="same"),
        lambda k: k.UpSampling2D((2, 3)), lambda k: k.UpSampling2D(2, interpolation="bilinear"),
        lambda k: k.Permute((3, 1, 2)), lambda k: k.Reshape((-1, 4)), lambda k: k.Flatten(),
        lambda k: k.RepeatVector(3),
    ),
    "sequences": _stack(
        (12, 3),
        lambda k: k.Conv1D(4, 3, padding="causal", dilation_rate=2), lambda k: k.MaxPooling1D(2),
        lambda k: k.ZeroPadding1D((1, 2)), lambda k: k.Cropping1D(1), lambda k: k.AveragePooling1D(2, padding="same"),
        lambda k: k.LayerNormalization(), lambda k: k.TimeDistributed(k.Dense(5, activation="swish")),
        lambda k: k.Dense(4, activation="softmax"), lambda k: k.GlobalMaxPooling1D(),
    ),
    "activations": _stack(
        (7,),
        *(lambda k, name=name: k.Dense(7, activation=name) for name in (
            "elu", "selu", "relu6", "sigmoid", "hard_sigmoid", "softplus", "softsign", "exponential", "mish", "linear",
        )),
        lambda k: k.LeakyReLU(), lambda k: k.ELU(), lambda k: k.Rescaling(0.5, 1), lambda k: k.Dropout(0.5),
        lambda k: k.ReLU(max_value=4, negative_slope=0.1), lambda k: k.Softmax(), lambda k: k.Activation("tanh"),
    ),
    "words": _stack((5,), lambda k: k.Embedding(10, 4), lambda k: k.GlobalAveragePooling1D()),
    "two inputs": _two_inputs,
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
def test_layers_without_keras(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras_2().utils.set_random_seed(4)
    model = DRAWN[name]()
    rng = np.random.default_rng(6)
    model.set_weights(
        [rng.uniform(0.1, 0.5, v.shape) * rng.choice([-1, 1]) ** ("moving" not in v.name) for v in model.weights]
    )
    file = layers_model(tmp_path, model)
    monkeypatch.setattr("onward.sources.tfjs_layers._rebuilt", None)
    arrays = {
        key: rng.integers(0, 10, (3, *v.shape[1:])).astype(np.float32) / (1 if name == "words" else 10)
        for key, v in zip(model.input_names, model.inputs, strict=True)
    }
    program = agree(file, arrays, 1e-4)
    assert program.input_names == model.input_names
    assert program.output_names == model.output_names


def test_layers_that_keras_rebuilds(tmp_path: Path) -> None:
    """Recurrent ones, for example."""
    model = _stack((6, 3), lambda k: k.LSTM(4, return_sequences=True), lambda k: k.GRU(2))()
    agree(layers_model(tmp_path, model), {"x": np.random.default_rng(1).standard_normal((2, 6, 3)).astype(np.float32)})


@pytest.mark.parametrize("rename", [str, lambda name: f"elsewhere/{name}"], ids=["by name", "by order"])
def test_layers(rename: Callable[[str], str], tmp_path: Path) -> None:
    model = layers()
    file = layers_model(tmp_path, model, rename=rename)
    x = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    program = agree(file, {model.input_names[0]: x})
    (found,) = program.run({model.input_names[0]: x}).values()
    np.testing.assert_allclose(found, model(x), rtol=1e-5, atol=1e-6)


def test_layers_whose_weights_do_not_fit(tmp_path: Path) -> None:
    file = layers_model(tmp_path, layers())
    content = json.loads(file.read_text())
    content["weightsManifest"][0]["weights"][0]["shape"] = [3, 4]
    file.write_text(json.dumps(content))
    with pytest.raises(InvalidSourceError, match=r"the shape \[3, 4\], its layer takes \(\?, 3\)"):
        open_source(file, Options())


def test_layers_whose_shape_is_absurd(tmp_path: Path) -> None:
    file = layers_model(tmp_path, layers())
    file.write_text(file.read_text().replace("[null, 4]", "[null, 4294967296]"))
    with pytest.raises(InvalidSourceError, match=r"model.json: the layer .* which is no shape"):
        open_source(file, Options())


def _edit(change: Callable[[Any], object]) -> Callable[[Path], object]:
    """Changes the content of the JSON file."""

    def edit(file: Path) -> None:
        content = json.loads(file.read_text())
        change(content)
        file.write_text(json.dumps(content))

    return edit


def _first(content: Any) -> Any:
    return content["weightsManifest"][0]["weights"][0]


def _node(content: Any, name: str) -> Any:
    return next(node for node in content["modelTopology"]["node"] if node["name"] == name)


# What is done to the file; what is said.
DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut": (lambda f: f.write_bytes(f.read_bytes()[:-40]), "model.json is damaged or cut short"),
    "no JSON": (lambda f: f.write_bytes(b"\xff\xfe\x00"), "model.json is damaged"),
    "deeply nested": (lambda f: f.write_text("[" * 100_000), "model.json is damaged"),
    "another JSON": (lambda f: f.write_text("[1, 2]"), "no 'modelTopology'"),
    "no topology": (_edit(lambda c: c.pop("modelTopology")), "no 'modelTopology'"),
    "neither kind": (_edit(lambda c: c.update(modelTopology={})), "neither a graph nor a configuration"),
    "nodes are no list": (_edit(lambda c: c["modelTopology"].update(node=3)), "a list should be here, not 3"),
    "a node is no object": (_edit(lambda c: c["modelTopology"]["node"].append("x")), "an object should be here"),
    "bad base64": (
        _edit(lambda c: _node(c, "y")["attr"].update(_class={"s": "%%%"})), r"node\.attr\._class\.s: '%%%' does not fit"
    ),
    "bad dtype": (_edit(lambda c: _node(c, "y")["attr"].update(T={"type": "DT_FLOTE"})), "DT_FLOTE is no dtype"),
    "a cycle": (_edit(lambda c: _node(c, "y").update(input=["y"])), "depends on itself"),
    "two nodes of one name": (
        _edit(lambda c: c["modelTopology"]["node"].append(_node(c, "y"))), "names of nodes are missing, double"
    ),
    "reads what is not there": (_edit(lambda c: _node(c, "y").update(input=["nowhere"])), "refers to 'nowhere'"),
    "no shard": (lambda f: (f.parent / "group0-shard0.bin").unlink(), "cannot read .*group0-shard0.bin"),
    "cut shard": (
        lambda f: (f.parent / "group0-shard0.bin").write_bytes(b"abc"), "weight 'w' should have 96 bytes, 3 are left"
    ),
    "too long a shard": (
        lambda f: (f.parent / "group0-shard0.bin").write_bytes(bytes(500)), "bytes belong to no weight"
    ),
    "outside": (
        _edit(lambda c: c["weightsManifest"][0].update(paths=["../w.bin"])), r"asks for '../w.bin', which is outside"
    ),
    "absolute": (
        _edit(lambda c: c["weightsManifest"][0].update(paths=["/etc/passwd"])), "'/etc/passwd', which is outside"
    ),
    "an address": (
        _edit(lambda c: c["weightsManifest"][0].update(paths=["https://a/b"])), "'https://a/b', which is outside"
    ),
    "a path that is none": (_edit(lambda c: c["weightsManifest"][0].update(paths=[None])), "None, which is outside"),
    "no paths": (_edit(lambda c: c["weightsManifest"][0].pop("paths")), "lacks 'paths' or 'weights'"),
    "no weights": (_edit(lambda c: c.pop("weightsManifest")), "no weight for the constant 'w'"),
    "absurd size": (_edit(lambda c: _first(c).update(shape=[1 << 40, 1 << 40])), "weight 'w' should have"),
    "negative size": (_edit(lambda c: _first(c).update(shape=[-1])), "the shape .*, which is none"),
    "unknown dtype": (_edit(lambda c: _first(c).update(dtype="float5")), "unknown dtype 'float5'"),
    "strings without end": (_edit(lambda c: _first(c).update(dtype="string", shape=[1 << 40])), "the files end before"),
    "no name": (_edit(lambda c: _first(c).pop("name")), "a weight has no name"),
    "twice": (
        _edit(lambda c: [e.update(name="w") for e in c["weightsManifest"][0]["weights"]]), "two weights 'w'"
    ),
    "quantised to what": (_edit(lambda c: _first(c).update(quantization={"dtype": "int4"})), "to 'int4'"),
    "no scale": (
        _edit(lambda c: _first(c).update(quantization={"dtype": "uint8"})), "without 'scale' and 'min'"
    ),
    "signature of nothing": (
        _edit(lambda c: c["signature"]["outputs"].update(o={"name": "gone:0"})), "names 'gone:0', which is not in"
    ),
    "a truth that is none": (
        _edit(lambda c: _node(c, "y")["attr"].update(a={"b": "maybe"})), "neither true nor false"
    ),
    "a dtype that is a list": (_edit(lambda c: _first(c).update(dtype=[1])), r"unknown dtype \[1\]"),
    "signature is no object": (_edit(lambda c: c["signature"].update(inputs=[1])), "signature's inputs are no objects"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_damage(name: str, tmp_path: Path) -> None:
    damage, words = DAMAGES[name]
    file = write(tmp_path, frozen(dense), signature=SIGNATURE)
    damage(file)
    with pytest.raises(InvalidSourceError, match=words) as caught:
        open_source(file, Options()).nodes()
    assert "model.json" in str(caught.value) or "group0" in str(caught.value) or "itself" in str(caught.value)
