"""Checkpoints of TensorFlow 1, in both of their formats, with the graph beside them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onward
from onward.errors import InvalidSourceError
from onward.formats.checkpoint import Slices, open_checkpoint

FORMATS = ("V1", "V2")


def save(folder: Path, version: str) -> tuple[Path, np.ndarray, np.ndarray]:
    """A graph with plain, resource and partitioned variables; the prefix, an input, and the output for it."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(1)
        x = v1.placeholder(tf.float32, (None, 4), name="x")
        a = v1.get_variable("a", (4, 3), use_resource=False)
        b = v1.get_variable("b", (3,), use_resource=True)
        with v1.variable_scope("cut", partitioner=v1.fixed_size_partitioner(2, 1)):
            c = v1.get_variable("c", (3, 6), use_resource=False)
        n = v1.get_variable("n", initializer=tf.constant(3, tf.int64), use_resource=False)
        y = tf.matmul(x @ a + b, tf.convert_to_tensor(c), name="product") * tf.cast(n, tf.float32)
        tf.identity(y, name="y")
        session.run(v1.global_variables_initializer())
        saver = v1.train.Saver(write_version=getattr(v1.train.SaverDef, version))
        prefix = saver.save(session, str(folder / "model.ckpt"), global_step=7)
        value = np.random.default_rng(0).standard_normal((2, 4)).astype(np.float32)
        return Path(prefix), value, session.run(y, {x: value})


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
@pytest.mark.parametrize("version", FORMATS)
def test_variables_come_from_beside_the_graph(tmp_path: Path, version: str) -> None:
    prefix, x, y = save(tmp_path, version)
    for path in (f"{prefix}.meta", prefix, tmp_path):
        program = onward.convert(path, outputs=["y"])
        assert program.verification is not None
        assert program.verification.passed
        np.testing.assert_allclose(program.run({"x": x})["y"], y, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
def test_cut_in_the_middle(tmp_path: Path) -> None:
    prefix, x, _ = save(tmp_path, "V2")
    program = onward.convert(f"{prefix}.meta", inputs={"product:0": onward.spec("n", 6)}, outputs="y:0")
    assert (program.input_names, program.output_names) == (["product"], ["y"])
    product = x[:, [0, 1, 2, 3, 0, 1]]
    np.testing.assert_allclose(program.run({"product": product})["y"], product * 3, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
def test_values_are_those_that_tensorflow_reads(tmp_path: Path) -> None:
    """Of the newer format; TensorFlow's reader does not put partitioned variables of the older one together."""
    import tensorflow as tf

    prefixes = []
    for version in FORMATS:
        (tmp_path / version).mkdir()
        prefixes.append(save(tmp_path / version, version)[0])
    old, new = map(open_checkpoint, prefixes)
    reader = tf.train.load_checkpoint(str(prefixes[1]))
    assert isinstance(old, Slices)
    assert set(old) == set(new) == set(reader.get_variable_to_shape_map())
    for name in new:
        np.testing.assert_array_equal(np.asarray(new[name]), reader.get_tensor(name))
        np.testing.assert_array_equal(np.asarray(old[name]), reader.get_tensor(name))


def _without(*suffixes: str) -> Any:
    def damage(prefix: Path) -> None:
        for suffix in suffixes:
            Path(f"{prefix}{suffix}").unlink()

    return damage


def _cut(suffix: str, share: float) -> Any:
    def damage(prefix: Path) -> None:
        file = Path(f"{prefix}{suffix}")
        file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])

    return damage


def _noise(suffix: str) -> Any:
    return lambda prefix: Path(f"{prefix}{suffix}").write_bytes(np.random.default_rng(1).bytes(3000))


# What is done to a checkpoint of which format, and what the error says.
DAMAGED = {
    "no graph": ("V2", _without(".meta"), r"model\.ckpt-7\.meta does not exist"),
    "graph cut": ("V2", _cut(".meta", 0.5), r"model\.ckpt-7\.meta is damaged or cut short"),
    "graph is noise": ("V2", _noise(".meta"), r"model\.ckpt-7\.meta is damaged or cut short"),
    "graph is empty": ("V2", _cut(".meta", 0), r"model\.ckpt-7\.meta is empty"),
    "no index": ("V2", _without(".index"), r"model\.ckpt-7\.index"),
    "index cut": ("V2", _cut(".index", 0.7), r"model\.ckpt-7\.index is damaged or cut short"),
    "no data": ("V2", _without(".data-00000-of-00001"), r"model\.ckpt-7\.data-00000-of-00001"),
    "data cut": ("V2", _cut(".data-00000-of-00001", 0.4), r"model\.ckpt-7\.data-00000-of-00001"),
    "list without a latest": (
        "V2",
        lambda prefix: (prefix.parent / "checkpoint").write_text("x"),
        "which .* is the latest",
    ),
    "old data cut": ("V1", _cut("", 0.7), r"model\.ckpt-7 is damaged or cut short"),
    "old data is noise": ("V1", _noise(""), r"model\.ckpt-7 is damaged or cut short"),
}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    for version in FORMATS:
        (folder / version).mkdir()
        save(folder / version, version)
    return folder


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_named(name: str, checkpoints: Path, tmp_path: Path) -> None:
    version, damage, words = DAMAGED[name]
    shutil.copytree(checkpoints / version, tmp_path / "model")
    prefix = tmp_path / "model" / "model.ckpt-7"
    damage(prefix)
    source = prefix.parent if name.startswith("list") else f"{prefix}.meta"
    with pytest.raises(InvalidSourceError, match=words):
        onward.convert(source, outputs=["y"], verify=False, output=tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
