"""Model repositories: Triton's own schema reads the configuration, and batches are promised only where rows allow."""

from __future__ import annotations

import importlib.util
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from onnx import TensorProto, helper

import onward
from onward.errors import InvalidArgumentError
from onward.tools import golden
from tests.tools.package.conftest import GOLDEN, model


@pytest.fixture(scope="module")
def schema() -> Any:
    """Triton's ``model_config.proto``, as its client carries it, without the client's own dependencies."""
    client = importlib.util.find_spec("tritonclient")
    if client is None or client.submodule_search_locations is None:
        pytest.skip("Triton's schema comes with tritonclient: pip install --no-deps tritonclient")
    [folder] = client.submodule_search_locations
    spec = importlib.util.spec_from_file_location("model_config_pb2", Path(folder) / "grpc" / "model_config_pb2.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def config(schema: Any) -> Callable[[Path], Any]:
    from google.protobuf import text_format

    return lambda folder: text_format.Parse((folder / "config.pbtxt").read_text(), schema.ModelConfig())


def test_the_configuration_is_one(digits: Path, config: Any, schema: Any, tmp_path: Path) -> None:
    result = onward.package(digits, tmp_path / "out", "triton", golden=GOLDEN, instances=2, device="cpu", delay=250)
    found = config(tmp_path / "out" / "models" / "digits")
    assert (found.name, found.platform, found.max_batch_size) == ("digits", "onnxruntime_onnx", 8)
    [given], [answer] = found.input, found.output
    assert (given.name, given.data_type, list(given.dims)) == ("image", schema.TYPE_FP32, [8, 8, 1])
    assert (answer.data_type, list(answer.dims)) == (schema.TYPE_FP32, [10])
    [group] = found.instance_group
    assert (group.count, group.kind) == (2, schema.ModelInstanceGroup.KIND_CPU)
    assert found.dynamic_batching.max_queue_delay_microseconds == 250
    [warm] = found.model_warmup
    entry = warm.inputs["image"]
    data = (tmp_path / "out" / "models" / "digits" / "warmup" / entry.input_data_file).read_bytes()
    np.testing.assert_array_equal(
        np.frombuffer(data, np.float32).reshape(entry.dims), golden.read(GOLDEN)[0].inputs["image"][0]
    )
    assert "share a batch" in result.checked


def test_versions_and_models_join_those_that_are_there(digits: Path, mixing: Path, config: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = onward.package(digits, out, "triton")
    second = onward.package(digits, out, "triton", version=2, max_batch=32, accelerator="tensorrt")
    third = onward.package(mixing, out, "triton")
    assert set(third.files) > set(second.files) > set(first.files)
    found = config(out / "models" / "digits")
    assert list(found.version_policy.specific.versions) == [1, 2]
    assert found.max_batch_size == 32
    [accelerator] = found.optimization.execution_accelerators.gpu_execution_accelerator
    assert accelerator.name == "tensorrt"
    assert (out / "models" / "digits" / "1" / "model.onnx").read_bytes() == digits.read_bytes()
    assert set(json.loads((out / "onward.json").read_text())["models"]) == {"digits", "mixing"}
    with pytest.raises(InvalidArgumentError, match="other inputs or outputs"):
        onward.package(mixing, out, "triton", name="digits", version=3)
    again = onward.package(mixing, out, "triton", name="mixing", version=1)
    assert set(again.files) == set(third.files)


def test_rows_that_know_of_each_other_share_no_batch(mixing: Path, config: Any, tmp_path: Path) -> None:
    result = onward.package(mixing, tmp_path / "out", "triton")
    found = config(tmp_path / "out" / "models" / "mixing")
    assert found.max_batch_size == 0
    assert not found.HasField("dynamic_batching")
    assert list(found.input[0].dims) == [-1, 3]
    assert "depends on the rows beside it" in result.notes[0]
    with pytest.raises(InvalidArgumentError, match="cannot share a batch"):
        onward.package(mixing, tmp_path / "out", "triton", max_batch=4)


def test_scalars_strings_and_integers(config: Any, schema: Any, tmp_path: Path) -> None:
    nodes = [helper.make_node("Identity", [a], [b]) for a, b in (("s", "t"), ("n", "m"), ('odd "name"', "o"))]
    inputs = [("s", TensorProto.STRING, ["batch"]), ("n", TensorProto.INT64, []), ('odd "name"', TensorProto.BOOL, [2])]
    outputs = [("t", TensorProto.STRING, ["batch"]), ("m", TensorProto.INT64, []), ("o", TensorProto.BOOL, [2])]
    data = {"s": np.array(["a", "né"], object), "n": np.int64(7), 'odd "name"': np.array([True, False])}
    onward.package(model(tmp_path / "odd.onnx", nodes, inputs, outputs), tmp_path / "out", "triton", data=data)
    folder = tmp_path / "out" / "models" / "odd"
    found = config(folder)
    texts, number, odd = found.input
    assert (texts.data_type, list(texts.dims)) == (schema.TYPE_STRING, [-1])
    assert (number.data_type, list(number.dims), list(number.reshape.shape)) == (schema.TYPE_INT64, [1], [])
    assert number.HasField("reshape")
    assert (odd.name, odd.data_type) == ('odd "name"', schema.TYPE_BOOL)
    warm = found.model_warmup[0].inputs["s"]
    assert (folder / "warmup" / warm.input_data_file).read_bytes() == b"".join(
        struct.pack("<I", len(text)) + text for text in (b"a", "né".encode())
    )


def test_manifests_are_what_clusters_take(digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "Digit models"
    onward.package(digits, out, "triton", storage="pvc://models/digits", device="gpu", image="mirror/triton:1")
    read = {path.stem: yaml.safe_load(path.read_text()) for path in (*out.rglob("*.yaml"), *out.rglob("*.yml"))}
    service, runtime = read["inference_service"], read["serving_runtime"]
    assert service["kind"] == "InferenceService"
    predictor = service["spec"]["predictor"]["model"]
    assert predictor["runtime"] == runtime["metadata"]["name"] == "digit-models-triton"
    assert predictor["storageUri"] == "pvc://models/digits"
    assert predictor["modelFormat"]["name"] in [f["name"] for f in runtime["spec"]["supportedModelFormats"]]
    assert predictor["protocolVersion"] in runtime["spec"]["protocolVersions"]
    assert predictor["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    assert runtime["spec"]["containers"][0]["image"] == "mirror/triton:1"
    assert any("/mnt/models" in argument for argument in runtime["spec"]["containers"][0]["args"])
    deployment, endpoint = read["deployment"], read["endpoint"]
    assert deployment["endpoint_name"] == endpoint["name"] == "digit-models"
    assert (out / "azureml" / deployment["model"]["path"]).resolve() == (out / "models").resolve()
    assert deployment["model"]["type"] == "triton_model"


def test_options_out_of_range_are_told(digits: Path, tmp_path: Path) -> None:
    for match, options in (
        ("version is 0", {"version": 0}),
        ("instances is 0", {"instances": 0}),
        ("none of auto, cpu, gpu", {"device": "npu"}),
        ("none of tensorrt, openvino", {"accelerator": "magic"}),
        ("openvino runs on cpu", {"accelerator": "openvino", "device": "gpu"}),
    ):
        with pytest.raises(InvalidArgumentError, match=match):
            onward.package(digits, tmp_path / "out", "triton", **options)
    assert not (tmp_path / "out").exists()
