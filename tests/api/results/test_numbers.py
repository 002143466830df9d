"""All that is made of one job's findings says the same: values, units, codes, sides, references.

The numbers of the mask are read by highdicom and the affine, the reports by highdicom, FHIR and
JSON over HTTP.
"""

import highdicom as hd
import numpy as np
import pytest

from tests.api.results.made import SPACING_MM, Made, affine_by_hand, groups_of, masks, segments_of
from tests.inference.results_support import PIPELINE


def test_numbers_of_json_are_those_of_the_mask(made: Made) -> None:
    seg, answer = made.one("SEG"), made.json()
    read = hd.seg.Segmentation.from_dataset(seg).get_pixels_by_source_instance(
        list(made.volume.sop_instance_uids)
    )
    voxel_mm3 = float(np.prod(affine_by_hand(seg)))
    assert voxel_mm3 == pytest.approx(np.prod(SPACING_MM), rel=1e-4)
    for number, (label, kind, side, tracking_uid) in segments_of(seg).items():
        finding = answer[f"{label} volume"]
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
    seg, report, answer = made.one("SEG"), made.one("SR"), made.json()
    groups, segments = groups_of(report), segments_of(seg)
    assert groups.keys() == segments.keys()
    for number, group in groups.items():
        label, kind, side, tracking_uid = segments[number]
        finding = answer[f"{label} volume"]
        assert group.referenced_segment.referenced_sop_instance_uid == seg.SOPInstanceUID
        assert (group.finding_type.value, group.tracking_uid) == (kind, tracking_uid)
        assert group.tracking_identifier == finding["tracking_identifier"]
        (site,) = group.finding_sites
        assert (site.value.value, site.laterality and site.laterality.value) == (kind, side)
        measured = {one.name.value: one for one in group.get_measurements()}
        volume = measured["118565006"]
        assert (volume.value, volume.unit.value) == (finding["value"], "cm3")
        if finding["prior"]["within_variation"]:
            assert "125314" not in measured
        else:
            assert measured["125314"].value == finding["prior"]["change_percent"]
    content = hd.sr.MeasurementReport.from_sequence([report], is_root=True)
    (whole,) = content.get_image_measurement_groups()
    (share,) = whole.get_measurements()
    finding = answer["Share of the right"]
    assert (share.name.value, share.value, share.unit.value) == (
        finding["code"]["value"], finding["value"], finding["unit"]["value"]
    )  # fmt: skip


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


def test_fhir_states_what_json_states(made: Made) -> None:
    study = made.job.study_instance_uid
    found = made.api.client.get("/fhir/Observation", params={"derived-from": study}).json()
    answer = {one["finding_id"]: one for one in made.json().values()}
    entries = {one["resource"]["id"]: one["resource"] for one in found["entry"]}
    assert entries.keys() == answer.keys()
    for finding_id, observation in entries.items():
        finding = answer[finding_id]
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
