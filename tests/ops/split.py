"""Splitting at separators and whitespace; n-grams."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import Arg, Case, at_opsets, case, string

raw = tf.raw_ops
_TEXT = ["a b", "", "  lead\tand trail \n", "one", "x\x0by\x0cz\rw", "\u00a0no break", "a,b,,c,", ",", "a::b:::c"]


def text(*dims: int | str) -> Arg:
    return string(*dims, values=_TEXT)


def ngrams(
    widths: list[int], pad: int = 0, left: str = "", right: str = "", separator: str = " ", short: bool = False
) -> Case:
    """Of rows of 3, 0, 1 and 4 words."""

    def function(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tuple(
            raw.StringNGrams(
                data=x, data_splits=tf.constant([0, 3, 3, 4, 8], tf.int64), separator=separator, ngram_widths=widths,
                left_pad=left, right_pad=right, pad_width=pad, preserve_short_sequences=short,
            )
        )  # fmt: skip

    return case(function, string(8))


CASES = {
    "whitespace": case(lambda x: tuple(raw.StringSplitV2(input=x, sep="")), text("b")),
    "whitespace/one": case(lambda x: tuple(raw.StringSplitV2(input=x, sep="")), text(1)),
    "whitespace/none": case(lambda x: tuple(raw.StringSplitV2(input=x, sep="")), text("b"), sizes={"b": (0, 1)}),
    "whitespace/empty": case(lambda x: tuple(raw.StringSplitV2(input=x, sep="")), string("b", values=[""])),
    "separator": case(lambda x: tuple(raw.StringSplitV2(input=x, sep=",")), text("b")),
    "separator/long": case(lambda x: tuple(raw.StringSplitV2(input=x, sep="::")), text("b")),
    "separator/empty": case(lambda x: tuple(raw.StringSplitV2(input=x, sep=",")), string("b", values=[""])),
    "separator/none": case(lambda x: tuple(raw.StringSplitV2(input=x, sep=",")), text("b"), sizes={"b": (0, 1)}),
    "separator/limit": case(lambda x: tuple(raw.StringSplitV2(input=x, sep=",", maxsplit=2)), text("b")),
    "separator/zero": case(lambda x: tuple(raw.StringSplitV2(input=x, sep=",", maxsplit=0)), text("b")),
    "v1": case(lambda x: tuple(raw.StringSplit(input=x, delimiter=" ,")), text("b")),
    "v1/keep": case(lambda x: tuple(raw.StringSplit(input=x, delimiter=":,", skip_empty=False)), text("b")),
    "v1/keep_empty": case(
        lambda x: tuple(raw.StringSplit(input=x, delimiter=":,", skip_empty=False)), string("b", values=[""])
    ),
    "ngrams/2": ngrams([2]),
    "ngrams/1,2": ngrams([1, 2], separator="-"),
    "ngrams/pad": ngrams([3], -1, "<", ">"),
    "ngrams/pad1": ngrams([3, 1, 2], 1, "#", "#", separator=""),
    "ngrams/wide": ngrams([9]),
    "ngrams/short": ngrams([3, 2], separator="+", short=True),
    "ngrams/short_pad": ngrams([7], 1, "<", ">", short=True),
    "whitespace/limit": case(lambda x: tuple(raw.StringSplitV2(input=x, sep="", maxsplit=2)), text("b")),
    "whitespace/limit1": case(lambda x: tuple(raw.StringSplitV2(input=x, sep="", maxsplit=1)), text("b")),
}
CASES.update(at_opsets({"whitespace": CASES["whitespace"], "separator": CASES["separator"]}, 20, 23))
