"""Wildcard matching (PS3.4 C.2.2.2.4) in time that grows with the text, whatever the pattern.

As a regular expression, `*a*a*a*…` would try every way to share a value among its stars.
"""


def wildcard_matches(pattern: str, text: str) -> bool:
    """`*` is any text, `?` any one character, everything else itself."""
    first, *others = pattern.split("*")
    if len(first) + sum(map(len, others)) > len(text):
        return False
    if not others:
        return len(first) == len(text) and _fits(first, text, 0)
    last = others.pop()
    end = len(text) - len(last)
    if not (_fits(first, text, 0) and _fits(last, text, end)):
        return False
    # The leftmost place of each part leaves the most room for those behind it.
    position = len(first)
    for part in filter(None, others):
        position = _find(part, text, position, end)
        if position < 0:
            return False
        position += len(part)
    return True


def _find(part: str, text: str, start: int, end: int) -> int:
    if "?" not in part:
        return text.find(part, start, end)
    places = range(start, end - len(part) + 1)
    return next((at for at in places if _fits(part, text, at)), -1)


def _fits(part: str, text: str, at: int) -> bool:
    if "?" not in part:
        return text.startswith(part, at)
    return all(one in ("?", other) for one, other in zip(part, text[at:], strict=False))
