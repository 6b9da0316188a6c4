"""What only TFLite has, by its names in MLIR's tfl dialect (``tfl.conv_2d``)."""

from __future__ import annotations

from onward.ops.tflite import activation, conv, detection, integer_lstm, lookup, lstm, quantize, rnn, sequence, window

__all__ = ["activation", "conv", "detection", "integer_lstm", "lookup", "lstm", "quantize", "rnn", "sequence", "window"]
