"""TFLite operators: tables of cases, one module for each family, run by tests/test_tflite_ops.py."""
