"""Live Keras models and Keras files."""

from __future__ import annotations

import json
import shutil
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.graph import Graph
from onward.options import Options
from onward.sources import open_source
from onward.specs import spec
from tests.sources.conftest import two_inputs


def outline(graph: Graph) -> tuple[list[tuple[str, Any]], list[str]]:
    return [(made.name, made.shape) for made in graph.inputs], [made.name for made in graph.outputs]


def runs(graph: Graph) -> list[tuple[int, ...]]:
    """The shapes of what the source computes for a batch of two."""
    assert graph.reference is not None
    arrays = {
        made.name: np.ones([d if isinstance(d, int) else 2 for d in made.shape or ()], made.dtype)
        for made in graph.inputs
    }
    return [result.shape for result in graph.reference(arrays)]


def subclassed() -> Any:
    import keras

    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = keras.layers.Dense(3), keras.layers.Dense(2)

        def call(self, x: Any, training: bool = False) -> Any:
            return {"a": self.first(x["u"]), "b": [self.second(x["v"]), x["v"]]}

    return Model()


def two_arguments() -> Any:
    import keras

    class Model(keras.Model):
        def call(self, left: Any, right: Any) -> Any:
            return left * right

    return Model()


def test_functional_with_dicts() -> None:
    model = two_inputs()
    graph = open_source(model, Options())
    assert outline(graph) == ([("a", ("batch", 4)), ("b", ("batch", 4))], ["y", "z"])
    assert runs(graph) == [(2, 2), (2, 3)]
    variables = {node.name: node.value for node in graph.nodes() if node.op == "VarHandleOp"}
    assert set(variables) == {v.path for v in model.variables}
    for variable in model.variables:
        np.testing.assert_array_equal(np.asarray(variables[variable.path]), variable.numpy())


def test_functional_with_lists() -> None:
    import keras
    import tensorflow as tf

    a, b = keras.Input((4,), name="a"), keras.Input((6,), dtype="int32", name="b")
    outputs = [keras.layers.Dense(2, name="o")(a), keras.layers.Embedding(10, 3, name="e")(b)]
    model = keras.Model([b, a], outputs)
    assert outline(open_source(model, Options())) == ([("b", ("batch", 6)), ("a", ("batch", 4))], ["o", "e"])
    specs = [tf.TensorSpec((5, 6), tf.int32, name="x0"), tf.TensorSpec((5, None), name="x1")]
    assert outline(open_source(model, Options(inputs=specs)))[0] == [("x0", (5, 6)), ("x1", (5, 4))]
    assert outline(open_source(model, Options(inputs={"a": spec("n", 4)})))[0][1] == ("a", ("n", 4))
    with pytest.raises(InvalidArgumentError, match=r"2 inputs \(b, a\)"):
        open_source(model, Options(inputs=[spec(1, 4)]))


def test_sequential_built_and_not() -> None:
    import keras

    model = keras.Sequential([keras.layers.Dense(3, name="d"), keras.layers.Dropout(0.3, name="out")])
    with pytest.raises(InvalidArgumentError, match="has not been built"):
        open_source(model, Options())
    graph = open_source(model, Options(inputs=spec(None, 7)))
    assert outline(graph) == ([("input_0", ("batch", 7))], ["out"])
    assert runs(graph) == [(2, 3)]
    built = keras.Sequential([keras.Input((5,), name="x"), model.layers[1], keras.Sequential([keras.layers.Dense(2)])])
    assert outline(open_source(built, Options()))[0] == [("x", ("batch", 5))]


def test_subclassed_built_and_not() -> None:
    model = subclassed()
    with pytest.raises(InvalidArgumentError, match="has not been built"):
        open_source(model, Options())
    given = {"u": spec("batch", 4), "v": spec("batch", 5)}
    expected = ([("u", ("batch", 4)), ("v", ("batch", 5))], ["a", "b_0", "b_1"])
    assert outline(open_source(model, Options(inputs=given))) == expected
    called = subclassed()
    called({"u": np.ones((3, 4), "float32"), "v": np.ones((3, 5), "float32")})
    graph = open_source(called, Options())
    assert outline(graph) == expected
    assert runs(graph) == [(2, 3), (2, 2), (2, 5)]


def test_call_with_two_arguments() -> None:
    model = two_arguments()
    graph = open_source(model, Options(inputs=[spec("batch", 3, name="left"), spec("batch", 3, name="right")]))
    assert outline(graph) == ([("left", ("batch", 3)), ("right", ("batch", 3))], ["output_0"])
    assert runs(graph) == [(2, 3)]


def test_a_model_that_counts_is_ordered() -> None:
    import keras

    class Counter(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x: Any) -> Any:
            self.count.assign_add(1.0)
            return x + self.count

    graph = open_source(Counter(), Options(inputs=spec("batch", 3)))
    assert [node.op for node in graph.effects] == ["AssignVariableOp"]
    read = next(node for node in reversed(graph.nodes()) if node.op == "ReadVariableOp")
    assert read.controls == graph.effects


def test_keras_2_models(tmp_path: Path) -> None:
    tf_keras = pytest.importorskip("tf_keras", reason="Keras 2 is not installed")
    model = tf_keras.Sequential([tf_keras.Input((5,), name="x"), tf_keras.layers.Dense(3, name="y")])
    expected = ([("x", ("batch", 5))], ["y"])
    assert outline(open_source(model, Options())) == expected
    model.save(tmp_path / "model.keras")
    assert outline(open_source(tmp_path / "model.keras", Options())) == expected


def keras_2() -> Any:
    return pytest.importorskip("tf_keras", reason="Keras 2 is not installed")


def keras_2_models() -> dict[str, Any]:
    """Models whose layers Keras 2 and 3 write differently."""
    k = keras_2()
    k.utils.set_random_seed(2)
    tokens = k.Input((7,), dtype="int32", name="tokens")
    masked = k.layers.Embedding(20, 4, mask_zero=True)(tokens)
    states = k.layers.Bidirectional(k.layers.LSTM(3, return_sequences=True), name="both")(masked)
    a, b = k.Input((6, 6, 2), name="a"), k.Input((4,), name="b")
    pooled = k.layers.GlobalAveragePooling2D()(k.layers.SeparableConv2D(4, 3)(a))
    joined = k.layers.Concatenate()([pooled, b])
    return {
        "recurrent": k.Model(tokens, k.layers.GRU(5, name="last")(states)),
        "nested": k.Model([a, b], [k.layers.Dense(2, name="p")(joined), k.layers.Dense(3, name="q")(joined)]),
        "pictures": k.Sequential([
            k.layers.Conv2D(4, 3, input_shape=(8, 8, 3)), k.layers.BatchNormalization(),
            k.layers.PReLU(shared_axes=[1, 2]), k.layers.UpSampling2D(2, interpolation="bilinear"),
            k.layers.Flatten(), k.layers.Dense(3, activation="softmax", name="softmax"),
        ]),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["recurrent", "nested", "pictures"])
@pytest.mark.parametrize("form", ["live", "h5", "keras", "SavedModel"])
def test_keras_2_in_every_form(name: str, form: str, tmp_path: Path) -> None:
    """The same numbers from the live model, both kinds of files, and a SavedModel, which TensorFlow does not load."""
    import onward

    model = keras_2_models()[name]
    source: Any = model
    if form != "live":
        source = tmp_path / (f"model.{form}" if form != "SavedModel" else "model")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tf_keras calls its own HDF5 files legacy
            model.save(source, save_format={"h5": "h5", "keras": "keras", "SavedModel": "tf"}[form])
    program = onward.convert(source, verify=False)
    assert set(program.input_names) == set(model.input_names)
    assert program.output_names == list(model.output_names)
    rng = np.random.default_rng(0)
    arrays = {
        i.name.partition(":")[0]: rng.integers(0, 20, (3, *i.shape[1:])).astype(i.dtype.as_numpy_dtype)
        for i in model.inputs
    }
    expected = model([arrays[key] for key in model.input_names], training=False)
    found = program.run(arrays)
    for key, array in zip(program.output_names, expected if len(found) > 1 else [expected], strict=True):
        np.testing.assert_allclose(found[key], array, rtol=1e-4, atol=1e-5)


def test_the_keras_that_reads_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That which wrote it, or the other; if no installed one can, what each says and what else to install."""
    from onward.sources import keras_file

    model = keras_2_models()["pictures"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(tmp_path / "two.h5")
    assert type(keras_file._load(tmp_path / "two.h5", "2.15.0", False)).__module__.startswith("tf_keras")
    assert len(keras_file._load(tmp_path / "two.h5", "3.0.0", False).layers) == 6
    two_inputs().save(tmp_path / "three.keras")
    assert type(keras_file._load(tmp_path / "three.keras", "2.15.0", False)).__module__.startswith("keras")
    (tmp_path / "none.h5").write_bytes(b"nothing")
    with pytest.raises(InvalidSourceError, match=r"(?s)written by Keras 2\.1\).*loaded by tf_keras .*; nor by keras 3"):
        keras_file._load(tmp_path / "none.h5", "2.1", False)
    monkeypatch.setitem(sys.modules, "tf_keras", None)
    with pytest.raises(InvalidSourceError, match=r"loaded by keras .*; tf_keras, which is not installed, may"):
        keras_file._load(tmp_path / "none.h5", "2.1", False)


def test_a_subclassed_model_of_keras_2_that_is_built() -> None:
    k = keras_2()

    class Model(k.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = k.layers.Dense(3)

        def call(self, x: Any, training: bool = False) -> Any:
            return self.dense(x)

    model = Model()
    model.build((None, 4))
    assert outline(open_source(model, Options())) == ([("input_0", ("batch", 4))], ["output_0"])


def test_code_in_files_of_keras_2(tmp_path: Path) -> None:
    k = keras_2()
    model = k.Sequential([k.Input((5,)), k.layers.Lambda(lambda x: x * 2, name="twice")])
    for name in ("model.keras", "model.h5"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.save(tmp_path / name)
        with pytest.raises(InvalidSourceError, match=r"Python code in a Lambda layer \(twice\)"):
            open_source(tmp_path / name, Options())
        assert len(open_source(tmp_path / name, Options(allow_unsafe=True)).outputs) == 1


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_files(saved: Path, name: str) -> None:
    graph = open_source(saved / name, Options())
    assert outline(graph) == ([("a", ("batch", 4)), ("b", ("batch", 4))], ["y", "z"])


def test_files_with_code(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((5,)), keras.layers.Lambda(lambda x: x * 2, name="twice")])
    for name in ("model.keras", "model.h5"):
        model.save(tmp_path / name)
        with pytest.raises(InvalidSourceError, match=r"Python code in a Lambda layer \(twice\)"):
            open_source(tmp_path / name, Options())
        assert len(open_source(tmp_path / name, Options(allow_unsafe=True)).outputs) == 1


def test_files_that_import(saved: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    with zipfile.ZipFile(saved / "model.keras") as source, zipfile.ZipFile(file, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "config.json":
                config = json.loads(data)
                config["config"]["layers"][0]["module"] = "antigravity"
                data = json.dumps(config).encode()
            target.writestr(name, data)
    with pytest.raises(InvalidSourceError, match="asks to import 'antigravity'"):
        open_source(file, Options())


def test_damaged_files(saved: Path, tmp_path: Path) -> None:
    for name in ("model.keras", "model.h5"):
        data = (saved / name).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2])
        with pytest.raises(InvalidSourceError, match="damaged"):
            open_source(tmp_path / name, Options())
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("readme", "")
    with pytest.raises(InvalidSourceError, match=r"no \.keras file"):
        open_source(tmp_path / "other.keras", Options())
    shutil.copy(saved / "model.keras", tmp_path / "model.zip")
    with pytest.raises(InvalidSourceError, match="looks like a zip archive"):
        open_source(tmp_path / "model.zip", Options())


def test_weights_alone(tmp_path: Path) -> None:
    two_inputs().save_weights(tmp_path / "only.weights.h5")
    with pytest.raises(InvalidSourceError, match="weights alone"):
        open_source(tmp_path / "only.weights.h5", Options())
