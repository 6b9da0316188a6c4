"""Lookup tables of every kind, from SavedModels and from live functions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import onward
from onward.options import Options
from onward.sources import open_source

WORDS = np.array(["apple", "zebra", "é", "a", "b", "other", "x"], object)
SPEC = [tf.TensorSpec([None], tf.string, name="x")]


class Tables(tf.Module):
    """A table from a file, one with buckets for the rest, and one filled by hand."""

    def __init__(self, vocabulary: str) -> None:
        super().__init__()
        index = tf.lookup.TextFileIndex
        lines = tf.lookup.TextFileInitializer(
            vocabulary, tf.string, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER, delimiter=" "
        )
        letters = tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([0, 1], tf.int64))
        self.lines = tf.lookup.StaticHashTable(lines, -1)
        self.buckets = tf.lookup.StaticVocabularyTable(letters, 5)
        self.mutable = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
        self.mutable.insert(["x", "apple"], tf.constant([5, 6], tf.int64))

    @tf.function(input_signature=SPEC)
    def all(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            "lines": self.lines.lookup(x),
            "buckets": self.buckets.lookup(x),
            "mutable": self.mutable.lookup(x),
            "size": self.lines.size() + self.mutable.size(),
        }

    @tf.function(input_signature=SPEC)
    def within(self, x: tf.Tensor) -> tf.Tensor:
        return tf.cond(tf.size(x) > 3, lambda: self.lines.lookup(x), lambda: self.mutable.lookup(x))


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tables, Path]:
    folder = tmp_path_factory.mktemp("tables")
    (folder / "words.txt").write_text("apple\nzebra\né\n", encoding="utf-8")
    module = Tables(str(folder / "words.txt"))
    tf.saved_model.save(module, folder / "saved", signatures={"all": module.all, "within": module.within})
    return module, folder / "saved"


@pytest.mark.parametrize("source", ["live", "saved"])
def test_contents(tables: tuple[Tables, Path], source: str) -> None:
    module, path = tables
    program = onward.convert(module.all if source == "live" else path, signature=None if source == "live" else "all")
    expected = module.all(tf.constant(WORDS))
    for name, got in program.run({"x": WORDS}).items():
        np.testing.assert_array_equal(got, expected[name].numpy(), name)


@pytest.mark.parametrize("source", ["live", "saved"])
def test_tables_used_only_in_branches(tables: tuple[Tables, Path], source: str) -> None:
    """Their contents are read though no lookup stands in the outer graph."""
    module, path = tables
    graph = open_source(module.within if source == "live" else path, Options(signature="within"))
    found = [node.value for node in graph.nodes() if "HashTable" in node.op]
    assert sorted(len(table.keys) for table in found) == [2, 3]
