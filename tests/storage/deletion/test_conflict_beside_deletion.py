"""Other content that comes while what is stored under its UID is deleted."""

import pytest

from storage.container import Storage
from storage.deletion import service
from tests.storage.deletion.beside_deletion import once_before, problems, rebuilt, small
from tests.storage.deletion.test_deleting import STUDY

pytestmark = pytest.mark.slow_on_postgresql


def test_what_goes_from_the_list_of_conflicts_does_not_come_back_with_a_new_index(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    storage.ingest.accept(small(1), "stow")
    came: list[str] = []
    # The deletion has counted, and takes the rows out after that.
    once_before(
        monkeypatch,
        service,
        "bury_by",
        lambda: came.append(storage.ingest.accept(small(2), "stow").outcome),
    )
    storage.deletions.study(STUDY)
    assert came == ["conflict"]
    assert storage.conflicts.waiting() == []
    assert problems(storage) == []
    assert rebuilt(storage, request) == (None, 0)
