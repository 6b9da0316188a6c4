"""Texts as numbers and in base 64.

ONNX's strings are text. Where TensorFlow's hold other bytes, at a graph's inputs or behind DecodeBase64, there is none.
"""

from __future__ import annotations

import numpy as np

from onward.dtypes import INT64, is_complex
from onward.ir import Value
from onward.lowering.builder import Builder
from onward.lowering.registry import Unsupported, lower
from onward.ops.array import flip
from onward.ops.bitcast import bitcast
from onward.ops.characters import explode, implode

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"  # safe in URLs
_CODES = np.frombuffer(_ALPHABET, np.uint8).astype(np.int64)
_PAD = ord("=")


@lower("DecodeRaw", since=20)
def decode_raw(op: Builder, x: Value, *, out_type: np.dtype, little_endian: bool) -> Value:
    """The bytes of texts, all of one length, as numbers along a new last axis."""
    codes, _ = explode(op, op.Reshape(x, [-1]))
    return _numbers(op, x, codes, out_type, little_endian)


@lower("DecodePaddedRaw", since=20)
def decode_padded_raw(op: Builder, x: Value, length: Value, *, out_type: np.dtype, little_endian: bool) -> Value:
    """As DecodeRaw, of texts that are cut or filled with zeros to a number of bytes."""
    codes, _ = explode(op, op.Reshape(x, [-1]))
    wanted = op.Reshape(op.Cast(length, to=INT64), [1])
    missing = op.Max(wanted - op.Slice(op.Shape(codes), [1], [2], [0]), 0)
    filled = op.Pad(codes, op.Concat(op.constant([0, 0, 0], INT64), missing, axis=0))
    return _numbers(op, x, op.Slice(op.Max(filled, 0), [0], wanted, [1]), out_type, little_endian)


def _numbers(op: Builder, x: Value, codes: Value, dtype: np.dtype, little_endian: bool) -> Value:
    """Bytes, (texts, bytes), as numbers behind the axes of the texts."""
    if is_complex(dtype):
        raise Unsupported("complex numbers from bytes")
    if dtype.kind == "b":
        numbers = op.Not(op.Equal(codes, 0))
    elif dtype.itemsize == 1:
        numbers = bitcast(op, op.Cast(codes, to=np.uint8), type=dtype)
    else:
        apart = op.Reshape(op.Cast(codes, to=np.uint8), [0, -1, dtype.itemsize])
        numbers = bitcast(op, apart if little_endian else flip(op, apart, [2]), type=dtype)
    return op.Reshape(numbers, op.Concat(op.shape(x), op.constant([-1], INT64), axis=0))


@lower("EncodeBase64", since=20)
def encode_base64(op: Builder, x: Value, *, pad: bool) -> Value:
    """Three bytes as four letters."""
    codes, lengths = explode(op, op.Reshape(x, [-1]))
    wide = op.Pad(codes, [0, 0, 0, 3], op.constant(-1, INT64))
    groups = op.Div(op.Gather(op.shape(wide), 1, axis=0), 3)
    triples = op.Reshape(op.Slice(wide, [0], op.Reshape(groups * 3, [1]), [1]), [0, -1, 3])
    word = op.MatMul(op.Max(triples, 0), np.array([[65536], [256], [1]]))
    places = op.Mod(op.Div(word, np.array([2**18, 2**12, 2**6, 1])), 64)
    letters = op.Reshape(op.Gather(_CODES, places, axis=0), [0, -1])
    place = op.Unsqueeze(op.Range(0, op.Gather(op.shape(letters), 1, axis=0), 1), axes=[0])
    ends = op.Unsqueeze(op.Div(lengths * 4 + 2, 3), axes=[1])
    padded = op.Unsqueeze(op.Div(lengths + 2, 3) * 4, axes=[1])
    behind = op.Where(place < padded, _PAD, -1) if pad else -1
    return op.Reshape(implode(op, op.Where(place < ends, letters, behind)), op.shape(x))


@lower("DecodeBase64", since=20)
def decode_base64(op: Builder, x: Value) -> Value:
    """Texts from base 64, padded or not; bytes that are no text cannot come out."""
    codes, _ = explode(op, op.Reshape(x, [-1]))
    table = np.full(257, 0, np.int64)
    table[_CODES] = np.arange(64)
    letters = op.Pad(codes, [0, 0, 0, 4], op.constant(-1, INT64))
    groups = op.Div(op.Gather(op.shape(letters), 1, axis=0), 4)
    fours = op.Reshape(op.Slice(letters, [0], op.Reshape(groups * 4, [1]), [1]), [0, -1, 4])
    values = op.Gather(table, op.Where(fours >= 0, fours, 256), axis=0)
    word = op.MatMul(values, np.array([[2**18], [2**12], [2**6], [1]]))
    parts = op.Reshape(op.Mod(op.Div(word, np.array([65536, 256, 1])), 256), [0, -1])
    given = op.Cast(op.And(codes >= 0, op.Not(op.Equal(codes, _PAD))), to=INT64)
    count = op.Div(op.ReduceSum(given, axes=[1]) * 3, 4)
    place = op.Unsqueeze(op.Range(0, op.Gather(op.shape(parts), 1, axis=0), 1), axes=[0])
    return op.Reshape(implode(op, op.Where(place < count, parts, -1)), op.shape(x))
