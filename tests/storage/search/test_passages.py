"""A finding in words, as the search shows it."""

import pytest

from storage.core.clock import utcnow
from storage.core.findings import Code, Finding
from storage.search.passages import finding_text


@pytest.mark.parametrize(
    ("value", "ucum", "text"),
    [
        (-855.2671, "[hnsf'U]", "Lungs: -855 HU."),
        (1791.7004, "cm3", "Lungs: 1791.7 cm³."),
        (3.6942, "L", "Lungs: 3.69 L."),
        (0.0213, "1", "Lungs: 0.021."),
        (None, "cm3", "Lungs."),
    ],
)
def test_a_value_is_printed_as_people_read_it(value: float | None, ucum: str, text: str) -> None:
    finding = Finding(
        "f", "j", "2.25.1", "2.25.2", "lung-density", "1", "Lungs", Code("X", "99X", "X"), value,
        Code(ucum, "UCUM", ucum), None, "t", "2.25.3", None, utcnow(),
    )  # fmt: skip
    assert finding_text(finding) == text
