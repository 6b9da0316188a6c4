"""Every architecture that the survey measures, by name, and the sizes that it is run at."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

WIDTH = 256  # the hidden size of KerasHub's architectures
APPLICATIONS = (
    "MobileNet", "MobileNetV2", "MobileNetV3Large", "NASNetMobile", "EfficientNetB0", "EfficientNetV2S",
    "EfficientNetB7", "DenseNet121", "Xception", "InceptionV3", "ResNet50", "ResNet101V2", "ConvNeXtTiny", "VGG16",
)  # fmt: skip
# Their length is bounded by a table of positions, or is a number of sound samples; others: 64.
STEPS = {"SigLIP": 17, "CLIP": 17, "Whisper": 24, "DeBERTaV3": 48, "OPT": 48, "Moonshine": 2000, "WaveNet": 1000}
SIDES = {"U-Net": 128}
_STATIC = {"RWKV7"}  # cannot be traced with a dynamic length


def _application(name: str) -> Any:
    from bench.models import build

    return build(name)


def _hub(name: str) -> Any:
    from bench.hub import build

    return build(name, WIDTH)


def _recurrent(name: str) -> Any:
    import keras

    from bench.recurrent import MODELS

    keras.utils.set_random_seed(1)
    return MODELS[name]()


def _more(name: str) -> Any:
    import keras

    from bench.more import MODELS

    keras.utils.set_random_seed(1)
    return MODELS[name](64)


def _families() -> dict[str, dict[str, Callable[[], Any]]]:
    from bench import hub, more, recurrent

    return {
        "keras.applications": {name: partial(_application, name) for name in APPLICATIONS},
        "KerasHub, hidden size 256": {name: partial(_hub, name) for name in hub.MODELS if name not in _STATIC},
        "Recurrent networks": {name: partial(_recurrent, name) for name in recurrent.MODELS},
        "Others": {name: partial(_more, name) for name in more.MODELS},
    }


FAMILIES = _families()
CATALOGUE = {name: build for models in FAMILIES.values() for name, build in models.items()}


def family(name: str) -> str:
    """The heading that a model stands under."""
    return next(heading for heading, models in FAMILIES.items() if name in models)
