"""Writes src/onward/ops/sobol.tsv: the primitive polynomials and initial direction numbers of Sobol sequences.

    python scripts/generate_sobol.py

The numbers are those of S. Joe and F. Y. Kuo, "Constructing Sobol sequences with better two-dimensional projections",
SIAM J. Sci. Comput. 30 (2008), file new-joe-kuo-6.21201, as SciPy ships them. Each line after the first dimension's
holds the polynomial, its coefficients as the bits of a number, and one direction number for each of its degrees.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np

PATH = Path(__file__).parent.parent / "src/onward/ops/sobol.tsv"
DIMENSIONS = 1111  # as many as TensorFlow has


def main() -> None:
    with resources.files("scipy.stats").joinpath("_sobol_direction_numbers.npz").open("rb") as file:
        numbers = np.load(file)
        polynomials, initial = numbers["poly"], numbers["vinit"]
    lines = ["# polynomial, direction numbers; made by scripts/generate_sobol.py"]
    for polynomial, row in zip(polynomials[1:DIMENSIONS], initial[1:DIMENSIONS], strict=True):
        degree = int(polynomial).bit_length() - 1
        lines.append(f"{polynomial}\t{','.join(map(str, row[:degree]))}")
    PATH.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
