"""What is left of descriptions."""

import pytest

from inference.deidentification.words import cleaned


@pytest.mark.parametrize(
    ("description", "left"),
    [
        # Of nobody whom a header names.
        ("Thorax/Manek Z.", "Thorax/"),
        ("Z. Manek Thorax", "Thorax"),
        ("Thorax Manek, M. Z. nativ", "Thorax , nativ"),
        ("Thorax Dr. Manek Z. pa", "Thorax Dr. pa"),
        ("Thorax MANEK^ZARA^Q pa", "Thorax pa"),
        # A side, also where the name is the patient's, and beside a word that is not known.
        ("Weber L", ""),
        ("Sprunggelenk R", "R"),
        ("Knie L Zyxo", "L"),
        ("T 1 tse Zyxo", "T 1 tse"),
        ("C5 L 4", "C5 L 4"),
        ("T2 tse tra", "T2 tse tra"),
    ],
)
def test_initials_go_with_their_name_and_sides_stay(description: str, left: str) -> None:
    assert cleaned(description, {"weber"}) == left
