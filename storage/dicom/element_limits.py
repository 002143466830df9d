"""How deep, how many, how long: what the reading of a data set refuses, and its sentences."""

from storage.core.errors import InvalidInstance, LimitExceeded

MAX_DEPTH = 64
"""Sequences within each other, of defined and of undefined length."""

# The standard has some 5,000 tags; private ones seldom add more than hundreds.
MAX_TOP_LEVEL_ELEMENTS = 100_000
# With those of sequence items, of which a frame may have dozens.
MAX_ELEMENTS = 4_000_000
# Where all of them are read by pydicom, which takes a kilobyte for each: 50 for each of 10,000
# frames, or some 50,000 contours. By nothing that an instance states: anybody may state anything.
MAX_READ_ELEMENTS = 500_000
# Of what is deflated: a bomb has thousands of elements a byte, an honest data set less than one.
MAX_DEFLATED_ELEMENTS = 100_000


def most_deflated_elements(deflated_bytes: int) -> int:
    """How many a deflated data set of that size may have."""
    return min(MAX_ELEMENTS, MAX_DEFLATED_ELEMENTS + deflated_bytes)


def check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise LimitExceeded(
            f"Sequences are nested deeper than {MAX_DEPTH} levels.",
            remedy="Check the sending system; no defined object needs this.",
        )


def too_many(limit: int) -> LimitExceeded:
    return LimitExceeded(
        f"The data set has more than {limit} elements.",
        remedy="Check the sending system; no defined object needs this.",
    )


def truncated(where: str, size_bytes: int) -> InvalidInstance:
    return InvalidInstance(
        f"The instance is cut off: it ends after {size_bytes} bytes, {where}.",
        remedy="Send the instance again.",
    )
