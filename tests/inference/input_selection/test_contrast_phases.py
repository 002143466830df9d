"""Phases of a CT fill the roles of a pipeline by when they were acquired, whatever came first."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.input_selection.study_phases import phases_known
from inference.model_registry.adding import add_model
from inference.scheduling.deciding import results_in
from inference.scheduling.explain import explain_study
from inference.series_classification.study_context import contrast_phase
from storage.container import Storage
from tests import builders
from tests.inference.orchestration import storage_in
from tests.inference.scheduling.four_sequences import PIPELINE, STUDY, card, decided, done, model

AGENT = "Imeron"
TIMES = {2: ("101000", ""), 3: ("101235", AGENT), 4: ("101310", AGENT), 5: ("101900", AGENT)}
PHASES = {"native": "NATIVE", "art": "ARTERIAL", "portal": "PORTAL_VENOUS", "late": "DELAYED"}


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def phase(number: int, **changes: str) -> list[Dataset]:
    """One series of the liver, its description empty."""
    time, agent = TIMES[number]
    voxels = np.full((12, 20, 20), 40, np.int16)
    voxels[4:8, 6:14, 6:14] = 900
    stated = {
        "StudyInstanceUID": STUDY, "FrameOfReferenceUID": "2.25.772", "SeriesNumber": number,
        "SeriesInstanceUID": f"2.25.8{number}", "AcquisitionDate": "20260304",
        "AcquisitionTime": time, "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], **changes,
    }  # fmt: skip
    if agent:
        stated["ContrastBolusAgent"] = agent
    return builders.series(voxels, seed=number, modality="CT", **stated)  # type: ignore[arg-type]


def test_each_phase_fills_its_role_whatever_came_first(storage: Storage, tmp_path: Path) -> None:
    inputs = {
        name: {"title": name, "accepts": {"contrast_phase": phase}}
        for name, phase in PHASES.items()
    }
    stated = card(inputs=inputs, reference="portal")
    stated["model"]["modality"] = "CT"
    folder = model(tmp_path / "m", **{key: stated[key] for key in ("inputs", "reference", "model")})
    add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
    first = decided(storage, phase(4), phase(3))
    assert not any(one.accepted for one in first.values())
    assert "No series is native" in first[4].reason
    found = decided(storage, phase(5), phase(2))
    assert all(one.accepted for one in found.values())
    for role, number in (("native", 2), ("art", 3), ("portal", 4), ("late", 5)):
        assert f"{role}: series {number}" in found[4].reason
    job = done(storage, found[4])
    assert (job.state, job.series_instance_uid) == ("COMPLETED", "2.25.84")
    explained = explain_study(
        storage.settings, storage.index, storage.instances, storage.worklist, storage.model_states,
        results_in(storage), STUDY,
    )  # fmt: skip
    assert any(one.would_run for one in explained if one.pipeline == PIPELINE)


def test_a_damaged_series_does_not_keep_the_others_from_a_phase(storage: Storage) -> None:
    for number in (2, 3, 4):
        decided(storage, phase(number))
    location = storage.index.instances_of(STUDY, "2.25.83")[0].location
    with (storage.volumes.folder / location.volume).open("r+b") as file:
        file.seek(location.offset)
        file.write(bytes(200))

    with phases_known(storage.index, storage.instances, STUDY):
        instances = storage.index.instances_of(STUDY, "2.25.84")
        found = contrast_phase(storage.instances.headers([instances[0], instances[-1]]))

    # As if it were not there: nothing says which of the phases the only one after contrast is.
    assert found == ""
