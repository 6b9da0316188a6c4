"""Regular expressions: matching, and replacing by splitting and by automata."""

from __future__ import annotations

import tensorflow as tf

from tests.harness import Arg, Case, at_opsets, case, string

S = tf.strings
_TEXTS = ["the quick, brown fox", "", "Hello, World!! 12:30", "aaa", "é日本 a-b_c", "line one\nline two\n", "x",
          "  ab  ", "mail bob@example.com, or al@b.org", "0x1F 0777 3.14e-2", "¿Qué?  — ñandú", "\t"]  # fmt: skip
_PUNCTUATION = r'[!"#$%&()\*\+,-\./:;<=>?@\[\\\]^_`{|}~\']'


def text(*dims: int | str) -> Arg:
    return string(*dims, values=_TEXTS)


def replacing(pattern: str, rewrite: str, everywhere: bool = True) -> Case:
    return case(lambda x: S.regex_replace(x, pattern, rewrite, everywhere), text(24))


_REPLACEMENTS = {
    "punctuation": (_PUNCTUATION, ""),
    "vowels": ("[aeiou]+", "_"),
    "swap": (r"(\w+) (\w+)", r"\2-\1"),
    "whole": (r"\d+", r"<\0>"),
    "greedy": ("a.*e", "|"),
    "lazy": ("l.*?e", "|"),
    "first_alternative": ("a|ab|abc", "1"),
    "optional": ("o?", "."),
    "empty": ("", "-"),
    "star": ("x*", "-"),
    "begin": ("^", "> "),
    "end": ("$", " <"),
    "lines": ("(?m)^(line)", r"\1:"),
    "trim": (r"^\s+|\s+$", ""),
    "spaces": (r"\s+", " "),
    "word": (r"\b(\w)", r"[\1]"),
    "inside": (r"[a-z]\B", "'"),
    "counted": (r"[a-z]{2,3}", "#"),
    "negated": (r"[^a-zA-Z0-9 ]", ""),
    "case": (r"(?i)HELLO|QUÉ", "*"),
    "letters": (r"\p{Lu}|\pN", "U"),
    "unicode": ("[ñ-ú日]", "?"),
    "mail": (r"([a-z.]+)@([a-z]+)\.(com|org)", r"\2 at \1 \\ \3"),
    "nested": (r"((\w)(\w*))", r"\3\2ay"),
    "missing_group": (r"(a)|(b)", r"<\1\2>"),
    "quoted": (r"\Q.1\E|[[:punct:]]", "@"),
    "dot": ("(?s).", "x"),
    "hex": (r"\x{e9}|\x41|\101", "H"),
}

CASES = {
    "full_match": case(lambda x: S.regex_full_match(x, "[a-z ]+"), string("b", "t")),
    "full_match/scalar": case(lambda x: S.regex_full_match(x, ".*e"), string()),
    "full_match/input": case(
        lambda x: tf.raw_ops.RegexFullMatch(input=x, pattern=tf.constant("[a-z]*")), string("b", "t")
    ),
    **at_opsets({"full_match": case(lambda x: S.regex_full_match(x, "(?s).*e.*"), string("b"))}, 20, 23),
    **{f"replace/{name}": replacing(*row) for name, row in _REPLACEMENTS.items()},
    "replace/once": replacing("[aeiou]", r"<\0>", everywhere=False),
    "replace/dynamic": case(lambda x: S.regex_replace(x, "a(.)", r"\1a"), text("b", "t")),
    "replace/none": case(lambda x: S.regex_replace(x, "a(.)", r"\1a"), text("b"), sizes={"b": (0, 1)}),
    "replace/delete_none": case(lambda x: S.regex_replace(x, "[a, ]", ""), text("b"), sizes={"b": (0, 1)}),
    "replace/input": case(
        lambda x: tf.raw_ops.RegexReplace(input=x, pattern="o+", rewrite="0", replace_global=True), text("b")
    ),
    "replace/scalar": case(lambda x: S.regex_replace(x, "b(.)", r"\1"), text()),
}
