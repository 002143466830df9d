"""A stranger on the plain DICOM port sends reports and results before the node makes its own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    generate_uid,
)
from pynetdicom import AE

from dicom_node.server.scp import start_scp
from inference.deliveries.storing import encoded_under_free_uids
from inference.reports.export.publishing import publish_due
from inference.result_identity import result_identity
from inference.results.encode import encode_results
from storage.container import Storage
from storage.core.callers.identity import of_account
from storage.core.entities import Instance, Job
from storage.core.uids import FORMER_UIDS, derive_uid
from tests import builders
from tests.api.client import part10
from tests.inference.completed_jobs import completed_job
from tests.inference.reports.studies import drafted, measured_study, opened
from tests.inference.results_support import PIPELINE, output_of


def forged(uid: str, sop_class_uid: UID, study_instance_uid: str) -> Dataset:
    document = Dataset()
    document.SOPClassUID, document.SOPInstanceUID = sop_class_uid, uid
    document.StudyInstanceUID, document.SeriesInstanceUID = study_instance_uid, generate_uid()
    document.PatientID, document.Modality = "P-9", "SR"
    document.VerificationFlag, document.SeriesDescription = "VERIFIED", "FORGED"
    document.file_meta = FileMetaDataset()
    document.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    document.file_meta.MediaStorageSOPClassUID = sop_class_uid
    document.file_meta.MediaStorageSOPInstanceUID = uid
    return document


def sent_by_stranger(storage: Storage, *documents: Dataset) -> None:
    scp = start_scp(storage)
    try:
        ae = AE("STRANGER")
        for document in documents:
            ae.add_requested_context(document.SOPClassUID, ExplicitVRLittleEndian)
        association = ae.associate("127.0.0.1", scp.port)
        assert association.is_established
        for document in documents:
            assert association.send_c_store(document).Status == 0
        association.release()
    finally:
        scp.shutdown(grace_s=1.0)


def made_by(job: Job, kind: str) -> str:
    (uid,) = [one["sop_instance_uid"] for one in job.result["instances"] if one["kind"] == kind]
    return uid


def wanted(storage: Storage, study_instance_uid: str) -> list[Instance]:
    sent = storage.deliveries.of_study(study_instance_uid)
    return [storage.index.instance(one.sop_instance_uid) for one in sent]


def test_who_reads_a_draft_cannot_send_its_signed_version_first(tmp_path: Path) -> None:
    with opened(tmp_path, destinations="pacs=PACS@127.0.0.1:1", dicom_port=0) as storage:
        report = drafted(storage, measured_study(storage))
        study = report.study_instance_uid
        draft = storage.reports.version(report.report_id, 1)
        words = [one.text for section in draft.sections for one in section.sentences]

        def guessed(kind: str) -> str:
            return derive_uid("instance", "report", kind, study, "2", "final", *words)

        sent_by_stranger(
            storage,
            forged(guessed("SR"), ComprehensiveSRStorage, study),
            forged(guessed("PDF"), EncapsulatedPDFStorage, study),
        )
        storage.reports.move(report.report_id, 1, "final", of_account("dr-jones"))
        assert publish_due(storage) == 1
        going = wanted(storage, study)
        assert [one.source for one in going] == ["report", "report"]
        for one in going:
            assert "FORGED" not in str(storage.instances.dataset(one).get("SeriesDescription"))
        assert storage.conflicts.page(10, 0) == ([], 0)


def test_who_has_the_images_cannot_send_the_result_of_a_pipeline_first(tmp_path: Path) -> None:
    series = builders.series(np.zeros((4, 8, 8), np.int16), modality="MR", seed=3)
    mask = np.ones((4, 8, 8), bool)
    with opened(tmp_path / "elsewhere") as storage:
        job, _ = completed_job(storage, series, lambda volume: output_of(volume, mask))
    guessed = result_identity(replace(job, uids=FORMER_UIDS), "SR").sop_instance_uid
    with opened(tmp_path / "here", destinations="pacs=PACS@127.0.0.1:1") as storage:
        # In a study of its own, of another patient.
        storage.ingest.accept(
            part10(forged(guessed, Comprehensive3DSRStorage, generate_uid())),
            "dimse:STRANGER",
        )
        done, volume = completed_job(
            storage,
            series,
            lambda volume: output_of(volume, mask),
            destinations=storage.peers.destinations(),
        )
        made = [one["sop_instance_uid"] for one in done.result["instances"]]
        assert guessed not in made
        assert {storage.index.instance(one).source for one in made} == {f"result:{done.job_id}"}
        going = wanted(storage, done.study_instance_uid)
        assert {one.sop_instance_uid for one in going} == set(made)
        # Whose UID is known, since it left, is occupied after a deletion: another one is taken.
        known = made_by(done, "SR")
        storage.deletions.instance(known)
        storage.ingest.accept(
            part10(forged(known, Comprehensive3DSRStorage, generate_uid())), "dimse:STRANGER"
        )
        _, again = encoded_under_free_uids(
            storage.generated,
            done,
            lambda job: encode_results(job, PIPELINE, series, volume, output_of(volume, mask)),
        )
        uids = {str(one.dataset.SOPInstanceUID) for one in again.objects}
        assert len(uids) == len(made)
        assert not uids & set(made)
