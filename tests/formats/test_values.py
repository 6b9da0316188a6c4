"""TensorProtos and attributes against TensorFlow's own reading and writing of them."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from onward.errors import InvalidSourceError
from onward.formats.protos import message
from onward.formats.values import array, attribute

ARRAYS = {
    "floats": np.linspace(-1, 1, 6, dtype="float32").reshape(2, 3),
    "doubles": np.array([1e300, -0.0]),
    "integers": np.array([[-5, 7]], np.int64),
    "bytes": np.array([0, 255], np.uint8),
    "shorts": np.array([-3, 3], np.int16),
    "bools": np.array([True, False, True]),
    "halves": np.array([0.5, -65504], np.float16),
    "bfloats": np.array([0.5, -3e38], ml_dtypes.bfloat16),
    "float8": np.array([0.5, -2], ml_dtypes.float8_e4m3fn),
    "complex": np.array([1 + 2j, -3j], np.complex64),
    "complex doubles": np.array([1 + 2j, -3j], np.complex128),
    "unsigned": np.array([2**32 - 1], np.uint32),
    "long unsigned": np.array([2**64 - 1], np.uint64),
    "strings": np.array([b"a", b"", "é".encode()], object),
    "scalar": np.array(3, np.int32),
    "empty": np.zeros((0, 4), np.float32),
}


def ours(theirs: Any) -> Any:
    return message("TensorProto").FromString(theirs.SerializeToString())


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(name: str) -> None:
    import tensorflow as tf

    expected = ARRAYS[name]
    found = array(ours(tf.make_tensor_proto(expected)))
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_as_lists(name: str) -> None:
    """TensorFlow writes short constants element by element."""
    import tensorflow as tf

    expected = ARRAYS[name]
    flat = expected.ravel()
    proto = tf.make_tensor_proto(flat[0] if flat.size else expected, shape=expected.shape)
    np.testing.assert_array_equal(array(ours(proto)), np.broadcast_to(flat[0] if flat.size else 0, expected.shape))


def tensor(**fields: Any) -> Any:
    return message("TensorProto")(**fields)


def shape(*sizes: int) -> Any:
    dims = [message("ShapeDim")(size=size) for size in sizes]
    return message("TensorShapeProto")(dim=dims)


def test_the_last_value_repeats_without_memory() -> None:
    filled = array(tensor(dtype=1, tensor_shape=shape(10**6, 10**6), float_val=[2.5]))
    assert filled[-1, -1] == 2.5
    np.testing.assert_array_equal(array(tensor(dtype=3, tensor_shape=shape(4), int_val=[1, 2])), [1, 2, 2, 2])
    assert array(tensor(dtype=1, tensor_shape=shape(10**9))).strides == (0,)


@pytest.mark.parametrize(
    "proto",
    [
        tensor(dtype=1, tensor_shape=shape(3), tensor_content=b"1234"),
        tensor(dtype=1, tensor_shape=shape(1), float_val=[1, 2]),
        tensor(dtype=1, tensor_shape=shape(-1), float_val=[1]),
        tensor(dtype=99, tensor_shape=shape(1)),
        tensor(dtype=7, tensor_shape=shape(1), tensor_content=b"a"),
        tensor(dtype=1, tensor_shape=shape(10**12), float_val=[1, 2]),
        tensor(dtype=1, tensor_shape=shape(1), mapped=[3]),
    ],
)
def test_damaged_tensors(proto: Any) -> None:
    with pytest.raises(InvalidSourceError):
        array(proto)


def test_attributes() -> None:
    value = message("AttrValue")
    names = message("NameAttrList")(name="f", attr={"n": value(i=2)})
    assert attribute(value(s=b"SAME")) == "SAME"
    assert attribute(value(s=b"\xff")) == b"\xff"
    assert attribute(value(type=101)) == np.dtype("float32")
    assert attribute(value(shape=shape(-1, 3))) == (None, 3)
    assert attribute(value(shape=message("TensorShapeProto")(unknown_rank=True))) is None
    assert attribute(value(func=names)) == ("f", {"n": 2})
    assert attribute(value(list=message("AttrList")(i=[1, 2]))) == [1, 2]
    assert attribute(value(list=message("AttrList")(type=[7, 9]))) == [np.dtype(object), np.dtype("int64")]
    assert attribute(value(list=message("AttrList")())) == []
    assert attribute(value(placeholder="T"), given={"T": 5}) == 5
    with pytest.raises(InvalidSourceError):
        attribute(value(placeholder="T"))
