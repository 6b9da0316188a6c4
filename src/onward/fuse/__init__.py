"""Fusions: what runtimes run fastest, in place of what TensorFlow spells out.

``recognise`` finds whole functions while the graph still has TensorFlow's shape and layout; ``absorb`` runs after the
transposes are gone and folds constants into the weights of what stands before them.
"""

from __future__ import annotations

from onward.fuse import (
    activation,
    affine,
    attention,
    bidirectional,
    conv,
    depth,
    instance_norm,
    join,
    matmul,
    move,
    norm,
    pool,
    reverse,
    rms_norm,
    rotary,
    sequence,
    upsample,
)
from onward.fuse.engine import merged, rewriting
from onward.fuse.rnn import recur

recognise = rewriting(
    "recognise",
    merged(
        rotary.RULES,
        attention.RULES,
        activation.RULES,
        norm.RULES,
        rms_norm.RULES,
        instance_norm.RULES,
        norm.ELSEWHERE,
        matmul.RULES,
        join.EARLY,
        move.EARLY,
        sequence.RULES,
        upsample.RULES,
        depth.RULES,
    ),
)
absorb = rewriting(
    "absorb",
    merged(
        activation.RULES,
        affine.RULES,
        conv.RULES,
        pool.RULES,
        join.RULES,
        move.RULES,
        reverse.RULES,
        bidirectional.RULES,
    ),
)

__all__ = ["absorb", "recognise", "recur"]
