"""Train the digits classifier and write everything that this folder holds.

    python examples/digits/train.py [FOLDER]

Needs tensorflow, keras and scikit-learn. Takes about half a minute on two cores; seeded, so a second run on the same
machine gives the same weights.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 7
GOLDEN_IMAGES = 16


def build() -> keras.Model:
    """Three convolutions with batch norm, one of them depthwise, two dense layers: 8x8 grey images to ten classes."""
    layers = keras.layers
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Rescaling(1 / 16)(image)
    x = layers.Conv2D(32, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.ReLU()(x)
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.Activation("gelu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(64, 3, padding="valid")(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.ReLU(max_value=6.0)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(32, activation="gelu")(x)
    x = layers.Dropout(0.4)(x)
    digit = layers.Dense(10, activation="softmax", name="digit")(x)
    return keras.Model(image, digit, name="digits")


def main(folder: Path) -> None:
    """Train, check the accuracy, and write ``digits.keras``, ``saved_model/`` and ``golden.npz`` into `folder`."""
    keras.utils.set_random_seed(SEED)
    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8, 1).astype("float32")
    train_x, test_x, train_y, test_y = train_test_split(images, labels, test_size=0.25, random_state=SEED)

    model = build()
    rate = keras.optimizers.schedules.CosineDecay(3e-3, decay_steps=30 * 22)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(train_x, train_y, batch_size=64, epochs=30, verbose=2)
    accuracy = model.evaluate(test_x, test_y, verbose=0)[1]
    print(f"accuracy on {len(test_x)} unseen images: {accuracy:.4f}")
    if accuracy <= 0.96:
        raise SystemExit("the classifier is too weak to be an example")

    model.save(folder / "digits.keras")
    model.export(folder / "saved_model", verbose=False)
    # The least certain images: probabilities near 0 and 1 would hide an error.
    certainty = model.predict(test_x, verbose=0).max(axis=1)
    batch = test_x[np.argsort(certainty)[:GOLDEN_IMAGES]]
    golden = {"input:image": batch, "output:digit": np.asarray(model(batch, training=False))}
    np.savez_compressed(folder / "golden.npz", **golden)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
