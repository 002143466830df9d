"""Rejection notes as a PACS makes them, and what is seen of the images."""

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO

import highdicom as hd
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from inference.rejection_notes.service import RejectionRounds
from inference.results.file_writing import part10
from storage.container import Storage
from storage.core.uids import new_uid
from storage.index.matching.dicom_query import Query, find
from tests.inference.orchestration import receive
from tests.inference.small import mr_series, study_uid

STUDY = study_uid("head")
CODES = {
    "113001": "Rejected for Quality Reasons",
    "113037": "Rejected for Patient Safety Reasons",
    "113038": "Incorrect Modality Worklist Entry",
    "113039": "Data Retention Policy Expired",
}


def note_over(rejected: Sequence[Dataset], code: str = "113037") -> Dataset:
    """Made by highdicom, as a PACS would."""
    content = hd.ko.KeyObjectSelection(
        document_title=Code(code, "DCM", CODES.get(code, "Of Interest")),
        referenced_objects=rejected,
        observer_person_context=hd.sr.ObserverContext(
            observer_type=codes.DCM.Person,
            observer_identifying_attributes=hd.sr.PersonObserverIdentifyingAttributes("Lee^Ruth"),
        ),
    )
    return hd.ko.KeyObjectSelectionDocument(
        evidence=rejected,
        content=content,
        series_instance_uid=new_uid(),
        series_number=99,
        sop_instance_uid=new_uid(),
        instance_number=1,
        manufacturer="PACS",
    )


def seen(storage: Storage) -> set[str]:
    """SOP Instance UIDs of images that queries find and services read."""
    queried = {
        str(row["SOPInstanceUID"])
        for row in find(storage.engine, Query("IMAGE", {"StudyInstanceUID": STUDY}))
        if row["Modality"] == "MR"
    }
    read = {
        one.sop_instance_uid
        for series in storage.index.series_of(STUDY)
        if series.modality == "MR"
        for one in storage.index.instances_of(STUDY, series.series_instance_uid)
    }
    assert queried == read
    (study,) = find(storage.engine, Query("STUDY", {"StudyInstanceUID": STUDY}))
    listed = storage.index.study(STUDY)
    others = sum(one.modality != "MR" for one in storage.index.series_of(STUDY))
    assert listed.instance_count == study["NumberOfStudyRelatedInstances"] == len(read) + others
    assert ("MR" in listed.modalities) == bool(read)
    return read


def uids(datasets: Sequence[Dataset]) -> set[str]:
    return {str(one.SOPInstanceUID) for one in datasets}


def images(count: int) -> list[Dataset]:
    return [dcmread(BytesIO(one)) for one in mr_series("head", count)]


def hide_rejected(storage: Storage, now: datetime) -> int:
    """As the first round after a start does."""
    return RejectionRounds(storage).round(now)


def send(storage: Storage, datasets: Sequence[Dataset]) -> None:
    receive(storage, [part10(one) for one in datasets])
