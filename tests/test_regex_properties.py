"""Patterns put together at random replace what they replace in TensorFlow."""

from __future__ import annotations

import numpy as np
import onnxruntime
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import onward

TEXTS = np.array(["", "a", "ab", "abba", "baab", "aaaa", "b a", " ab ab ", "cabcab", "aéb", "éé", "bbbaaa\nab"], object)
_ATOM = st.sampled_from(["a", "b", "[ab]", "[^a]", ".", "é", r"\w", r"\s", "^", "$", r"\b"])


def _larger(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repeated = st.tuples(parts, st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}"]))
    return st.one_of(
        st.tuples(parts, parts).map("".join),
        st.tuples(parts, parts).map(lambda p: f"({p[0]}|{p[1]})"),
        repeated.map(lambda p: f"(?:{p[0]}){p[1]}"),
        parts.map(lambda p: f"({p})"),
    )


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.recursive(_ATOM, _larger, max_leaves=6), st.booleans())
def test_any_pattern(pattern: str, grouped: bool) -> None:
    rewrite = r"<\0\1>" if grouped else "#"
    pattern = f"({pattern})"

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="x")])
    def function(x: tf.Tensor) -> tf.Tensor:
        return tf.strings.regex_replace(x, pattern, rewrite)

    model = onward.convert(function, verify=False).model_proto
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {"x": TEXTS})
    want = [text.decode() for text in function(tf.constant(TEXTS)).numpy()]
    assert list(got) == want, pattern
