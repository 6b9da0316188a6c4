"""The container's server, run without a container: what it answers, and what it refuses."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml
from onnx import TensorProto, helper

import onward
from onward.tools import golden
from tests.tools.package.conftest import GOLDEN, model

PATIENCE = 60


class Server(NamedTuple):
    """A server that runs."""

    folder: Path
    port: int

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        """Status, answer (parsed where it is JSON) and headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
            connection.request(method, path, data, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            content, found = response.read(), dict(response.getheaders())
        finally:
            connection.close()
        if found.get("content-type", "").startswith("application/json"):
            return response.status, json.loads(content), found
        return response.status, content, found


@contextmanager
def running(folder: Path, **variables: str) -> Iterator[Server]:
    """The package's server, in a process of its own, as the container starts it."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
    environment = {**os.environ, "HOST": "127.0.0.1", "PORT": str(port), **variables}
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen([sys.executable, "server.py"], cwd=folder, env=environment, stdout=log, stderr=log) as process,
    ):
        server = Server(folder, port)
        try:
            until = time.monotonic() + PATIENCE
            while True:
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < until, "the server does not answer"
                try:
                    if server.ask("GET", "/v2/health/ready")[0] == 200:
                        break
                except ConnectionError:
                    time.sleep(0.1)
            yield server
        finally:
            process.terminate()
            process.wait(PATIENCE)
    assert process.returncode in (0, -15), (folder / "log").read_text()


@pytest.fixture(scope="module")
def server(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("docker") / "out"
    onward.package(digits, folder, "docker", golden=GOLDEN)
    with running(folder, MAX_BODY="100000") as server:
        yield server


def test_it_gives_the_answer_in_the_package(server: Server) -> None:
    asked = (server.folder / "request.json").read_bytes()
    expected = json.loads((server.folder / "response.json").read_text())
    status, found, _ = server.ask("POST", "/v2/models/digits/infer", asked)
    assert status == 200
    [output], [wanted] = found["outputs"], expected["outputs"]
    assert {k: v for k, v in output.items() if k != "data"} == {k: v for k, v in wanted.items() if k != "data"}
    np.testing.assert_allclose(output["data"], wanted["data"], rtol=1e-4, atol=1e-5)
    assert server.ask("POST", "/v2/models/digits/versions/1/infer", asked)[0] == 200


def test_it_describes_the_model(server: Server) -> None:
    status, found, _ = server.ask("GET", "/v2/models/digits")
    assert status == 200
    assert found["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, 8, 8, 1]}]
    assert server.ask("GET", "/v2")[1]["extensions"] == ["binary_tensor_data"]
    assert server.ask("GET", "/v2/models/digits/ready")[1] == {"name": "digits", "ready": True}
    assert server.ask("GET", "/v2/health/live")[0] == 200


def test_it_takes_and_gives_binary_data(server: Server) -> None:
    [example] = golden.read(GOLDEN)
    image = example.inputs["image"]
    header = json.dumps(
        {
            "id": "seven",
            "inputs": [
                {
                    "name": "image",
                    "datatype": "FP32",
                    "shape": list(image.shape),
                    "parameters": {"binary_data_size": image.nbytes},
                }
            ],
            "outputs": [{"name": "output_0", "parameters": {"binary_data": True}}],
        }
    ).encode()
    key = "inference-header-content-length"
    status, content, headers = server.ask(
        "POST", "/v2/models/digits/infer", header + image.tobytes(), **{key: str(len(header))}
    )
    assert status == 200, content
    about = json.loads(content[: int(headers[key])])
    data = content[int(headers[key]) :]
    assert about["id"] == "seven"
    assert about["outputs"][0]["parameters"] == {"binary_data_size": len(data)}
    answer = np.frombuffer(data, np.float32).reshape(about["outputs"][0]["shape"])
    np.testing.assert_allclose(answer, example.outputs["digit"], rtol=1e-4, atol=1e-5)
    short = server.ask("POST", "/v2/models/digits/infer", header + b"1234", **{key: str(len(header))})
    assert short[0] == 400
    assert "4 are left" in short[1]["error"]


def test_it_says_what_is_wrong(server: Server) -> None:
    good = json.loads((server.folder / "request.json").read_text())["inputs"][0]

    def asked(**changes: Any) -> dict[str, Any]:
        return {"inputs": [{**good, **changes}]}

    for body, status, text in (
        (b"{", 400, "no JSON"),
        (b"[]", 400, "no JSON object"),
        ({"inputs": []}, 400, "no input 'image' is given"),
        ({"inputs": 3}, 400, "list of objects"),
        (asked(name="picture"), 400, "no input 'picture'; it has image"),
        (asked(datatype="INT8"), 400, "is FP32, not INT8"),
        (asked(shape=[1, 8, 8]), 400, "has the shape [-1, 8, 8, 1], not [1, 8, 8]"),
        (asked(shape=[2, 8, 8, 1]), 400, "holds 64 elements"),
        (asked(shape=["1", 8, 8, 1]), 400, "whole numbers"),
        (asked(data=["a"] * 64), 400, "no FP32"),
        (asked(data="a"), 400, "no FP32"),
        ({**asked(), "outputs": [{"name": "z"}]}, 400, "no output 'z'"),
        (b" " * 100001, 413, "more than 100000 bytes"),
    ):
        found = server.ask("POST", "/v2/models/digits/infer", body)
        assert found[0] == status, found
        assert text in found[1]["error"]
    assert server.ask("POST", "/v2/models/other/infer", b"{}")[0] == 404
    assert server.ask("GET", "/v2/models/digits/versions/2")[0] == 404
    assert server.ask("GET", "/v2/models/digits/infer")[0] == 405


def test_every_datatype_comes_through(tmp_path: Path) -> None:
    names = "BOOL UINT8 INT8 UINT16 INT16 UINT32 INT32 UINT64 INT64 FLOAT16 FLOAT DOUBLE STRING".split()
    nodes = [helper.make_node("Identity", [f"x{n}"], [f"y{n}"]) for n in names]
    ports = [[(f"{end}{n}", getattr(TensorProto, n), ["batch", 2]) for n in names] for end in "xy"]
    data = {
        f"x{name}": np.array([["a", "né"]], object)
        if name == "STRING"
        else np.array([[1, 0]]).astype(helper.tensor_dtype_to_np_dtype(getattr(TensorProto, name)))
        for name in names
    }
    data["xFLOAT"][0, 1] = np.nan
    onward.package(model(tmp_path / "all.onnx", nodes, *ports), tmp_path / "out", "docker", data=data)
    expected = json.loads((tmp_path / "out" / "response.json").read_text())["outputs"]
    asked = json.loads((tmp_path / "out" / "request.json").read_text())
    assert next(entry for entry in expected if entry["name"] == "yFLOAT")["data"] == [1.0, None]
    with running(tmp_path / "out") as server:
        status, found, _ = server.ask("POST", "/v2/models/all/infer", asked)
        assert status == 200, found
        assert found["outputs"] == expected
        asked["parameters"] = {"binary_data_output": True}
        status, content, headers = server.ask("POST", "/v2/models/all/infer", asked)
        assert status == 200
        size = int(headers["inference-header-content-length"])
        entries = json.loads(content[:size])["outputs"]
        sizes = {entry["name"]: entry["parameters"]["binary_data_size"] for entry in entries}
        assert sizes["yINT64"] == 16
        assert content[-sizes["ySTRING"] :] == b"".join(struct.pack("<I", len(t)) + t for t in (b"a", "né".encode()))
        wrong = {**asked["inputs"][1], "data": [256, 0]}
        refused = server.ask("POST", "/v2/models/all/infer", {"inputs": [wrong]})
        assert refused[0] == 400
        assert "out of its range" in refused[1]["error"]


def test_the_image_is_pinned_and_without_rights(digits: Path, tmp_path: Path) -> None:
    onward.package(digits, tmp_path / "out", "docker", port=9000)
    lines = (tmp_path / "out" / "Dockerfile").read_text().splitlines()
    assert "USER 10001" in lines
    assert "EXPOSE 9000" in lines
    assert any(line.startswith("HEALTHCHECK") for line in lines)
    pins = [line for line in (tmp_path / "out" / "requirements.txt").read_text().splitlines() if line[0] != "#"]
    assert all(len(line.split("==")) == 2 for line in pins)
    assert {line.split("==")[0] for line in pins} > {"onnxruntime", "numpy", "starlette", "uvicorn"}
    compose = yaml.safe_load((tmp_path / "out" / "compose.yaml").read_text())
    assert compose["services"]["model"]["ports"] == ["9000:9000"]


def _docker() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        return subprocess.run([docker, "info"], capture_output=True, timeout=20, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def test_the_image_builds(digits: Path, tmp_path: Path) -> None:
    if not _docker():
        pytest.skip("needs a Docker daemon that answers")
    onward.package(digits, tmp_path / "out", "docker")
    subprocess.run(["docker", "build", "-q", tmp_path / "out"], check=True, timeout=900)
