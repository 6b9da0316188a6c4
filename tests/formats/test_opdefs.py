"""The table of op definitions: complete, and that of the TensorFlow it is tested with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from onward.formats.opdefs import REQUIRED, Arg, names, opdef

ROOT = Path(__file__).parents[2]


def test_every_line_parses() -> None:
    assert len(names()) > 1500
    for name in names():
        definition = opdef(name)
        for arg in (*definition.inputs, *definition.outputs):
            for attr in (arg.type_attr, arg.number_attr, arg.type_list_attr):
                assert attr is None or attr in definition.attrs


def test_some_definitions() -> None:
    conv = opdef("Conv2D")
    assert conv.inputs == (Arg("input", None, "T"), Arg("filter", None, "T"))
    assert conv.attrs["dilations"].default == [1, 1, 1, 1]
    assert conv.attrs["strides"].default is REQUIRED
    assert conv.attrs["padding"].allowed == ("SAME", "VALID", "EXPLICIT")
    assert np.dtype("float16") in (conv.attrs["T"].allowed or ())
    assert opdef("Assign").inputs[0].is_ref
    assert opdef("VarHandleOp").is_stateful
    with pytest.raises(KeyError):
        opdef("NoSuchOp")


def test_output_offsets() -> None:
    assert opdef("FusedBatchNormV3").output_offset("batch_variance", {}) == 2
    assert opdef("ParseExampleV2").output_offset("dense_values", {
        "num_sparse": 2, "sparse_types": [0, 0], "Tdense": [0], "ragged_value_types": [], "ragged_split_types": [],
    }) == 6  # fmt: skip
    with pytest.raises(KeyError):
        opdef("Relu").output_offset("nothing", {})


def test_the_definitions_of_this_tensorflow_are_there() -> None:
    """A newer TensorFlow may have more ops than the table, an older one fewer; what both have has the same outputs."""
    code = (
        "import sys; sys.path.insert(0, 'scripts'); import generate_opdefs as g\n"
        "print(*('\\t'.join((op.name, ' '.join(a.name for a in op.output_arg))) for op in g.definitions()), sep='\\n')"
    )
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    lines = [line.split("\t") for line in out.stdout.splitlines() if "\t" in line]
    known = set(names())
    assert len(lines) > 1500
    for name, outputs in lines:
        if name in known:
            assert [arg.name for arg in opdef(name).outputs] == outputs.split(), name
