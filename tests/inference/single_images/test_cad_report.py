"""What a detector finds leaves as a CAD report, where somebody asks for it."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import ChestCADSRStorage, DigitalMammographyXRayImageStorageForPresentation

from inference.model_registry.adding import add_model
from storage.core.results.result_kinds import result_kind
from tests.inference.films import bright_detector, film
from tests.inference.orchestration import storage_in
from tests.inference.single_images.support import box_of, done, objects


@pytest.mark.parametrize("modality", ["DX", "MG"])
def test_a_detectors_boxes_are_in_the_cad_report_where_they_are_in_the_image(
    tmp_path: Path, modality: str
) -> None:
    of_breast = {
        "SOPClassUID": DigitalMammographyXRayImageStorageForPresentation, "Modality": "MG",
        "BodyPartExamined": "BREAST", "ViewPosition": "CC", "ImageLaterality": "R",
    }  # fmt: skip
    image = film("cad", **(of_breast if modality == "MG" else {}))
    with storage_in(tmp_path, result_kinds="CAD") as storage:
        folder = bright_detector(tmp_path / "m")
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
        job = done(storage, image)
        boxes = [
            one for one in storage.findings.of_job(job.job_id) if one.image and one.value is None
        ]
        (report,) = objects(storage, job, "CAD")
    assert (report.SOPClassUID == ChestCADSRStorage) == (modality == "DX")
    assert result_kind(report.SOPClassUID) == "CAD"
    outlines = [
        np.array(one.GraphicData).reshape(-1, 2)
        for one in _all(report)
        if one.get("GraphicType") == "POLYLINE"
    ]
    assert boxes
    assert [[*one.min(axis=0), *one.max(axis=0)] for one in outlines] == [
        pytest.approx(box_of(one), abs=1e-3) for one in boxes
    ]


def _all(item: object) -> list:  # type: ignore[type-arg]
    found = []
    for child in getattr(item, "ContentSequence", ()):
        found += [child, *_all(child)]
    return found
