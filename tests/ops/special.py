"""Special functions."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, f16, f32, f64

_M, _S = tf.math, tf.math.special
_INF, _NAN = float("inf"), float("nan")
_EVERYWHERE = {
    "lgamma": _M.lgamma,
    "digamma": _M.digamma,
    "dawsn": _S.dawsn,
    "fresnel_cos": _S.fresnel_cos,
    "fresnel_sin": _S.fresnel_sin,
    "i0": _S.bessel_i0,
    "i0e": _S.bessel_i0e,
    "i1": _S.bessel_i1,
    "i1e": _S.bessel_i1e,
    "j0": _S.bessel_j0,
    "j1": _S.bessel_j1,
}
_POSITIVE = {
    "expint": _S.expint,
    "spence": _S.spence,
    "k0": _S.bessel_k0,
    "k0e": _S.bessel_k0e,
    "k1": _S.bessel_k1,
    "k1e": _S.bessel_k1e,
    "y0": _S.bessel_y0,
    "y1": _S.bessel_y1,
}
_UNIT = {"erfinv": (_M.erfinv, -1), "ndtri": (_M.ndtri, 0)}
_ALL = {**_EVERYWHERE, **_POSITIVE}

_SOME = {n: case(_ALL[n], f32("n", low=0.1, high=30), tolerance=1e-4) for n in ("lgamma", "j0", "k1e", "fresnel_cos")}

CASES = {
    **{n: case(f, f32("n", 7, low=-12, high=12), tolerance=2e-5) for n, f in _EVERYWHERE.items()},
    **{f"{n}/positive": case(f, f32("n", 7, low=0.001, high=40), tolerance=2e-5) for n, f in _ALL.items()},
    **{f"{n}/float64": case(f, f64("n", 7, low=0.001, high=12), tolerance=1e-7) for n, f in _ALL.items()},
    **{n: case(f, f32("n", 9, low=low, high=1), tolerance=2e-5) for n, (f, low) in _UNIT.items()},
    **{f"{n}/float64": case(f, f64("n", 9, low=low, high=1), tolerance=1e-8) for n, (f, low) in _UNIT.items()},
    "erfinv/ends": case(_M.erfinv, f32("n", values=(-1.0, 1.0, 0.0, 0.9999999, -0.5, 1.5, _NAN))),
    "ndtri/ends": case(_M.ndtri, f32("n", values=(0.0, 1.0, 0.5, 1e-30, 0.999, 1e-4))),
    "ndtri/small": case(_M.ndtri, f32("n", low=0, high=1e-5)),
    "lgamma/ends": case(_M.lgamma, f32("n", values=(0.0, 1.0, 2.0, -1.0, -2.5, 1e10, 1e-10, 170.0, _INF, _NAN))),
    "lgamma/float16": case(_M.lgamma, f16("n", low=0.1, high=5)),
    "nan": case(lambda x: [f(x) for n, f in _ALL.items()], f32(3, values=(_NAN,))),
    "erfcinv": case(_M.erfcinv, f32("n", 9, low=0.01, high=1.99), tolerance=2e-5),
    "zeta": case(_M.zeta, f32("n", low=1.05, high=9), f32("n", low=0.1, high=9), tolerance=2e-5),
    "zeta/ends": case(_M.zeta, f32("n", values=(1.0, 0.5, 2.0, 30.0)), f32("n", low=0.5, high=9)),
    "polygamma": case(
        _M.polygamma, f32("n", values=(0.0, 1.0, 2.0, 3.0, 5.0, 1.5)), f32("n", low=0.3, high=9), tolerance=5e-5
    ),
    "igamma": case(_M.igamma, f32(9, "n", low=0.05, high=20), f32(9, "n", low=0, high=30), tolerance=2e-5),
    "igamma/large": case(_M.igamma, f64(9, "n", low=900, high=1100), f64(9, "n", low=900, high=1100)),
    "igamma/ends": case(_M.igamma, f32(9, "n", values=(1.0, 0.5, 4.0)), f32(9, "n", values=(0.0, 1e-8, _INF, 2.0))),
    "igammac": case(_M.igammac, f32(9, "n", low=0.05, high=20), f32(9, "n", low=0, high=30), tolerance=2e-5),
    "igammac/broadcast": case(_M.igammac, f32("n", 1, low=0.5, high=5), f32(4, low=0.1, high=9), tolerance=2e-5),
    "betainc": case(
        _M.betainc,
        f32(9, "n", low=0.1, high=9),
        f32(9, "n", low=0.1, high=9),
        f32(9, "n", low=0, high=1),
        tolerance=2e-5,
    ),
    "betainc/ends": case(
        _M.betainc, f32(9, "n", low=0.5, high=9), f32(9, "n", low=0.5, high=9), f32(9, "n", values=(0.0, 1.0, 0.5))
    ),
    **at_opsets(_SOME, 13, 18, 23),
    **at_opsets(
        {"igamma": case(_M.igamma, f32("n", low=0.1, high=9), f32("n", low=0.1, high=9), tolerance=2e-5)}, 13, 23
    ),
}
