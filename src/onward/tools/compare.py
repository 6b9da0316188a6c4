"""How far an array is from the one it should equal."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onward.dtypes import STRING, is_float, label
from onward.runtime import texts

# Absolute and relative together, as numpy.allclose has it: |got - expected| <= tolerance * (1 + |expected|).
# Whatever is not listed (integers, booleans, strings) must be equal.
TOLERANCES = {
    "float64": 1e-6,
    "complex128": 1e-6,
    "float32": 1e-4,
    "complex64": 1e-4,
    "float16": 1e-2,
    "bfloat16": 4e-2,
    "float8_e4m3fn": 0.25,
    "float8_e4m3fnuz": 0.25,
    "float8_e5m2": 0.5,
    "float8_e5m2fnuz": 0.5,
}


@dataclass(frozen=True)
class Comparison:
    """One output, compared.

    Attributes:
        name, dtype, shape: of the output, as the source gives it.
        passed: whether it is what it should be.
        problem: what is wrong, in words; empty when passed.
        linf: the largest absolute difference; None where nothing could be subtracted.
        mse: the mean of the squared differences.
        relative: the largest difference relative to the expected element (elements of zero left out).
        tolerance: what the difference may be; 0 for exact.
        spread: the largest expected element less the smallest, for real numbers.
        worst: the index of the element that is furthest off.
        compared: False where only dtype and shape were looked at.
        moved: where rounding explains the difference: how far it moves the model's own answer.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    passed: bool
    problem: str = ""
    linf: float | None = None
    mse: float | None = None
    relative: float | None = None
    tolerance: float = 0.0
    spread: float | None = None
    worst: tuple[int, ...] = ()
    compared: bool = True
    moved: float | None = None

    @property
    def telling(self) -> bool:
        """Whether the expected elements differ among themselves by more than the tolerance: a pass then means much."""
        return self.spread is None or not self.compared or self.spread > self.tolerance

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: a number that is not finite becomes None."""
        values = {**asdict(self), "shape": list(self.shape), "worst": list(self.worst)}
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}


def compare(
    name: str, expected: NDArray[Any], got: NDArray[Any], tolerance: float | None = None, *, values: bool = True,
    slack: float = 0.0,
) -> Comparison:  # fmt: skip
    """Compares an output: dtype, shape, NaNs and infinities, then values.

    Args:
        tolerance: the dtype's own if not given; applies to real numbers only.
        values: False where values are not expected to be equal (random numbers).
        slack: how far any number, integers too, may be off in any case.
    """
    if expected.dtype.kind in "SU":
        expected = texts(expected)
    if expected.dtype.kind == "V":  # an .npz file keeps the bits of ml_dtypes' types, not their names
        expected = expected.view(got.dtype) if expected.dtype.itemsize == got.dtype.itemsize else expected
    about: dict[str, Any] = {"name": name, "dtype": label(expected.dtype), "shape": expected.shape}
    if expected.dtype != got.dtype:
        return Comparison(**about, passed=False, problem=f"dtype is {label(got.dtype)}, not {label(expected.dtype)}")
    if expected.shape != got.shape:
        return Comparison(**about, passed=False, problem=f"shape is {got.shape}, not {expected.shape}")
    if not values:
        return Comparison(**about, passed=True, compared=False)
    if expected.dtype == STRING:
        return _exact(about, texts(expected), texts(got))
    if expected.dtype.kind == "c" or is_float(expected.dtype):
        tolerance = TOLERANCES[expected.dtype.name] if tolerance is None else tolerance
        return _close(about, expected, got, tolerance, slack)
    return _exact(about, expected, got, slack)


def _exact(about: dict[str, Any], expected: NDArray[Any], got: NDArray[Any], slack: float = 0.0) -> Comparison:
    differ = np.asarray(expected != got, bool)
    figures: dict[str, Any] = {}
    if expected.dtype != STRING:
        distance = np.abs(expected.astype(np.float64) - got.astype(np.float64))
        figures = {**_figures(distance, expected), "tolerance": slack}
        differ &= distance > slack
    if not differ.any():
        return Comparison(**about, passed=True, **figures)
    at = tuple(int(i) for i in np.argwhere(differ)[0])
    problem = f"{int(differ.sum())} of {differ.size} elements differ; {_instead(at, got, expected)}"
    return Comparison(**about, passed=False, problem=problem, worst=at, **figures)


def _close(
    about: dict[str, Any], expected: NDArray[Any], got: NDArray[Any], tolerance: float, slack: float
) -> Comparison:
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    want, have = expected.astype(wide), got.astype(wide)
    for kind, is_kind in (("NaN", np.isnan), ("infinite", np.isinf)):
        differ = is_kind(want) != is_kind(have)
        if differ.any():
            at = tuple(int(i) for i in np.argwhere(differ)[0])
            problem = f"{int(differ.sum())} elements are {kind} on one side only; {_instead(at, got, expected)}"
            return Comparison(**about, passed=False, problem=problem, tolerance=max(tolerance, slack), worst=at)
    finite = np.isfinite(want)
    with np.errstate(invalid="ignore"):
        distance = np.where(finite | (want != have), np.abs(have - want), 0.0)
    distance[np.isnan(distance)] = 0.0  # NaN on both sides
    figures: dict[str, Any] = _figures(distance, want)
    if finite.sum() > 1:
        figures["spread"] = float(np.ptp(want.real[finite]))
    excess = distance - np.maximum(tolerance * (1 + np.where(finite, np.abs(want), 0.0)), slack)
    if not excess.size or excess.max() <= 0:
        return Comparison(**about, passed=True, tolerance=max(tolerance, slack), **figures)
    at = tuple(int(i) for i in np.unravel_index(int(excess.argmax()), excess.shape))
    problem = f"{int((excess > 0).sum())} of {excess.size} elements are too far off; {_instead(at, got, expected)}"
    return Comparison(**about, passed=False, problem=problem, tolerance=max(tolerance, slack), worst=at, **figures)


def _figures(distance: NDArray[Any], expected: NDArray[Any]) -> dict[str, float]:
    if not distance.size:
        return {"linf": 0.0, "mse": 0.0, "relative": 0.0}
    scale = np.abs(expected.astype(np.complex128 if expected.dtype.kind == "c" else np.float64))
    sound = np.isfinite(scale) & (scale > 0)
    relative = distance[sound] / scale[sound]
    return {
        "linf": float(distance.max()),
        "mse": float(np.mean(distance**2)),
        "relative": float(relative.max()) if relative.size else 0.0,
    }


def _instead(at: tuple[int, ...], got: NDArray[Any], expected: NDArray[Any]) -> str:
    return f"at {list(at)} {_show(got[at])}, not {_show(expected[at])}"


def _show(value: Any) -> str:
    if isinstance(value, (str, bytes)):
        return repr(value)
    return f"{np.asarray(value).item():.9g}" if np.ndim(value) == 0 else str(value)
