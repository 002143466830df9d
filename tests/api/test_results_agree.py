"""All that is made of one job's findings says the same: values, units, codes, sides, references.

Each object is read by a tool that did not write it where there is one: the numbers of the
mask by highdicom and the affine, the report by highdicom, the pictures by counting pixels and by
OCR, the PDF by pdftotext, FHIR and JSON over HTTP.
"""

import io
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from scipy import ndimage

from inference.pipeline import Measurement, PipelineOutput, Segment
from inference.pipelines.codes import CM3, PERCENT, VOLUME
from inference.pipelines.structures import LEFT, RIGHT
from inference.volume import Volume
from storage.entities import Code, Job
from storage.settings import load_settings
from tests import builders
from tests.api.client import ApiNode, api_node
from tests.api.made import made_of
from tests.inference.results_support import PIPELINE, STRUCTURE
from tests.migrated import upgrade
from tests.services import free_port, tool

SHAPE = (24, 40, 36)
SPACING_MM = (3.5, 1.7, 1.1)
HIPPOCAMPUS = Code("5366008", "SCT", "Hippocampus")
BRAIN_STEM = Code("15926001", "SCT", "Brain stem")
RATIO = Code("118586006", "SCT", "Ratio")
SEGMENTS = (
    Segment("Left hippocampus", STRUCTURE, HIPPOCAMPUS, (220, 60, 20), LEFT),
    Segment("Right hippocampus", STRUCTURE, HIPPOCAMPUS, (60, 200, 40), RIGHT),
    Segment("Brain stem", STRUCTURE, BRAIN_STEM, (40, 90, 230)),
)
KINDS = ("SC", "PDF", "STACK", "GSPS", "KOS", "LABELMAP", "LABELMAP_SR")


def series(date: str) -> list[Dataset]:
    """Oblique, not square, anisotropic, in another order than that of space."""
    voxels = np.random.default_rng(3).integers(0, 400, SHAPE, dtype=np.int16)
    made = builders.series(
        voxels,
        spacing_mm=SPACING_MM,
        directions=builders.rotation(20, -35, 75),
        seed=int(date),
        PatientID="P-agree",
        PatientName="Agree^All",
        StudyDate=date,
    )
    return [made[index] for index in np.random.default_rng(4).permutation(len(made))]


def masks(more: int = 0) -> NDArray[np.uint8]:
    found = np.zeros(SHAPE, np.uint8)
    found[builders.asymmetric_mask(SHAPE)] = 1
    found[13:17, 8 : 17 + more, 20:29] = 2
    found[18:22, 22:36, 4 : 9 + more] = 3
    return found


def output(more: int = 0) -> Any:
    def of(volume: Volume) -> PipelineOutput:
        found = masks(more)
        cm3 = [int((found == n).sum()) * volume.voxel_volume_mm3 / 1000 for n in (1, 2, 3)]
        volumes = tuple(
            Measurement(f"{segment.label} volume", VOLUME, value, CM3, index, confidence)
            for index, (segment, value, confidence) in enumerate(
                zip(SEGMENTS, cm3, (None, 0.875, None), strict=True)
            )
        )
        share = Measurement("Share of the right", RATIO, cm3[1] / (cm3[0] + cm3[1]) * 100, PERCENT)
        return PipelineOutput(SEGMENTS, found, (*volumes, share))

    return of


@dataclass(frozen=True)
class Made:
    api: ApiNode
    job: Job
    volume: Volume

    def of_kind(self, kind: str) -> list[Dataset]:
        uids = [one["sop_instance_uid"] for one in self.job.result["instances"]
                if one["kind"] == kind]  # fmt: skip
        storage = self.api.storage
        return [storage.instances.dataset(storage.index.instance(uid)) for uid in uids]

    def one(self, kind: str) -> Dataset:
        (found,) = self.of_kind(kind)
        return found

    def json(self) -> dict[str, dict[str, Any]]:
        """The findings of the API by their label."""
        listed = self.api.client.get(f"/api/studies/{self.job.study_instance_uid}/findings")
        return {one["label"]: one for one in listed.json()["items"]}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """The second study of a patient, so that there is a change to state."""
    settings = load_settings(
        data_dir=tmp_path_factory.mktemp("agree") / "data",
        http_port=free_port(),
        dicom_port=free_port(),
        free_disk_mark_bytes=0,
    )
    upgrade(settings)
    with api_node(settings) as api:
        made_of(api, series("20230301"), output())
        job, volume = made_of(api, series("20240301"), output(more=2), KINDS)
        yield Made(api, job, volume)


def affine_by_hand(seg: Dataset) -> NDArray[np.float64]:
    """mm³ of a voxel, by what the segmentation itself states (PS3.3 C.7.6.2.1-1)."""
    shared = seg.SharedFunctionalGroupsSequence[0]
    rows_mm, columns_mm = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    origins = np.array(
        sorted(
            {
                tuple(map(float, one.PlanePositionSequence[0].ImagePositionPatient))
                for one in seg.PerFrameFunctionalGroupsSequence
            }
        )
    )
    between_mm = np.linalg.norm(origins[-1] - origins[0]) / (len(origins) - 1)
    return np.array([between_mm, rows_mm, columns_mm])


def segments_of(seg: Dataset) -> dict[int, tuple[str, str, str | None, str]]:
    """By number: label, type, side, tracking UID."""
    found = {}
    for one in seg.SegmentSequence:
        (kind,) = one.SegmentedPropertyTypeCodeSequence
        sides = kind.get("SegmentedPropertyTypeModifierCodeSequence") or [None]
        side = sides[0].CodeValue if sides[0] else None
        found[one.SegmentNumber] = (one.SegmentLabel, kind.CodeValue, side, one.TrackingUID)
    return found


def groups_of(report: Dataset) -> dict[int, Any]:
    """The groups of the report by the number of their segment."""
    content = hd.sr.MeasurementReport.from_sequence([report], is_root=True)
    groups = content.get_volumetric_roi_measurement_groups()
    return {int(one.referenced_segment.referenced_segment_numbers[0]): one for one in groups}


def test_numbers_of_json_are_those_of_the_mask(made: Made) -> None:
    seg, told = made.one("SEG"), made.json()
    read = hd.seg.Segmentation.from_dataset(seg).get_pixels_by_source_instance(
        list(made.volume.sop_instance_uids)
    )
    voxel_mm3 = float(np.prod(affine_by_hand(seg)))
    assert voxel_mm3 == pytest.approx(np.prod(SPACING_MM), rel=1e-4)
    for number, (label, kind, side, tracking_uid) in segments_of(seg).items():
        finding = told[f"{label} volume"]
        expected = int(read[..., number - 1].sum()) * voxel_mm3 / 1000
        assert finding["value"] == pytest.approx(expected, abs=1e-3)
        assert (finding["code"]["value"], finding["unit"]["value"]) == ("118565006", "cm3")
        assert finding["tracking_uid"] == tracking_uid
        reference = finding["segmentation"]
        assert reference["sop_instance_uid"] == seg.SOPInstanceUID
        assert reference["series_instance_uid"] == seg.SeriesInstanceUID
        assert (reference["segment_number"], reference["type"]["value"]) == (number, kind)
        assert (reference["laterality"] or {}).get("value") == side
        assert finding["source_series_instance_uid"] == made.volume.series_instance_uid
        assert finding["pipeline_version"] == PIPELINE.version


def test_the_report_states_each_number_of_json_once(made: Made) -> None:
    seg, report, told = made.one("SEG"), made.one("SR"), made.json()
    groups, segments = groups_of(report), segments_of(seg)
    assert groups.keys() == segments.keys()
    for number, group in groups.items():
        label, kind, side, tracking_uid = segments[number]
        finding = told[f"{label} volume"]
        assert group.referenced_segment.referenced_sop_instance_uid == seg.SOPInstanceUID
        assert (group.finding_type.value, group.tracking_uid) == (kind, tracking_uid)
        assert group.tracking_identifier == finding["tracking_identifier"]
        (site,) = group.finding_sites
        assert (site.value.value, site.laterality and site.laterality.value) == (kind, side)
        measured = {one.name.value: one for one in group.get_measurements()}
        volume = measured["118565006"]
        assert (volume.value, volume.unit.value) == (finding["value"], "cm3")
        assert measured["125314"].value == finding["prior"]["change_percent"]
    content = hd.sr.MeasurementReport.from_sequence([report], is_root=True)
    (whole,) = content.get_image_measurement_groups()
    (share,) = whole.get_measurements()
    finding = told["Share of the right"]
    assert (share.name.value, share.value, share.unit.value) == (
        finding["code"]["value"], finding["value"], finding["unit"]["value"]
    )  # fmt: skip


def printed(finding: dict[str, Any], text: str) -> float:
    """The number that follows the finding's name, with its unit."""
    unit = {"cm3": "cm[³3]", "%": "%"}[finding["unit"]["value"]]
    (number,) = re.findall(rf"{re.escape(finding['label'])}:? (\d[\d.,]*) {unit}", text)
    return float(number.replace(",", ""))


def test_every_object_names_the_same_patient_study_pipeline_and_images(made: Made) -> None:
    images = set(made.volume.sop_instance_uids)
    for kind in {one["kind"] for one in made.job.result["instances"]}:
        for dataset in made.of_kind(kind):
            assert (dataset.PatientID, str(dataset.PatientName)) == ("P-agree", "Agree^All")
            assert dataset.StudyInstanceUID == made.volume.study_instance_uid
            assert dataset.StudyDate == "20240301"
            assert f"{PIPELINE.name} {PIPELINE.version}" in dataset.SoftwareVersions
            equipment = dataset.ContributingEquipmentSequence[-1]
            assert PIPELINE.version in equipment.ContributionDescription
            named = {
                element.value
                for element in dataset.iterall()
                if element.keyword == "ReferencedSOPInstanceUID"
            }
            assert named & images, kind
            known = images | {one["sop_instance_uid"] for one in made.job.result["instances"]}
            if "SR" not in kind:  # which names the report before, of another study
                assert named <= known, kind


def test_pictures_show_the_mask_and_say_its_numbers(made: Made) -> None:
    from inference.language.documents.reading import read_document

    told = made.json()
    place = {uid: k for k, uid in enumerate(made.volume.sop_instance_uids)}
    captures = made.of_kind("SC")
    assert len(captures) == 3
    said: set[str] = set()
    for capture in captures:
        (reference,) = capture.SourceImageSequence
        plane = masks(2)[place[reference.ReferencedSOPInstanceUID]]
        spacing_mm = float(capture.PixelSpacing[0])
        rgb = capture.pixel_array.astype(int)
        for index, segment in enumerate(SEGMENTS, start=1):
            # Where the outline's own colour is, at the size of the source.
            near = np.abs(rgb - segment.color_rgb).sum(axis=2) < 60
            rows, columns = np.nonzero(near[: int(SHAPE[1] * SPACING_MM[1] / spacing_mm)])
            mask_rows, mask_columns = np.nonzero(plane == index)
            assert bool(len(rows)) == bool(len(mask_rows))
            if not len(rows):
                continue
            for pixels, voxels, size_mm in (
                (rows, mask_rows, SPACING_MM[1]), (columns, mask_columns, SPACING_MM[2])
            ):  # fmt: skip
                found = pixels.min() * spacing_mm, (pixels.max() + 1) * spacing_mm
                expected = voxels.min() * size_mm, (voxels.max() + 1) * size_mm
                assert found == pytest.approx(expected, abs=0.75 * size_mm)
            said.add(f"{segment.label} volume")
            finding = told[f"{segment.label} volume"]
            assert printed(finding, capture.ImageComments) == pytest.approx(
                finding["value"], rel=0.005
            )
    assert said == {f"{one.label} volume" for one in SEGMENTS}
    # What is burned in, as somebody reads it who is not told.
    shown = captures[0]
    buffer = io.BytesIO()
    Image.fromarray(shown.pixel_array).save(buffer, "PNG")
    ((page,), _) = read_document(buffer.getvalue(), 1)
    text = " ".join(line.text for line in page.lines)
    burned = re.findall(r"\d+\.\d+", text)
    stated = re.findall(r"(\d+\.\d+) cm3", shown.ImageComments)
    assert stated
    assert set(stated) <= set(burned), text


def test_outlines_and_key_images_are_of_the_slices_of_the_pictures(made: Made) -> None:
    pictured = {
        str(capture.SourceImageSequence[0].ReferencedSOPInstanceUID)
        for capture in made.of_kind("SC")
    }
    chosen = made.one("KOS")
    images = [item for item in chosen.ContentSequence if item.ValueType == "IMAGE"]
    assert {str(one.ReferencedSOPSequence[0].ReferencedSOPInstanceUID) for one in images} == (
        pictured
    )
    assert chosen.ConceptNameCodeSequence[0].CodeValue == "113000"
    (described,) = [
        one.TextValue
        for one in chosen.ContentSequence
        if one.ConceptNameCodeSequence[0].CodeValue == "113012"
    ]
    told = made.json()
    place = {uid: k for k, uid in enumerate(made.volume.sop_instance_uids)}
    seen = set()
    (state,) = made.of_kind("GSPS")
    segments = segments_of(made.one("SEG"))
    names = {one.GraphicLayer: one.get("GraphicLayerDescription")
             for one in state.GraphicLayerSequence}  # fmt: skip
    for annotation in state.GraphicAnnotationSequence:
        (image,) = annotation.ReferencedImageSequence
        assert str(image.ReferencedSOPInstanceUID) in pictured
        if "GraphicObjectSequence" not in annotation:
            continue
        number = int(annotation.GraphicLayer.rpartition("_")[2])
        label, _, _, tracking_uid = segments[number]
        assert names[annotation.GraphicLayer] == label
        plane = masks(2)[place[image.ReferencedSOPInstanceUID]] == number
        area = 0.0
        for drawn in annotation.GraphicObjectSequence:
            assert drawn.TrackingUID == tracking_uid
            x, y = np.array(drawn.GraphicData, float).reshape(-1, 2).T
            area += abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2
        assert area == plane.sum()
        finding = told[f"{label} volume"]
        (text,) = annotation.TextObjectSequence
        for line in (text.UnformattedTextValue, described):
            assert printed(finding, line) == pytest.approx(finding["value"], rel=0.005)
        seen.add(number)
    assert seen == segments.keys()


def test_the_stack_shows_every_slice_with_its_mask(made: Made) -> None:
    stack = made.one("STACK")
    assert stack.NumberOfFrames == SHAPE[0]
    named = [one.ReferencedSOPInstanceUID for one in stack.SourceImageSequence]
    assert named == list(made.volume.sop_instance_uids)
    between = np.diff(np.array(stack.SliceLocationVector, float))
    np.testing.assert_allclose(np.abs(between), SPACING_MM[0], rtol=1e-3)
    spacing_mm = float(stack.PixelSpacing[0])
    pixels = stack.pixel_array.astype(int)
    rows = ((np.arange(SHAPE[1]) + 0.5) * SPACING_MM[1] / spacing_mm).astype(int)
    columns = ((np.arange(SHAPE[2]) + 0.5) * SPACING_MM[2] / spacing_mm).astype(int)
    sampled = pixels[:, rows][:, :, columns]
    # Grey is grey; what is coloured is a segment. The letters at the edges are white.
    coloured = np.ptp(sampled, axis=3) > 25
    inside = masks(2) > 0
    assert coloured[inside].mean() > 0.95
    # JPEG lets colours run into the pixels beside.
    beyond = ~ndimage.binary_dilation(inside, np.ones((1, 3, 3)))
    assert coloured[beyond].mean() < 0.01


def test_the_label_map_and_its_report_say_what_the_other_two_say(made: Made) -> None:
    label_map, seg = made.one("LABELMAP"), made.one("SEG")
    uids = list(made.volume.sop_instance_uids)
    values, stacked = (
        hd.seg.Segmentation.from_dataset(one).get_pixels_by_source_instance(
            uids, combine_segments=True
        )
        for one in (label_map, seg)
    )
    assert np.array_equal(values, stacked)
    assert np.array_equal(values, masks(2))
    groups, others = groups_of(made.one("LABELMAP_SR")), groups_of(made.one("SR"))
    assert groups.keys() == others.keys()
    for number, group in groups.items():
        reference = group.referenced_segment
        assert reference.referenced_sop_class_uid == label_map.SOPClassUID
        assert reference.referenced_sop_instance_uid == label_map.SOPInstanceUID
        assert group.tracking_uid == others[number].tracking_uid
        assert [one.value for one in group.get_measurements()] == [
            one.value for one in others[number].get_measurements()
        ]


def test_the_pdf_prints_every_number_of_json(made: Made, tmp_path: Path) -> None:
    document = made.one("PDF")
    path = tmp_path / "result.pdf"
    path.write_bytes(document.EncapsulatedDocument[: document.EncapsulatedDocumentLength])
    text = subprocess.run(
        [tool("pdftotext", "poppler-utils"), "-layout", str(path), "-"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for finding in made.json().values():
        assert printed(finding, " ".join(lines)) == pytest.approx(finding["value"], rel=0.005)
        if finding["prior"] is not None:
            (row,) = [line for line in lines if line.startswith(finding["label"])]
            then, date, change = re.findall(r"([\d.,]+) cm³ \((\S+)\) ([+-][\d.]+) %", row)[0]
            assert float(then) == pytest.approx(finding["prior"]["value"], rel=0.005)
            assert date == finding["prior"]["study_date"] == "2023-03-01"
            assert float(change) == pytest.approx(finding["prior"]["change_percent"], abs=0.051)
    assert sum(finding["prior"] is not None for finding in made.json().values()) == 3
    assert any("UNVERIFIED" in line.upper() for line in lines)
    assert f"{PIPELINE.name} {PIPELINE.version}" in text


def test_fhir_states_what_json_states(made: Made) -> None:
    study = made.job.study_instance_uid
    found = made.api.client.get("/fhir/Observation", params={"derived-from": study}).json()
    told = {one["finding_id"]: one for one in made.json().values()}
    entries = {one["resource"]["id"]: one["resource"] for one in found["entry"]}
    assert entries.keys() == told.keys()
    for finding_id, observation in entries.items():
        finding = told[finding_id]
        quantity = observation["valueQuantity"]
        assert (quantity["value"], quantity["code"]) == (
            finding["value"],
            finding["unit"]["value"],
        )
        (code,) = observation["code"]["coding"]
        assert code["code"] == finding["code"]["value"]
        assert observation["status"] == "preliminary"
        assert observation["method"]["text"] == f"{PIPELINE.name} {PIPELINE.version}"
        device = made.api.client.get(f"/fhir/{observation['device']['reference']}").json()
        assert device["version"][0]["value"] == PIPELINE.version
        assert observation["derivedFrom"][0]["reference"] == f"ImagingStudy/{study}"
        identifiers = {one["value"] for one in observation["identifier"]}
        assert f"urn:oid:{finding['tracking_uid']}" in identifiers
        components = {
            one["code"]["coding"][0]["code"]: one for one in observation.get("component", ())
        }
        segment = finding["segmentation"]
        if segment is None:
            assert "bodySite" not in observation
            continue
        assert observation["bodySite"]["coding"][0]["code"] == segment["type"]["value"]
        assert components["121191"]["valueString"] == (
            f"urn:oid:{segment['sop_instance_uid']}#{segment['segment_number']}"
        )
        side = components.get("272741003")
        assert (side and side["valueCodeableConcept"]["coding"][0]["code"]) == (
            segment["laterality"] and segment["laterality"]["value"]
        )
        sure = components.get("111012")
        assert (sure and sure["valueQuantity"]["value"]) == finding["confidence"]
