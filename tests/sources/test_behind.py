"""Graphs that begin with bytes begin behind what reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onward
from onward.errors import UnsupportedOpsError


def _parsed(serialized: Any) -> Any:
    import tensorflow as tf

    fixed = tf.io.FixedLenFeature
    features = {"x": fixed([2], tf.float32), "n": fixed([], tf.int64), "s": fixed([1], tf.string)}
    found = tf.io.parse_example(serialized, features)
    return {"y": found["x"] * tf.cast(found["n"], tf.float32)[:, None], "t": tf.strings.lower(found["s"])}


@pytest.fixture(scope="module", params=["functions", "plain nodes"])
def examples(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import tensorflow as tf

    v1 = tf.compat.v1
    folder = tmp_path_factory.mktemp("examples") / "model"
    if request.param == "functions":
        module = tf.Module()
        module.serve = tf.function(_parsed, input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
        tf.saved_model.save(module, folder, signatures=module.serve)
        return folder
    with tf.Graph().as_default(), v1.Session() as session:
        inputs = v1.placeholder(tf.string, [None], name="inputs")
        v1.saved_model.simple_save(session, str(folder), {"inputs": inputs}, _parsed(inputs))
    return folder


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
def test_features_are_the_inputs(examples: Path) -> None:
    program = onward.convert(examples)
    assert sorted(program.input_names) == ["n", "s", "x"]
    assert program.verification is not None
    assert program.verification.passed
    assert any("'inputs'" in note for note in program.notes)
    x = np.array([[1, 2], [3, 4]], np.float32)
    got = program.run({"x": x, "n": np.array([2, 3]), "s": np.array([["A"], ["b"]], object)})
    np.testing.assert_array_equal(got["y"], x * [[2], [3]])
    assert got["t"].tolist() == [["a"], ["b"]]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, bytes, np.ndarray]:
    """A keyword spotter's front end: bytes of a WAV file to cepstral coefficients."""
    import tensorflow as tf

    v1 = tf.compat.v1
    file = tmp_path_factory.mktemp("sound") / "graph.pb"
    samples = (np.random.default_rng(0).uniform(-0.9, 0.9, (4000, 1)) * 32767).astype(np.int16) / np.float32(32768)
    data = tf.audio.encode_wav(samples, 16000).numpy()
    with tf.Graph().as_default() as graph, v1.Session() as session:
        wav = v1.placeholder(tf.string, [], name="wav")
        decoded, rate = tf.audio.decode_wav(wav, desired_channels=1, desired_samples=4000, name="decoded")
        raw = tf.raw_ops.AudioSpectrogram(input=decoded, window_size=640, stride=320, magnitude_squared=True)
        y = tf.raw_ops.Mfcc(spectrogram=raw, sample_rate=rate, dct_coefficient_count=10, name="y")
        file.write_bytes(graph.as_graph_def().SerializeToString())
        return file, samples, data, session.run(y, {wav: data})


def test_samples_are_the_inputs(sound: tuple[Path, np.ndarray, bytes, np.ndarray]) -> None:
    file, samples, _, want = sound
    program = onward.convert(file, inputs=["wav:0"], outputs=["y"])
    assert program.input_names == ["decoded", "decoded:1"]
    got = program.run({"decoded": samples, "decoded:1": np.array(16000, np.int32)})["y"]
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def test_bytes_that_something_else_takes_stay(tmp_path: Path) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph:
        wav = v1.placeholder(tf.string, [], name="wav")
        decoded, _ = tf.audio.decode_wav(wav)
        tf.identity(decoded, name="y")
        tf.strings.length(wav, name="size")
        (tmp_path / "graph.pb").write_bytes(graph.as_graph_def().SerializeToString())
    with pytest.raises(UnsupportedOpsError, match="DecodeWav"):
        onward.convert(tmp_path / "graph.pb", outputs=["y", "size"], verify=False)
