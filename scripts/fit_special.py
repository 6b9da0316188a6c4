"""Fits the tables of special functions in src/onward/ops/special.tsv from SciPy.

    python scripts/fit_special.py

Each line holds a name, the interval, and the coefficients of one polynomial a piece, separated by ";". The interval is
cut into pieces of equal width; a polynomial is in t, which runs from -1 to 1 over its piece.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.polynomial import chebyshev, polynomial
from scipy import special as s

PATH = Path(__file__).parent.parent / "src/onward/ops/special.tsv"
ERROR, MAX_DEGREE = 2e-12, 18
Function = Callable[[np.ndarray], np.ndarray]


def hankel(order: int, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The slowly varying P and Q of Abramowitz & Stegun 9.2.5, at x = 8 / sqrt(z); Q over its leading 8 / x."""
    x = 8 / np.sqrt(z)
    angle = x - (2 * order + 1) * np.pi / 4
    j, y = (s.j0(x), s.y0(x)) if order == 0 else (s.j1(x), s.y1(x))
    scale = np.sqrt(np.pi * x / 2)
    p = scale * (j * np.cos(angle) + y * np.sin(angle))
    q = scale * (y * np.cos(angle) - j * np.sin(angle))
    return p, q * x / 8


def auxiliary(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The f and g of Abramowitz & Stegun 7.3.9 at x = 4 / sqrt(z), over their leading terms."""
    x = 4 / np.sqrt(z)
    sine, cosine = s.fresnel(x)
    angle = np.pi * x * x / 2
    f = (0.5 - sine) * np.cos(angle) - (0.5 - cosine) * np.sin(angle)
    g = (0.5 - cosine) * np.cos(angle) + (0.5 - sine) * np.sin(angle)
    small = 1 / (np.pi * x * x) ** 2  # beyond 20 the differences above cancel: A & S 7.3.27 and 7.3.28
    return (
        np.where(x > 20, 1 - 3 * small + 105 * small**2, f * np.pi * x),
        np.where(x > 20, 1 - 15 * small + 945 * small**2, g * np.pi**2 * x**3),
    )


def expint_ratio(z: np.ndarray) -> np.ndarray:
    """Ei(x) x exp(-x) at x = 8 / z; for great x its asymptotic series."""
    x = np.minimum(8 / z, 600)
    series = sum(s.factorial(k) * (z / 8) ** k for k in range(8))
    return np.where(z < 8 / 300, series, s.expi(x) * np.exp(-x) * x)


def erfinv_ratio(w: np.ndarray) -> np.ndarray:
    """erfinv(x) / x where w = sqrt(-log(1 - x * x))."""
    rest = np.exp(-w * w)
    x = np.sqrt(-np.expm1(-w * w))
    return np.where(x < 1e-3, np.sqrt(np.pi) / 2 * (1 + np.pi / 12 * x * x), s.erfcinv(rest / (1 + x)) / x)


TABLES: dict[str, tuple[float, float, int, Function]] = {
    "dawsn": (0, 8, 8, s.dawsn),
    "dawsn_far": (0, 1, 1, lambda z: s.dawsn(8 / np.sqrt(z)) * 8 / np.sqrt(z)),
    "erfinv": (0, 6.5, 8, erfinv_ratio),
    "expint": (0, 8, 4, lambda x: s.expi(x) - np.log(x)),
    "expint_far": (0, 1, 4, expint_ratio),
    "fresnel_cos": (0, 4, 16, lambda x: s.fresnel(x)[1]),
    "fresnel_sin": (0, 4, 16, lambda x: s.fresnel(x)[0]),
    "fresnel_f": (0, 1, 1, lambda z: auxiliary(z)[0]),
    "fresnel_g": (0, 1, 1, lambda z: auxiliary(z)[1]),
    "i0e": (0, 8, 4, s.i0e),
    "i0e_far": (0, 1, 2, lambda z: s.i0e(8 / z) * np.sqrt(8 / z)),
    "i1e": (0, 8, 4, s.i1e),
    "i1e_far": (0, 1, 2, lambda z: s.i1e(8 / z) * np.sqrt(8 / z)),
    "j0": (0, 8, 4, s.j0),
    "j0_p": (0, 1, 1, lambda z: hankel(0, z)[0]),
    "j0_q": (0, 1, 1, lambda z: hankel(0, z)[1]),
    "j1": (0, 8, 4, s.j1),
    "j1_p": (0, 1, 1, lambda z: hankel(1, z)[0]),
    "j1_q": (0, 1, 1, lambda z: hankel(1, z)[1]),
    "k0": (0, 2, 2, lambda x: s.k0(x) + np.log(x) * s.i0(x)),
    "k0_far": (0, 1, 2, lambda z: s.k0e(2 / z) * np.sqrt(2 / z)),
    "k1": (0, 2, 2, lambda x: x * (s.k1(x) - np.log(x) * s.i1(x))),
    "k1_far": (0, 1, 2, lambda z: s.k1e(2 / z) * np.sqrt(2 / z)),
    "spence": (0.5, 1, 2, s.spence),
    "y0": (0, 8, 4, lambda x: s.y0(x) - 2 / np.pi * np.log(x) * s.j0(x)),
    "y1": (0, 8, 4, lambda x: s.y1(x) - 2 / np.pi * (np.log(x) * s.j1(x) - 1 / x)),
}


def fit(function: Function, low: float, high: float) -> np.ndarray:
    """The shortest polynomial in t within the error, or the longest allowed."""

    def local(t: np.ndarray) -> np.ndarray:
        return function(low + (t + 1) / 2 * (high - low))

    inside = np.cos(np.linspace(0.01, np.pi - 0.01, 400))
    wanted = local(inside)
    for degree in range(2, MAX_DEGREE + 1):
        coefficients = chebyshev.cheb2poly(chebyshev.chebinterpolate(local, degree))
        missed = np.abs(polynomial.polyval(inside, coefficients) - wanted).max()
        if missed < ERROR * max(1.0, np.abs(wanted).max()):
            break
    return coefficients


def main() -> None:
    lines = ["# name, interval, coefficients from the constant up; made by scripts/fit_special.py"]
    for name, (low, high, pieces, function) in TABLES.items():
        edges = np.linspace(low, high, pieces + 1)
        parts = [fit(function, a, b) for a, b in pairwise(edges)]
        print(f"{name:12} degrees {[len(p) - 1 for p in parts]}")
        rows = ";".join(",".join(f"{c:.16g}" for c in part) for part in parts)
        lines.append(f"{name}\t{low:g}\t{high:g}\t{rows}")
    PATH.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
