"""The model that a package carries: its files, its ports, and examples of what it answers."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from onward.dtypes import label
from onward.errors import InvalidArgumentError, InvalidSourceError, VerificationError
from onward.progress import Progress
from onward.runtime import Port, Session
from onward.tools import golden, onnx_file
from onward.tools.optimize import Original
from onward.tools.verify import against_examples

if TYPE_CHECKING:
    import onnx

KNOWN_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})


@dataclass(frozen=True)
class Contents:
    """An ONNX file, looked at.

    Attributes:
        path: the file.
        name: what the package calls the model.
        external: the files that hold its weights, relative to the model's folder, as the model names them.
        opset: of ONNX's own domain.
        session: the model, loaded into ONNX Runtime.
    """

    path: Path
    name: str
    external: tuple[str, ...]
    opset: int
    session: Session = field(repr=False, compare=False)

    @property
    def inputs(self) -> list[Port]:
        return self.session.inputs

    @property
    def outputs(self) -> list[Port]:
        return self.session.outputs

    @property
    def files(self) -> list[Path]:
        """The model and the files that hold its weights."""
        return [self.path, *(self.path.parent / name for name in self.external)]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.stat().st_size for file in self.files)

    def sha256(self) -> str:
        """Of the bytes of all files, in order."""
        digest = hashlib.sha256()
        for file in self.files:
            with file.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
        return digest.hexdigest()

    def copy(self, folder: Path) -> None:
        """Puts the files into a folder: the model as ``model.onnx``, its weights under the names that it knows."""
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.path, folder / "model.onnx")
        for name in self.external:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.path.parent / name, folder / name)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        ports = {"inputs": self.inputs, "outputs": self.outputs}
        return {
            "name": self.name,
            "opset": self.opset,
            "bytes": self.size,
            "sha256": self.sha256(),
            **{kind: [port_dict(port) for port in found] for kind, found in ports.items()},
        }


def port_dict(port: Port) -> dict[str, Any]:
    """An input or output as plain values; a dimension without a size or name is None."""
    return {"name": port.name, "dtype": label(port.dtype), "shape": list(port.shape)}


def look(path: str | os.PathLike[str], name: str | None = None) -> Contents:
    """Reads an ONNX file and loads it.

    Raises:
        InvalidSourceError: it is no ONNX model, or files with its weights are missing.
        InvalidArgumentError: it takes or gives something other than tensors, or the name is none.
        RuntimeFailureError: ONNX Runtime does not load it.
    """
    path = Path(path)
    proto, opset = onnx_file.read(path)
    custom = sorted({node.domain for node in _nodes(proto.graph)} - KNOWN_DOMAINS - {f.domain for f in proto.functions})
    if custom:
        raise InvalidArgumentError(
            f"'{path}' holds operators of {', '.join(custom)}, which come in a library that no package carries"
        )
    external = tuple(dict.fromkeys(_locations(proto.graph)))
    folder = path.parent.resolve()
    for location in external:
        file = (folder / location).resolve()
        if folder not in file.parents:
            raise InvalidSourceError(f"'{path}': the weights in '{location}' lie outside of the model's folder")
        if not file.is_file():
            raise InvalidSourceError(f"'{path}': '{location}', which holds its weights, is missing")
    return Contents(path, _name(path, name), external, opset, Session(path))


def _name(path: Path, name: str | None) -> str:
    """What URLs, folders and manifests can all carry: letters, digits, '-', '_' and '.'."""
    if name is None:
        return re.sub(r"[^\w.-]+", "_", path.stem, flags=re.ASCII).strip("_.-") or "model"
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name, flags=re.ASCII):
        raise InvalidArgumentError(f"'{name}' is no name for a model: letters, digits, '-', '_' and '.' are")
    return name


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """The graph and its subgraphs."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _graphs(inner)


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for inner in _graphs(graph):
        yield from inner.node


def _locations(graph: onnx.GraphProto) -> Iterator[str]:
    """Where weights lie that are not in the file itself."""
    for inner in _graphs(graph):
        tensors = [*inner.initializer, *(a.t for node in inner.node for a in node.attribute if a.HasField("t"))]
        for tensor in tensors:
            yield from (entry.value for entry in tensor.external_data if entry.key == "location")


@dataclass(frozen=True)
class Examples:
    """Inputs with the answers that the model must give.

    Attributes:
        sets: inputs and outputs, by the model's own names.
        random: outputs that differ from run to run; only their dtype and shape mean anything.
        origin: where they come from, in words.
    """

    sets: tuple[golden.Example, ...]
    random: frozenset[str]
    origin: str


def examples(
    contents: Contents,
    recorded: str | os.PathLike[str] | None = None,
    data: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    seed: int = 0,
    tolerance: float | None = None,
    progress: Progress | None = None,
) -> Examples:
    """What a package tests itself with.

    Args:
        recorded: an ``.npz`` file of inputs and answers; the model is compared with them first.
        data: inputs that the model is run on: an ``.npz`` file, or arrays by name. Without either, inputs are drawn at
            two sizes of every dynamic dimension.

    Raises:
        InvalidArgumentError: both are given, or the model runs on none of the inputs drawn.
        VerificationError: the model does not give the recorded answers.
    """
    if recorded is None:
        given = None if data is None else golden.read_inputs(data)
        original = Original(contents.path)
        found = tuple(original.examples(given, seed))
        origin = "inputs drawn" if data is None else "inputs given"
        return Examples(found, _random(contents.session, found), f"{origin}, answered by ONNX Runtime")
    if data is not None:
        raise InvalidArgumentError("give recorded answers (golden) or inputs (data), not both")
    sets = golden.read(recorded)
    name = Path(recorded).name
    comparison = against_examples(contents.session, sets, name, tolerance, progress or Progress())
    if not comparison.passed:
        raise VerificationError(str(comparison))
    own = [port.name for port in contents.outputs]
    renamed = tuple(
        example
        if set(own) <= set(example.outputs)
        else example._replace(
            outputs=dict(zip(own, example.outputs.values(), strict=True)),
            slack={own[list(example.outputs).index(key)]: value for key, value in example.slack.items()},
        )
        for example in sets
    )
    return Examples(renamed, frozenset(), f"recorded in {name}")


def _random(session: Session, sets: tuple[golden.Example, ...]) -> frozenset[str]:
    """The outputs that differ when the model is asked again."""
    differ: set[str] = set()
    for example in sets:
        once, again = session.run(example.inputs), session.run(example.inputs)
        differ.update(
            name
            for name, array in once.items()
            if array.shape != again[name].shape
            or not np.array_equal(array, again[name], equal_nan=array.dtype.kind in "fc")
        )
    return frozenset(differ)
