"""The doctor on this environment, and on others whose metadata lie in folders as pip leaves it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import onnxruntime
import pytest

import onward
from onward.tools.conflicts import Conflict
from onward.tools.doctor import Checkup
from onward.tools.machine import FEATURES, Machine, _numpy_groups, machine
from tests.command import COMMAND, ENVIRONMENT
from tests.command import onward as command

Site = Callable[..., Checkup]


def folder(root: Path, *packages: str) -> Path:
    """A folder with the metadata of packages: ``name==version``, and behind bars what it asks for."""
    root.mkdir(exist_ok=True)
    for package in packages:
        (name, _, version), *needs = (
            part if i else part.partition("==") for i, part in enumerate(package.split(" | "))
        )
        about = root / f"{name.replace('-', '_')}-{version}.dist-info"
        about.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        (about / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {need}" for need in needs)]) + "\n")
    return root


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """The doctor's findings in an environment of these packages."""
    return lambda *packages: onward.doctor([str(folder(tmp_path / "site", *packages))])


def conflict(found: Checkup) -> Conflict:
    """The only conflict."""
    [only] = found.conflicts
    return only


def test_this_environment_converts() -> None:
    result = command("doctor", "--json")
    assert result.returncode == 0, result.stdout
    found = json.loads(result.stdout)
    assert found["healthy"]
    assert found["packages"]["numpy"] == metadata.version("numpy")
    assert found["packages"]["onnxruntime"] == onnxruntime.__version__
    ask = "import json, onnxruntime; print(json.dumps(onnxruntime.get_available_providers()))"  # here plugins may be in
    fresh = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=120, check=True)
    assert found["details"]["onnxruntime"]["providers"] == json.loads(fresh.stdout)
    assert found["details"]["onnxruntime"]["opset"] >= 21
    assert found["details"]["protobuf"]["backend"] == "upb"
    assert found["extras"]["runtime"] == []
    assert found["variables"]["CUDA_VISIBLE_DEVICES"] == "-1"


def test_tensorflow_is_read_about_and_not_imported() -> None:
    code = (
        "import onward, sys; onward.doctor(); print(*{'tensorflow', 'keras', 'onnxruntime', 'onnx'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=True
    )
    assert result.stdout.split() == []


def test_pure_python_protobuf_is_broken_and_mended() -> None:
    variable = "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"
    environment = {**ENVIRONMENT, variable: "python"}
    result = subprocess.run(
        [*COMMAND, "doctor"], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 4
    assert f"mend: unset {variable}" in result.stdout
    assert "1 thing is broken" in result.stdout


def test_a_package_that_does_not_load_is_told_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "openvino.py").write_text("raise ImportError('libtbb.so.12: cannot open shared object file')\n")
    folder(tmp_path, "openvino==2025.1")
    environment = {**ENVIRONMENT, "PYTHONPATH": os.pathsep.join([str(tmp_path), ENVIRONMENT["PYTHONPATH"]])}
    result = subprocess.run(
        [*COMMAND, "doctor", "--json"], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 4
    [found] = [c for c in json.loads(result.stdout)["conflicts"] if c["breaks"]]
    assert "openvino is installed and does not load: ImportError: libtbb.so.12" in found["text"]
    assert found["mend"] == "pip install --force-reinstall openvino"


def test_two_wheels_of_one_module(site: Site) -> None:
    found = site("onnxruntime==1.22.0", "onnxruntime-gpu==1.23.0", "onnxruntime-extensions==0.14.0")
    assert not found.healthy
    assert "onnxruntime and onnxruntime-gpu write the same files" in conflict(found).text
    assert conflict(found).mend == (
        "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu==1.23.0"
    )
    assert found.packages["onnxruntime"] == "1.23.0"


def test_a_wheel_that_another_asks_for_is_none_too_many(site: Site) -> None:
    found = site("tensorflow==2.17.0 | tensorflow-intel==2.17.0", "tensorflow-intel==2.17.0")
    assert found.conflicts == ()
    assert found.packages["tensorflow"] == "2.17.0"


@pytest.mark.parametrize(
    ("packages", "text"),
    [
        (("numpy==2.1.0", "onnxruntime-gpu==1.18.1"), "onnxruntime-gpu 1.18.1 is built for NumPy 1"),
        (("numpy==2.0.2", "tensorflow-cpu==2.17.1"), "tensorflow-cpu 2.17.1 is built for NumPy 1"),
        (("keras==3.3.3", "tensorflow==2.15.1"), "TensorFlow 2.15.1 knows Keras 2 alone"),
        (("keras==2.15.0", "tf_nightly==2.18.0.dev20240901"), "wants Keras 3; tf.keras fails beside Keras 2.15.0"),
        (("protobuf==3.20.3",), "protobuf 3.20.3 has no upb backend"),
        (("onward==0.1.0 | onnx>=1.17", "onnx==1.14.1"), "onward asks for onnx>=1.17, and 1.14.1 is installed"),
    ],
)
def test_versions_that_break_each_other(site: Site, packages: tuple[str, ...], text: str) -> None:
    found = site(*packages)
    assert not found.healthy
    assert text in conflict(found).text
    assert conflict(found).mend.startswith("pip install ")


@pytest.mark.parametrize(
    "packages",
    [
        ("numpy==2.1.0", "onnxruntime==1.19.0", "tensorflow==2.18.0", "keras==3.6.0"),
        ("numpy==1.26.4", "onnxruntime==1.18.1", "tensorflow==2.17.1", "keras==3.4.1"),
        ("tensorflow==2.15.1 | keras<2.16,>=2.15.0", "keras==2.15.0"),
        ("tf-keras==2.21.0 | tensorflow<2.22,>=2.21", "tensorflow-cpu==2.21.0"),
        (
            "something==1.0 | tensorflow>=3; extra == 'tf'",
            "something-else==1.0 | absent | not (a) requirement",
            "tensorflow==2.21.0",
        ),
    ],
)
def test_versions_that_go_together(site: Site, packages: tuple[str, ...]) -> None:
    assert site(*packages).conflicts == ()


def test_what_holds_protobuf_back_is_named_with_its_cure(site: Site) -> None:
    found = site("tf2onnx==1.16.1 | protobuf~=3.20", "protobuf==6.33.0")
    assert found.healthy
    assert conflict(found).text == "tf2onnx asks for protobuf~=3.20, and 6.33.0 is installed"
    assert conflict(found).mend.startswith("pip uninstall -y tf2onnx")


def test_keras_2_that_tensorflow_is_asked_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    assert "TF_USE_LEGACY_KERAS asks TensorFlow for Keras 2" in conflict(site("tensorflow==2.18.0")).text


def test_extras_say_what_they_lack(tmp_path: Path) -> None:
    about = folder(tmp_path / "site", "onward==0.1.0", "numpy==2.1.0") / "onward-0.1.0.dist-info" / "METADATA"
    lines = [
        "Provides-Extra: runtime",
        "Provides-Extra: both",
        "Requires-Dist: numpy",
        "Requires-Dist: onnxruntime>=1.20; extra == 'runtime'",
        "Requires-Dist: onward[runtime]; extra == 'both'",
        "Requires-Dist: onnx-ir; extra == 'both'",
    ]
    about.write_text(about.read_text() + "\n".join(lines) + "\n")
    found = onward.doctor([str(tmp_path / "site")])
    assert found.extras == {"runtime": ("onnxruntime",), "both": ("onnxruntime", "onnx-ir")}
    assert "lacks onnxruntime: pip install 'onward[runtime]'" in str(found)


def test_an_interrupted_installation_is_no_package(site: Site, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "~umpy-2.0.0.dist-info").mkdir()
    assert site("numpy==2.1.0").packages["numpy"] == "2.1.0"


def test_the_machine_is_this_one() -> None:
    found = machine()
    assert 1 <= found.cores <= (os.cpu_count() or 1)
    assert found.memory is None or found.memory > 1 << 30
    assert set(found.features) <= {feature.name for feature in FEATURES}


def test_features_are_those_that_numpy_found() -> None:
    groups = _numpy_groups()
    for feature in FEATURES:
        if feature.numpy:
            assert (feature.name in machine().features) == bool(groups & set(feature.numpy.split())), feature.name


@pytest.mark.parametrize(
    ("features", "text"),
    [(("AVX2", "AVX512", "VNNI"), "fast"), (("AVX2",), "reduce_range"), (("dotprod", "fp16"), "fast"), ((), "slow")],
)
def test_what_int8_can_expect(features: tuple[str, ...], text: str) -> None:
    assert text in Machine("", "", features, 1, None, None).int8
