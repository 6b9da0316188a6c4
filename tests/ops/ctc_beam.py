"""Connectionist temporal classification by beam search."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, f32, f64, i32


def _decode(width: int, paths: int = 1, merge: bool = False):
    def function(x, lengths):
        indices, values, shapes, scores = tf.raw_ops.CTCBeamSearchDecoder(
            inputs=x, sequence_length=lengths, beam_width=width, top_paths=paths, merge_repeated=merge
        )
        return [*indices, *values, *shapes, scores]

    return function


ARGS = (f32("t", "b", 4), i32("b", low=3, high=6))
CASES = {
    "narrow": case(_decode(3), *ARGS),
    "wide": case(_decode(40, 5), *ARGS),
    "merge": case(_decode(10, 2, True), *ARGS),
    "few-labels": case(_decode(8, 3), f32("t", "b", 2), i32("b", low=4, high=6)),
    "lengths": case(_decode(5), f32("t", "b", 3), i32("b", low=0, high=6)),
    "long": case(_decode(12, 4), f32("t", "b", 5), i32("b", low=20, high=30), sizes={"t": (30, 41)}),
    "sure": case(_decode(6, 2), f32("t", "b", 4, low=-6, high=6), i32("b", low=5, high=6)),
    "double": case(_decode(7, 2), f64("t", "b", 3), i32("b", low=3, high=6)),
    "api": case(
        lambda x, lengths: [
            part for decoded in tf.nn.ctc_beam_search_decoder(x, lengths, 20, 2)[0] for part in tf.nest.flatten(
                decoded, expand_composites=True
            )
        ],
        *ARGS,
    ),
    **at_opsets({"opset": case(_decode(6, 2), *ARGS)}, 13, 18, 23),
}  # fmt: skip
