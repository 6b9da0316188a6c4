"""What models are calibrated and measured on: arrays, pictures, iterables; batch by batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onward.errors import InvalidArgumentError, InvalidSourceError
from onward.runtime import Port
from onward.tools.pictures import Pictures, preprocessing
from onward.tools.quantize.ranges import Histogram, method
from onward.tools.quantize.samples import open_samples

FLOAT = np.dtype(np.float32)
VECTORS = [Port("x", FLOAT, ("batch", 4))]


def _open(data, ports=VECTORS, labels=None, preprocess=None, limit=100):
    return open_samples(data, ports, labels, preprocess, limit)


def _numbered(count: int) -> np.ndarray:
    return np.repeat(np.arange(count, dtype=np.float32)[:, None], 4, axis=1)


def test_arrays_come_in_batches_and_end_at_the_limit() -> None:
    batches = [batch["x"] for batch in _open({"x": _numbered(30)}, limit=19)]
    assert [len(batch) for batch in batches] == [8, 8, 3]
    np.testing.assert_array_equal(np.concatenate(batches), _numbered(19))


def test_a_fixed_batch_is_kept_to() -> None:
    batches = [batch["x"] for batch in _open({"x": _numbered(10)}, [Port("x", FLOAT, (4, 4))])]
    assert [len(batch) for batch in batches] == [4, 4]
    with pytest.raises(InvalidArgumentError, match="fewer than the batch"):
        list(_open({"x": _numbered(3)}, [Port("x", FLOAT, (4, 4))]))


def test_models_without_a_batch_take_one_sample_at_a_time() -> None:
    shapes = [batch["x"].shape for batch in _open({"x": _numbered(3)}, [Port("x", FLOAT, (4,))])]
    assert shapes == [(4,)] * 3


def test_several_sets_keep_their_own_lengths(tmp_path: Path) -> None:
    ports = [Port("ids", np.dtype(np.int64), ("batch", "length"))]
    path = tmp_path / "sets.npz"
    np.savez(path, **{"0/input:ids": np.zeros((2, 5), int), "1/input:ids": np.ones((3, 7), int)})
    assert [batch["ids"].shape for batch in _open(path, ports)] == [(2, 5), (3, 7)]


def test_labels_from_the_archive_a_file_and_an_array(tmp_path: Path) -> None:
    path, text, array = tmp_path / "a.npz", tmp_path / "labels.txt", tmp_path / "labels.npy"
    np.savez(path, x=_numbered(3), y=[2, 0, 1])
    text.write_text("2\n0\n1\n")
    np.save(array, [2, 0, 1])
    for data, labels in ((path, "y"), ({"x": _numbered(3)}, str(text)), ({"x": _numbered(3)}, array)):
        found = _open(data, labels=labels)
        assert list(found.labels) == [2, 0, 1]
        assert [set(batch) for batch in found] == [{"x"}]
    assert list(_open({"x": _numbered(3), "y": [1, 1, 0]}, labels="y").labels) == [1, 1, 0]
    with pytest.raises(InvalidArgumentError, match="no array of the data and no file"):
        _open({"x": _numbered(3)}, labels="nowhere")


def test_iterables_are_read_again_and_again() -> None:
    class Endless:
        def __iter__(self):
            while True:
                yield {"x": _numbered(1)}

    found = _open(Endless(), limit=20)
    assert [len(batch["x"]) for batch in found] == [8, 8, 4]  # single samples are put together
    assert [len(batch["x"]) for batch in found] == [8, 8, 4]
    once = _open({"x": _numbered(1) + i} for i in range(3))
    assert [batch["x"][:, 0].tolist() for batch in once] == [batch["x"][:, 0].tolist() for batch in once] == [[0, 1, 2]]
    assert len(list(_open(lambda: iter([{"x": _numbered(2)}])))) == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"z": _numbered(3)}, "not given or not known"),
        ({"x": np.zeros((2, 3, 4, 5), np.float32)}, "one more in front"),
        (list, "no samples"),
        (7, "not 7"),
    ],
)
def test_what_the_model_does_not_take_is_refused(data, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        list(_open(data))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes, three pictures: red ones of 6x4 pixels, and a grey one."""
    for name, colour in (("cat/1.png", (255, 0, 0)), ("cat/2.png", (255, 0, 0)), ("dog/1.png", (128, 128, 128))):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (6, 4), colour).save(path)
    (tmp_path / "pictures" / "notes.txt").write_text("no picture")
    return tmp_path / "pictures"


@pytest.mark.parametrize("first", [False, True])
def test_pictures_become_what_the_model_takes(first: bool, folder: Path) -> None:
    shape = ("batch", 3, 2, 5) if first else ("batch", 2, 5, 3)
    samples = _open(folder, [Port("image", FLOAT, shape)], "folders", "tf")
    [batch] = samples
    assert batch["image"].shape == (3, *shape[1:])
    pixel = batch["image"][0, :, 0, 0] if first else batch["image"][0, 0, 0]
    np.testing.assert_allclose(pixel, [1, -1, -1], atol=1e-6)
    assert list(samples.labels) == [0, 0, 1]


@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
def test_presets_are_those_of_keras(mode: str) -> None:
    imagenet_utils = pytest.importorskip("keras.src.applications.imagenet_utils", reason="Keras is the reference")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 3)).astype(np.uint8)
    expected = imagenet_utils.preprocess_input(pixels.astype(np.float32)[None], "channels_last", mode)[0]
    np.testing.assert_allclose(preprocessing(mode)(pixels), expected, atol=1e-4)


def test_preprocessing_is_spelled_out() -> None:
    found = preprocessing("scale=1/255,mean=0.5,std=0.25/0.5/1,bgr,crop,size=8x6")
    assert (found.size, found.crop) == ((8, 6), True)
    np.testing.assert_allclose(found(np.uint8([[[255, 0, 0]]])), [[[-2, -1, 0.5]]])
    for wrong in ("shiny", "scale=big", "size=0.5"):
        with pytest.raises(InvalidArgumentError, match="preprocessing"):
            preprocessing(wrong)


def test_folders_that_do_not_fit_are_refused(folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    picture = [Port("image", FLOAT, ("batch", "height", "width", 3))]
    with pytest.raises(InvalidSourceError, match="holds no pictures"):
        Pictures(empty, picture, preprocessing(None))
    with pytest.raises(InvalidArgumentError, match="size=224x224"):
        Pictures(folder, picture, preprocessing(None))
    with pytest.raises(InvalidArgumentError, match="one input of rank 4"):
        Pictures(folder, VECTORS, preprocessing(None))
    (folder / "broken.png").write_bytes(b"nothing")
    with pytest.raises(InvalidSourceError, match=r"broken\.png"):
        list(Pictures(folder, picture, preprocessing("size=4")))


def test_ranges_by_every_method() -> None:
    histogram = Histogram()
    rng = np.random.default_rng(0)
    for scale in (0.1, 1.0, 1.0, 3.0):  # each wider than the last: what was counted is counted still
        histogram.add(rng.standard_normal(20_000).astype(np.float32) * scale, True)
    histogram.add(np.float32([100.0, np.inf, np.nan]), True)
    assert histogram.counts.sum() == 80_001
    assert histogram.range("minmax", 0).high == 100
    low, high = histogram.range("percentile", 99.9)
    assert -14 < low < -5
    assert 5 < high < 14
    low, high = histogram.range("entropy", 0)
    assert 5 < high < 50
    assert low >= histogram.low


def test_methods_are_known_or_refused() -> None:
    assert method("percentile=99.5") == ("percentile", 99.5)
    assert method("entropy")[0] == "entropy"
    for wrong in ("median", "minmax=3", "percentile=all", "percentile=5"):
        with pytest.raises(InvalidArgumentError, match="calibration is"):
            method(wrong)
