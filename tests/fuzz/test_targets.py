"""Each target takes its seeds, what was found before, and some hundred mutations of both."""

import random
from pathlib import Path

import pytest

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

FOUND = Path(__file__).parent / "found"
MUTATIONS = 300


def mutated(data: bytes, chance: random.Random) -> bytes:
    """A byte changed, a piece cut out, repeated or overwritten, a few times over."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(changed) + 1)
        piece = bytes(changed[start : start + chance.choice((1, 2, 4, 8, 64))])
        match chance.randrange(4):
            case 0:
                changed[start : start + 1] = bytes([chance.randrange(256)])
            case 1:
                del changed[start : start + len(piece)]
            case 2:
                changed[start:start] = piece * chance.randint(1, 9)
            case _:
                changed[start : start + len(piece)] = chance.choice(
                    (b"\xff" * len(piece), bytes(len(piece)), piece[::-1])
                )
    return bytes(changed)


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_reader_refuses_in_the_ways_that_it_promises(name: str) -> None:
    known = [*seeds()[name], *(path.read_bytes() for path in sorted(FOUND.glob(f"{name}-*")))]
    for data in known:
        TARGETS[name](data)
    chance = random.Random(name)
    for _ in range(MUTATIONS):
        data = mutated(chance.choice(known), chance)
        try:
            TARGETS[name](data)
        except Exception as error:  # noqa: BLE001 - any that is not promised is the finding
            pytest.fail(f"{type(error).__name__} at {data[:2000]!r}")
    TARGETS[name](b"")
