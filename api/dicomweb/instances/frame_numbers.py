"""The list of frames that an address names (PS3.18 10.4.1.1.3)."""

from storage.core.errors import InvalidRequest
from storage.core.untrusted_input.whole_numbers import read_whole_number

_MAX_FRAMES = 100_000


def parse_frame_numbers(text: str) -> list[int]:
    """`1,2,3` as frame indices from 0. Raises InvalidRequest.

    A number that comes again is refused: in PS3.18 a list has no duplicates, and with them a short
    address would ask for gigabytes.
    """
    pieces = text.split(",")
    numbers = [read_whole_number(piece) for piece in pieces[: _MAX_FRAMES + 1]]
    if len(pieces) > _MAX_FRAMES or not all(one and one < 10**10 for one in numbers):
        raise InvalidRequest(
            "The frame list is not made of numbers from 1 on, separated by commas.",
            remedy="Ask for …/frames/1 or …/frames/1,2,3.",
        )
    if len(set(numbers)) < len(numbers):
        raise InvalidRequest(
            "The frame list names a frame more than once.", remedy="Name each frame once."
        )
    return [number - 1 for number in numbers if number]
