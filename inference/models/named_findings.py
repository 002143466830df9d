"""Findings that a card names, held against those that its model gives.

An alert that can never come must not be taken for one that has not come yet.
"""

from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path

from inference.models.cards.card_classes import check_segments
from inference.models.cards.card_file import Card
from inference.models.cards.installed_cards import is_installed
from inference.models.description import ModelDescription
from storage.core.errors import InvalidRequest

# "Lung volumn" is as near to "Lung volume" as that; "Both lungs volume", which the node makes of
# two, is not.
_AS_ALIKE = 0.85


def check_finding_names(model: ModelDescription, card_file: Path) -> None:
    """Of a model of volumes. Names that are near to none of its own stay: the node makes findings
    of several segments and of single lesions, too. Raises InvalidRequest."""
    check_segments(model.card, model.labels, card_file)
    segments = [model.segment(value) for value in model.labels]
    given = [
        *(name for one in segments for name in (one.label, f"{one.label} volume", one.code[0])),
        *(one.label for one in model.maps.values()),
        *(one.label for one in model.numbers.values()),
    ]
    check_misspelt(model.card, given, card_file)


def check_misspelt(card: Card, given: Collection[str], card_file: Path) -> None:
    """Raises InvalidRequest for a name that is nearly one of these."""
    if is_installed():
        return
    lower = {one.casefold(): one for one in given}
    for one in card.critical:
        if one.finding.casefold() not in lower:
            _refuse_near("critical", one.finding, lower, card_file)
    for stated in card.normal_ranges:
        # These go by the very letters.
        if stated.label not in given:
            _refuse_near("normal_ranges", stated.label, lower, card_file)


def _refuse_near(where: str, name: str, given: dict[str, str], card_file: Path) -> None:
    # The node numbers lesions, each of which then has a name that is near to the others'.
    is_numbered = any(letter.isdigit() for letter in name)
    near = [] if is_numbered else get_close_matches(name.casefold(), given, 1, _AS_ALIKE)
    if near:
        raise InvalidRequest(
            f"{card_file} names “{name}” in {where}; the model gives “{given[near[0]]}”.",
            remedy="Correct the name.",
        )
