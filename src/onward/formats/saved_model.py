"""A SavedModel directory: one MetaGraph of it, its signatures, objects, variables and assets."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onward.arrays import LazyArray
from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.formats.bundle import Bundle
from onward.formats.dtypes import dtype_of
from onward.formats.protos import message
from onward.formats.text import parse_file
from onward.formats.values import shape_of

INIT = "__saved_model_init_op"
_SERVE = "serve"
_ASSETS = "saved_model_assets"


class TensorInfo(NamedTuple):
    """A signature's input or output: its name there, the tensor in the graph, dtype and shape."""

    name: str
    tensor: str
    dtype: np.dtype[Any]
    shape: tuple[int | None, ...] | None


class Signature(NamedTuple):
    """What a SavedModel offers to call; inputs and outputs by name, in no order of their own."""

    name: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]


class SavedModel:
    """An open SavedModel.

    Args:
        path: the directory.
        tag: which MetaGraph; None: the one for serving, or the only one.

    Raises:
        InvalidSourceError: ``saved_model.pb`` is missing or damaged.
        InvalidArgumentError: there is no MetaGraph with that tag.
    """

    def __init__(self, path: str | os.PathLike[str], tag: str | None = None) -> None:
        self.path = Path(path)
        file = self.path / "saved_model.pb"
        text = self.path / "saved_model.pbtxt"
        proto, self.pieces = parse_file(text if text.exists() and not file.exists() else file, "SavedModel")
        if not proto.meta_graphs:
            raise InvalidSourceError(f"{file} holds no graph")
        self.meta_graph = _choose(proto.meta_graphs, tag, file)
        self.objects = self.meta_graph.object_graph_def

    @property
    def graph_def(self) -> Any:
        return self.meta_graph.graph_def

    def signatures(self) -> dict[str, Signature]:
        """By name, in alphabetical order."""
        found = {}
        for name, signature in sorted(self.meta_graph.signature_def.items()):
            if name != INIT:
                found[name] = Signature(name, _infos(signature.inputs, name), _infos(signature.outputs, name))
        return found

    @functools.cached_property
    def variables(self) -> Bundle:
        """The checkpoint in ``variables/``."""
        return Bundle(self.path / "variables" / "variables")

    def asset(self, index: int) -> str:
        """The absolute path of an asset file."""
        if not 0 <= index < len(self._asset_files):
            raise InvalidSourceError(f"{self.path} has no asset {index}")
        name = self._asset_files[index].filename
        root = (self.path / "assets").resolve()
        file = (root / name).resolve()
        if root not in file.parents:
            raise InvalidSourceError(f"asset '{name}' of {self.path} lies outside its assets directory")
        return str(file)

    def assets(self) -> dict[str, str]:
        """The absolute path of each asset by the tensor that holds its name in the graph."""
        return {definition.tensor_info.name: self.asset(i) for i, definition in enumerate(self._asset_files)}

    @functools.cached_property
    def _asset_files(self) -> list[Any]:
        """The definitions of all assets; TensorFlow 1's first builder kept them in a collection."""
        from google.protobuf.message import DecodeError

        found = list(self.meta_graph.asset_file_def)
        collections = self.meta_graph.collection_def
        if not found and _ASSETS in collections:
            try:
                found = [message("AssetFileDef").FromString(item.value) for item in collections[_ASSETS].any_list.value]
            except DecodeError as error:
                raise InvalidSourceError(f"{self.path}: the list of assets is damaged") from error
        return found

    @functools.cached_property
    def _checkpoint_keys(self) -> list[dict[str, str]]:
        """For each object, by its number: the names of what it saved and the checkpoint's names for that."""
        from google.protobuf.message import DecodeError

        serialised = np.asarray(self.variables["_CHECKPOINTABLE_OBJECT_GRAPH"])
        graph = message("TrackableObjectGraph")()
        try:
            graph.ParseFromString(serialised.item())
        except DecodeError as error:
            raise InvalidSourceError(f"{self.path}: the object graph of the checkpoint is damaged") from error
        return [{a.name: a.checkpoint_key for a in node.attributes} for node in graph.nodes]

    def saved_by(self, node_id: int) -> dict[str, str]:
        """What the object saved in the checkpoint: its names for that, with the checkpoint's."""
        keys = self._checkpoint_keys
        return keys[node_id] if 0 <= node_id < len(keys) else {}

    def variable(self, node_id: int) -> NDArray[Any] | LazyArray:
        """The value of a variable, by its number among the objects."""
        saved = self.saved_by(node_id)
        key = saved.get("VARIABLE_VALUE") or next(iter(saved.values()), None)
        if key is None:
            name = self.objects.nodes[node_id].variable.name
            raise InvalidSourceError(f"the checkpoint in {self.path} holds no value for the variable '{name}'")
        return self.variables[key]

    def child(self, node_id: int, name: str) -> int | None:
        """The number of an object's child."""
        for child in self.objects.nodes[node_id].children:
            if child.local_name == name:
                return self._checked(child.node_id)
        return None

    def object(self, node_id: int) -> Any:
        """The ``SavedObject`` with that number."""
        return self.objects.nodes[self._checked(node_id)]

    def _checked(self, node_id: int) -> int:
        if not 0 <= node_id < len(self.objects.nodes):
            raise InvalidSourceError(f"{self.path} refers to object {node_id} of {len(self.objects.nodes)}")
        return int(node_id)


def _choose(meta_graphs: Sequence[Any], tag: str | None, file: Path) -> Any:
    for meta_graph in meta_graphs:
        if (tag or _SERVE) in meta_graph.meta_info_def.tags:
            return meta_graph
    if tag is None and len(meta_graphs) == 1:
        return meta_graphs[0]
    tags = [" + ".join(meta_graph.meta_info_def.tags) or "(none)" for meta_graph in meta_graphs]
    raise InvalidArgumentError(f"{file} has no graph tagged '{tag or _SERVE}'; it has: {', '.join(tags)}")


def _infos(protos: Any, signature: str) -> tuple[TensorInfo, ...]:
    """Sparse and other composite tensors are listed by their parts."""
    found = []
    for name, info in sorted(protos.items()):
        kind = info.WhichOneof("kind")
        if kind == "coo_sparse":
            sparse = info.coo_sparse
            rank = len(info.tensor_shape.dim) if not info.tensor_shape.unknown_rank else None
            int64 = np.dtype(np.int64)
            found += [
                TensorInfo(f"{name}_indices", sparse.indices_tensor_name, int64, (None, rank)),
                TensorInfo(f"{name}_values", sparse.values_tensor_name, dtype_of(info.dtype), (None,)),
                TensorInfo(f"{name}_shape", sparse.dense_shape_tensor_name, int64, (rank,)),
            ]
        elif kind == "composite_tensor":
            found += [
                TensorInfo(f"{name}_{i}", part.name, dtype_of(part.dtype), shape_of(part.tensor_shape))
                for i, part in enumerate(info.composite_tensor.components)
            ]
        elif kind == "name":
            shape = shape_of(info.tensor_shape) if info.HasField("tensor_shape") else None
            found.append(TensorInfo(name, info.name, dtype_of(info.dtype), shape))
        else:
            raise InvalidSourceError(f"signature '{signature}' does not say which tensor '{name}' is")
    return tuple(found)
