"""A pipeline of another package that marks the front of a head, installed as packages are."""

import sys
from pathlib import Path

import pytest

FACE_BEFORE_MM = 38.0
"""Voxels whose centre lies before this place on the patient's second axis (LPS) are the face."""
CODE = f"""
import numpy as np

from inference.pipeline import (
    Acceptance, ModelCard, PipelineOutput, Readiness, Segment,
)
from inference.refusals import NothingFound
from storage.core.findings import Code


class FrontOfHead:
    contract_version = 2
    name, version, title = "front-of-head", "1.0", "Front of the head"
    description = accepts_text = "The front of any head."
    input_kind = "volume"
    card = ModelCard(
        "front", "1.0", "MIT", "tests", "Research.", "MR or CT", role="deface"
    )

    def __init__(self, settings):
        pass

    def readiness(self):
        return Readiness(True, "Needs no weights.")

    def accepts(self, series, instances, headers):
        return Acceptance(series.modality in ("MR", "CT"), "MR and CT.")

    def run(self, context):
        volume = context.volume
        if volume.voxels.max() < 400:
            raise NothingFound("No head.", remedy="")
        if volume.voxels.max() > 30000:
            raise ZeroDivisionError("of a strange head")
        k, j, i = np.indices(volume.voxels.shape)
        a = volume.lps_from_kji
        y = a[1, 0] * k + a[1, 1] * j + a[1, 2] * i + a[1, 3]
        face = Code("89545001", "SCT", "Face")
        return PipelineOutput(
            segments=(Segment("Face", face, face, (200, 100, 100)),),
            masks=(y < {FACE_BEFORE_MM}).astype(np.uint8),
        )
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by its entry point until the test ends."""
    package = folder / "site"
    metadata = package / "front_of_head-1.dist-info"
    metadata.mkdir(parents=True)
    (package / "front_of_head.py").write_text(CODE)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: front-of-head\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(
        "[mediview.pipelines]\nfront-of-head = front_of_head:FrontOfHead\n"
    )
    monkeypatch.syspath_prepend(str(package))
    monkeypatch.delitem(sys.modules, "front_of_head", raising=False)
