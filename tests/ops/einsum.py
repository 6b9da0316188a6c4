"""Einsum."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import at_opsets, case, dtypes, f32, prefixed, w


def _of(equation: str, *args: object, **options: object) -> object:
    return case(lambda *xs: tf.einsum(equation, *xs), *args, **options)


CASES = {
    "matmul": _of("ij,jk->ik", f32("n", 4), f32(4, "m"), ops="MatMul !Einsum"),
    "matmul-transposed": _of("ij,kj->ki", f32("n", 4), f32("m", 4)),
    "batch": _of("bij,bjk->bik", f32("b", "n", 4), f32("b", 4, "m")),
    "attention-scores": _of("btnh,bsnh->bnts", f32("b", "t", 2, 3), f32("b", "n", 2, 3)),
    "attention-scores/keys-first": _of("aecd,abcd->acbe", f32("b", "t", 2, 3), f32("b", "n", 2, 3), ops="MatMul"),
    "attention-values": _of("bnts,bsnh->btnh", f32("b", 2, "t", "n"), f32("b", "n", 2, 3)),
    "heads-in": case(lambda x: tf.einsum("abc,cde->abde", x, w(5, 2, 3)), f32("b", "t", 5)),
    "heads-out": case(lambda x: tf.einsum("abcd,cde->abe", x, w(2, 3, 5)), f32("b", "t", 2, 3)),
    "constant-left": case(lambda x: tf.einsum("dh,btd->bth", w(5, 3), x), f32("b", "t", 5)),
    "experts": case(lambda x: tf.einsum("th,ehm->etm", x, w(2, 5, 3)), f32("t", 5), ops="MatMul"),
    "experts-first": _of("ehm,th->etm", f32(2, 5, "m"), f32("t", 5)),
    "experts-transposed": _of("ht,emh->etm", f32(5, "t"), f32(2, "m", 5)),
    "experts-of-groups": _of("th,gehm->getm", f32("t", 5), f32(3, 2, 5, "m")),
    "dot": _of("i,i->", f32("n"), f32("n")),
    "outer": _of("i,j->ij", f32("n"), f32("m")),
    "elementwise": _of("ij,ij->ij", f32("n", 3), f32("n", 3)),
    "elementwise-transposed": _of("ij,ji->ij", f32("n", 3), f32(3, "n")),
    "scale-rows": _of("ij,i->ij", f32("n", 3), f32("n")),
    "batch-dot": _of("bi,bi->b", f32("b", 5), f32("b", 5)),
    "batch-outer": _of("bi,bj->bij", f32("b", "n"), f32("b", "m")),
    "batch-vector": _of("bij,bj->bi", f32("b", "n", 4), f32("b", 4)),
    "two-inner": _of("bijk,jkl->bil", f32("b", "n", 2, 3), f32(2, 3, 4)),
    "all": _of("ij,ij->", f32("n", 3), f32("n", 3)),
    "sum": _of("ij->", f32("n", 3)),
    "sum-rows": _of("ij->j", f32("n", 3)),
    "transpose": _of("bij->jbi", f32("b", "n", 3)),
    "sum-alone": _of("ij,jk->k", f32("n", 4), f32(4, 3)),
    "trace": _of("bii->b", f32("b", 4, 4)),
    "diagonal": _of("bii,i->bi", f32("b", 4, 4), f32(4)),
    "ellipsis": case(lambda x: tf.einsum("...a,ab->...b", x, w(4, 3)), f32("b", "t", 4)),
    "ellipsis-both": _of("...ij,...jk->...ik", f32("b", 2, "n", 4), f32("b", 2, 4, 3)),
    "ellipsis-broadcast": _of("...ij,...jk->...ik", f32("b", 2, "n", 4), f32(2, 4, 3)),
    "ellipsis-ones": _of("...i,...i->...i", f32("b", 1, 4), f32(5, 4)),
    "ellipsis-summed": _of("i...->...", f32(4, "n", 3)),
    "ellipsis-last": _of("ab...,b->a...", f32("n", 4, 3), f32(4)),
    "three": _of("ij,jk,kl->il", f32("n", 4), f32(4, 3), f32(3, "m")),
    "three-shared": _of("bi,bj,bij->b", f32("b", 3), f32("b", 4), f32("b", 3, 4)),
    "capitals": _of("aB,Bc->ac", f32("n", 4), f32(4, 3)),
    **prefixed("dtype", dtypes(lambda x, y: tf.einsum("bij,bjk->bik", x, y), f32("b", "n", 4), f32("b", 4, 3),
                               over="float16 float64 int32 int64")),
    **at_opsets({"opset": _of("btnh,bsnh->bnts", f32("b", "t", 2, 3), f32("b", "n", 2, 3))}, 13, 18, 23),
}  # fmt: skip
