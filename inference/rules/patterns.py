"""Regular expressions of rules, which take time by the length of the text.

Rules are written by a site and matched against headers that strangers send, so they are matched by
RE2, which does not go back in the text. It knows no look-around and no back-references, and the
edge of a word (`\\b`) beside the letters of English alone.
"""

from functools import lru_cache
from typing import Any

import re2

_LONGEST_PATTERN = 1000
_LONGEST_TEXT = 10_240
"""Characters of a long text (PS3.5 6.2, LT); what lies behind them is not looked at."""
_PROGRAM_BYTES = 1 << 20
_CLASSES = {
    r"\w": (r"\p{L}\p{M}\p{N}_", r"[\p{L}\p{M}\p{N}_]"),
    r"\W": ("", r"[^\p{L}\p{M}\p{N}_]"),
    r"\d": (r"\p{Nd}", r"\p{Nd}"),
}
"""Each within brackets, and alone."""


def check_pattern(pattern: str) -> None:
    """Raises ValueError with what is wrong."""
    if len(pattern) > _LONGEST_PATTERN:
        raise ValueError(f"matches has more than {_LONGEST_PATTERN} characters")
    try:
        _compiled(pattern)
    except (re2.error, UnicodeEncodeError) as error:
        raise ValueError(
            f"matches is not a regular expression of RE2's syntax: {_in_words(error)}"
        ) from error


def is_found(pattern: str, text: str) -> bool:
    """Whether it is anywhere in the first 10,240 characters; upper and lower case are alike."""
    return _compiled(pattern).search(text[:_LONGEST_TEXT]) is not None


@lru_cache(maxsize=1000)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = _PROGRAM_BYTES
    return re2.compile(_of_all_alphabets(pattern), options=options)


def _of_all_alphabets(pattern: str) -> str:
    """`\\w`, `\\d` and `\\W` of every alphabet, which RE2 means of English alone."""
    found, is_in_class, position = "", False, 0
    while position < len(pattern):
        one = pattern[position]
        two = pattern[position : position + 2]
        if two in _CLASSES and not (is_in_class and two == "\\W"):
            inside, outside = _CLASSES[two]
            found += inside if is_in_class else outside
        elif one == "\\":
            found += two
        else:
            two = one
            is_in_class = one == "[" or (is_in_class and one != "]")
            found += one
        position += len(two)
    return found


def _in_words(error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "it has half a character"
    problem = error.args[0] if error.args else ""
    return problem.decode("utf-8", "replace") if isinstance(problem, bytes) else str(problem)
