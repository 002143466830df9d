"""What a search finds of a finding follows what readers have stated of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.container import Storage
from storage.core.callers.identity import of_account
from storage.core.findings import Code
from tests.inference.reports.studies import measured_study, opened

_READER = of_account("dr-jones")


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with opened(tmp_path) as storage:
        yield storage


def test_a_search_finds_the_value_that_a_reader_gave(storage: Storage) -> None:
    (finding,) = storage.findings.of_study(measured_study(storage))
    assert _found(storage) == ["Brain volume: 1234.5 cm³."]
    say = storage.finding_feedback.add
    say(finding, "CORRECTED", _READER, value=1.15, unit=Code("L", "UCUM", "liter"))
    assert _found(storage) == ["Brain volume: 1150.0 cm³."]
    # Compared again, it stays the reader's.
    storage.findings.compare_again([finding])
    assert _found(storage) == ["Brain volume: 1150.0 cm³."]
    say(finding, "REJECTED", _READER)
    assert _found(storage) == []
    say(finding, "ACCEPTED", _READER)
    assert _found(storage) == ["Brain volume: 1234.5 cm³."]


def _found(storage: Storage) -> list[str]:
    return [one.text for one in storage.passages.waiting(10)]
