"""Reports of measurements that others sent, beside those that were saved here."""

import copy
import io
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage, generate_uid

from inference.lesions.drawn_measurements import lesion_drawings
from storage.core.uids import derive_uid
from tests.api.annotations.drawn import drawn, listed, saved, stored
from tests.api.client import ApiNode, is_problem, part10
from tests.inference.results_support import complaints, save


def test_a_foreign_report_is_read_and_a_result_without_drawings_is_passed_over(
    api: ApiNode, study: str, images: list[Dataset]
) -> None:
    report = saved(api, study, measurements=drawn(images)[:2])
    foreign = stored(api, report["sop_instance_uid"])
    foreign.SOPInstanceUID = foreign.file_meta.MediaStorageSOPInstanceUID = "2.25.77"
    foreign.SeriesInstanceUID = "2.25.78"
    # Other viewers name no tool: two axes with a line each are a cross all the same.
    for group in foreign.ContentSequence[-1].ContentSequence:
        for item in group.ContentSequence:
            if item.ConceptNameCodeSequence[0].CodeValue == "112039":
                item.TextValue = "Other viewer:1"
    api.storage.ingest.accept(part10(foreign), "stow")
    found = api.client.get(f"{study}/measurements").json()["items"]
    assert [one["source"] for one in found] == ["reader:local", "stow"]
    assert [one["shape"] for one in found[1]["measurements"]] == ["LENGTH", "BIDIRECTIONAL"]
    pydicom.dcmread(io.BytesIO(part10(foreign)))


def sent_by_others(
    api: ApiNode,
    base: Dataset,
    predecessor: str = "",
    source: str = "dimse:STRANGER",
    **changes: Any,
) -> str:
    """A copy of a report, as another system sends it; its SOPInstanceUID."""
    document = copy.deepcopy(base)
    document.SOPInstanceUID, document.SeriesInstanceUID = generate_uid(), generate_uid()
    for keyword, value in changes.items():
        setattr(document, keyword, value)
    document.file_meta.MediaStorageSOPInstanceUID = document.SOPInstanceUID
    if predecessor:
        reference, series, before = Dataset(), Dataset(), Dataset()
        reference.ReferencedSOPClassUID = document.SOPClassUID
        reference.ReferencedSOPInstanceUID = predecessor
        series.SeriesInstanceUID = base.SeriesInstanceUID
        series.ReferencedSOPSequence = [reference]
        before.StudyInstanceUID = document.StudyInstanceUID
        before.ReferencedSeriesSequence = [series]
        document.PredecessorDocumentsSequence = [before]
    api.storage.ingest.accept(part10(document), source)
    return str(document.SOPInstanceUID)


def test_what_others_send_neither_hides_nor_blocks_what_was_saved_here(
    api: ApiNode, study: str, images: list[Dataset]
) -> None:
    first = saved(api, study, measurements=drawn(images)[:1])["sop_instance_uid"]
    base = stored(api, first)
    theirs = sent_by_others(api, base, first)
    squatted = derive_uid("measurements", first)
    sent_by_others(api, base, SOPInstanceUID=squatted)
    found = listed(api, study)
    assert set(found) == {first, theirs, squatted}
    assert found[first].startswith("reader:")
    assert found[theirs] == "dimse:STRANGER"
    second = saved(api, study, measurements=drawn(images)[:2], predecessor_sop_instance_uid=first)[
        "sop_instance_uid"
    ]
    assert set(listed(api, study)) == {second, theirs, squatted}
    # Others replace what they sent themselves.
    newer = sent_by_others(api, base, theirs)
    foreign = sent_by_others(api, base, newer, source="dimse:OTHER")
    assert set(listed(api, study)) == {second, squatted, newer, foreign}


def test_measurements_of_another_patient_are_not_those_of_the_study(
    api: ApiNode, study: str, images: list[Dataset]
) -> None:
    own = saved(api, study, measurements=drawn(images)[:1])["sop_instance_uid"]
    sent_by_others(api, stored(api, own), PatientID="DIFFERENT")
    same = sent_by_others(api, stored(api, own))
    assert set(listed(api, study)) == {own, same}


def test_whose_a_report_is_is_stated(api: ApiNode, study: str, images: list[Dataset]) -> None:
    own = saved(api, study, measurements=drawn(images)[:1])["sop_instance_uid"]
    theirs = sent_by_others(api, stored(api, own))
    # Feedback on what a pipeline found is stored under the job's name like a reader's drawing.
    found = copy.deepcopy(stored(api, own))
    found.SOPClassUID = found.file_meta.MediaStorageSOPClassUID = Comprehensive3DSRStorage
    uids = {
        source: sent_by_others(api, found, source=source)
        for source in ("result:6c1f", "reader:6c1f")
    }
    items = api.client.get(f"{study}/measurements").json()["items"]
    assert {one["sop_instance_uid"]: one["origin"] for one in items} == {
        own: "READER",
        theirs: "OTHER",
        uids["result:6c1f"]: "PIPELINE",
        uids["reader:6c1f"]: "PIPELINE",
    }


def test_a_copy_of_what_others_measured_states_where_it_comes_from(
    api: ApiNode, study: str, images: list[Dataset], tmp_path: Path
) -> None:
    base = stored(api, saved(api, study, measurements=drawn(images)[:2])["sop_instance_uid"])
    observer = next(
        one for one in base.ContentSequence if one.ConceptNameCodeSequence[0].CodeValue == "121008"
    )
    observer.PersonName = "Müller^Åsa"
    base.SpecificCharacterSet = "ISO_IR 192"
    theirs = sent_by_others(api, base)
    (report,) = [
        one
        for one in api.client.get(f"{study}/measurements").json()["items"]
        if one["sop_instance_uid"] == theirs
    ]
    source = {"sop_instance_uid": theirs, "tracking_uid": report["measurements"][1]["tracking_uid"]}
    note = next(one for one in drawn(images) if one.get("label") == "Läsion, see text")
    copied = [
        drawn(images)[0],
        {**drawn(images)[1], "taken_over_from": source},
        {**note, "taken_over_from": source},
    ]
    first = saved(api, study, measurements=copied)
    expected = [None, *[{**source, "maker": "Müller^Åsa"}] * 2]
    assert [one["taken_over_from"] for one in first["measurements"]] == expected
    assert first["measurements"][1]["tracking_uid"] != source["tracking_uid"]
    assert [one["label"] for one in first["measurements"]] == ["femur", "", "Läsion, see text"]

    document = stored(api, first["sop_instance_uid"])
    path = save(document, tmp_path / "sr.dcm")
    assert complaints(path) == []
    group = document.ContentSequence[-1].ContentSequence[1]
    number = next(one for one in group.ContentSequence if one.ValueType == "NUM")
    inferred = [one for one in number.ContentSequence if one.RelationshipType == "INFERRED FROM"]
    assert inferred[-3].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == theirs
    assert (inferred[-2].UID, inferred[-1].TextValue) == (source["tracking_uid"], "Müller^Åsa")
    listed_evidence = {
        reference.ReferencedSOPInstanceUID
        for one in document.CurrentRequestedProcedureEvidenceSequence
        for series in one.ReferencedSeriesSequence
        for reference in series.ReferencedSOPSequence
    }
    assert theirs in listed_evidence

    # The other system takes its report back; the copy stays, and says the same.
    api.storage.deletions.instance(theirs)
    second = saved(
        api, study, measurements=copied, predecessor_sop_instance_uid=first["sop_instance_uid"]
    )
    assert [one["taken_over_from"] for one in second["measurements"]] == expected
    unknown = {**drawn(images)[0], "taken_over_from": {"sop_instance_uid": "2.25.404"}}
    is_problem(
        api.client.post(f"{study}/measurements", json={"measurements": [unknown]}),
        400,
        "invalid_request",
    )


def test_a_lesion_that_was_taken_over_is_counted_once(
    api: ApiNode, study: str, images: list[Dataset]
) -> None:
    base = stored(api, saved(api, study, measurements=drawn(images)[1:2])["sop_instance_uid"])
    own = str(base.SOPInstanceUID)
    theirs = sent_by_others(api, base)
    api.storage.deletions.instance(own)
    (report,) = api.client.get(f"{study}/measurements").json()["items"]
    source = {
        "sop_instance_uid": theirs,
        "tracking_uid": report["measurements"][0]["tracking_uid"],
    }
    copied = saved(api, study, measurements=[{**drawn(images)[1], "taken_over_from": source}])
    study_instance_uid = str(base.StudyInstanceUID)
    found = lesion_drawings(api.storage.index, api.storage.instances, study_instance_uid)
    assert [one.tracking_uid for one in found] == [copied["measurements"][0]["tracking_uid"]]
