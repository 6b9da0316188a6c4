"""The report says what was read and made."""

from __future__ import annotations

import json

import keras

import onward


def test_report_in_text_and_data() -> None:
    model = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(3, name="y")], name="small")
    report = onward.convert(model).report
    found = json.loads(json.dumps(report.to_dict()))
    assert found["source"] == "small"
    assert found["inputs"] == [{"name": "x", "dtype": "float32", "shape": ["batch", 4]}]
    assert found["outputs"] == [{"name": "y", "dtype": "float32", "shape": ["batch", 3]}]
    assert found["parameters"] == 15
    assert found["weight_bytes"] == 60
    assert found["ops"] == {"Gemm": 1}
    assert found["source_ops"]["MatMul"] == 1
    assert found["verification"]["passed"]
    assert list(found["seconds"]) == ["read", "lower", "simplify", "verify"]
    text = str(report)
    for word in ("small", "opset 21", "x: float32 (batch, 4)", "15 parameters", "Gemm 1", "equal to TensorFlow"):
        assert word in text
