"""An ONNX file as its message."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from onward.errors import InvalidSourceError

if TYPE_CHECKING:
    import onnx


def read(path: Path) -> tuple[onnx.ModelProto, int]:
    """The file's message, without the weights that lie outside of it, and the opset of ONNX's own domain.

    Raises:
        InvalidSourceError: it cannot be read, or is no ONNX model.
    """
    import onnx
    from google.protobuf.message import DecodeError

    if not path.is_file():
        raise InvalidSourceError(f"'{path}' does not exist" if not path.exists() else f"'{path}' is no file")
    try:
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise InvalidSourceError(f"'{path}' cannot be read: {error.strerror or error}") from error
    except DecodeError as error:
        raise InvalidSourceError(f"'{path}' is damaged, or no ONNX model") from error
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), None)
    if not model.HasField("graph") or opset is None:
        raise InvalidSourceError(f"'{path}' is no ONNX model: it has no graph, or says no opset")
    return model, opset
