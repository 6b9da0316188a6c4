"""TFLite's interpreter in a process of its own: on a model that it does not like it may crash, not raise.

The process is started with the first question and answers others as they come, since it costs a TensorFlow to start.
"""

from __future__ import annotations

import atexit
import os
import pickle
import struct
import subprocess
import sys
import warnings
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_LENGTH = struct.Struct("<Q")


class Question(NamedTuple):
    """What to run: a file by a signature's key, or by the indices of its tensors where it has none.

    `kernels` is the name of a set of them in ``tf.lite.experimental.OpResolverType``.
    """

    path: str
    key: str
    inputs: list[tuple[str, int, NDArray[Any]]]
    outputs: list[tuple[str, int]]
    kernels: str


def ask(question: Question) -> list[NDArray[Any]]:
    """The interpreter's answer, an array for each output.

    Raises:
        RuntimeError: it refuses, or crashes; the text says why.
    """
    global _process
    if _process is None or _process.poll() is not None:
        _process = _start()
    assert _process.stdin is not None
    assert _process.stdout is not None
    try:
        _send(_process.stdin, question)
        answer = _receive(_process.stdout)
    except (OSError, EOFError) as error:
        atexit.unregister(_stop)
        _stop(_process)
        raise RuntimeError(f"TFLite's interpreter crashes on {question.path}") from error
    if isinstance(answer, str):
        raise RuntimeError(answer)
    return list(answer)


_process: subprocess.Popen[bytes] | None = None


def _start() -> subprocess.Popen[bytes]:
    code = f"import sys; sys.path[:] = {sys.path!r}; from onward.sources.tflite.worker import serve; serve()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    atexit.register(_stop, process)
    return process


def _stop(process: subprocess.Popen[bytes]) -> None:
    global _process
    _process = None
    process.kill()
    process.communicate()  # waits, and closes what leads there


def _send(stream: IO[bytes], message: Any) -> None:
    data = pickle.dumps(message)
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def _receive(stream: IO[bytes]) -> Any:
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    return pickle.loads(stream.read(_LENGTH.unpack(head)[0]))


def serve() -> None:
    """Answers questions until there are none; what the interpreter prints goes elsewhere."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            question = _receive(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer: Any = _run(question)
        except (ValueError, RuntimeError, TypeError) as error:
            answer = str(error) or type(error).__name__
        _send(answers, answer)


def _run(question: Question) -> list[NDArray[Any]]:
    import tensorflow as tf

    resolver = tf.lite.experimental.OpResolverType[question.kernels]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the interpreter is to move to another package
        interpreter = tf.lite.Interpreter(question.path, experimental_op_resolver_type=resolver, num_threads=1)
    if question.key:
        runner = interpreter.get_signature_runner(question.key)
        found = runner(**{name: array for name, _, array in question.inputs})
        return [np.asarray(found[name]) for name, _ in question.outputs]
    for _, index, array in question.inputs:
        interpreter.resize_tensor_input(index, array.shape)
    interpreter.allocate_tensors()
    for _, index, array in question.inputs:
        interpreter.set_tensor(index, array)
    interpreter.invoke()
    return [np.asarray(interpreter.get_tensor(index)) for _, index in question.outputs]
