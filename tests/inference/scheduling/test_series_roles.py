"""What series are for a reader, as the node writes it down once they are complete."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from sqlalchemy import text

from inference.scheduling.series_roles import recognise_roles
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.postponed import Postponed
from tests import builders
from tests.inference.orchestration import receive, storage_in
from tests.inference.scheduling.four_sequences import STUDY, files, sequence

FRAME = "2.25.900"


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def scan(modality: str, number: int, *, slices: int = 3, **attributes: Any) -> list[Dataset]:
    made = builders.series(
        np.zeros((slices, 8, 8), np.int16),
        seed=number,
        Modality=modality,
        StudyInstanceUID=STUDY,
        SeriesInstanceUID=f"2.25.9{number}",
        SeriesNumber=number,
        **attributes,
    )
    for one in made:
        for keyword in ("ScanningSequence", "RepetitionTime", "EchoTime"):
            if keyword not in attributes and keyword in one and modality != "MR":
                delattr(one, keyword)
    return made


def roles(storage: Storage, *arriving: list[Dataset]) -> dict[int | None, str | None]:
    for series in arriving:
        receive(storage, files(series))
    for one in storage.index.series_of(STUDY):
        storage.index.mark_complete(one, utcnow())
    recognise_roles(storage, Postponed(60), budget_s=60)
    return {one.series_number: one.roles for one in storage.index.series_of(STUDY)}


def test_the_sequences_of_a_brain_are_known_without_a_description(storage: Storage) -> None:
    found = roles(
        storage, sequence("t1", 1), sequence("t1c", 2), sequence("t2", 3), sequence("flair", 4)
    )
    assert found == {1: "T1", 2: "T1_CONTRAST", 3: "T2", 4: "FLAIR"}


def test_a_pet_and_its_ct_and_the_phase_of_a_ct_are_known(storage: Storage) -> None:
    agent: dict[str, Any] = {"ContrastBolusAgent": "Iomeprol", "SeriesDescription": "portal venous"}
    at: dict[str, Any] = {"AcquisitionDate": "20260102", "FrameOfReferenceUID": FRAME}
    found = roles(
        storage,
        scan("PT", 1, CorrectedImage=["DECY", "ATTN"], FrameOfReferenceUID=FRAME),
        scan("PT", 2, CorrectedImage=["DECY"], FrameOfReferenceUID=FRAME),
        scan("CT", 3, AcquisitionTime="100000", **at),
        scan(
            "CT",
            4,
            **{**at, **agent, "AcquisitionTime": "101000"},
        ),
    )
    assert found[1] == "PET_CORRECTED"
    assert found[2] == "PET_UNCORRECTED"
    assert found[3] == "CT_NATIVE CT_OF_PET"
    assert found[4] == "CT_CONTRAST CT_PORTAL_VENOUS CT_OF_PET"


def test_mammograms_in_one_series_are_four_views(storage: Storage) -> None:
    films = scan("MG", 1, slices=4)
    for film, side, view in zip(films, "RLRL", ("CC", "CC", "MLO", "MLO"), strict=True):
        film.ImageLaterality, film.ViewPosition = side, view
    assert roles(storage, films) == {1: "R_CC L_CC R_MLO L_MLO"}


def test_a_series_that_grew_and_one_of_before_are_looked_at(storage: Storage) -> None:
    t1 = sequence("t1", 1)
    assert roles(storage, t1[:-1]) == {1: "T1"}
    for late in t1[-1:]:
        late.ContrastBolusAgent = "Gadolinium"
    assert roles(storage, t1[-1:]) == {1: "T1_CONTRAST"}
    # As migration 0161 leaves what was stored before.
    with storage.engine.begin() as connection:
        connection.execute(text("UPDATE series SET roles = NULL"))
    assert roles(storage) == {1: "T1_CONTRAST"}
    assert recognise_roles(storage, Postponed(60)) == 0


def test_pages_learn_of_roles_that_a_reader_may_be_waiting_for(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def announced() -> list[str]:
        return [
            one.study_instance_uid
            for one in storage.events.since(0)
            if one.payload.get("change") == "roles_known"
        ]

    roles(storage, sequence("t2", 1))
    assert announced() == [STUDY]
    # As migration 0161 leaves what was stored before: nobody waits for the layout of these.
    with storage.engine.begin() as connection:
        connection.execute(text("UPDATE series SET roles = NULL"))
    later = utcnow() + timedelta(hours=2)
    monkeypatch.setattr("storage.index.series_roles.utcnow", lambda: later)
    recognise_roles(storage, Postponed(60), budget_s=60)
    assert [one.roles for one in storage.index.series_of(STUDY)] == ["T2"]
    assert announced() == [STUDY]
