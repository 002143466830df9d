"""Header values with parameters and quoted strings, read in one pass (RFC 9110 5.6).

A regular expression that looks ahead for closing quotes takes time by the square of the
length; who sends a header of 32 KB would stop the server for seconds.
"""

from collections.abc import Iterator


def split_unquoted(text: str, separator: str) -> list[str]:
    """The pieces between separators that stand outside of quotes.

    A quote that is never closed quotes nothing.
    """
    last_quote = text.rfind('"') if text.count('"') % 2 else len(text)
    return list(_pieces(text, separator, last_quote))


def _pieces(text: str, separator: str, quotes_end: int) -> Iterator[str]:
    start = position = 0
    split = text.find(separator)
    while split >= 0:
        quote = text.find('"', position, min(split, quotes_end))
        if quote < 0:
            yield text[start:split]
            start = position = split + 1
        else:
            # Past the closing quote, which exists: an odd last one does not count.
            position = text.index('"', quote + 1) + 1
        if split < position:
            split = text.find(separator, position)
    yield text[start:]


def parameters_of(text: str) -> tuple[str, dict[str, str]]:
    """The value before the first `;`, and the parameters by lower-case name, unquoted."""
    value, *parameters = split_unquoted(text, ";")
    found = {}
    for parameter in parameters:
        name, _, content = parameter.partition("=")
        found[name.strip().lower()] = content.strip().strip('"')
    return value.strip().lower(), found
