"""Fusions: what runtimes run fastest, in place of what TensorFlow spells out."""

from __future__ import annotations

from onward.fuse import activation, affine, conv
from onward.fuse.engine import merged, rewriting

fuse = rewriting(merged(activation.RULES, affine.RULES, conv.RULES))
