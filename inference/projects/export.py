"""Run exports that are due: de-identify, check, write, and certify.

What became of each instance is recorded as soon as it is known, so that an export that was
interrupted goes on where it was. Pseudonyms are the same each time, and so are the files.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import structlog

from inference.deidentification.errors import OF_THE_INSTANCE
from inference.deidentification.faces.face_masks import FaceMasks
from inference.deidentification.faces.study_faces import FaceFinder
from inference.deidentification.instances import StudyDeidentification, reason_of
from inference.deidentification.profile import read_profile
from inference.deidentification.pseudonyms import Pseudonyms
from inference.failures import explain, place
from inference.findings.derived import standing_among
from inference.projects.certificate import CERTIFICATE_NAME, certificate
from inference.projects.csv_tables import Row, measurement_rows, measurements_csv, patients_csv
from inference.projects.folder import check_empty, checked_folder, write_file
from inference.projects.headers import headers
from storage.audit import NODE, SUCCESS, AuditEvent, Code
from storage.container.has import (
    HasAudit,
    HasFindingFeedback,
    HasFindings,
    HasIndex,
    HasInstances,
    HasSettings,
)
from storage.core.clock import utcnow
from storage.core.entities import Instance
from storage.core.errors import MediViewError, TooManyRequests
from storage.crypto.signing_key import SigningKey
from storage.outbox.leases import LEASE_S, OWNER_ENDED, Lease, LeaseLost
from storage.outbox.retry_policies import retry_policy
from storage.projects.entities import ExportedInstance, Project, ProjectExport, ProjectStudy
from storage.projects.exports import ProjectExports
from storage.projects.repository import Projects
from storage.settings import Settings

log = structlog.get_logger(__name__)

SOFTWARE = f"MediViewAI {version('mediview')}"
_NO_CONSENT = "No consent is recorded for its study, and the project needs it."
_GONE = "The study is no longer on this node."
_MARKER = ".export"
"""A file with the identifier of the export that fills the folder."""
_AT_ONCE = 20
_ENDED_AT_MOST = 5
"""After so many processes that ended in the middle of an export the next one would as well."""
_GIVEN_UP = "The processes that wrote it ended in the middle; the log says why. Retry it then."


class _Stopped(MediViewError):
    """This process ends: another goes on."""


class ExportStorage(
    HasSettings, HasIndex, HasInstances, HasFindings, HasFindingFeedback, HasAudit, Protocol
):
    """What of the storage layer projects are exported with."""

    @property
    def projects(self) -> Projects: ...
    @property
    def project_exports(self) -> ProjectExports: ...


def export_due(
    storage: ExportStorage,
    owner: str,
    stopping: Callable[[], bool] = lambda: False,
    find_face: FaceFinder | None = None,
) -> int:
    """One export after the other; how many were finished.

    `find_face`: where it is left out, a process of its own looks for faces.
    """
    find_face = find_face or _faces_apart(storage.settings)
    done = 0
    for _ in range(_AT_ONCE):
        if stopping():
            break
        claimant = f"{owner}:{uuid.uuid4().hex[:8]}"
        export = storage.project_exports.claim_due(claimant, LEASE_S, utcnow())
        if export is None:
            break
        if export.last_error == OWNER_ENDED and export.attempts > _ENDED_AT_MOST:
            log.error("project_export_given_up", export_id=export.export_id)
            storage.project_exports.failed(export.export_id, claimant, _GIVEN_UP)
            continue
        renew = partial(_renew, storage.project_exports, export.export_id, claimant)
        with Lease(renew, "project-export") as lease:
            done += _Exporting(storage, export, claimant, lease, stopping, find_face).run()
    return done


def _faces_apart(settings: Settings) -> FaceFinder:
    def find(study_instance_uid: str, series_instance_uid: str) -> FaceMasks:
        # With all pipelines, which few exports need.
        from inference.defacing.face_finding import find_face_apart

        return find_face_apart(settings, study_instance_uid, series_instance_uid)

    return find


def _renew(project_exports: ProjectExports, export_id: str, claimant: str) -> bool:
    return project_exports.renew(export_id, claimant, LEASE_S, utcnow())


class _Exporting:
    def __init__(
        self,
        storage: ExportStorage,
        export: ProjectExport,
        claimant: str,
        lease: Lease,
        stopping: Callable[[], bool],
        find_face: FaceFinder,
    ) -> None:
        self._storage = storage
        self._find_face = find_face
        self._exports = storage.project_exports
        self._export = export
        self._claimant = claimant
        self._lease = lease
        self._stopping = stopping
        self._measurements: dict[str, list[Row]] = {}
        """By StudyInstanceUID, of the studies that this process has written."""

    def run(self) -> bool:
        """Whether it is finished."""
        export_id = self._export.export_id
        try:
            self._write_everything()
        except LeaseLost:
            return False
        except _Stopped as error:
            self._exports.retry_later(export_id, self._claimant, error.message, utcnow())
            return False
        except Exception as error:  # noqa: BLE001 - the edge of an export: the next may succeed
            if not isinstance(error, MediViewError):
                log.error("project_export_failed", error=type(error).__name__, place=place(error))
            failure = explain(error)
            if failure.counts and not isinstance(error, TooManyRequests):
                self._exports.failed(export_id, self._claimant, failure.sentence)
            else:
                again_at = retry_policy(self._storage.settings, "delivery").again_at(
                    self._export.attempts, utcnow()
                )
                self._exports.retry_later(export_id, self._claimant, failure.sentence, again_at)
            return False
        self._exports.done(export_id, self._claimant)
        # Not before: who goes on with an export knows its folder by the marker.
        if self._exports.get(export_id).state == "DONE":
            (self._folder() / _MARKER).unlink(missing_ok=True)
        log.info("project_exported", export_id=export_id)
        return True

    def _write_everything(self) -> None:
        project = self._storage.projects.by_id(self._export.project_id)
        folder = self._folder()
        marker = folder / _MARKER
        if not (marker.is_file() and marker.read_text() == self._export.export_id):
            check_empty(folder)
            write_file(folder, _MARKER, self._export.export_id.encode())
        pseudonyms = Pseudonyms(project.key)
        studies, _ = self._storage.projects.studies(project)
        for study in studies:
            # Consent may be withdrawn, and a study removed, while an export runs for hours.
            consent = self._storage.projects.consent(project, study.study_instance_uid)
            if consent is not None:
                now = replace(study, has_consent=consent)
                self._study(project, now, pseudonyms, folder)
        self._finish(project, studies, pseudonyms, folder)

    def _folder(self) -> Path:
        return checked_folder(self._storage.settings, self._export.folder)

    def _study(
        self, project: Project, study: ProjectStudy, pseudonyms: Pseudonyms, folder: Path
    ) -> None:
        uid = study.study_instance_uid
        instances = self._storage.index.instances_of(uid)
        if not instances:
            self._exports.record(self._export.export_id, ExportedInstance(uid, uid, reason=_GONE))
        settled = self._exports.settled(self._export.export_id, uid)
        waiting = [one for one in instances if one.sop_instance_uid not in settled]
        if not waiting:
            return
        if project.needs_consent and not study.has_consent:
            for instance in waiting:
                self._refuse(instance, _NO_CONSENT)
            return
        deidentification = self._deidentification(study, pseudonyms, instances)
        if self._export.format == "nifti":
            # With nibabel and what decodes pixels.
            from inference.projects.nifti_export import export_volumes
            from inference.projects.nifti_study import NiftiStudy

            study_files = NiftiStudy(
                instances, deidentification, self._storage.instances.read, SOFTWARE
            )
            exported = 0
            for record in export_volumes(study_files, waiting, folder, self._go_on):
                self._exports.record(self._export.export_id, record)
                exported += not record.reason
        else:
            exported = sum(self._instance(one, deidentification, folder) for one in waiting)
        self._measurements[uid] = self._measured(uid, deidentification)
        self._audit(uid, exported, len(waiting) - exported)

    def _deidentification(
        self, study: ProjectStudy, pseudonyms: Pseudonyms, instances: list[Instance]
    ) -> StudyDeidentification:
        return StudyDeidentification(
            read_profile(self._export.options),
            pseudonyms,
            study.patient_key,
            headers(self._storage.instances, instances, self._go_on),
            SOFTWARE,
            self._find_face,
        )

    def _measured(self, study_instance_uid: str, study: StudyDeidentification) -> list[Row]:
        """The rows of what was found in a study."""
        findings = self._storage.findings.of_study(study_instance_uid)
        standing = standing_among(
            self._storage.findings, self._storage.finding_feedback, findings
        ).values()
        counting = [one for one in standing if one.counts]
        rows = measurement_rows(counting, study)
        if len(rows) < len(counting):
            log.warning(
                "measurements_withheld",
                export_id=self._export.export_id,
                measurements=len(counting) - len(rows),
            )
        return rows

    def _rows_of(self, study: ProjectStudy, pseudonyms: Pseudonyms) -> list[Row]:
        """Where an earlier process wrote the study, its headers are read again for them."""
        uid = study.study_instance_uid
        if uid not in self._measurements and self._storage.findings.of_study(uid):
            instances = self._storage.index.instances_of(uid)
            deidentification = self._deidentification(study, pseudonyms, instances)
            self._measurements[uid] = self._measured(uid, deidentification)
        return self._measurements.get(uid, [])

    def _instance(
        self, instance: Instance, deidentification: StudyDeidentification, folder: Path
    ) -> bool:
        """Whether it left."""
        self._go_on()
        try:
            found = deidentification.apply(self._storage.instances.read(instance))
        except OF_THE_INSTANCE as error:
            self._refuse(instance, reason_of(error))
            return False
        write_file(folder, found.name, found.part10)
        self._exports.record(
            self._export.export_id,
            ExportedInstance(
                instance.sop_instance_uid,
                instance.study_instance_uid,
                found.name,
                found.sha256,
                len(found.part10),
                face_voxels=found.face_voxels,
            ),
        )
        return True

    def _refuse(self, instance: Instance, reason: str) -> None:
        self._exports.record(
            self._export.export_id,
            ExportedInstance(instance.sop_instance_uid, instance.study_instance_uid, reason=reason),
        )

    def _finish(
        self,
        project: Project,
        studies: list[ProjectStudy],
        pseudonyms: Pseudonyms,
        folder: Path,
    ) -> None:
        """Write the tables and the certificate, of the studies of which something left."""
        export_id = self._export.export_id
        files = self._exports.instances(export_id, refused=False)
        exported = {one.study_instance_uid for one in files}
        left = [one for one in studies if one.study_instance_uid in exported]
        tables = {
            "patients.csv": patients_csv(left, pseudonyms, project.split),
            "measurements.csv": measurements_csv(
                row for one in left for row in self._rows_of(one, pseudonyms)
            ),
        }
        if self._export.format == "nifti":
            from inference.projects.nifti_export import bids_files

            tables |= bids_files(folder, files, project.name, SOFTWARE)
        for name, content in tables.items():
            write_file(folder, name, content)
        signed = certificate(
            project,
            self._export,
            self._exports.counts(export_id),
            files,
            tables,
            SOFTWARE,
            utcnow(),
            SigningKey(self._storage.settings.data_dir),
        )
        text = json.dumps(signed, indent=2, ensure_ascii=False)
        write_file(folder, CERTIFICATE_NAME, text.encode())

    def _go_on(self) -> None:
        self._lease.check()
        if self._stopping():
            raise _Stopped("The node stopped in the middle; the export goes on from there.")

    def _audit(self, study_instance_uid: str, exported: int, refused: int) -> None:
        self._storage.audit.record(
            AuditEvent(
                Code.EXPORT,
                "R",
                NODE,
                outcome=SUCCESS,
                study_instance_uids=(study_instance_uid,),
                detail={
                    "export_id": self._export.export_id,
                    "folder": self._export.folder,
                    "requested_by": self._export.requested_by,
                    "deidentified": exported,
                    "refused": refused,
                },
            )
        )
