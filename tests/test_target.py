"""Files for one runtime: its own operators where they were asked for, and nowhere else."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf

import onward
from onward.errors import InvalidArgumentError
from onward.tools.optimize import optimize
from tests.command import onward as command


def _attend(x):
    heads = tf.transpose(tf.reshape(x, [-1, tf.shape(x)[1], 2, 4]), [0, 2, 1, 3])
    y = tf.nn.softmax(heads @ tf.transpose(heads, [0, 1, 3, 2]) * 0.5) @ heads
    return tf.reshape(tf.transpose(y, [0, 2, 1, 3]), [-1, tf.shape(x)[1], 8])


SPEC = [tf.TensorSpec([None, None, 8], tf.float32, name="x")]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Attention written out, as any runtime takes it."""
    path = tmp_path_factory.mktemp("target") / "plain.onnx"
    onward.convert(tf.function(_attend, input_signature=SPEC), output=path)
    return path


def _ops(path: Path) -> Counter[str]:
    return Counter(f"{node.domain}:{node.op_type}" for node in onnx.load(path).graph.node)


def test_by_default_a_file_is_plain_onnx(plain: Path) -> None:
    model = onnx.load(plain)
    assert [entry.domain for entry in model.opset_import] == [""]
    assert _ops(plain)[":Softmax"] == 1


def test_conversion_for_onnxruntime(tmp_path: Path, plain: Path) -> None:
    path = tmp_path / "own.onnx"
    program = onward.convert(tf.function(_attend, input_signature=SPEC), output=path, target="onnxruntime")
    assert program.verification is not None
    assert program.verification.passed
    assert _ops(path)["com.microsoft:MultiHeadAttention"] == 1
    assert {entry.domain: entry.version for entry in onnx.load(path).opset_import} == {"": 21, "com.microsoft": 1}
    x = np.random.default_rng(0).standard_normal((3, 7, 8)).astype(np.float32)
    answers = [onnxruntime.InferenceSession(file).run(None, {"x": x})[0] for file in (plain, path)]
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-5, atol=1e-6)


def test_optimising_for_onnxruntime(tmp_path: Path, plain: Path) -> None:
    path, again = tmp_path / "own.onnx", tmp_path / "again.onnx"
    result = optimize(plain, path, target="onnxruntime")
    assert result.verification is not None
    assert result.verification.passed
    assert result.after.ops["com.microsoft.MultiHeadAttention"] == 1
    assert _ops(path)["com.microsoft:MultiHeadAttention"] == 1
    optimize(path, again)  # such a file is read again, and keeps what it has
    assert _ops(again) == _ops(path)


def test_the_command_line(tmp_path: Path, plain: Path) -> None:
    path = tmp_path / "own.onnx"
    done = command("optimize", plain, "-o", path, "--for", "onnxruntime", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["after"]["ops"]["com.microsoft.MultiHeadAttention"] == 1
    done = command("optimize", plain, "-o", tmp_path / "other.onnx", "--for", "tensorrt")
    assert done.returncode == InvalidArgumentError.exit_code
    assert "'onnxruntime'" in done.stderr
    assert not (tmp_path / "other.onnx").exists()


def test_another_runtime_is_refused_before_work_starts() -> None:
    with pytest.raises(InvalidArgumentError, match="onnxruntime"):
        onward.convert("nowhere", target="openvino")
