"""Serves one ONNX model over HTTP by the Open Inference Protocol, version 2, with its binary extension."""

from __future__ import annotations

import json
import math
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

HERE = Path(__file__).parent
MAX_BODY = int(os.environ.get("MAX_BODY", 64 * 2**20))
CONCURRENCY = int(os.environ.get("CONCURRENCY", os.cpu_count() or 1))
HEADER = "Inference-Header-Content-Length"  # bytes of JSON before the binary data
DTYPES: dict[str, tuple[str, Any]] = {
    "tensor(bool)": ("BOOL", np.bool_),
    **{f"tensor(uint{bits})": (f"UINT{bits}", np.dtype(f"uint{bits}")) for bits in (8, 16, 32, 64)},
    **{f"tensor(int{bits})": (f"INT{bits}", np.dtype(f"int{bits}")) for bits in (8, 16, 32, 64)},
    "tensor(float16)": ("FP16", np.float16),
    "tensor(float)": ("FP32", np.float32),
    "tensor(double)": ("FP64", np.float64),
    "tensor(string)": ("BYTES", np.object_),
}


class Refused(Exception):
    """A request that cannot be answered; its text goes back to whoever asked."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


class Model:
    """The model, loaded."""

    def __init__(self) -> None:
        self.name: str = json.loads((HERE / "model.json").read_text(encoding="utf-8"))["name"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("THREADS", 0))
        self._session = onnxruntime.InferenceSession(HERE / "model" / "model.onnx", options)
        self._places = threading.BoundedSemaphore(CONCURRENCY)
        self.inputs = {port.name: port for port in self._session.get_inputs()}
        self.outputs = {port.name: port for port in self._session.get_outputs()}

    def describe(self) -> dict[str, Any]:
        """Inputs and outputs, as the protocol has them: -1 for a size that is open."""

        def ports(found: Any) -> list[dict[str, Any]]:
            return [
                {
                    "name": p.name,
                    "datatype": DTYPES[p.type][0],
                    "shape": [d if isinstance(d, int) else -1 for d in p.shape],
                }
                for p in found.values()
            ]

        return {
            "name": self.name,
            "versions": ["1"],
            "platform": "onnxruntime_onnx",
            "inputs": ports(self.inputs),
            "outputs": ports(self.outputs),
        }

    def run(self, asked: dict[str, Any], blob: bytes) -> tuple[dict[str, Any], list[bytes]]:
        """Answers a request: what goes into the JSON, and the binary data that follows it."""
        feeds = self._feeds(asked, blob)
        wanted = _objects(asked, "outputs") or [{"name": name} for name in self.outputs]
        names = [_text(entry, "name") for entry in wanted]
        for name in names:
            if name not in self.outputs:
                raise Refused(f"the model has no output '{name}'; it has {', '.join(self.outputs)}")
        try:
            with self._places:
                arrays = self._session.run(names, feeds)
        except Exception as error:  # ONNX Runtime's own exceptions share no base
            raise Refused(f"the model does not run on these inputs: {error}") from error
        everything = bool(_parameters(asked).get("binary_data_output", False))
        outputs, blobs = [], []
        for entry, array in zip(wanted, arrays, strict=True):
            kind = DTYPES[self.outputs[entry["name"]].type][0]
            about: dict[str, Any] = {"name": entry["name"], "datatype": kind, "shape": list(array.shape)}
            if _parameters(entry).get("binary_data", everything):
                data = _bytes(array, kind)
                blobs.append(data)
                about["parameters"] = {"binary_data_size": len(data)}
            else:
                about["data"] = _plain(array, kind)
            outputs.append(about)
        answer = {"model_name": self.name, "model_version": "1", "outputs": outputs}
        return ({"id": asked["id"], **answer} if "id" in asked else answer), blobs

    def _feeds(self, asked: dict[str, Any], blob: bytes) -> dict[str, Any]:
        feeds: dict[str, Any] = {}
        at = 0
        for entry in _objects(asked, "inputs"):
            name = _text(entry, "name")
            if name not in self.inputs:
                raise Refused(f"the model has no input '{name}'; it has {', '.join(self.inputs) or 'none'}")
            size = _parameters(entry).get("binary_data_size")
            if size is None:
                feeds[name] = self._array(name, entry, None)
            else:
                if not isinstance(size, int) or not 0 <= size <= len(blob) - at:
                    raise Refused(f"input '{name}' says {size} bytes of binary data, and {len(blob) - at} are left")
                feeds[name] = self._array(name, entry, blob[at : at + size])
                at += size
        if missing := [name for name in self.inputs if name not in feeds]:
            raise Refused(f"no input '{missing[0]}' is given")
        if at != len(blob):
            raise Refused(f"{len(blob) - at} bytes of binary data belong to no input")
        return feeds

    def _array(self, name: str, entry: dict[str, Any], data: bytes | None) -> Any:
        port = self.inputs[name]
        kind, dtype = DTYPES[port.type]
        shape = entry.get("shape")
        if not isinstance(shape, list) or not all(isinstance(d, int) and d >= 0 for d in shape):
            raise Refused(f"input '{name}' takes a shape of whole numbers")
        if entry.get("datatype") != kind:
            raise Refused(f"input '{name}' is {kind}, not {entry.get('datatype')}")
        fits = len(shape) == len(port.shape) and all(
            d == have for d, have in zip(port.shape, shape, strict=True) if isinstance(d, int)
        )
        if not fits:
            raise Refused(f"input '{name}' has the shape {_open(port.shape)}, not {shape}")
        count = math.prod(shape)
        try:
            array = _from_bytes(data, kind, dtype) if data is not None else _from_json(entry.get("data"), kind, dtype)
        except (ValueError, TypeError, OverflowError, struct.error, UnicodeDecodeError) as error:
            raise Refused(f"input '{name}' holds what is no {kind}: {error}") from error
        if array.size != count:
            raise Refused(f"input '{name}' holds {array.size} elements, and its shape {shape} takes {count}")
        return array.reshape(shape)


def _open(shape: list[Any]) -> list[int]:
    return [dim if isinstance(dim, int) else -1 for dim in shape]


def _objects(asked: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = asked.get(key, [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise Refused(f"'{key}' is a list of objects")
    return found


def _parameters(entry: dict[str, Any]) -> dict[str, Any]:
    found = entry.get("parameters", {})
    return found if isinstance(found, dict) else {}


def _text(entry: dict[str, Any], key: str) -> str:
    if not isinstance(entry.get(key), str):
        raise Refused(f"'{key}' is missing")
    return str(entry[key])


def _from_json(data: Any, kind: str, dtype: Any) -> Any:
    """Elements given row by row, nested or not; null is a number that is none."""
    if not isinstance(data, list):
        raise TypeError("'data' is a list")
    flat = list(_flat(data))
    if kind == "BYTES":
        texts = np.empty(len(flat), object)
        texts[:] = [str(text) for text in flat]
        return texts
    if any(isinstance(value, str) for value in flat):
        raise TypeError("it holds a string")
    if kind.startswith("FP"):
        return np.array(flat, np.float64).astype(dtype)
    array = np.array(flat)
    if flat and (array.dtype.kind not in "biu" or (kind != "BOOL" and array.dtype.kind == "b")):
        raise TypeError("it holds other than whole numbers")
    if flat and kind != "BOOL" and not (np.iinfo(dtype).min <= min(flat) and max(flat) <= np.iinfo(dtype).max):
        raise OverflowError("a number is out of its range")
    return array.astype(dtype)


def _flat(data: list[Any]) -> Iterator[Any]:
    for element in data:
        if isinstance(element, list):
            yield from _flat(element)
        else:
            yield element


def _from_bytes(data: bytes, kind: str, dtype: Any) -> Any:
    """Elements row by row, little-endian; strings each after their length in four bytes."""
    if kind != "BYTES":
        return np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).astype(dtype, copy=False)
    texts, at = [], 0
    while at < len(data):
        [size] = struct.unpack_from("<I", data, at)
        if at + 4 + size > len(data):
            raise ValueError("a string is cut short")
        texts.append(data[at + 4 : at + 4 + size].decode())
        at += 4 + size
    array = np.empty(len(texts), object)
    array[:] = texts
    return array


def _bytes(array: Any, kind: str) -> bytes:
    if kind != "BYTES":
        return bytes(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    texts = [str(text).encode() for text in array.reshape(-1)]
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def _plain(array: Any, kind: str) -> list[Any]:
    flat: list[Any] = array.reshape(-1).tolist()
    if kind.startswith("FP") and not np.isfinite(array).all():
        return [value if math.isfinite(value) else None for value in flat]
    return flat


model = Model()


async def live(request: Request) -> Response:
    return Response(status_code=200)


async def server(request: Request) -> Response:
    return JSONResponse({"name": "onward", "version": onnxruntime.__version__, "extensions": ["binary_tensor_data"]})


def _named(request: Request) -> None:
    if request.path_params["name"] != model.name or request.path_params.get("version", "1") != "1":
        raise Refused(
            f"there is no model '{request.path_params['name']}' of that version; there is '{model.name}'", 404
        )


async def metadata(request: Request) -> Response:
    _named(request)
    return JSONResponse(model.describe())


async def ready(request: Request) -> Response:
    _named(request)
    return JSONResponse({"name": model.name, "ready": True})


async def infer(request: Request) -> Response:
    _named(request)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Refused(f"the request has more than {MAX_BODY} bytes", 413)
    size = len(body)
    if HEADER in request.headers:
        size = -1
        with suppress(ValueError):
            size = int(request.headers[HEADER])
        if not 0 <= size <= len(body):
            raise Refused(f"{HEADER} is no number of bytes of the request")
    try:
        asked = json.loads(body[:size])
    except (ValueError, RecursionError) as error:
        raise Refused(f"the request is no JSON: {error}") from error
    if not isinstance(asked, dict):
        raise Refused("the request is no JSON object")
    answer, blobs = await run_in_threadpool(model.run, asked, bytes(body[size:]))
    header = json.dumps(answer, separators=(",", ":"), allow_nan=False).encode()
    if not blobs:
        return Response(header, media_type="application/json")
    return Response(
        b"".join([header, *blobs]), media_type="application/octet-stream", headers={HEADER: str(len(header))}
    )


async def refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return JSONResponse({"error": str(error)}, error.status)


_AT = "/v2/models/{name}"
app = Starlette(
    routes=[
        Route("/v2/health/live", live),
        Route("/v2/health/ready", live),
        Route("/v2", server),
        *(Route(f"{at}", metadata) for at in (_AT, _AT + "/versions/{version}")),
        *(Route(f"{at}/ready", ready) for at in (_AT, _AT + "/versions/{version}")),
        *(Route(f"{at}/infer", infer, methods=["POST"]) for at in (_AT, _AT + "/versions/{version}")),
    ],
    exception_handlers={Refused: refused},
)

if __name__ == "__main__":
    uvicorn.run(app, host=os.environ.get("HOST", "0.0.0.0"), port=int(os.environ.get("PORT", "8080")), access_log=False)
