"""ONNX's protobuf messages as far as Onward writes them, without the onnx package.

Field names, numbers and types are those of ``onnx.proto``; a test compares.
"""

from __future__ import annotations

from typing import Any

from onward.formats.messages import Messages

_MESSAGES = Messages(
    "onward.onnx",
    "proto2",
    """
ModelProto       ir_version=1:int64 producer_name=2:string producer_version=3:string graph=7:GraphProto
                 opset_import=8:OperatorSetIdProto* metadata_props=14:StringStringEntryProto*
OperatorSetIdProto domain=1:string version=2:int64
StringStringEntryProto key=1:string value=2:string
GraphProto       node=1:NodeProto* name=2:string initializer=5:TensorProto* input=11:ValueInfoProto*
                 output=12:ValueInfoProto* value_info=13:ValueInfoProto*
NodeProto        input=1:string* output=2:string* name=3:string op_type=4:string attribute=5:AttributeProto*
                 domain=7:string metadata_props=9:StringStringEntryProto*
AttributeProto   name=1:string f=2:float i=3:int64 s=4:bytes t=5:TensorProto g=6:GraphProto floats=7:float*
                 ints=8:int64* strings=9:bytes* type=20:int32
TensorProto      dims=1:int64* data_type=2:int32 string_data=6:bytes* name=8:string raw_data=9:bytes
                 external_data=13:StringStringEntryProto* data_location=14:int32
ValueInfoProto   name=1:string type=2:TypeProto
TypeProto        tensor_type=1:Tensor?
Tensor           elem_type=1:int32 shape=2:TensorShapeProto
TensorShapeProto dim=1:Dimension*
Dimension        dim_value=1:int64? dim_param=2:string?
""",
)

# Values of AttributeProto.AttributeType and TensorProto.DataLocation.
FLOAT, INT, STRING, TENSOR, GRAPH, FLOATS, INTS, STRINGS = 1, 2, 3, 4, 5, 6, 7, 8
EXTERNAL = 1


def message(name: str) -> Any:
    """The class of the message type `name`, see :meth:`onward.formats.messages.Messages.message`."""
    return _MESSAGES.message(name)
