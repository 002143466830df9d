"""Input of a workitem that is not here is fetched from the archive that the item names."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.priors.fetch import fetch_due
from inference.scheduling.schedule import complete_and_schedule
from inference.scheduling.workitems import WorkitemPerformer
from storage.container import Storage
from storage.core.clock import utcnow
from storage.peers.entities import KnownPeer
from storage.ups.dicom_json import JsonAttributes, attributes_of
from tests.inference.orchestration import later, storage_in
from tests.inference.scheduling.test_workitems import ordered, read, reason
from tests.inference.small import BrightRegion, mr_series, study_uid
from tests.services import dcmqrscp, free_port

PIPELINES = (BrightRegion(),)
STUDY = study_uid("far")


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path, prior_max_attempts=1) as storage:
        yield storage


def at_ae(title: str) -> JsonAttributes:
    return attributes_of(DICOMRetrievalSequence=[attributes_of(RetrieveAETitle=title)])


def at_url(url: str) -> JsonAttributes:
    return attributes_of(WADORSRetrievalSequence=[attributes_of(RetrieveURL=url)])


def asked_for(storage: Storage, *places: JsonAttributes) -> str:
    """A workitem about the study that lies there."""
    one = attributes_of(TypeOfInstances="DICOM", StudyInstanceUID=STUDY)
    for place in places:
        one |= place
    return ordered(
        storage, STUDY, InputInformationSequence=[one], PatientID="Q-4711", PatientSex="F"
    )


def look(storage: Storage) -> None:
    WorkitemPerformer(storage, PIPELINES).round(utcnow())


def test_what_an_archive_holds_is_fetched_before_the_pipeline_runs(
    tmp_path: Path, storage: Storage
) -> None:
    files = []
    for number, content in enumerate(mr_series("far", 8)):
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(content)
    uid = asked_for(storage, at_ae("ELSEWHERE"), at_url("https://unknown.example/dicom-web"))
    with dcmqrscp(tmp_path, files, ae_title="ELSEWHERE") as (ae_title, host, port):
        known = KnownPeer("far", ae_title=ae_title, host=host, port=port, is_archive=True)
        storage.peers.add(known)
        look(storage)
        assert read(storage, uid).ProcedureStepState == "SCHEDULED"
        wanted = storage.prior_fetches.get(STUDY)
        assert (wanted.source, wanted.cause, wanted.state) == ("far", "REQUEST", "PENDING")
        look(storage)
        assert fetch_due(storage, "worker") == 1
    assert storage.prior_fetches.get(STUDY).instances == 8
    assert storage.prior_fetches.prior_of(STUDY) is None, "it is wanted for itself"
    complete_and_schedule(storage, later(60), PIPELINES)
    look(storage)
    assert read(storage, uid).ProcedureStepState == "IN PROGRESS"
    (job,) = storage.jobs.list(STUDY)[0]
    assert job.pipeline == "bright-region"


def test_what_lies_at_an_archive_that_nobody_knows_is_not_asked_for(storage: Storage) -> None:
    # It is known, but not as an archive.
    storage.peers.add(KnownPeer("ct", ae_title="CT1", host="127.0.0.1", port=free_port()))
    uid = asked_for(storage, at_ae("CT1"))
    secret = asked_for(
        storage, at_url(f"https://me:pass@far.example:8443/web/studies/{STUDY}?token=abc")
    )
    look(storage)
    assert reason(storage, uid) == (
        f"Its input, study {STUDY}, is not here, and lies at CT1, which is no archive of this node."
    )
    assert " at https://far.example:8443/web, " in reason(storage, secret)
    assert storage.prior_fetches.find(STUDY) is None


def test_what_an_archive_does_not_give_ends_the_item_with_the_reason(storage: Storage) -> None:
    away = {"host": "127.0.0.1", "port": free_port(), "is_archive": True}
    storage.peers.add(KnownPeer("far", ae_title="ELSEWHERE", **away))
    uid = asked_for(storage, at_ae("ELSEWHERE"))
    look(storage)
    for _ in range(3):
        assert fetch_due(storage, "worker") == 0
    look(storage)
    ended = reason(storage, uid)
    assert ended.startswith(f"Its input, study {STUDY}, could not be fetched from far: ")
    # Who asks again has it tried again.
    again = asked_for(storage, at_ae("ELSEWHERE"))
    look(storage)
    assert read(storage, again).ProcedureStepState == "SCHEDULED"
    assert storage.prior_fetches.get(STUDY).state == "PENDING"


def test_an_archive_is_known_by_the_address_that_begins_the_url(storage: Storage) -> None:
    known = KnownPeer("web", kind="stow", url="https://pacs.example/web/", is_archive=True)
    storage.peers.add(known)
    asked_for(storage, at_url(f"https://pacs.example/web/studies/{STUDY}/series/1.2"))
    look(storage)
    assert storage.prior_fetches.get(STUDY).source == "web"


def test_an_item_that_names_no_place_waits_for_its_study(storage: Storage) -> None:
    uid = asked_for(storage)
    look(storage)
    assert read(storage, uid).ProcedureStepState == "SCHEDULED"
