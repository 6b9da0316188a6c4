"""Comma-separated values."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import case, string

csv = tf.io.decode_csv
PLAIN = ["1,2.5,abc", "-7,,x y", ",1e3,", "0,-0.5,é"]
QUOTED = ['1,"a,b",2', '"3","say ""yes""",4', '5,"",6', '"7","""",', '8,plain,"9"']
DEFAULTS = [[3], [0.25], ["none"]]
CASES = {
    "plain": case(lambda x: csv(x, DEFAULTS), string("b", values=PLAIN)),
    "matrix": case(lambda x: csv(x, DEFAULTS), string("b", "t", values=PLAIN)),
    "scalars": case(lambda x: csv(x, [3, 0.25, "none"]), string("b", values=PLAIN)),
    "quotes": case(lambda x: csv(x, [[3], ["?"], [5]]), string("n", values=QUOTED)),
    "no-quotes": case(
        lambda x: csv(x, [["-"], ["-"]], use_quote_delim=False), string("b", values=['a"b,c', '"x",""', ",q"])
    ),
    "delimiter": case(
        lambda x: csv(x, [tf.constant([], tf.int64), [1.5]], field_delim=";"),
        string("b", values=["1;2", "-3;", "4;5.5"]),
    ),
    "nothing": case(
        lambda x: csv(x, [[3], [0.25], ["none"]], na_value="NA"), string("b", values=["NA,NA,NA", "1,2,NA", "4,NA,x"])
    ),
    "selected": case(
        lambda x: csv(x, [["-"], [4]], select_cols=[0, 3]), string("b", values=["a,b,c,1", "d,,f,", "g,h,i,5"])
    ),
}
