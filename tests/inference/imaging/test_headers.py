"""Values of headers as people read them."""

from inference.imaging.headers import quoted


def test_a_value_longer_than_the_standard_allows_is_cut_and_its_length_named() -> None:
    assert quoted("t1_mprage_sag") == "'t1_mprage_sag'"
    assert quoted("x" * 64) == f"'{'x' * 64}'"
    assert quoted("x" * 600) == f"'{'x' * 64}…' (600 characters)"
