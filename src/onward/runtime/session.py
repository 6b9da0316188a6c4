"""A model, loaded into ONNX Runtime."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from onward.errors import InvalidArgumentError, MissingDependencyError
from onward.runtime.failures import RuntimeFailureError, failures
from onward.runtime.providers import Choice, Fallback, Provider, choose, preload, unloadable, unstarted
from onward.runtime.settings import Settings
from onward.runtime.values import Port, feed, in_numpy, port

if TYPE_CHECKING:
    from onward.runtime.binding import Binding
    from onward.runtime.profile import Placement, Profile


class Session:
    """A model, loaded.

    Args:
        model: a path, or the serialised model.
        initial: arrays for inputs that need not be given: a state, before the first run.
        provider: where it runs: see ``onward.session``.
        settings: how it runs.

    Attributes:
        inputs, outputs: in the model's order.
        optional: inputs that have a default.
        providers: what its nodes may run on, in order of preference.
        fallbacks: the providers that were asked for and are not among those, with reasons.

    Raises:
        MissingDependencyError: onnxruntime is not installed, or none of the providers is.
        RuntimeFailureError: it does not load the model, or a provider does not start.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | bytes,
        initial: Mapping[str, Any] | None = None,
        provider: str | Sequence[str] = "cpu",
        settings: Settings | None = None,
    ) -> None:
        try:
            import onnxruntime  # noqa: F401
        except ImportError as error:
            raise MissingDependencyError("running a model needs ONNX Runtime: pip install 'onward[runtime]'") from error
        self.settings = settings or Settings()
        source = model if isinstance(model, bytes) else os.fspath(model)
        self._session, self.providers, self.fallbacks = _open(source, choose(provider), self.settings)
        with failures("does not load the model"):
            self.inputs = [port(arg) for arg in self._session.get_inputs()]
            self.outputs = [port(arg) for arg in self._session.get_outputs()]
            self.optional = [port(arg) for arg in self._session.get_overridable_initializers()]
            described = self._session.get_modelmeta().custom_metadata_map.get("onward.state", "{}")
        self.initial = dict(initial or {})
        self.states: dict[str, str] = json.loads(described)  # the outputs that go on as inputs, by these

    def __repr__(self) -> str:
        names = ", ".join(port.name for port in self.inputs)
        return f"<Session on {self.provider}: {names} -> {', '.join(port.name for port in self.outputs)}>"

    @property
    def provider(self) -> str:
        """The plain name of the provider that comes first."""
        return self.providers[0].name

    @property
    def code(self) -> str:
        """Python code that sets up the same session with ONNX Runtime alone, of a file called model.onnx."""
        return self.settings.code("model.onnx", self.providers)

    def run(self, arrays: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
        """The outputs by name.

        Args:
            arrays: an array per input name, or what becomes one of the input's dtype; inputs with a default need none.

        Raises:
            InvalidArgumentError: names or dtypes are not those of the model.
            RuntimeFailureError: the model fails on them.
        """
        feeds = self.given(arrays)
        if not self._plain(feeds):
            bound = self._bound(feeds)
            bound.run()
            return bound.arrays()
        with failures("fails on the model"):
            results = self._call(feeds)()
        return {port.name: array for port, array in zip(self.outputs, results, strict=True)}

    def prepared(self, arrays: Mapping[str, Any]) -> Callable[[], Any]:
        """A call that runs the model on these inputs and does nothing else: what is timed.

        Raises:
            InvalidArgumentError: as for ``run``.
        """
        feeds = self.given(arrays)
        return self._call(feeds) if self._plain(feeds) else self._bound(feeds).run

    def given(self, arrays: Mapping[str, Any]) -> dict[Port, NDArray[Any]]:
        """The inputs with their arrays, of their dtypes.

        Raises:
            InvalidArgumentError: names or dtypes are not those of the model.
        """
        arrays = {**self.initial, **arrays}
        ports = self.inputs + [port for port in self.optional if port.name in arrays]
        names = [port.name for port in ports]
        if set(arrays) != set(names):
            wrong = ", ".join(sorted(set(arrays) ^ set(names)))
            raise InvalidArgumentError(f"the inputs are {', '.join(names) or 'none'}; not given or not known: {wrong}")
        return {port: feed(port, arrays[port.name]) for port in ports}

    def bind(self, arrays: Mapping[str, Any]) -> Binding:
        """Puts inputs where the model computes, and keeps outputs there: see :class:`~onward.runtime.binding.Binding`.

        Raises:
            InvalidArgumentError: names or dtypes are not those of the model.
        """
        return self._bound(self.given(arrays))

    def placement(self) -> Placement | None:
        """Which provider each node was given to; None where ONNX Runtime is older than 1.24, the first that tells."""
        from onward.runtime.profile import placement

        return placement(self._session, self.providers)

    def end_profile(self, path: str | os.PathLike[str] | None = None) -> Profile:
        """Ends profiling and reads what was written; nothing is profiled after that.

        Args:
            path: where to move the file to, for Perfetto or Chrome's tracing page.

        Raises:
            InvalidArgumentError: the session was made without ``profile``.
        """
        from onward.runtime.profile import read

        if self.settings.profile is None:
            raise InvalidArgumentError("the session profiles nothing: make it with profile=...")
        return read(Path(self._session.end_profiling()), None if path is None else Path(path))

    def _call(self, feeds: Mapping[Port, NDArray[Any]]) -> Callable[[], Sequence[Any]]:
        named = {port.name: array for port, array in feeds.items()}
        return lambda: self._session.run(None, named)

    def _bound(self, feeds: Mapping[Port, NDArray[Any]]) -> Binding:
        from onward.runtime.binding import Binding

        return Binding(self._session, self.providers[0], feeds, self.outputs)

    def _plain(self, feeds: Mapping[Port, Any]) -> bool:
        """Whether ONNX Runtime takes and gives all of these as arrays."""
        return all(in_numpy(port.dtype) for port in (*feeds, *self.outputs))


def _open(
    source: str | bytes, choice: Choice, settings: Settings
) -> tuple[Any, tuple[Provider, ...], tuple[Fallback, ...]]:
    """ONNX Runtime's session on the first providers that start, those in use, and why others are not.

    ONNX Runtime itself goes on without a provider that does not start, on the CPU alone if need be.
    """
    usable, fallbacks = list(choice.usable), list(choice.fallbacks)
    while True:
        try:
            session = _create(source, tuple(usable), settings)
        except RuntimeFailureError as error:
            first = usable.pop(0)
            reason = unstarted(first) if unloadable(first) else str(error)
            if not any(provider in choice.asked for provider in usable):
                raise RuntimeFailureError(f"{first.name}: {reason}" if unloadable(first) else reason) from error
            fallbacks.append(Fallback(first.name, reason))
            continue
        running = session.get_providers()
        for provider in [p for p in usable if p.full_name not in running]:
            usable.remove(provider)
            fallbacks.append(Fallback(provider.name, unstarted(provider)))
        if not any(provider in choice.asked for provider in usable):
            raise RuntimeFailureError("; ".join(f"{f.name}: {f.reason}" for f in fallbacks))
        return session, tuple(usable), tuple(fallbacks)


def _create(source: str | bytes, providers: tuple[Provider, ...], settings: Settings) -> Any:
    import onnxruntime

    preload(providers)
    with failures("does not load the model"):
        options = settings.session_options(providers)
        listed = None if options.has_providers() else settings.listed(providers)
        # Without fallback: ONNX Runtime would print why a provider does not start, and go on without it.
        return onnxruntime.InferenceSession(source, options, providers=listed, enable_fallback=0)
