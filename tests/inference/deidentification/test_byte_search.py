"""Many values that are looked for in bytes at once, beside Python's own search for each."""

import random
import time

import pytest

from inference.deidentification.leaks.byte_search import ByteSearch

PIECE = 1 << 20


def test_it_finds_what_a_search_for_each_value_finds() -> None:
    chosen = random.Random(7)

    def some_bytes(length: int) -> bytes:
        return bytes(chosen.choices(b"1.2\0", k=length))

    found = 0
    for _ in range(2_000):
        values = {some_bytes(chosen.randint(4, 7)) for _ in range(chosen.randint(0, 12))}
        data = some_bytes(chosen.randint(0, 120))
        expected = any(one in data for one in values)
        assert ByteSearch(values).is_in(data) == expected, (values, data)
        found += expected
    assert 500 < found < 1_900


@pytest.mark.parametrize("place", [0, PIECE - 7, PIECE - 3, PIECE - 1, PIECE, 2 * PIECE - 14])
def test_a_value_is_found_wherever_it_lies_in_large_pixels(place: int) -> None:
    name = "Gr\xfcnewald".encode("utf-16-le")[:14]
    pixels = bytearray(2 * PIECE)
    pixels[place : place + len(name)] = name
    assert ByteSearch({name, b"nobody"}).is_in(bytes(pixels))
    assert not ByteSearch({b"nobody", name + b"s"}).is_in(bytes(pixels))


def test_thousands_of_identifiers_cost_little_in_each_instance() -> None:
    """One after the other they took half a minute for these pixels."""
    texts = (f"PATIENT-{number:06}" for number in range(5_000))
    encodings = ("ascii", "utf-16-le", "utf-16-be")
    search = ByteSearch({text.encode(encoding) for text in texts for encoding in encodings})
    pixels = random.Random(7).randbytes(PIECE) + b"PATIENT-9" * 2_000
    began = time.process_time()
    assert not search.is_in(pixels)
    assert search.is_in(pixels + b"PATIENT-004999")
    assert time.process_time() - began < 5.0


def test_a_value_that_stands_everywhere_by_chance_is_no_value() -> None:
    with pytest.raises(ValueError, match="3 bytes"):
        ByteSearch({b"1.2"})
