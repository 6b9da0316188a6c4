"""Fusions: what runtimes run fastest, in place of what TensorFlow spells out."""

from __future__ import annotations

from onward.fuse import affine, conv
from onward.fuse.engine import merged, rewriting

fuse_linear = rewriting(merged(affine.RULES, conv.RULES))
