"""Messages as text: enums by name, strings untouched, and what is no text."""

from __future__ import annotations

import pytest

from onward.errors import InvalidSourceError
from onward.formats.text import is_text, parse_text

NODE = b'node { name: "x" op: "Const" attr { key: "dtype" value { type: DT_HALF } } }'


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("DT_FLOAT", 1),
        ("DT_HALF", 19),
        ("DT_INT64_REF", 109),
        ("DT_RESOURCE", 20),
        ("DT_QUINT8", 12),
        ("DT_INVALID", 0),
    ],
)
def test_dtypes_by_name(name: str, number: int) -> None:
    graph = parse_text(NODE.replace(b"DT_HALF", name.encode()), "GraphDef", "text")
    assert graph.node[0].attr["dtype"].type == number


def test_names_in_strings_and_comments_stay() -> None:
    text = b"# DT_FLOAT is a dtype\n" + NODE.replace(b'"x"', b"'DT_FLOAT \\' \"DT_INT32\"'")
    assert parse_text(text, "GraphDef", "text").node[0].name == 'DT_FLOAT \' "DT_INT32"'


def test_lists_and_unknown_fields() -> None:
    text = b'node { name: "x" attr { key: "T" value { list { type: [DT_FLOAT, DT_BOOL] } } } debug_info { a: 1 } }'
    assert list(parse_text(text, "GraphDef", "text").node[0].attr["T"].list.type) == [1, 10]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (NODE, True),
        (b"\n  # a comment\nversions { producer: 9 }", True),
        (b"node: < name: 'x' >", True),
        (b"\n\x13\n\x01x\x12\x0bPlaceholder", False),
        (b"\x08\x01\x12\x04", False),
        (b"", False),
        (b"PK\x03\x04", False),
    ],
)
def test_what_is_text(data: bytes, text: bool) -> None:
    assert is_text(data) == text


@pytest.mark.parametrize(
    "text",
    [NODE[:-10], b"node { name: 7 }", b"node { name: 'x", b"node { name: '\xff' }", NODE.replace(b"HALF", b"NO")],
)
def test_damage_is_named(text: bytes) -> None:
    with pytest.raises(InvalidSourceError, match=r"some\.pbtxt is damaged or cut short"):
        parse_text(text, "GraphDef", "some.pbtxt")
