"""Checkpoints against ``tf.train.load_checkpoint``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from onward.arrays import LazyArray
from onward.errors import InvalidSourceError
from onward.formats.bundle import Bundle, _signed


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, np.ndarray]]:
    import tensorflow as tf

    v1 = tf.compat.v1
    prefix = str(tmp_path_factory.mktemp("checkpoint") / "model")
    with tf.Graph().as_default():
        with v1.variable_scope("cut", partitioner=v1.fixed_size_partitioner(3, axis=0)):
            cut = v1.get_variable("rows", (1000, 4), initializer=v1.random_normal_initializer(), use_resource=False)
        v1.get_variable("words", initializer=tf.constant(["ab", "", "x" * 300]))
        v1.get_variable("odd", initializer=tf.constant(7, tf.uint8))
        v1.get_variable("brain", initializer=tf.constant([1, 2], tf.bfloat16))
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            rows = session.run(tf.convert_to_tensor(cut))
            v1.train.Saver().save(session, prefix)
    reader = tf.train.load_checkpoint(prefix)
    values = {name: reader.get_tensor(name) for name in ("words", "odd", "brain")}
    return prefix, {**values, "cut/rows": rows}


def test_values(checkpoint: tuple[str, dict[str, np.ndarray]]) -> None:
    prefix, expected = checkpoint
    bundle = Bundle(prefix)
    assert set(bundle) == set(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(np.asarray(bundle[name]), values)
        assert bundle[name].dtype == values.dtype
    assert isinstance(bundle["cut/rows"], LazyArray)
    assert not bundle["brain"].flags.writeable  # type: ignore[union-attr]
    assert "odd" in bundle
    assert "even" not in bundle
    with pytest.raises(InvalidSourceError, match="no tensor 'even'"):
        bundle["even"]


def test_missing_and_short_data(checkpoint: tuple[str, dict[str, np.ndarray]], tmp_path: Path) -> None:
    prefix = tmp_path / "model"
    for suffix in (".index", ".data-00000-of-00001"):
        (tmp_path / f"model{suffix}").write_bytes(Path(checkpoint[0] + suffix).read_bytes())
    data = tmp_path / "model.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:10])
    with pytest.raises(InvalidSourceError, match="cut short"):
        np.asarray(Bundle(prefix)["cut/rows"])
    data.unlink()
    with pytest.raises(InvalidSourceError, match=r"cannot read .*data-00000-of-00001"):
        np.asarray(Bundle(prefix)["cut/rows"])
    (tmp_path / "model.index").unlink()
    with pytest.raises(InvalidSourceError, match=r"cannot read .*\.index"):
        Bundle(prefix)


@pytest.mark.parametrize(
    ("value", "code"),
    # Order-preserving: more leading ones for longer numbers.
    [(0, "80"), (63, "bf"), (-1, "7f"), (-64, "40"), (64, "c040"), (334, "c14e"), (8191, "dfff"), (8192, "e02000")],
)
def test_ordered_code(value: int, code: str) -> None:
    assert _signed(value).hex() == code
