"""Volumes of an export as NIfTI, where SimpleITK finds them in the original series."""

import gzip
import json
import uuid
import warnings
from collections.abc import Sequence
from pathlib import Path

import highdicom
import nibabel
import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from inference.projects.certificate import verify_folder
from inference.projects.export import export_due
from inference.projects.folder import checked_folder
from inference.projects.selection import create_project
from storage.container import Storage
from storage.core.clock import utcnow
from storage.projects.entities import ProjectExport, Split
from tests.builders import series
from tests.inference.deidentification.test_planted_identifiers import part10
from tests.inference.projects.research import put

NAMES = (b"Quernhammer", b"Q-4711", b"QUERNHAMMER")
SHAPE = (7, 24, 20)


def oblique() -> NDArray[np.float64]:
    """Columns: directions of increasing column, row and slice; turned about two axes."""
    a, b = np.radians(20), np.radians(-35)
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return about_z @ about_x


def images(modality: str, seed: int, **attributes: object) -> list[Dataset]:
    voxels = np.random.default_rng(seed).integers(0, 900, SHAPE, dtype=np.int16)
    return series(
        voxels,
        modality=modality,
        directions=oblique(),
        spacing_mm=(2.5, 0.8, 0.6),
        slope=1.0,
        intercept=-100.0 if modality == "CT" else 0.0,
        seed=seed,
        PatientName="Quernhammer^Adalbert",
        PatientID="Q-4711",
        **attributes,
    )


SPLEEN_FINDER = highdicom.AlgorithmIdentificationSequence(
    "Spleens", codes.DCM.ArtificialIntelligence, "2.1"
)


def segmentation(of: Sequence[Dataset], masks: NDArray[np.uint8]) -> Dataset:
    describe = [
        highdicom.seg.SegmentDescription(
            number,
            label,
            codes.SCT.Organ,
            code,
            "MANUAL" if algorithm is None else "AUTOMATIC",
            algorithm,
        )
        for number, label, code, algorithm in (
            (1, "Liver of Quernhammer", codes.SCT.Liver, None),
            (2, "Spleen", codes.SCT.Spleen, SPLEEN_FINDER),
        )
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return highdicom.seg.Segmentation(
            of,
            masks,
            highdicom.seg.SegmentationTypeValues.BINARY,
            describe,
            generate_uid(),
            5,
            generate_uid(),
            1,
            "ACME",
            "Model",
            "1",
            "7",
            transfer_syntax_uid=ExplicitVRLittleEndian,
        )


def store(storage: Storage, datasets: Sequence[Dataset]) -> None:
    for one in datasets:
        storage.ingest.accept(part10(one), "dimse:MR1")


def exported(storage: Storage, uids: list[str]) -> tuple[ProjectExport, Path]:
    project = create_project(
        storage.projects,
        f"project-{uuid.uuid4()}",
        ["clean-descriptors"],
        needs_consent=False,
        split=Split(),
        created_by="me",
        now=utcnow(),
    )
    put(storage, project, uids)
    folder = f"out-{uuid.uuid4()}"
    asked = storage.project_exports.add(project, folder, "me", "nifti")
    assert export_due(storage, "test") == 1
    return (
        storage.project_exports.get(asked.export_id),
        checked_folder(storage.settings, folder),
    )


def original(datasets: Sequence[Dataset], folder: Path) -> SimpleITK.Image:
    """The series as SimpleITK reads its files, in LPS."""
    for one in datasets:
        one.save_as(folder / f"{one.SOPInstanceUID}.dcm", enforce_file_format=True)
    names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    return SimpleITK.ReadImage(names)


def check_same_places(expected: SimpleITK.Image, path: Path) -> None:
    found = SimpleITK.ReadImage(str(path))
    assert found.GetSize() == expected.GetSize() == SHAPE[::-1]
    for index in ((0, 0, 0), (19, 0, 0), (0, 23, 0), (0, 0, 6), (11, 5, 3), (19, 23, 6)):
        point = expected.TransformIndexToPhysicalPoint(index)
        place = found.TransformPhysicalPointToContinuousIndex(point)
        assert np.allclose(place, np.rint(place), atol=1e-3)
        assert found[tuple(round(one) for one in place)] == expected[index]


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_an_oblique_anisotropic_series_lies_where_simpleitk_sees_it(
    storage: Storage, modality: str, tmp_path: Path
) -> None:
    attributes = {
        "CT": {"KVP": "120", "ConvolutionKernel": "B30f"},
        "MR": {"EchoTime": "3.5", "RepetitionTime": "9.1", "MagneticFieldStrength": "15000"},
    }[modality]
    datasets = images(modality, 11 if modality == "CT" else 12, **attributes)
    store(storage, datasets)
    export, folder = exported(storage, [str(datasets[0].StudyInstanceUID)])
    counts = storage.project_exports.counts(export.export_id)
    assert (export.state, counts.exported, counts.refused) == ("DONE", SHAPE[0], 0)
    (path,) = folder.rglob("*.nii.gz")
    check_same_places(original(datasets, tmp_path), path)
    image = nibabel.load(path)
    assert isinstance(image, nibabel.Nifti1Image)
    assert int(image.header["sform_code"]) == int(image.header["qform_code"]) == 1
    assert np.allclose(image.get_qform(), image.affine, atol=1e-3)
    assert bytes(image.header["descrip"]).strip(b"\0") == b""
    assert bytes(image.header["db_name"]).strip(b"\0") == b""
    sidecar = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
    if modality == "MR":
        assert (sidecar["EchoTime"], sidecar["RepetitionTime"]) == (0.0035, 0.0091)
    else:
        assert sidecar["XRayTubeVoltage"] == 120
        assert sidecar["ConvolutionKernel"] == "B30f"
    parts = path.relative_to(folder).parts
    assert parts[0].startswith("sub-P")
    assert parts[1].startswith("ses-")
    assert parts[2] == {"CT": "ct", "MR": "anat"}[modality]
    assert path.name.startswith(f"{parts[0]}_{parts[1]}_acq-")
    assert path.name.endswith({"CT": "_ct.nii.gz", "MR": "_T1w.nii.gz"}[modality])


@pytest.mark.slow
def test_a_sidecar_states_what_all_images_of_a_series_state(storage: Storage) -> None:
    datasets = images("CT", 13, KVP="120", ConvolutionKernel="B30f", SliceThickness="2.5")
    datasets[2].ConvolutionKernel = "B70f"
    datasets[3].SliceThickness = "5"
    store(storage, datasets)
    _, folder = exported(storage, [str(datasets[0].StudyInstanceUID)])
    (path,) = folder.rglob("*_ct.json")
    sidecar = json.loads(path.read_text())
    assert sidecar["XRayTubeVoltage"] == 120
    assert not {"ConvolutionKernel", "SliceThickness"} & sidecar.keys()


def test_segmentations_are_label_maps_on_the_grid_of_their_series(
    storage: Storage, tmp_path: Path
) -> None:
    datasets = images("CT", 21)
    masks = np.zeros(SHAPE, np.uint8)
    masks[1:3, 4:9, 2:7], masks[4:6, 10:20, 8:15] = 1, 2
    seg = segmentation(datasets, masks)
    text = segmentation(datasets[:3], masks[1:4])
    text.SOPClassUID = text.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    del text.PixelData, text.SegmentSequence
    store(storage, [*datasets, seg, text])
    export, folder = exported(storage, [str(datasets[0].StudyInstanceUID)])
    counts = storage.project_exports.counts(export.export_id)
    assert (counts.exported, counts.refused) == (SHAPE[0] + 1, 1)
    (refused,) = storage.project_exports.instances(export.export_id, refused=True)
    assert "It is not an image" in refused.reason
    (labels,) = folder.rglob("*_dseg.nii.gz")
    (image,) = set(folder.rglob("*.nii.gz")) - {labels}
    assert labels.relative_to(folder).parts[:2] == ("derivatives", "segmentations")
    shown, drawn = nibabel.load(image), nibabel.load(labels)
    assert np.allclose(shown.affine, drawn.affine)  # type: ignore[attr-defined]
    expected = SimpleITK.GetImageFromArray(masks)
    expected.CopyInformation(original(datasets, tmp_path))
    check_same_places(expected, labels)
    stated = json.loads(labels.with_name(labels.name.replace(".nii.gz", ".json")).read_text())
    assert stated["Labels"]["1"]["Name"] == "Liver of"
    assert stated["Labels"]["2"]["Code"] == "SCT:78961009"
    assert [stated["Labels"][number]["Algorithm"] for number in "12"] == ["MANUAL", "Spleens 2.1"]
    assert (stated["VerificationFlag"], stated["IntendedUse"]) == ("UNVERIFIED", "Research only.")
    for path in folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        assert not any(name in data for name in NAMES), path
    assert verify_folder(folder, "") == []
    description = json.loads((folder / "dataset_description.json").read_text())
    assert description["BIDSVersion"] == "1.10.0"
    lines = (folder / "participants.tsv").read_text().splitlines()
    assert lines == ["participant_id", image.relative_to(folder).parts[0]]
    labels.write_bytes(b"other")
    assert len(verify_folder(folder, "")) == 1
    (folder / "sub-extra").mkdir()
    (folder / "sub-extra" / "names.csv").write_text("who was who")
    assert "sub-extra/names.csv is not in the certificate." in verify_folder(folder, "")


@pytest.mark.slow
def test_a_series_with_a_gap_stays_here_whole_with_the_reason(storage: Storage) -> None:
    datasets = images("CT", 31)
    del datasets[3]
    store(storage, datasets)
    export, folder = exported(storage, [str(datasets[0].StudyInstanceUID)])
    refused = storage.project_exports.instances(export.export_id, refused=True)
    assert len(refused) == len(datasets)
    assert "mm apart" in refused[0].reason
    assert list(folder.rglob("*.nii.gz")) == []


@pytest.mark.slow
def test_an_interrupted_export_writes_the_rest(storage: Storage) -> None:
    datasets = images("CT", 41)
    masks = np.ones(SHAPE, np.uint8)
    store(storage, [*datasets, segmentation(datasets, masks)])
    uid = str(datasets[0].StudyInstanceUID)
    project = create_project(
        storage.projects,
        f"project-{uuid.uuid4()}",
        [],
        needs_consent=False,
        split=Split(),
        created_by="me",
        now=utcnow(),
    )
    put(storage, project, [uid])
    asked = storage.project_exports.add(project, f"out-{uuid.uuid4()}", "me", "nifti")
    # Each header is looked at, then the series, and before the segmentation it stops.
    calls = iter([False] * (1 + len(datasets) + 1 + 1))
    assert export_due(storage, "first", lambda: next(calls, True)) == 0
    counts = storage.project_exports.counts(asked.export_id)
    assert counts.exported == len(datasets)
    assert export_due(storage, "second") == 1
    folder = checked_folder(storage.settings, storage.project_exports.get(asked.export_id).folder)
    assert verify_folder(folder, "") == []
    assert len(list(folder.rglob("*.nii.gz"))) == 2
