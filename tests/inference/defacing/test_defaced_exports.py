"""Heads leave without their faces, where SimpleITK looks for them, or they stay."""

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEG2000Lossless,
    NuclearMedicineImageStorage,
    SecondaryCaptureImageStorage,
    generate_uid,
)

from inference.defacing.face_finding import find_face
from inference.deidentification.errors import CannotDeidentify
from inference.deidentification.faces.heads import Shown, shown_by
from inference.deidentification.profile import read_profile
from inference.deidentification.pseudonyms import Pseudonyms
from inference.projects.certificate import verify_folder
from inference.projects.export import export_due
from inference.projects.folder import checked_folder
from inference.projects.selection import create_project
from inference.projects.single_instances import Scheme, SingleInstances
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from storage.projects.entities import ExportedInstance, ExportFormat, Split
from storage.settings import load_settings
from tests.builders import enhanced_mr, rotation, series
from tests.inference.defacing.front_of_head import FACE_BEFORE_MM, install
from tests.inference.deidentification.test_planted_identifiers import part10
from tests.inference.projects.research import put
from tests.inference.projects.test_nifti import segmentation
from tests.migrated import upgrade

SHAPE = (9, 36, 34)
CLEANED = "clean-recognizable-visual-features"
OBLIQUE = rotation(-20, 35, 12)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    settings = load_settings(data_dir=tmp_path_factory.mktemp("data"), free_disk_mark_bytes=0)
    upgrade(settings)
    with open_storage(settings) as opened:
        yield opened


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)


def head(modality: str = "MR", low: int = 5, high: int = 900, **attributes: Any) -> list[Dataset]:
    seed = int(uuid.uuid4()) % 1_000_000
    voxels = np.random.default_rng(seed).integers(low, high, SHAPE, dtype=np.int16)
    stated = {"BodyPartExamined": "HEAD", "PatientName": "Quernhammer^Adalbert", **attributes}
    return series(
        voxels,
        modality=modality,
        directions=OBLIQUE,
        slope=2.0 if modality == "CT" else 1.0,
        intercept=-1024.0 if modality == "CT" else 0.0,
        seed=seed,
        **stated,
    )


class Exported:
    def __init__(
        self, storage: Storage, datasets: Sequence[Dataset], wanted: ExportFormat = "dicom"
    ) -> None:
        for one in datasets:
            storage.ingest.accept(part10(one), "dimse:MR1")
        project = create_project(
            storage.projects,
            f"project-{uuid.uuid4()}",
            [CLEANED],
            needs_consent=False,
            split=Split(),
            created_by="me",
            now=utcnow(),
        )
        put(storage, project, [str(datasets[0].StudyInstanceUID)])
        folder = f"out-{uuid.uuid4()}"
        asked = storage.project_exports.add(project, folder, "me", wanted)
        assert export_due(storage, "test", find_face=partial(find_face, storage)) == 1
        self.folder = checked_folder(storage.settings, folder)
        of_export = partial(storage.project_exports.instances, asked.export_id)
        self.refused: Sequence[ExportedInstance] = of_export(refused=True)
        self.left: Sequence[ExportedInstance] = of_export(refused=False)
        assert verify_folder(self.folder, "") == []
        certificate = json.loads((self.folder / "certificate.json").read_text())
        self.faces = certificate["faces"]
        self.codes = [one["value"] for one in certificate["profile"]["codes"]]

    def instances(self) -> list[pydicom.FileDataset]:
        return [pydicom.dcmread(path) for path in self.folder.rglob("*.dcm")]


def image_of(folder: Path) -> SimpleITK.Image:
    """The one series of a folder, as SimpleITK reads it (LPS, after rescaling)."""
    names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    return SimpleITK.ReadImage(names)


def written(datasets: Sequence[Dataset], folder: Path) -> SimpleITK.Image:
    folder.mkdir()
    for one in datasets:
        one.save_as(folder / f"{one.SOPInstanceUID}.dcm", enforce_file_format=True)
    return image_of(folder)


def before(image: SimpleITK.Image) -> NDArray[np.bool_]:
    """Where an image has its face, by SimpleITK's geometry: shape (slices, rows, columns)."""
    size = image.GetSize()
    face = np.zeros(size[::-1], np.bool_)
    for index in np.ndindex(*size):
        face[index[::-1]] = image.TransformIndexToPhysicalPoint(index)[1] < FACE_BEFORE_MM
    return face


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(("modality", "air"), [("MR", -50), ("CT", -1000)])
def test_an_oblique_head_leaves_without_its_face(
    storage: Storage, tmp_path: Path, modality: str, air: int
) -> None:
    datasets = head(modality, low=-50 if modality == "MR" else 0)
    if modality == "CT":
        for one in datasets[::2]:
            one.compress(JPEG2000Lossless)
    done = Exported(storage, [datasets[k] for k in (4, 0, 8, 2, 6, 1, 7, 3, 5)])
    assert (len(done.left), done.refused) == (SHAPE[0], [])
    expected = written(datasets, tmp_path / "original")
    (folder,) = {path.parent for path in done.folder.rglob("*.dcm")}
    found = image_of(folder)
    assert np.allclose(found.GetDirection(), expected.GetDirection(), atol=1e-5)
    face = before(expected)
    assert 0.1 < face.mean() < 0.9
    values = SimpleITK.GetArrayFromImage(expected)
    assert (SimpleITK.GetArrayFromImage(found) == np.where(face, air, values)).all()
    assert done.faces == {
        "series": 1,
        "instances": int(face.any(axis=(1, 2)).sum()),
        "voxels": int(face.sum()),
    }
    assert "113102" in done.codes
    for one in done.instances():
        assert one.RecognizableVisualFeatures == "NO"
        assert list(one.ImageType) == ["DERIVED", "PRIMARY", "OTHER"]
        assert "113102" in [c.CodeValue for c in one.DeidentificationMethodCodeSequence]
        assert one.DerivationCodeSequence[0].CodeValue == "113047"
        assert f"with {air}" in one.DerivationDescription
        assert "front-of-head 1.0 marked them. UNVERIFIED" in one.DerivationDescription
        assert one.SOPInstanceUID not in {d.SOPInstanceUID for d in datasets}


@pytest.mark.slow
@pytest.mark.usefixtures("model")
def test_nifti_has_no_face_and_says_so(storage: Storage, tmp_path: Path) -> None:
    datasets = head("CT")
    # A structure behind the face leaves, and the outline of the head does not.
    image = written(datasets, tmp_path / "original")
    face = before(image)
    behind = np.where(~face, 1, 0).astype(np.uint8)
    outline = np.ones(SHAPE, np.uint8)
    done = Exported(
        storage,
        [*datasets, segmentation(datasets, behind), segmentation(datasets, outline)],
        "nifti",
    )
    (refused,) = done.refused
    assert "Its segments reach into the face" in refused.reason
    (path,) = set(done.folder.rglob("*_ct.nii.gz"))
    found = SimpleITK.ReadImage(str(path))
    values = SimpleITK.GetArrayFromImage(image)
    wanted = np.where(face, -1000, values)
    for index in [(0, 0, 0), (19, 23, 8), (3, 20, 4), (10, 2, 5), (12, 12, 0)]:
        at = found.TransformPhysicalPointToIndex(image.TransformIndexToPhysicalPoint(index))
        assert found[at] == wanted[index[::-1]]
    stored = SimpleITK.GetArrayFromImage(found)
    assert int((stored == -1000).sum()) == int((wanted == -1000).sum())
    stated = json.loads(path.with_name(path.name.replace(".nii.gz", ".json")).read_text())
    assert stated["RecognizableVisualFeatures"] == "NO"
    codes = [one["CodeValue"] for one in stated["DeidentificationMethodCodeSequence"]]
    assert codes == ["113100", "113102"]
    assert "-1000 HU" in stated["DerivationDescription"]
    assert done.faces == {
        "series": 1,
        "instances": int(face.any(axis=(1, 2)).sum()),
        "voxels": int(face.sum()),
    }


@pytest.mark.slow
@pytest.mark.usefixtures("model")
def test_frames_of_an_enhanced_image_lose_their_face(storage: Storage) -> None:
    datasets = head()
    enhanced = enhanced_mr(datasets, [3, 1, 0, 2, 4, 8, 7, 6, 5])
    frame_type = Dataset()
    frame_type.FrameType = ["ORIGINAL", "PRIMARY", "M", "NONE"]
    enhanced.SharedFunctionalGroupsSequence[0].MRImageFrameTypeSequence = [frame_type]
    done = Exported(storage, [enhanced])
    assert done.refused == []
    (found,) = done.instances()
    stated = found.SharedFunctionalGroupsSequence[0].MRImageFrameTypeSequence[0]
    assert list(stated.FrameType) == ["DERIVED", "PRIMARY", "M", "NONE"]
    changed = found.pixel_array != enhanced.pixel_array
    assert (found.pixel_array[changed] == 5).all()
    assert done.faces["voxels"] >= int(changed.sum()) > 1000


def elsewhere(datasets: list[Dataset]) -> None:
    for one in datasets:
        one.BodyPartExamined, one.SeriesDescription = "KNEE", "pd tse sag"


def nothing_said(datasets: list[Dataset]) -> None:
    for one in datasets:
        del one.BodyPartExamined


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("change", "high"), [(elsewhere, 900), (nothing_said, 300)], ids=["knee", "nothing found"]
)
def test_what_is_no_head_leaves_as_it_is(
    storage: Storage, change: Callable[[list[Dataset]], None], high: int
) -> None:
    datasets = head(high=high)
    change(datasets)
    done = Exported(storage, datasets)
    assert (len(done.left), done.refused) == (SHAPE[0], [])
    assert done.faces == {"series": 0, "instances": 0, "voxels": 0}
    pixels = {one.pixel_array.tobytes() for one in datasets}
    for one in done.instances():
        assert one.pixel_array.tobytes() in pixels
        assert "RecognizableVisualFeatures" not in one
        assert [c.CodeValue for c in one.DeidentificationMethodCodeSequence] == ["113100"]


def cone_beam(datasets: list[Dataset]) -> None:
    """As dental volumes come: CT images whose modality is that of a radiograph."""
    for one in datasets:
        one.Modality = "DX"


def of_a_disease(datasets: list[Dataset]) -> None:
    nothing_said(datasets)
    for one in datasets:
        one.StudyDescription, one.SeriesDescription = "MR staging lung carcinoma", "t1 feet first"


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("change", [cone_beam, of_a_disease])
def test_a_face_does_not_leave_under_the_name_of_something_else(
    storage: Storage, change: Callable[[list[Dataset]], None]
) -> None:
    datasets = head("CT" if change is cone_beam else "MR", low=0)
    change(datasets)
    done = Exported(storage, datasets)
    pixels = {one.pixel_array.tobytes() for one in datasets}
    assert len(done.left) + len(done.refused) == SHAPE[0]
    left = {one.pixel_array.tobytes() for one in done.instances()}
    assert not done.left or left - pixels, "something was overwritten"


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        ({"StudyDescription": "MR staging lung carcinoma"}, Shown.PERHAPS),
        ({"StudyDescription": "MRI before lumbar puncture"}, Shown.PERHAPS),
        ({"SeriesDescription": "T1 MPRAGE feet first"}, Shown.PERHAPS),
        ({"SeriesDescription": "handinjection T1"}, Shown.PERHAPS),
        ({"SeriesDescription": "Bronchial-Ca Staging"}, Shown.PERHAPS),
        ({"SeriesDescription": "brain tumor"}, Shown.HEAD),
        ({"BodyPartExamined": "CHEST", "StudyDescription": "cMRT"}, Shown.PERHAPS),
        ({"BodyPartExamined": "CHEST", "StudyDescription": "CT chest"}, Shown.ELSEWHERE),
        ({"SeriesDescription": "fMRI finger tapping"}, Shown.PERHAPS),
        ({"SeriesDescription": "T2 cor mammillary bodies"}, Shown.PERHAPS),
        ({"SeriesDescription": "CISS abducens"}, Shown.PERHAPS),
        ({"ProtocolName": "knee sag, head first"}, Shown.PERHAPS),
        ({"BodyPartExamined": "KNEE", "SeriesDescription": "pd sag, head first"}, Shown.ELSEWHERE),
    ],
)
def test_only_the_part_that_was_imaged_lets_images_leave(
    texts: dict[str, str], shown: Shown
) -> None:
    header = Dataset()
    for keyword, value in texts.items():
        setattr(header, keyword, value)
    assert shown_by(header) is shown


def stays_because(done: Exported, count: int, *words: str) -> None:
    assert done.left == []
    assert len(done.refused) == count
    for word in words:
        assert word in done.refused[0].reason
    assert list(done.folder.rglob("*.dcm")) == []


@pytest.mark.parametrize("change", [None, nothing_said])
def test_without_a_model_no_head_leaves(
    storage: Storage, change: Callable[[list[Dataset]], None] | None
) -> None:
    datasets = head()
    if change is not None:
        change(datasets)
    shows = "It shows a head" if change is None else "It may show a head"
    done = Exported(storage, datasets)
    stays_because(done, SHAPE[0], shows, "has no model that finds faces", "role deface")


@pytest.mark.usefixtures("model")
def test_a_head_stays_where_the_model_fails_or_finds_nothing(storage: Storage) -> None:
    failed = head()
    for one in failed:
        one.RescaleSlope = "40"
    stays_because(Exported(storage, failed), SHAPE[0], "the model ended with ZeroDivisionError")
    stays_because(Exported(storage, head(high=300)), SHAPE[0], "found no face in it")
    gap = head()
    del gap[4]
    stays_because(Exported(storage, gap), SHAPE[0] - 1, "No face could be looked for", "mm apart")


@pytest.mark.usefixtures("model")
def test_a_localizer_among_the_slices_keeps_all_of_them_here(storage: Storage) -> None:
    datasets = head()
    scout = head()[0]
    scout.StudyInstanceUID = datasets[0].StudyInstanceUID
    scout.SeriesInstanceUID = datasets[0].SeriesInstanceUID
    scout.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    stays_because(Exported(storage, [*datasets, scout]), SHAPE[0] + 1, "face")


@pytest.mark.slow
@pytest.mark.usefixtures("model")
def test_what_was_drawn_or_rendered_of_a_head_stays(storage: Storage) -> None:
    datasets = head()
    rendered = head(SeriesDescription="3D")[0]
    rendered.StudyInstanceUID = datasets[0].StudyInstanceUID
    rendered.Modality, rendered.SeriesInstanceUID = "NM", generate_uid()
    rendered.SOPClassUID = NuclearMedicineImageStorage
    rendered.file_meta.MediaStorageSOPClassUID = NuclearMedicineImageStorage
    contours = head(BodyPartExamined="")[0]
    contours.StudyInstanceUID = datasets[0].StudyInstanceUID
    contours.Modality, contours.SeriesInstanceUID = "RTSTRUCT", generate_uid()
    contours.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.3"
    contours.file_meta.MediaStorageSOPClassUID = contours.SOPClassUID
    del contours.PixelData
    captured = head()[0]
    captured.StudyInstanceUID = datasets[0].StudyInstanceUID
    captured.SeriesInstanceUID = generate_uid()
    captured.SOPClassUID = SecondaryCaptureImageStorage
    captured.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    done = Exported(storage, [*datasets, rendered, contours, captured])
    assert len(done.left) == SHAPE[0]
    reasons = " ".join(one.reason for one in done.refused)
    assert len(done.refused) == 3
    assert "not an image of slices in which a model could look" in reasons
    assert "Its surfaces or contours may show a face" in reasons


def test_uids_that_stay_contradict_pixels_that_change(storage: Storage) -> None:
    with pytest.raises(InvalidRequest, match="UIDs of their own"):
        create_project(
            storage.projects,
            "contradiction",
            [CLEANED, "retain-uids"],
            needs_consent=False,
            split=Split(),
            created_by="me",
            now=utcnow(),
        )


def test_a_view_without_a_model_shows_no_head(storage: Storage) -> None:
    """As DICOMweb over a project, and WADO-URI, de-identify single instances."""
    datasets = head()
    for one in datasets:
        storage.ingest.accept(part10(one), "dimse:MR1")
    profile = read_profile([CLEANED])
    instance = storage.index.instances_of(str(datasets[0].StudyInstanceUID))[0]
    scheme = Scheme("faces", profile, Pseudonyms(b"k" * 32))
    with pytest.raises(CannotDeidentify, match="faces are removed by exports"):
        SingleInstances(storage).deidentified(instance, scheme)
