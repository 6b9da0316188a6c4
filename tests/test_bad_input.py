"""What is wrong is said in one sentence, with its exit code; nothing is half written, nothing lost."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import resource
import shutil
import signal
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from onward import console
from tests.command import COMMAND, DIGITS, ENVIRONMENT, onward

PRECIOUS = "what stood here before"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The digits SavedModel as ``model``, and a file where the output is to go."""
    shutil.copytree(DIGITS / "saved_model", tmp_path / "model")
    (tmp_path / "out.onnx").write_text(PRECIOUS)
    return tmp_path


def fails(folder: Path, code: int, *words: str, arguments: tuple[object, ...], before: Callable | None = None) -> str:
    """Converts and checks all that every failure has in common; returns what was said."""
    listing = sorted(p.relative_to(folder) for p in folder.rglob("*"))
    result = onward("convert", *arguments, folder=folder, before=before)
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert (folder / "out.onnx").read_text() == PRECIOUS
    assert sorted(p.relative_to(folder) for p in folder.rglob("*")) == listing
    for word in words:
        assert word in result.stderr
    return result.stderr


def cut(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def tfjs(folder: Path) -> Path:
    """The folder of a TensorFlow.js model."""
    shutil.copytree(Path(__file__).parent / "data" / "tfjs", folder / "js")
    return folder / "js"


def frozen(file: Path, *nodes: str) -> None:
    """A GraphDef as text; each node is written ``name op input ..``."""
    lines = []
    for name, op, *inputs in map(str.split, nodes):
        given = "".join(f' input: "{reference}"' for reference in inputs)
        lines.append(f'node {{ name: "{name}" op: "{op}"{given} attr {{ key: "T" value {{ type: DT_FLOAT }} }}')
        lines.append('  attr { key: "dtype" value { type: DT_FLOAT } } }')
    file.write_text("\n".join(lines))


def nothing(folder: Path) -> None:
    """A model as it should be."""


# What is done to the folder; what is said on the command line; exit code; words of the sentence.
CASES: dict[str, tuple[Callable[[Path], object], str, int, str]] = {
    "no such path": (nothing, "nowhere -o out.onnx", 3, "nowhere|does not exist"),
    "no SavedModel": (lambda f: (f / "model/saved_model.pb").unlink(), "model -o out.onnx", 3, "saved_model.pb"),
    "cut to half": (lambda f: cut(f / "model/saved_model.pb", 0.5), "model -o out.onnx", 3, "saved_model.pb"),
    "cut at the end": (lambda f: cut(f / "model/saved_model.pb", 0.99), "model -o out.onnx", 3, "saved_model.pb"),
    "empty pb": (lambda f: cut(f / "model/saved_model.pb", 0), "model -o out.onnx", 3, "saved_model.pb"),
    "noise": (
        lambda f: (f / "model/saved_model.pb").write_bytes(np.random.default_rng(1).bytes(5000)),
        "model -o out.onnx", 3, "saved_model.pb",
    ),
    "no variables": (lambda f: shutil.rmtree(f / "model/variables"), "model -o out.onnx", 3, "variables"),
    "no index": (lambda f: (f / "model/variables/variables.index").unlink(), "model -o out.onnx", 3, "variables.index"),
    "cut index": (lambda f: cut(f / "model/variables/variables.index", 0.6), "model -o out.onnx", 3, "variables.index"),
    "no data": (
        lambda f: (f / "model/variables/variables.data-00000-of-00001").unlink(),
        "model -o out.onnx", 3, "variables.data",
    ),
    "cut data": (
        lambda f: cut(f / "model/variables/variables.data-00000-of-00001", 0.5),
        "model -o out.onnx", 3, "variables.data",
    ),
    "unknown signature": (nothing, "model -o out.onnx --signature predict", 2, "predict|serving_default"),
    "unknown tag": (nothing, "model -o out.onnx --tag train", 2, "train"),
    "unknown input": (nothing, "model -o out.onnx --input picture=1,8,8,1", 2, "picture|image"),
    "wrong rank": (nothing, "model -o out.onnx --input image=batch,8,8", 2, "image|4 dimensions"),
    "wrong size": (nothing, "model -o out.onnx --input image=batch,9,8,1", 2, "image|(batch, 9, 8, 1)"),
    "no dimension": (nothing, "model -o out.onnx --input image=a,,8,1", 2, "empty"),
    "unknown output": (nothing, "model -o out.onnx --outputs logits", 2, "logits|output_0"),
    "opset too high": (nothing, "model -o out.onnx --opset 99", 2, "99"),
    "opset too low": (nothing, "model -o out.onnx --opset 7", 2, "7"),
    "folder missing": (nothing, "model -o missing/out.onnx", 7, "missing|does not exist"),
    "output is a folder": (nothing, "model -o model", 7, "model|directory"),
    "unknown kind": (lambda f: (f / "a.txt").write_text("text"), "a.txt -o out.onnx", 3, "a.txt|SavedModel"),
    "an ONNX file": (lambda f: (f / "a.onnx").write_bytes(b"\x08\x0a"), "a.onnx -o out.onnx", 3, "ONNX"),
    "empty .keras": (lambda f: (f / "a.keras").touch(), "a.keras -o out.onnx", 3, "a.keras"),
    "empty .h5": (lambda f: (f / "a.h5").touch(), "a.h5 -o out.onnx", 3, "a.h5"),
    "empty .pb": (lambda f: (f / "a.pb").touch(), "a.pb -o out.onnx", 3, "a.pb"),
    "noise .pb": (
        lambda f: (f / "a.pb").write_bytes(np.random.default_rng(2).bytes(9000)), "a.pb -o out.onnx", 3, "a.pb|damaged",
    ),
    "cut .pbtxt": (
        lambda f: (frozen(f / "a.pbtxt", "x Placeholder", "y Relu x"), cut(f / "a.pbtxt", 0.8)),
        "a.pbtxt -o out.onnx", 3, "a.pbtxt|damaged",
    ),
    "a node that is not there": (
        lambda f: frozen(f / "a.pbtxt", "x Placeholder", "y Relu z"), "a.pbtxt -o out.onnx", 3, "a.pbtxt|'z'",
    ),
    "a function that is not there": (
        lambda f: frozen(f / "a.pbtxt", "x Placeholder", "y PartitionedCall x"), "a.pbtxt -o out.onnx --outputs y", 3,
        "a.pbtxt|function",
    ),
    "a circle": (
        lambda f: frozen(f / "a.pbtxt", "x Placeholder", "y AddV2 x z", "z Relu y", "w Relu z"),
        "a.pbtxt -o out.onnx", 3, "a.pbtxt|depends on itself",
    ),
    "half a loop": (
        lambda f: frozen(f / "a.pbtxt", "x Placeholder", "e Enter x", "m Merge e n", "n NextIteration m", "y Exit m"),
        "a.pbtxt -o out.onnx --outputs y", 3, "a.pbtxt|loop that has no condition",
    ),
    "not frozen": (
        lambda f: frozen(f / "a.pbtxt", "v VariableV2", "y Relu v"), "a.pbtxt -o out.onnx", 3, "a.pbtxt|not frozen",
    ),
    "no checkpoint": (
        lambda f: (f / "a.ckpt.index").write_bytes(b"x" * 60), "a.ckpt -o out.onnx", 3, "a.ckpt.meta is missing",
    ),
    "cut .keras": (
        lambda f: (shutil.copy(DIGITS / "digits.keras", f / "a.keras"), cut(f / "a.keras", 0.5)),
        "a.keras -o out.onnx", 3, "a.keras",
    ),
    "a zip": (
        lambda f: zipfile.ZipFile(f / "a.keras", "w").close(), "a.keras -o out.onnx", 3, "a.keras|config.json",
    ),
    "cut model.json": (lambda f: cut(tfjs(f) / "model.json", 0.5), "js -o out.onnx", 3, "model.json|cut short"),
    "no shard": (lambda f: (tfjs(f) / "group1-shard2of2.bin").unlink(), "js -o out.onnx", 3, "shard2of2.bin"),
    "cut shard": (
        lambda f: cut(tfjs(f) / "group1-shard2of2.bin", 0.5), "js/model.json -o out.onnx", 3, "model.json|bytes",
    ),
    "shard outside": (
        lambda f: (tfjs(f) / "model.json").write_text(
            (f / "js/model.json").read_text().replace("group1-shard2of2.bin", "../out.onnx")
        ),
        "js -o out.onnx", 3, "model.json|../out.onnx|outside",
    ),
    "another JSON": (lambda f: (f / "a.json").write_text('{"a": 1}'), "a.json -o out.onnx", 3, "a.json|modelTopology"),
    "no golden file": (nothing, "model -o out.onnx --golden io.npz", 3, "io.npz|does not exist"),
    "golden is no npz": (lambda f: (f / "io.npz").write_text("x"), "model -o out.onnx --golden io.npz", 3, "io.npz"),
    "golden needs pickle": (
        lambda f: np.savez(f / "io.npz", **{"input:image": np.array([{}])}),
        "model -o out.onnx --golden io.npz", 3, "io.npz",
    ),
    "golden lacks inputs": (
        lambda f: np.savez(f / "io.npz", **{"output:output_0": np.ones((1, 10))}),
        "model -o out.onnx --golden io.npz", 2, "image",
    ),
    "golden lacks outputs": (
        lambda f: np.savez(f / "io.npz", **{"input:image": np.ones((1, 8, 8, 1), "float32")}),
        "model -o out.onnx --golden io.npz", 2, "io.npz|output:",
    ),
    "golden and no verify": (nothing, "model -o out.onnx --golden io.npz --no-verify", 2, "--no-verify"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_one_sentence_and_a_code(name: str, folder: Path) -> None:
    damage, line, code, words = CASES[name]
    damage(folder)
    verify = () if "--golden" in line else ("--no-verify",)
    said = fails(folder, code, *words.split("|"), arguments=(*line.split(), *verify))
    assert said.startswith("onward: ")
    assert len(said.splitlines()) == 1


def test_debug_shows_the_traceback(folder: Path) -> None:
    result = onward("convert", "nowhere", "-o", "out.onnx", "--debug", folder=folder)
    assert result.returncode == 1
    assert "Traceback" in result.stderr
    assert "InvalidSourceError" in result.stderr


def test_errors_as_json(folder: Path) -> None:
    result = onward("convert", "nowhere", "-o", "out.onnx", "--json", folder=folder)
    said = json.loads(result.stdout)
    assert (said["error"], said["exit_code"], result.returncode) == ("InvalidSourceError", 3, 3)


def test_full_disk(folder: Path) -> None:
    """A file may not grow beyond a few kilobytes: what a full disk does, without a disk to fill."""
    fails(folder, 7, "out.onnx", arguments=("model", "-o", "out.onnx", "--no-verify"), before=_small_files)
    (folder / "out.onnx.data").write_text(PRECIOUS)
    arguments = ("model", "-o", "out.onnx", "--no-verify", "--external-data")
    fails(folder, 7, "out.onnx.data", arguments=arguments, before=_small_files)
    assert (folder / "out.onnx.data").read_text() == PRECIOUS


def _small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_full_device(folder: Path) -> None:
    fails(folder, 7, "No space left", arguments=("model", "-o", "/dev/full", "--no-verify"))
    assert Path("/dev/full").is_char_device()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_read_only(folder: Path) -> None:
    (folder / "out.onnx").chmod(0o444)
    fails(folder, 7, "permission", arguments=("model", "-o", "out.onnx", "--no-verify"))
    (folder / "locked").mkdir(0o555)
    fails(folder, 7, "permission", arguments=("model", "-o", "locked/out.onnx", "--no-verify"))


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("stage", ["verify", "write"])
def test_interrupted_half_way(folder: Path, sent: signal.Signals, code: int, stage: str) -> None:
    """The progress bar on a terminal tells when the stage has begun; writing waits for a reader that never comes."""
    output = folder / "out.onnx"
    if stage == "write":
        output = folder / "pipe"
        os.mkfifo(output)
    listing = sorted(folder.rglob("*"))
    verify = ["--verify"] if stage == "verify" else ["--no-verify"]
    ours, theirs = pty.openpty()
    command = [*COMMAND, "convert", "model", "-o", str(output), *verify]
    with subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        while stage.encode() not in seen:
            seen += os.read(ours, 4096)
        process.send_signal(sent)
        assert process.wait(timeout=120) == code
        os.set_blocking(ours, False)
        seen += _rest(ours)
    assert b"Traceback" not in seen
    assert (folder / "out.onnx").read_text() == PRECIOUS
    assert sorted(folder.rglob("*")) == listing


def test_what_a_library_swallows_ends_the_work_at_the_next_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "_interrupted", False)
    begun = []

    def work() -> None:
        with console.progress("verify", "write") as progress:
            for stage in ("verify", "write"):
                with progress.stage(stage), contextlib.suppress(KeyboardInterrupt):
                    begun.append(stage)
                    console._interrupt()

    with pytest.raises(KeyboardInterrupt):
        work()
    assert begun == ["verify"]


def _rest(terminal: int) -> bytes:
    """What is left to read from a terminal whose other end is closed."""
    found = b""
    try:
        while data := os.read(terminal, 4096):
            found += data
    except OSError:  # how Linux says that nobody writes any more
        return found
    finally:
        os.close(terminal)
    return found


def test_lambda_runs_only_when_allowed(folder: Path) -> None:
    keras = pytest.importorskip("keras", reason="a .keras file is made and read by Keras")
    marker = folder / "ran"
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((4,)), layers.Lambda(eval(f"lambda x: (open({str(marker)!r}, 'w').close(), x * 2)[1]"))]
    )
    model.save(folder / "code.keras")
    marker.unlink(missing_ok=True)
    fails(folder, 3, "Lambda", "--allow-unsafe", arguments=("code.keras", "-o", "out.onnx", "--no-verify"))
    assert not marker.exists()
    allowed = onward("convert", "code.keras", "-o", "b.onnx", "--no-verify", "--allow-unsafe", folder=folder)
    assert allowed.returncode == 0, allowed.stderr
    assert marker.exists()
