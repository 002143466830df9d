"""What is wrong with a card can be answered, whatever stands in it."""

from inference.model_registry.card_mistakes import CardMistake
from storage.core.untrusted_input.json_places import Place


def test_half_a_surrogate_pair_of_a_card_is_named() -> None:
    """Its check was answered with 500."""
    place: Place = (1, 1)
    half = "title \ud800"
    found = CardMistake(half, place, half, f'"{half}"', half)
    for text in (found.path, found.sentence, found.value, found.remedy):
        assert text.strip('"') == "title \ufffd"
    assert found.place == place
