"""TensorFlow 1's dynamic_rnn: native operators, with the lengths of the rows as ``sequence_lens``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import onward

cells = pytest.importorskip("tf_keras.src.layers.rnn.legacy_cells", reason="Keras 2 is not installed")
wrappers = pytest.importorskip("tf_keras.src.layers.rnn.legacy_cell_wrappers", reason="Keras 2 is not installed")
v1 = tf.compat.v1
LOOPS = {"If", "Loop", "Scan"}

CELLS: dict[str, tuple[Callable[[], Any], set[str]]] = {
    "BasicLSTMCell": (lambda: cells.BasicLSTMCell(4), {"LSTM"}),
    "LSTMCell/peepholes": (lambda: cells.LSTMCell(4, use_peepholes=True, forget_bias=0.5), {"LSTM"}),
    "GRUCell": (lambda: cells.GRUCell(4), {"GRU"}),
    "BasicRNNCell": (lambda: cells.BasicRNNCell(4), {"RNN"}),
    "stacked": (lambda: cells.MultiRNNCell([cells.LSTMCell(4), cells.GRUCell(5)]), {"LSTM", "GRU"}),
    "residual": (lambda: wrappers.ResidualWrapper(cells.GRUCell(3)), {"GRU"}),
    "dropout": (lambda: wrappers.DropoutWrapper(cells.LSTMCell(4), 1.0, 1.0), {"LSTM"}),
    "bounded": (lambda: cells.LSTMCell(4, cell_clip=0.5), {"Loop"}),  # ONNX bounds no cell state
}


def freeze(make: Callable[[], Any], lengths: bool, both_ways: bool, time_major: bool) -> tuple[bytes, list[str], list]:
    """A frozen graph, the names of its outputs, and two sets of inputs with TensorFlow's answers."""
    rng = np.random.default_rng(5)
    graph = tf.Graph()
    with graph.as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, None, 3], name="x")
        options: dict[str, Any] = {"dtype": tf.float32, "time_major": time_major}
        if lengths:
            options["sequence_length"] = v1.placeholder(tf.int32, [None], name="n")
        if both_ways:
            made = v1.nn.bidirectional_dynamic_rnn(make(), make(), x, **options)
        else:
            made = v1.nn.dynamic_rnn(make(), x, **options)
        outputs = [tf.identity(t, name=f"output_{k}") for k, t in enumerate(tf.nest.flatten(made))]
        session.run(v1.global_variables_initializer())
        for variable in v1.global_variables():
            session.run(variable.assign(rng.standard_normal(variable.shape) * 0.5))
        examples = []
        for rows, steps in ((2, 5), (4, 7)):
            shape = (steps, rows, 3) if time_major else (rows, steps, 3)
            feed = {"x": rng.standard_normal(shape).astype(np.float32)}
            if lengths:
                feed["n"] = np.array([steps - 1, 0, 2, 1][:rows], np.int32)
            examples.append((feed, session.run(outputs, {f"{name}:0": array for name, array in feed.items()})))
        names = [t.op.name for t in outputs]
        frozen = v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), names)
    return frozen.SerializeToString(), names, examples


@pytest.fixture(params=["v1", "v2"])
def control_flow(request: pytest.FixtureRequest) -> Any:
    """Loops as TensorFlow 1 wrote them, and as While."""
    before = v1.control_flow_v2_enabled()
    (v1.enable_control_flow_v2 if request.param == "v2" else v1.disable_control_flow_v2)()
    yield
    (v1.enable_control_flow_v2 if before else v1.disable_control_flow_v2)()


@pytest.mark.parametrize(
    ("lengths", "both_ways", "time_major"),
    [(False, False, False), (True, False, False), (True, True, False), (True, False, True)],
    ids=["plain", "lengths", "both-ways", "time-major"],
)
@pytest.mark.parametrize("name", CELLS)
@pytest.mark.usefixtures("control_flow")
@pytest.mark.filterwarnings("ignore")
def test_dynamic_rnn(name: str, lengths: bool, both_ways: bool, time_major: bool, tmp_path: Path) -> None:
    make, wanted = CELLS[name]
    data, outputs, examples = freeze(make, lengths, both_ways, time_major)
    (tmp_path / "graph.pb").write_bytes(data)
    program = onward.convert(tmp_path / "graph.pb", outputs=outputs, verify=False)
    ops = Counter(node.op for node in program._ir.graph.all_nodes())
    assert wanted <= set(ops)
    assert LOOPS & set(ops) == LOOPS & wanted
    for feed, answers in examples:
        got = program.run(feed)
        for output, want in zip(outputs, answers, strict=True):
            np.testing.assert_allclose(got[output], want, rtol=1e-5, atol=1e-6, err_msg=output)
