"""Secondary captures and the PDF: for a PACS that shows neither SEG nor SR."""

import re
import subprocess
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.imaging.volume import assemble_volume
from inference.models.card import MORPHOLOGICAL_OPERATIONS
from inference.pipelines.brain.brain_volume import BrainVolume
from inference.pipelines.chest.lung_density import LungDensity
from inference.results.encode import EncodedResults, encode_results
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.run import run_job
from storage.core.results.result_kinds import RESULT_KINDS
from storage.settings import load_settings
from tests import builders
from tests.inference.orchestration import later, receive, storage_in
from tests.inference.results_support import PIPELINE, complaints, job_for, output_of, save
from tests.inference.small import BrightRegion, mr_series, study_uid
from tests.services import tool

SHAPE = (14, 40, 30)


def sources() -> list[Dataset]:
    voxels = np.random.default_rng(4).integers(-200, 300, SHAPE)
    voxels[builders.asymmetric_mask(SHAPE)] = 900
    return builders.series(
        voxels.astype(np.int16),
        directions=builders.rotation(0.2, -0.1, 0.3),
        spacing_mm=(3.0, 1.5, 0.8),
        PatientName="Ängström^Åsa=安^麻",
        SpecificCharacterSet="ISO_IR 192",
    )


def masks() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    first = builders.asymmetric_mask(SHAPE)
    second = np.zeros(SHAPE, bool)
    second[8:12, 20:30, 12:25] = True
    return first, second


@pytest.fixture(scope="module")
def results() -> EncodedResults:
    datasets = sources()
    volume = assemble_volume(datasets)
    return encode_results(
        job_for(volume), PIPELINE, datasets, volume, output_of(volume, *masks()), {"SC", "PDF"}
    )


def of_kind(results: EncodedResults, kind: str) -> list[Dataset]:
    return [item.dataset for item in results.objects if item.kind == kind]


def test_the_validators_find_no_error(results: EncodedResults, tmp_path: Path) -> None:
    objects = of_kind(results, "SC") + of_kind(results, "PDF")
    assert len(objects) == 3
    for number, dataset in enumerate(objects):
        assert complaints(save(dataset, tmp_path / f"{number}.dcm")) == []


def test_a_capture_shows_the_segment_on_the_slice_that_it_names(results: EncodedResults) -> None:
    datasets = sources()
    by_uid = {ds.SOPInstanceUID: index for index, ds in enumerate(datasets)}
    for capture, mask, color in zip(
        of_kind(results, "SC"), masks(), ((232, 170, 90), (80, 120, 220)), strict=True
    ):
        (reference,) = capture.SourceImageSequence
        k = by_uid[reference.ReferencedSOPInstanceUID]
        plane = mask[k]
        assert plane.sum() == mask.sum(axis=(1, 2)).max()
        # What is coloured in the capture, at the size of the source.
        spacing = float(capture.PixelSpacing[0])
        rows, columns = round(SHAPE[1] * 1.5 / spacing), round(SHAPE[2] * 0.8 / spacing)
        picture = capture.pixel_array[:rows, :columns].astype(int)
        near = (np.abs(picture - color).sum(axis=2) < 60) | (np.ptp(picture, axis=2) > 25)
        middle_rows = ((np.arange(SHAPE[1]) + 0.5) * 1.5 / spacing).astype(int)
        middle_columns = ((np.arange(SHAPE[2]) + 0.5) * 0.8 / spacing).astype(int)
        sampled = near[np.ix_(middle_rows, middle_columns)]
        assert (sampled == plane).mean() > 0.97
        assert capture.BurnedInAnnotation == "NO"
        assert "unverified" in capture.ImageComments


def test_the_pdf_says_what_the_findings_say(results: EncodedResults, tmp_path: Path) -> None:
    (document,) = of_kind(results, "PDF")
    path = tmp_path / "report.pdf"
    path.write_bytes(document.EncapsulatedDocument[: document.EncapsulatedDocumentLength])
    text = subprocess.run(
        [tool("pdftotext", "poppler-utils"), "-layout", str(path), "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Ängström Åsa" in text
    assert "AI result, unverified. Research use only." in text
    # The job's time, by which a rerun repeats the bytes, is not that of the making.
    assert re.search(r"analysis scheduled \d{4}-\d\d-\d\d \d\d:\d\d\.", text)
    assert len(results.findings) == 2
    for finding in results.findings:
        assert finding.label in text
        (number,) = re.findall(rf"{finding.label} +(\d+\.\d+) cm³", text)
        # A number that a decimal alone would hide keeps three digits.
        assert float(number) == pytest.approx(finding.value, rel=0.005)
    assert document.VerificationFlag == "UNVERIFIED"


def test_no_object_of_thresholds_is_called_ai() -> None:
    pipeline = BrainVolume()
    pipeline.card = replace(pipeline.card, family=MORPHOLOGICAL_OPERATIONS)
    mask = np.zeros((3, 8, 8), bool)
    mask[:, 2:6, 2:6] = True
    datasets = builders.series(mask.astype(np.int16))
    volume = assemble_volume(datasets)
    output = replace(output_of(volume, mask), masks=mask.astype(np.uint8))
    made = encode_results(job_for(volume), pipeline, datasets, volume, output, set(RESULT_KINDS))
    assert {item.kind for item in made.objects} >= {"SEG", "LABELMAP", "SR", "PDF", "RTSTRUCT"}
    for item in made.objects:
        written = str(item.dataset).replace("without AI", "")
        assert not re.findall(r".*(?:\bAI\b|AI_|Artificial).*", written), item.kind
        if item.kind in ("SEG", "LABELMAP"):
            segment = item.dataset.SegmentSequence[-1]
            (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
            (family,) = algorithm.AlgorithmFamilyCodeSequence
            assert (family.CodeValue, family.CodingSchemeDesignator) == ("123104", "DCM")
    assert LungDensity.card.family == MORPHOLOGICAL_OPERATIONS


@pytest.mark.slow
def test_a_rerun_gives_the_same_bytes() -> None:
    def encoded() -> list[bytes]:
        datasets = sources()
        volume = assemble_volume(datasets)
        again = encode_results(
            job_for(volume), PIPELINE, datasets, volume, output_of(volume, *masks()), {"SC", "PDF"}
        )
        files = []
        for item in again.objects:
            buffer = BytesIO()
            item.dataset.save_as(buffer, enforce_file_format=True)
            files.append(buffer.getvalue())
        return files

    assert encoded() == encoded()


def test_they_are_made_where_a_destination_or_the_site_wants_them(tmp_path: Path) -> None:
    pipeline = BrightRegion()
    with storage_in(tmp_path, result_kinds="pdf") as storage:
        receive(storage, mr_series("head", 6))
        (decision,) = complete_and_schedule(storage, later(10), [pipeline])
        job = run_job(storage, decision.job_id or "", "worker", pipelines=[pipeline])
        assert job is not None
        kinds = [one["kind"] for one in job.result["instances"]]
        assert kinds == ["SEG", "SR", "PDF"]
        stored = {one.sop_class_uid for one in storage.index.instances_of(study_uid("head"))}
        assert pydicom.uid.EncapsulatedPDFStorage in stored


def test_settings_name_kinds_in_any_case() -> None:
    assert load_settings(result_kinds="sc, PDF").result_kinds == ("SC", "PDF")
    with pytest.raises(ValueError, match="result_kinds"):
        load_settings(result_kinds="DOCX")
