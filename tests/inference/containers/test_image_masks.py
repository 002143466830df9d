"""Masks of images as NIfTI and PNG: read by other tools, written by them, and placed exactly.

What podman does of it is tried by `make containers`.
"""

import gzip
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset

from inference.containers.card import InputFormat
from inference.containers.container_run import ContainerRun, Ended
from inference.containers.images.nifti import write_image
from inference.containers.images.results import ImageOutputReader
from inference.containers.results import merged_masks
from inference.pipeline import Segment
from inference.pipelines.container_files import write_named_images
from storage.container import Storage
from storage.core.entities import Job
from tests.inference.containers.test_image_sets import (
    NAME,
    PLACES,
    added,
    cine,
    cine_card,
    done,
    four,
    set_card,
)
from tests.inference.containers.test_single_images import CARD, bright, node
from tests.inference.films import film, ultrasound
from tests.inference.results_support import BRAIN, STRUCTURE, complaints, save
from tests.inference.single_images.heat_maps.heated import oblique_slice
from tests.inference.single_images.support import done as job_done
from tests.inference.single_images.support import objects

__all__ = ["node"]
Writing = Callable[[Path, Path], None]


class Writer:
    """Stands for the container: `writing` is given the input folder and the output folder."""

    def __init__(self, writing: Writing) -> None:
        self.writing = writing

    def run(self, run: ContainerRun, check: Callable[[], None]) -> Ended:
        self.writing(run.input[0], run.output[0])
        check()
        return Ended(0, is_out_of_memory=False)


def card(form: str, **changes: Any) -> dict[str, Any]:
    run = {**CARD["container"]["run"], "input_format": form}
    return {**CARD, "container": {**CARD["container"], "run": run, **changes}}


def lopsided(name: str = "lopsided", **attributes: Any) -> Dataset:
    """240 rows of 0.3 mm, 320 columns of 0.2 mm; bright in a corner that no turn leaves alone."""
    pixels = np.full((240, 320), 200, np.uint16)
    pixels[10:50, 200:300] = 3800
    pixels[10:20, 290:310] = 3800
    return film(name, pixels=pixels, ImagerPixelSpacing=[0.3, 0.2], **attributes)


def marked_on(node: Storage, job: Job) -> NDArray[np.bool_]:
    (made,) = objects(node, job, "SEG")
    found: NDArray[np.bool_] = np.squeeze(made.pixel_array) > 0
    return found


def simpleitk_of_nifti(given: Path, written: Path) -> None:
    image = SimpleITK.ReadImage(str(given / "image.nii.gz"))
    SimpleITK.WriteImage(image > 2000, str(written / "found.nii.gz"))


def simpleitk_of_dicom(given: Path, written: Path) -> None:
    """Flipped and turned, with an affine that says so."""
    image = SimpleITK.ReadImage(str(given / "00001.dcm"))
    turned = SimpleITK.PermuteAxes(SimpleITK.Flip(image > 2000, [True, True, False]), [1, 0, 2])
    SimpleITK.WriteImage(turned, str(written / "found.nii"))


def simpleitk_of_a_plane(given: Path, written: Path) -> None:
    image = SimpleITK.ReadImage(str(given / "00001.dcm"))[:, :, 0]
    SimpleITK.WriteImage(image > 2000, str(written / "found.nii.gz"))


def pillow_of_png(given: Path, written: Path) -> None:
    pixels = np.asarray(Image.open(given / "00001.png"))
    Image.fromarray((pixels > 128).astype(np.uint8) * 255).save(written / "mask.png")
    Image.fromarray(np.zeros((60, 80, 3), np.uint8)).save(written / "preview.png")


def one_bit_of_png(given: Path, written: Path) -> None:
    pixels = np.asarray(Image.open(given / "00001.png"))
    Image.fromarray(pixels > 128).save(written / "00001.png")


def four_bits_of_png(given: Path, written: Path) -> None:
    """A label map of value 1 with four bits a pixel, without a palette."""
    mask = np.asarray(Image.open(given / "00001.png")) > 128
    lines = b"".join(b"\0" + (line[::2] * 16 + line[1::2]).tobytes() for line in mask.astype("u1"))
    header = struct.pack(">IIBBBBB", mask.shape[1], mask.shape[0], 4, 0, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    chunks = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )
    (written / "mask.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


def simpleitk_of_png(given: Path, written: Path) -> None:
    """As SimpleITK reads a PNG: pixels of 1, the first at 0, 0."""
    image = SimpleITK.ReadImage(str(given / "00001.png"))
    SimpleITK.WriteImage(image > 128, str(written / "found.nii.gz"))


def read_back(images: dict[str, Dataset], form: InputFormat, writing: Writing, folder: Path) -> Any:
    """The masks of each image, as they are read of what was written."""
    (folder / "output").mkdir()
    write_named_images(images, folder / "input", form)
    writing(folder / "input", folder / "output")
    segment = Segment("Opacity", STRUCTURE, BRAIN, (10, 200, 30))
    reader = ImageOutputReader(images, {1: segment}, 2**30, as_pixels=form == "png")
    found = reader.read(folder / "output")
    masks = {role: merged_masks(one) for role, one in found.by_role.items()}
    return {role: one.array > 0 for role, one in masks.items() if one}


@pytest.mark.parametrize(
    ("form", "writing"),
    [
        ("nifti", simpleitk_of_nifti),
        ("dicom", simpleitk_of_dicom),
        ("dicom", simpleitk_of_a_plane),
        ("png", pillow_of_png),
        ("png", one_bit_of_png),
        ("png", four_bits_of_png),
        ("png", simpleitk_of_png),
    ],
)
def test_a_mask_of_another_tool_lies_on_the_pixels_that_it_marked(
    tmp_path: Path, form: InputFormat, writing: Writing
) -> None:
    dataset = lopsided()
    found = read_back({"": dataset}, form, writing, tmp_path)
    np.testing.assert_array_equal(found[""], bright(dataset)[None])


def test_a_picture_becomes_a_mask_of_the_film(
    node: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    added(node, monkeypatch, Writer(pillow_of_png), card("png"))
    dataset = lopsided()
    job = job_done(node, dataset, name=NAME)
    np.testing.assert_array_equal(marked_on(node, job), bright(dataset))
    found = {one.label: one for one in node.findings.of_job(job.job_id)}
    share = found["Opacity share of the image"].value
    assert share == pytest.approx(100 * (40 * 100 + 10 * 10) / (240 * 320), abs=1e-3)
    for kind in ("SEG", "SR"):
        (one,) = objects(node, job, kind)
        assert complaints(save(one, tmp_path / f"{kind}.dcm")) == []
    assert any("1 file .png" in one for one in job.result["notes"])


def test_a_slice_is_given_as_nifti_where_it_lies_in_the_patient(tmp_path: Path) -> None:
    dataset = oblique_slice("slice")
    values = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    found = read_back({"": dataset}, "nifti", simpleitk_of_nifti, tmp_path)
    np.testing.assert_array_equal(found[""][0], values > 2000)
    given = nibabel.load(tmp_path / "input" / "image.nii.gz")
    np.testing.assert_array_equal(np.asarray(given.dataobj)[..., 0].T, values)
    # The last pixel of all, by another reader of DICOM.
    image = SimpleITK.ReadImage(str(save(dataset, tmp_path / "slice.dcm")))
    rows, columns = dataset.pixel_array.shape
    last = np.array(image.TransformIndexToPhysicalPoint((columns - 1, rows - 1, 0)))
    place = given.affine @ (columns - 1, rows - 1, 0, 1)
    np.testing.assert_allclose(place[:3] * (-1, -1, 1), last, atol=1e-3)


def test_frames_of_a_cine_are_given_as_nifti_and_come_back_by_frame(tmp_path: Path) -> None:
    def writing(given: Path, written: Path) -> None:
        image = SimpleITK.ReadImage(str(given / "image.nii.gz"))
        assert image.GetSize() == (40, 24, 5)
        SimpleITK.WriteImage(image > 128, str(written / "found.nii.gz"))

    dataset = cine()
    found = read_back({"": dataset}, "nifti", writing, tmp_path)
    np.testing.assert_array_equal(found[""], dataset.pixel_array > 128)


def test_frames_of_a_cine_come_back_as_a_picture_each(
    node: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def writing(given: Path, written: Path) -> None:
        (written / "made").mkdir()
        for number in (2, 5):
            pixels = np.asarray(Image.open(given / f"0000{number}.png"))
            mask = Image.fromarray((pixels > 128).astype(np.uint8))
            mask.save(written / "made" / f"{number}.png")

    run = {**CARD["container"]["run"], "input_format": "png"}
    added(node, monkeypatch, Writer(writing), cine_card(run=run))
    dataset = cine()
    job = job_done(node, dataset, name=NAME)
    (made,) = objects(node, job, "SEG")
    np.testing.assert_array_equal(made.pixel_array > 0, dataset.pixel_array[[1, 4]] > 128)
    numbers = [
        one.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber
        for one in made.PerFrameFunctionalGroupsSequence
    ]
    assert numbers == [2, 5]


def test_colours_are_given_as_colours(tmp_path: Path) -> None:
    pixels = np.zeros((24, 40, 3), np.uint8)
    pixels[4:9, 30:38] = (250, 20, 60)
    dataset = ultrasound("colours", pixels[..., 0])
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
    dataset.PlanarConfiguration, dataset.PixelData = 0, pixels.tobytes()

    def writing(given: Path, written: Path) -> None:
        image = SimpleITK.ReadImage(str(given / "image.nii.gz"))
        np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image)[0], pixels)
        red = SimpleITK.VectorIndexSelectionCast(image, 0) > 128
        SimpleITK.WriteImage(red, str(written / "found.nii.gz"))

    found = read_back({"": dataset}, "nifti", writing, tmp_path)
    np.testing.assert_array_equal(found[""][0], pixels[..., 0] > 128)


def views_as_nifti(given: Path, written: Path) -> None:
    """In a folder of the role, or by the role's name."""
    for path in sorted(given.iterdir()):
        role = path.name.partition(".")[0]
        mask = SimpleITK.ReadImage(str(path)) > 2000
        (written / role).mkdir()
        place = f"{role}.nii.gz" if role == "rcc" else f"{role}/found.nii.gz"
        SimpleITK.WriteImage(mask, str(written / place))


def views_as_png(given: Path, written: Path) -> None:
    for folder in sorted(given.iterdir()):
        mask = Image.fromarray(np.asarray(Image.open(folder / "00001.png")) > 150)
        (written / folder.name).mkdir()
        at_top = folder.name == "rcc"
        mask.save(written / ("rcc.png" if at_top else f"{folder.name}/mask.png"))


def test_pictures_of_several_views_are_each_of_its_own(tmp_path: Path) -> None:
    views = {f"{one.ImageLaterality}{one.ViewPosition}".lower(): one for one in four()}
    found = read_back(views, "png", views_as_png, tmp_path)
    assert set(found) == set(PLACES)
    for role, mask in found.items():
        np.testing.assert_array_equal(mask[0], bright(views[role]))


def test_label_maps_of_several_views_become_a_segmentation_each(
    node: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = {**CARD["container"]["run"], "input_format": "nifti"}
    added(node, monkeypatch, Writer(views_as_nifti), set_card(run=run))
    views = {one.SOPInstanceUID: one for one in four()}
    job = done(node, *views.values())
    masks = objects(node, job, "SEG")
    assert len(masks) == len(PLACES)
    for mask in masks:
        source = mask.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0]
        uid = source.SourceImageSequence[0].ReferencedSOPInstanceUID
        np.testing.assert_array_equal(np.squeeze(mask.pixel_array) > 0, bright(views[uid]))


def test_values_are_named_by_the_container_where_the_card_names_none(tmp_path: Path) -> None:
    values = np.zeros((240, 320), np.uint16)
    values[10:50, 200:300], values[100:110, 4:9], values[0, 0] = 300, 7, 9
    Image.fromarray(values).save(tmp_path / "mask.png")
    (tmp_path / "labels.json").write_text('{"7": "Tube", "300": "Heart"}')
    found = ImageOutputReader({"": lopsided()}, {}, 2**30).read(tmp_path)
    masks = merged_masks(found.by_role[""])
    assert masks is not None
    marked = {one.label: masks.array[0] == n for n, one in enumerate(masks.segments, start=1)}
    np.testing.assert_array_equal(marked["Tube"], values == 7)
    np.testing.assert_array_equal(marked["Heart"], values == 300)
    assert "1 label value 9 without a name" in found.together.notes[0]


def test_what_is_given_names_nobody_and_is_the_same_each_time(tmp_path: Path) -> None:
    dataset = lopsided()
    for name in ("one.nii.gz", "other.nii.gz"):
        write_image(dataset, tmp_path / name)
    one = (tmp_path / "one.nii.gz").read_bytes()
    assert one == (tmp_path / "other.nii.gz").read_bytes()
    assert str(dataset.PatientID).encode() not in gzip.decompress(one)
    assert b"one.nii" not in one
