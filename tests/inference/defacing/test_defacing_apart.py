"""A TorchScript with the role `deface`, added as operators add it, in a process of its own."""

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest

from inference.model_registry.adding import add_model
from inference.projects.export import export_due
from inference.projects.folder import checked_folder
from inference.projects.selection import create_project
from storage.core.clock import utcnow
from storage.projects.entities import Split
from tests.builders import series
from tests.inference.deidentification.test_planted_identifiers import part10
from tests.inference.orchestration import storage_in
from tests.inference.plain_models import torchscript_model
from tests.inference.projects.research import put


@pytest.mark.slow
def test_a_network_marks_what_an_export_overwrites(tmp_path: Path) -> None:
    folder = torchscript_model(tmp_path / "plain", name="Bright face", spacing_mm=None)
    card = json.loads((folder / "mediview.json").read_text())
    (folder / "mediview.json").write_text(json.dumps({**card, "role": "deface"}))
    voxels = np.full((12, 40, 36), 40, np.int16)
    voxels[:, :9, 6:30] = 1000
    datasets = series(voxels, BodyPartExamined="HEAD")
    with storage_in(tmp_path) as storage:
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")
        for one in datasets:
            storage.ingest.accept(part10(one), "dimse:MR1")
        project = create_project(
            storage.projects,
            "faces",
            ["clean-recognizable-visual-features"],
            needs_consent=False,
            split=Split(),
            created_by="me",
            now=utcnow(),
        )
        put(storage, project, [str(datasets[0].StudyInstanceUID)])
        asked = storage.project_exports.add(project, "faces", "me")
        assert export_due(storage, "test") == 1
        out = checked_folder(storage.settings, "faces")
        assert storage.project_exports.counts(asked.export_id).refused == 0
        for path in out.rglob("*.dcm"):
            found = pydicom.dcmread(path)
            assert (found.pixel_array == 40).all()
            assert "model-bright-face 1.2 marked them" in found.DerivationDescription
        faces = json.loads((out / "certificate.json").read_text())["faces"]
        assert faces == {"series": 1, "instances": 12, "voxels": 12 * 9 * 24}
