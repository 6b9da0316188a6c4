"""Numbers read alike and stand below one another."""

from __future__ import annotations

import pytest

from onward.reporting import Bars, Cell, Mark, Table
from onward.reporting.cells import aligned, bars, numeric, sentence, text


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (1234567, "1,234,567"),
        (0.123456, "0.1235"),
        (1e-9, "1e-09"),
        (True, "yes"),
        (None, ""),
        (Mark("ok", "runs"), "runs"),
    ],
)
def test_cells_as_people_read_them(cell: Cell, words: str) -> None:
    assert text(cell) == words


@pytest.mark.parametrize(
    "column",
    [("2.31 ms", "-"), ("1.2e-07", None), ("+3", "-49 %"), ("25,636,712", ""), (1, 2.5), ("≈ 3×",), ("37.8 kB",)],
)
def test_columns_of_numbers(column: tuple[Cell, ...]) -> None:
    assert numeric(Table(("x",), [(cell,) for cell in column])) == [True]


@pytest.mark.parametrize(
    "column", [("Conv", "1"), (), ("-",), (True, False), (Mark("ok", "1"),), ("opset 21",), ("1.2.3",)]
)
def test_columns_of_words(column: tuple[Cell, ...]) -> None:
    assert numeric(Table(("x",), [(cell,) for cell in column])) == [False]


def test_decimal_points_stand_below_one_another() -> None:
    table = aligned(Table(("ms", "error"), [(9.1, 1e-7), (12.345, 2.0), (3, None)]))
    assert list(table.rows) == [("9.10", 1e-7), ("12.35", 2.0), (3, None)]
    assert bars(Bars({"a": 9.1, "b": 2.31}, "ms")) == [
        ("a", "9.10 ms", 1.0),
        ("b", "2.31 ms", pytest.approx(0.2538, 1e-3)),
    ]
    assert bars(Bars({})) == []


def test_sentences_begin_with_a_capital_and_names_do_not() -> None:
    assert sentence("equal to TensorFlow") == "Equal to TensorFlow"
    assert sentence("model.onnx runs") == "model.onnx runs"
    assert sentence("") == ""
