"""The messages as TensorFlow has them, and the refusal of a protobuf that is too slow."""

from __future__ import annotations

import os
import subprocess
import sys

from onward.formats.protos import _MESSAGES, message


def test_fields_are_those_of_tensorflow() -> None:
    from tensorflow.core.framework import graph_pb2, op_def_pb2
    from tensorflow.core.protobuf import saved_model_pb2, tensor_bundle_pb2, trackable_object_graph_pb2
    from tensorflow.core.util import saved_tensor_slice_pb2

    roots = {
        "SavedModel": saved_model_pb2.SavedModel,
        "GraphDef": graph_pb2.GraphDef,
        "OpDef": op_def_pb2.OpDef,
        "BundleHeaderProto": tensor_bundle_pb2.BundleHeaderProto,
        "BundleEntryProto": tensor_bundle_pb2.BundleEntryProto,
        "TrackableObjectGraph": trackable_object_graph_pb2.TrackableObjectGraph,
        "SavedTensorSlices": saved_tensor_slice_pb2.SavedTensorSlices,
    }
    stack = [(message(name).DESCRIPTOR, theirs.DESCRIPTOR) for name, theirs in roots.items()]
    seen = set()
    enum, int32 = 14, 5
    while stack:
        ours, theirs = stack.pop()
        if ours.full_name in seen:
            continue
        seen.add(ours.full_name)
        for field in ours.fields:
            if field.name == "mapped":
                continue
            twin = theirs.fields_by_name[field.name]
            assert field.number == twin.number, field.full_name
            assert field.type == twin.type or (twin.type, field.type) == (enum, int32), field.full_name
            if field.message_type:
                stack.append((field.message_type, twin.message_type))
    assert {f"onward.tensorflow.{name}" for name in _MESSAGES.tokens()} <= seen


def test_pure_python_protobuf_is_refused() -> None:
    code = (
        "from onward.errors import MissingDependencyError\n"
        "from onward.formats.protos import message\n"
        "try:\n    message('GraphDef')\nexcept MissingDependencyError as error:\n    print(error)"
    )
    env = {**os.environ, "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}
    out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert "pure Python" in out.stdout
