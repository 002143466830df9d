"""The SR: valid, TID 1500, readable by DCMTK and highdicom, in step with findings and SEG."""

import subprocess
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from inference.imaging.volume import assemble_volume
from inference.results.encode import EncodedResults
from tests import builders
from tests.inference.results_support import complaints, encode, result, save
from tests.services import tool

SHAPE = (9, 11, 13)


@pytest.fixture
def datasets() -> list[Dataset]:
    voxels = np.zeros(SHAPE, np.int16)
    return builders.series(voxels, directions=builders.rotation(25, -15, 110))


@pytest.fixture
def results(datasets: list[Dataset]) -> EncodedResults:
    return encode(datasets, builders.asymmetric_mask(SHAPE))


def _dump(path: Path) -> str:
    done = subprocess.run(
        [tool("dsrdump", "dcmtk"), "+Pl", "+Pu", str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "E:" not in done.stderr
    warnings = [line for line in done.stderr.splitlines() if line.startswith("W:")]
    # dsrdump reads UTF-8 but does not check it.
    assert all("does not support this Specific Character Set" in line for line in warnings)
    return done.stdout


def test_the_validators_find_no_error(tmp_path: Path, results: EncodedResults) -> None:
    assert complaints(save(result(results, "SR"), tmp_path / "sr.dcm")) == []


def test_dsrdump_reads_the_measurement(tmp_path: Path, results: EncodedResults) -> None:
    text = _dump(save(result(results, "SR"), tmp_path / "sr.dcm"))
    value = results.findings[0].value
    assert "Comprehensive 3D SR" in text
    assert "UNVERIFIED" in text.upper()
    assert f'="{value}" (cm3,UCUM' in text
    assert '"deepbet"' in text
    assert '"brain-volume: Brain"' in text


def test_highdicom_reads_the_group_and_its_segment(
    tmp_path: Path, datasets: list[Dataset], results: EncodedResults
) -> None:
    report = hd.sr.srread(save(result(results, "SR"), tmp_path / "sr.dcm"))
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    (group,) = report.content.get_volumetric_roi_measurement_groups()
    seg = result(results, "SEG")
    assert group.tracking_uid == seg.SegmentSequence[0].TrackingUID
    assert group.tracking_identifier == "brain-volume: Brain"
    assert group.referenced_segment.referenced_sop_instance_uid == seg.SOPInstanceUID
    assert group.finding_type.value == "12738006"
    (measurement,) = group.get_measurements()
    volume = assemble_volume(datasets)
    voxels = int(builders.asymmetric_mask(SHAPE).sum())
    assert measurement.value == pytest.approx(voxels * 2.5 * 0.8 * 0.6 / 1000, abs=5e-4)
    assert volume.voxel_volume_mm3 == pytest.approx(2.5 * 0.8 * 0.6, rel=1e-6)
    assert (measurement.name.value, measurement.unit.value) == ("118565006", "cm3")


def test_document_and_findings_say_the_same(results: EncodedResults) -> None:
    (finding,) = results.findings
    document, seg = result(results, "SR"), result(results, "SEG")
    (group,) = hd.sr.MeasurementReport.from_sequence(
        [document], is_root=True
    ).get_volumetric_roi_measurement_groups()
    (measurement,) = group.get_measurements()
    assert measurement.value == finding.value
    assert group.tracking_uid == finding.tracking_uid
    assert finding.segmentation is not None
    assert finding.segmentation.sop_instance_uid == seg.SOPInstanceUID
    assert finding.segmentation.series_instance_uid == seg.SeriesInstanceUID


def test_evidence_holds_every_source_and_the_segmentation(
    datasets: list[Dataset], results: EncodedResults
) -> None:
    document = result(results, "SR")
    evidence = {
        instance.ReferencedSOPInstanceUID
        for study in document.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    }
    seg = result(results, "SEG")
    assert evidence == {ds.SOPInstanceUID for ds in datasets} | {seg.SOPInstanceUID}
    assert document.VerificationFlag == "UNVERIFIED"
    assert document.PreliminaryFlag == "PRELIMINARY"
    assert document.CompletionFlag == "COMPLETE"


def test_two_structures_become_two_groups(tmp_path: Path, datasets: list[Dataset]) -> None:
    first = builders.asymmetric_mask(SHAPE)
    results = encode(datasets, first, np.flip(first, 2))
    path = save(result(results, "SR"), tmp_path / "sr.dcm")
    assert complaints(path) == []
    groups = hd.sr.srread(path).content.get_volumetric_roi_measurement_groups()
    assert [group.tracking_identifier for group in groups] == [
        "brain-volume: Brain",
        "brain-volume: Cerebellum",
    ]
    numbers = [group.referenced_segment.referenced_segment_numbers for group in groups]
    assert [int(value[0]) for value in numbers] == [1, 2]


def test_a_rerun_gives_the_same_bytes(tmp_path: Path, datasets: list[Dataset]) -> None:
    mask = builders.asymmetric_mask(SHAPE)
    first = save(result(encode(datasets, mask), "SR"), tmp_path / "1.dcm")
    again = save(result(encode(datasets[::-1], mask), "SR"), tmp_path / "2.dcm")
    assert first.read_bytes() == again.read_bytes()


@pytest.mark.slow
def test_the_real_head_gives_valid_objects(shared_data: Path, tmp_path: Path) -> None:
    paths = (shared_data / "mr_t1_head").glob("*.dcm")
    sources = [pydicom.dcmread(path) for path in paths]
    volume = assemble_volume(sources)
    # A ball where the brain is: the objects are what is tried here, not the model.
    grid = np.stack(
        np.meshgrid(*[np.linspace(-1, 1, n) for n in volume.voxels.shape], indexing="ij")
    )
    results = encode(sources, (grid**2).sum(axis=0) < 0.2)
    for kind in ("SEG", "SR"):
        path = save(result(results, kind), tmp_path / f"{kind}.dcm")
        assert complaints(path) == []
    assert "(cm3,UCUM" in _dump(tmp_path / "SR.dcm")
