"""Reports of measurements that others sent, beside those that were saved here."""

import copy
import io
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from storage.core.uids import derive_uid
from tests.api.annotations.drawn import drawn, listed, saved, stored
from tests.api.client import ApiNode, part10


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
