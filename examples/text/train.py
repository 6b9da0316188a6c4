"""Train the manuals classifier and write everything that this folder holds.

    python examples/text/train.py [FOLDER]

Needs tensorflow, keras and scikit-learn; the sentences are those of the manuals that come with Python, NumPy and
scikit-learn. Takes about a minute on two cores.
"""

from __future__ import annotations

import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pydoc_data.topics import topics

import keras
import numpy as np
import tensorflow as tf
from sklearn.model_selection import train_test_split

SEED = 7
MANUALS = ("python", "numpy", "sklearn")
SENTENCES = 2500  # of each manual
WORDS = 3000
GOLDEN = 16
_NOT_PROSE = re.compile(r"\S*[`_<>=\[\]()*:/\\|]\S*")  # code, links, tables: no words of a sentence


def prose(text: str) -> Iterator[str]:
    """The sentences of a text: paragraphs of running words, markup taken out."""
    for paragraph in re.split(r"\n\s*\n", text):
        if re.search(r">>>|---|===|\.\. ", paragraph):
            continue
        for sentence in re.split(r"(?<=[.!?])\s+", " ".join(paragraph.split())):
            words = _NOT_PROSE.sub(" ", sentence).split()
            if 5 <= len(words) <= 40 and sentence[0].isupper() and sentence.endswith("."):
                yield " ".join(words)


def docstrings(package: str) -> Iterator[str]:
    """The docstrings of what a package's modules hold."""
    root = import_module(package)
    names = [m.name for m in pkgutil.walk_packages(root.__path__, package + ".") if "test" not in m.name]
    names = [name for name in names if not any(part.startswith("_") for part in name.split("."))]
    for name in [package, *names]:
        try:
            module = import_module(name)
        except (ImportError, AttributeError) as error:  # wants what is not installed
            print(f"{name}: {type(error).__name__}")
            continue
        for value in vars(module).values():
            if getattr(value, "__module__", None) and str(value.__module__).startswith(package):
                yield inspect.getdoc(value) or ""
                for method in vars(value).values() if inspect.isclass(value) else ():
                    yield (inspect.getdoc(method) or "") if inspect.isfunction(method) else ""


def sentences() -> tuple[np.ndarray, np.ndarray]:
    """Sentences, none in two manuals, and the numbers of their manuals."""
    rng = np.random.default_rng(SEED)
    texts = {"python": topics.values(), "numpy": docstrings("numpy"), "sklearn": docstrings("sklearn")}
    found = {manual: dict.fromkeys(s for text in texts[manual] for s in prose(text)) for manual in MANUALS}
    chosen, labels = [], []
    for number, manual in enumerate(MANUALS):
        others = [found[other] for other in MANUALS if other != manual]
        own = np.array([s for s in found[manual] if not any(s in other for other in others)], object)
        print(f"{manual}: {len(own)} sentences")
        chosen.append(rng.permutation(own)[:SENTENCES])
        labels += [number] * len(chosen[-1])
    return np.concatenate(chosen), np.array(labels)


def build(training: np.ndarray) -> keras.Model:
    """Raw sentences to words, a bidirectional LSTM over as many as there are, probabilities of the manuals."""
    layers = keras.layers
    words = layers.TextVectorization(WORDS, name="words")
    words.adapt(tf.constant(training))
    sentence = keras.Input((), dtype="string", name="sentence")
    x = layers.Embedding(WORDS, 24, mask_zero=True)(words(sentence))
    x = layers.Dropout(0.3)(x)
    x = layers.Bidirectional(layers.LSTM(24, return_sequences=True))(x)
    x = layers.Bidirectional(layers.LSTM(16))(x)
    x = layers.Dropout(0.3)(x)
    manual = layers.Dense(len(MANUALS), activation="softmax", name="manual")(x)
    return keras.Model(sentence, manual, name="manuals")


def main(folder: Path) -> None:
    """Train, check the accuracy, and write ``saved_model/`` and ``golden.npz`` into `folder`."""
    keras.utils.set_random_seed(SEED)
    texts, labels = sentences()
    train_x, test_x, train_y, test_y = train_test_split(texts, labels, test_size=0.2, random_state=SEED)
    model = build(train_x)
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(tf.constant(train_x), train_y, batch_size=64, epochs=6, verbose=2)
    accuracy = model.evaluate(tf.constant(test_x), test_y, verbose=0)[1]
    print(f"accuracy on {len(test_x)} unseen sentences: {accuracy:.4f}")
    if accuracy <= 0.8:
        raise SystemExit("the classifier is too weak to be an example")

    model.export(folder / "saved_model", verbose=False)
    # The least certain sentences, since probabilities near 0 and 1 would hide an error; and what no manual says.
    certainty = model.predict(tf.constant(test_x), verbose=0).max(axis=1)
    chosen = [*test_x[np.argsort(certainty)[: GOLDEN - 3]], "", "Zwölf Boxkämpfer jagen Viktor!", "Fit the ARRAY."]
    answers = np.asarray(model(tf.constant(chosen), training=False))
    np.savez_compressed(folder / "golden.npz", **{"input:sentence": np.array(chosen, str), "output:manual": answers})


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
