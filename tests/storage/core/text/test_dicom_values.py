"""Birth dates of DICOM beside those of FHIR, which may be a month or a year alone."""

from typing import Any

import pytest

from storage.core.text.dicom_values import is_born_on_another_day


@pytest.mark.parametrize(
    ("born", "stated", "is_another"),
    [
        ("19570301", "1957-03-01", False),
        ("1957.03.01", " 1957-03-01 ", False),
        ("19570301", "1957-03", False),
        ("19570301", "1957", False),
        ("19570301", "1957-03-02", True),
        ("19570301", "1957-04", True),
        ("19570301", "1958", True),
        ("19570301", "1957-03-02T00:00:00Z", True),
        ("19570301", "unknown", False),
        ("19570301", "", False),
        ("19570301", None, False),
        ("19570301", 1958, False),
        ("", "1958", False),
        ("1957", "1958", False),
    ],
)
def test_a_date_that_may_be_the_same_is_not_another(
    born: str, stated: Any, is_another: bool
) -> None:
    assert is_born_on_another_day(born, stated) is is_another
