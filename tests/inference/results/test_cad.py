"""Boxes in films as Mammography and Chest CAD SR, read back by DCMTK."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    ChestCADSRStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    MammographyCADSRStorage,
)

from inference.findings.build import build_findings
from inference.models.card import ModelCard
from inference.pipeline import FoundBox, ImageResult, PipelineOutput
from inference.results.cad.document import encode_cad
from storage.core.entities import Job
from storage.core.findings import Code, Finding
from tests.inference.films import film
from tests.inference.results_support import complaints, job_for, save
from tests.inference.small import BrightRegion
from tests.services import tool

NODULE = Code("27925004", "SCT", "Nodule")
DENSITY = Code("129793001", "SCT", "Mammography breast density")
OF_THE_SITE = Code("LUMP", "99SITE", "Lump")
CORNERS = ((10.5, 20.0), (40.5, 20.0), (40.5, 60.25), (10.5, 60.25))


def pipeline(*codes: Code) -> BrightRegion:
    plain = BrightRegion()
    card = ModelCard("Detector", "2.1", "MIT", "example.org", "Research use only.", "Films")
    return replace(plain, card=replace(card, output_codes=codes))


def mammogram(number: int, view: str, side: str) -> Dataset:
    return film(
        "cad",
        number,
        SOPClassUID=DigitalMammographyXRayImageStorageForPresentation,
        Modality="MG",
        BodyPartExamined="BREAST",
        ViewPosition=view,
        ImageLaterality=side,
        PatientOrientation=["A", "F"],
    )


def job_of(sources: list[Dataset]) -> Job:
    return job_for(
        None,
        study_instance_uid=str(sources[0].StudyInstanceUID),
        series_instance_uid=str(sources[0].SeriesInstanceUID),
    )


def encoded(
    sources: list[Dataset], *found: tuple[int, Code, float | None]
) -> tuple[Dataset | None, tuple[Finding, ...]]:
    """`found`: in which image, what, how surely; each a box at CORNERS."""
    images = []
    for index, source in enumerate(sources):
        boxes = tuple(
            FoundBox(f"{code.meaning} {number}", code, CORNERS, score, (255, 0, 0))
            for number, (where, code, score) in enumerate(found, start=1)
            if where == index
        )
        images.append(ImageResult(str(source.SOPInstanceUID), np.zeros((1, 1, 1)), boxes=boxes))
    output = PipelineOutput(images=tuple(images), looks_for_boxes=True, derivation="as it is")
    by = pipeline(*dict.fromkeys(code for _, code, _ in found or [(0, NODULE, None)]))
    job = job_of(sources)
    findings = build_findings(job, by, output)
    known = {str(source.SOPInstanceUID): source for source in sources}
    return encode_cad(job, by, known, findings, output), findings


def dumped(path: Path) -> str:
    """What DCMTK reads of it, which checks the constraints of the class (PS3.3 A.35.5, A.35.6)."""
    done = subprocess.run(
        [tool("dsrdump", "dcmtk"), "+Pc", "+Pn", "+Pl", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == ["W: Check for template constraints not yet supported"]
    return done.stdout


def named(document: Dataset, name: str) -> list[Dataset]:
    """All items of the document with that concept name's code."""
    found = []

    def look(item: Dataset) -> None:
        for child in item.get("ContentSequence") or ():
            concept = (child.get("ConceptNameCodeSequence") or [Dataset()])[0]
            if concept.get("CodeValue") == name:
                found.append(child)
            look(child)

    look(document)
    return found


def value_of(item: Dataset) -> Any:
    return item.ConceptCodeSequence[0].CodeValue


def at(document: Dataset, path: list[int]) -> Dataset:
    """The item that stands there."""
    assert path[0] == 1
    item = document
    for number in path[1:]:
        item = item.ContentSequence[number - 1]
    return item


def test_what_is_found_in_mammograms_is_a_mammography_cad_report(tmp_path: Path) -> None:
    sources = [mammogram(1, "CC", "R"), mammogram(2, "MLO", "L")]
    document, findings = encoded(sources, (1, DENSITY, 0.875), (1, OF_THE_SITE, None))
    assert document is not None
    assert document.SOPClassUID == MammographyCADSRStorage
    assert document.ContentTemplateSequence[0].TemplateIdentifier == "4000"
    path = save(document, tmp_path / "cad.dcm")
    assert complaints(path) == []
    text = dumped(path)
    for line in ("Mammography CAD Report", "Single Image Finding", "Selected Region Description"):
        assert line in text
    density, lump = named(document, "111059")
    assert (value_of(density), value_of(lump)) == ("129793001", "111099")
    # What CID 6014 has no code for is a region that is described.
    (description,) = named(document, "111058")
    assert description.TextValue == "Lump 2"
    (certainty,) = named(document, "111012")
    assert certainty.MeasuredValueSequence[0].NumericValue == 87.5
    centers, outlines = named(document, "111010"), named(document, "111041")
    assert [list(one.GraphicData) for one in centers] == [[25.5, 40.125]] * 2
    assert list(outlines[0].GraphicData) == [x for one in (*CORNERS, CORNERS[0]) for x in one]
    # Each place refers to the image of the library.
    for place in (*centers, *outlines):
        image = at(document, list(place.ContentSequence[0].ReferencedContentItemIdentifier))
        (reference,) = image.ReferencedSOPSequence
        assert reference.ReferencedSOPInstanceUID == sources[1].SOPInstanceUID
    assert [value_of(one) for one in named(document, "111027")] == ["73056007", "80248007"]
    assert [value_of(one) for one in named(document, "111031")] == ["399162004", "399368009"]
    (summary,) = named(document, "111017")
    assert value_of(summary) == "111242"
    tracked = [str(one.UID) for one in named(document, "112040")]
    assert tracked == [one.tracking_uid for one in findings]
    assert [value_of(one) for one in named(document, "111022")] == ["129793001", "111099"]


def test_what_is_found_in_a_film_of_the_chest_is_a_chest_cad_report(tmp_path: Path) -> None:
    document, _ = encoded([film("cad")], (0, NODULE, 0.6), (0, OF_THE_SITE, 0.7))
    assert document is not None
    assert document.SOPClassUID == ChestCADSRStorage
    path = save(document, tmp_path / "cad.dcm")
    assert complaints(path) == []
    assert "Chest CAD Report" in dumped(path)
    found = named(document, "111059")
    assert [value_of(one) for one in found] == ["112033", "111099"]
    modifiers = [value_of(one) for one in named(document, "112024")]
    assert modifiers == ["27925004", "LUMP"]
    assert [value_of(one) for one in named(document, "111031")] == ["272479007"]


@pytest.mark.parametrize("source", [mammogram(1, "CC", "R"), film("cad")])
def test_that_nothing_was_found_is_stated_too(tmp_path: Path, source: Dataset) -> None:
    document, _ = encoded([source])
    assert document is not None
    path = save(document, tmp_path / "cad.dcm")
    assert complaints(path) == []
    dumped(path)
    (summary,) = named(document, "111017")
    assert value_of(summary) == "111241"
    assert "ContentSequence" not in summary
    assert len(named(document, "111022")) == 1


@pytest.mark.parametrize(
    "sources",
    [
        [film("cad", BodyPartExamined="HAND")],
        [film("cad"), mammogram(2, "CC", "R")],
        [film("cad", NumberOfFrames=3)],
    ],
)
def test_other_images_have_no_such_report(sources: list[Dataset]) -> None:
    assert encoded(sources, (0, NODULE, 0.6))[0] is None
