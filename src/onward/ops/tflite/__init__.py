"""What only TFLite has, by its names in MLIR's tfl dialect (``tfl.conv_2d``)."""
