"""TensorFlow's protobuf messages, described at run time in a descriptor pool of our own.

Field names, numbers and types are those of TensorFlow's ``.proto`` files (core/framework, core/protobuf); what Onward
never reads is left out and skipped by the parser. A private pool lets this live beside TensorFlow in one process, and
nothing generated means that one wheel serves protobuf 4.25 to 7.

`mapped` in ``TensorProto`` is our own: :mod:`onward.formats.wire` leaves large contents on disk and puts there which
piece of the file was meant.
"""

from __future__ import annotations

from typing import Any

from onward.formats.messages import Messages

_MESSAGES = Messages(
    "onward.tensorflow",
    "proto3",
    """
SavedModel       saved_model_schema_version=1:int64 meta_graphs=2:MetaGraphDef*
MetaGraphDef     meta_info_def=1:MetaInfoDef graph_def=2:GraphDef saver_def=3:SaverDef
                 collection_def=4:[string,CollectionDef] signature_def=5:[string,SignatureDef]
                 asset_file_def=6:AssetFileDef* object_graph_def=7:SavedObjectGraph
MetaInfoDef      stripped_op_list=2:OpList tags=4:string* tensorflow_version=5:string stripped_default_attrs=7:bool
OpList           op=1:OpDef*
SaverDef         filename_tensor_name=1:string save_tensor_name=2:string restore_op_name=3:string version=7:int32
CollectionDef    node_list=1:NodeList? bytes_list=2:BytesList? any_list=5:AnyList?
NodeList         value=1:string*
BytesList        value=1:bytes*
AnyList          value=1:Any*
Any              type_url=1:string value=2:bytes
SignatureDef     inputs=1:[string,TensorInfo] outputs=2:[string,TensorInfo] method_name=3:string
                 defaults=4:[string,TensorProto]
TensorInfo       name=1:string? coo_sparse=4:CooSparse? composite_tensor=5:CompositeTensor? dtype=2:int32
                 tensor_shape=3:TensorShapeProto
CooSparse        values_tensor_name=1:string indices_tensor_name=2:string dense_shape_tensor_name=3:string
CompositeTensor  type_spec=1:TypeSpecProto components=2:TensorInfo*
AssetFileDef     tensor_info=1:TensorInfo filename=2:string

GraphDef         node=1:NodeDef* library=2:FunctionDefLibrary version=3:int32 versions=4:VersionDef
VersionDef       producer=1:int32 min_consumer=2:int32 bad_consumers=3:int32*
NodeDef          name=1:string op=2:string input=3:string* device=4:string attr=5:[string,AttrValue]
FunctionDefLibrary function=1:FunctionDef*
FunctionDef      signature=1:OpDef node_def=3:NodeDef* ret=4:[string,string] attr=5:[string,AttrValue]
                 control_ret=6:[string,string] arg_attr=7:[uint32,ArgAttrs]
ArgAttrs         attr=1:[string,AttrValue]
OpDef            name=1:string input_arg=2:ArgDef* output_arg=3:ArgDef* attr=4:AttrDef* control_output=20:string*
                 is_stateful=17:bool
ArgDef           name=1:string type=3:int32 type_attr=4:string number_attr=5:string type_list_attr=6:string
                 is_ref=16:bool
AttrDef          name=1:string type=2:string default_value=3:AttrValue allowed_values=7:AttrValue
AttrValue        s=2:bytes? i=3:int64? f=4:float? b=5:bool? type=6:int32? shape=7:TensorShapeProto?
                 tensor=8:TensorProto? list=1:AttrList? func=10:NameAttrList? placeholder=9:string?
AttrList         s=2:bytes* i=3:int64* f=4:float* b=5:bool* type=6:int32* shape=7:TensorShapeProto*
                 tensor=8:TensorProto* func=9:NameAttrList*
NameAttrList     name=1:string attr=2:[string,AttrValue]
TensorShapeProto dim=2:ShapeDim* unknown_rank=3:bool
ShapeDim         size=1:int64 name=2:string
TensorProto      dtype=1:int32 tensor_shape=2:TensorShapeProto version_number=3:int32 tensor_content=4:bytes
                 float_val=5:float* double_val=6:double* int_val=7:int32* string_val=8:bytes* scomplex_val=9:float*
                 int64_val=10:int64* bool_val=11:bool* dcomplex_val=12:double* half_val=13:int32*
                 uint32_val=16:uint32* uint64_val=17:uint64* float8_val=18:bytes mapped=536870911:uint64*

SavedObjectGraph nodes=1:SavedObject* concrete_functions=2:[string,SavedConcreteFunction]
SavedObject      children=1:ObjectReference* user_object=4:SavedUserObject? asset=5:SavedAsset?
                 function=6:SavedFunction? variable=7:SavedVariable? constant=9:SavedConstant?
                 bare_concrete_function=8:SavedBareConcreteFunction? resource=10:SavedResource?
                 captured_tensor=12:CapturedTensor? registered_name=13:string
ObjectReference  node_id=1:int32 local_name=2:string
SavedUserObject  identifier=1:string version=2:VersionDef metadata=3:string
SavedAsset       asset_file_def_index=1:int32
SavedFunction    concrete_functions=1:string* function_spec=2:FunctionSpec
FunctionSpec     fullargspec=1:StructuredValue is_method=2:bool input_signature=5:StructuredValue
SavedBareConcreteFunction concrete_function_name=1:string argument_keywords=2:string*
                 allowed_positional_arguments=3:int64 function_spec=4:FunctionSpec
SavedVariable    dtype=1:int32 shape=2:TensorShapeProto trainable=3:bool name=6:string
                 experimental_distributed_variable_components=8:SavedVariable*
SavedConstant    operation=1:string
SavedResource    device=1:string
CapturedTensor   name=1:string concrete_function=2:string
SavedConcreteFunction bound_inputs=2:int32* canonicalized_input_signature=3:StructuredValue
                 output_signature=4:StructuredValue

StructuredValue  none_value=1:NoneValue? float64_value=11:double? int64_value=12:sint64? string_value=13:string?
                 bool_value=14:bool? tensor_shape_value=31:TensorShapeProto? tensor_dtype_value=32:int32?
                 tensor_spec_value=33:TensorSpecProto? type_spec_value=34:TypeSpecProto?
                 bounded_tensor_spec_value=35:TensorSpecProto? list_value=51:ListValue? tuple_value=52:ListValue?
                 dict_value=53:DictValue? named_tuple_value=54:NamedTupleValue? tensor_value=55:TensorProto?
                 numpy_value=56:TensorProto?
NoneValue
TensorSpecProto  name=1:string shape=2:TensorShapeProto dtype=3:int32
ListValue        values=1:StructuredValue*
DictValue        fields=1:[string,StructuredValue]
NamedTupleValue  name=1:string values=2:PairValue*
PairValue        key=1:string value=2:StructuredValue
TypeSpecProto    type_spec_class=1:int32 type_state=2:StructuredValue type_spec_class_name=3:string
                 num_flat_components=4:int32

TrackableObjectGraph nodes=1:TrackableObject*
TrackableObject  children=1:ObjectReference* attributes=2:SerializedTensor*
SerializedTensor name=1:string full_name=2:string checkpoint_key=3:string
BundleHeaderProto num_shards=1:int32 endianness=2:int32 version=3:VersionDef
BundleEntryProto dtype=1:int32 shape=2:TensorShapeProto shard_id=3:int32 offset=4:int64 size=5:int64 crc32c=6:fixed32
                 slices=7:TensorSliceProto*
TensorSliceProto extent=1:SliceExtent*
SliceExtent      start=1:int64 length=2:int64?
SavedTensorSlices meta=1:SavedTensorSliceMeta data=2:SavedSlice
SavedTensorSliceMeta tensor=1:SavedSliceMeta*
SavedSliceMeta   name=1:string shape=2:TensorShapeProto type=3:int32 slice=4:TensorSliceProto*
SavedSlice       name=1:string slice=2:TensorSliceProto data=3:TensorProto
""",
)


def message(name: str) -> Any:
    """The class of the message type `name`, see :meth:`Messages.message`."""
    return _MESSAGES.message(name)
