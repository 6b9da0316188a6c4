"""Inputs and outputs that stay where a model computes, from run to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from onward.dtypes import STRING
from onward.errors import InvalidArgumentError
from onward.runtime.failures import failures
from onward.runtime.providers import Provider
from onward.runtime.values import Port, array_of, feed, in_numpy, value_of


class Binding:
    """A model with its inputs on the device that it runs on; outputs are made there and stay there.

    Runs then copy nothing between the processor's memory and the device's::

        bound = session.bind({"tokens": first, "cache": zeros})
        for tokens in rest:
            bound.run()
            bound.carry({"cache_next": "cache"})  # an output becomes an input, where it is
            bound.set({"tokens": tokens})
        answer = bound.arrays()["logits"]

    Attributes:
        device: what ONNX Runtime calls the memory: cpu, cuda, dml.
    """

    def __init__(
        self, session: Any, provider: Provider, feeds: Mapping[Port, NDArray[Any]], outputs: Sequence[Port]
    ) -> None:
        self.device = provider.device
        self._session = session
        self._binding = session.io_binding()
        self._inputs = {port.name: port for port in feeds}
        self._outputs = list(outputs)
        self._values: dict[str, Any] = {}
        self._bind(feeds)

    def run(self) -> None:
        """Runs the model once.

        Raises:
            RuntimeFailureError: the model fails on its inputs.
        """
        with failures("fails on the model"):
            # Anew for each run: outputs that an input was carried from must not be written over.
            for port in self._outputs:
                self._binding.bind_output(port.name, self._device_of(port))
            self._session.run_with_iobinding(self._binding)

    def set(self, arrays: Mapping[str, Any]) -> None:
        """Gives inputs new arrays; the others keep theirs.

        Raises:
            InvalidArgumentError: a name is no input's, or a dtype is not the input's.
        """
        self._bind({self._input(name): feed(self._input(name), array) for name, array in arrays.items()})

    def carry(self, names: Mapping[str, str]) -> None:
        """Makes outputs of the last run inputs of the next, without a copy: the input's name by the output's.

        Raises:
            InvalidArgumentError: a name is none of the model's.
        """
        made = self.values()
        for output, name in names.items():
            if output not in made:
                raise InvalidArgumentError(f"the model has no output '{output}'; it has {', '.join(made)}")
            self._values[name] = made[output]
            self._binding.bind_ortvalue_input(self._input(name).name, made[output])

    def values(self) -> dict[str, Any]:
        """The outputs of the last run as they are, ``OrtValue``s on the device, by name."""
        return {port.name: v for port, v in zip(self._outputs, self._binding.get_outputs(), strict=True)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The outputs of the last run, copied to arrays, by name."""
        return {name: array_of(value) for name, value in self.values().items()}

    def _bind(self, feeds: Mapping[Port, NDArray[Any]]) -> None:
        with failures("does not take the inputs"):
            for port, array in feeds.items():
                value = value_of(port, array, self.device)
                self._values[port.name] = value  # lives as long as it is bound
                self._binding.bind_ortvalue_input(port.name, value)

    def _input(self, name: str) -> Port:
        if name not in self._inputs:
            raise InvalidArgumentError(f"the model has no input '{name}'; it has {', '.join(self._inputs)}")
        return self._inputs[name]

    def _device_of(self, port: Port) -> str:
        """Strings, and what numpy lacks, are handed over in the processor's memory."""
        return self.device if port.dtype != STRING and in_numpy(port.dtype) else "cpu"
