"""One study of an export: what of it leaves, and what was measured on it."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Protocol

import structlog

from inference.deidentification.errors import OF_THE_INSTANCE
from inference.deidentification.faces.study_faces import FaceFinder
from inference.deidentification.instances import StudyDeidentification, reason_of
from inference.deidentification.profile import read_profile
from inference.deidentification.pseudonyms import Pseudonyms
from inference.findings.derived import standing_among
from inference.projects.headers import headers
from inference.projects.measurement_tables import Row, measurement_rows
from inference.projects.targets.target import ExportTarget, NotTaken
from storage.audit import NODE, SUCCESS, AuditEvent, Code
from storage.container.has import (
    HasAudit,
    HasFindingFeedback,
    HasFindings,
    HasIndex,
    HasInstances,
    HasPeers,
    HasSettings,
)
from storage.core.entities import Instance
from storage.projects.entities import ExportedInstance, Project, ProjectExport, ProjectStudy
from storage.projects.exports import ProjectExports
from storage.projects.repository import Projects

log = structlog.get_logger(__name__)

SOFTWARE = f"MediViewAI {version('mediview')}"
_NO_CONSENT = "No consent is recorded for its study, and the project needs it."
_GONE = "The study is no longer on this node."


class ExportStorage(
    HasSettings,
    HasIndex,
    HasInstances,
    HasFindings,
    HasFindingFeedback,
    HasPeers,
    HasAudit,
    Protocol,
):
    """What of the storage layer projects are exported with."""

    @property
    def projects(self) -> Projects: ...
    @property
    def project_exports(self) -> ProjectExports: ...


class StudyExport:
    def __init__(
        self,
        storage: ExportStorage,
        export: ProjectExport,
        target: ExportTarget,
        find_face: FaceFinder,
        go_on: Callable[[], None],
    ) -> None:
        """`go_on` raises where this process is to stop."""
        self._storage = storage
        self._exports = storage.project_exports
        self._export = export
        self._target = target
        self._find_face = find_face
        self._go_on = go_on
        self._measurements: dict[str, list[Row]] = {}
        """By StudyInstanceUID, of the studies that this process has written."""

    def write(self, project: Project, study: ProjectStudy, pseudonyms: Pseudonyms) -> None:
        """What of it has not left yet. Raises what the target and `go_on` raise."""
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
            for record in export_volumes(study_files, waiting, self._target.write, self._go_on):
                self._exports.record(self._export.export_id, record)
                exported += not record.reason
        else:
            exported = sum(self._instance(one, deidentification) for one in waiting)
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

    def rows_of(self, study: ProjectStudy, pseudonyms: Pseudonyms) -> list[Row]:
        """Where an earlier process wrote the study, its headers are read again for them."""
        uid = study.study_instance_uid
        if uid not in self._measurements and self._storage.findings.of_study(uid):
            instances = self._storage.index.instances_of(uid)
            deidentification = self._deidentification(study, pseudonyms, instances)
            self._measurements[uid] = self._measured(uid, deidentification)
        return self._measurements.get(uid, [])

    def _instance(self, instance: Instance, deidentification: StudyDeidentification) -> bool:
        """Whether it left."""
        self._go_on()
        try:
            found = deidentification.apply(self._storage.instances.read(instance))
        except OF_THE_INSTANCE as error:
            self._refuse(instance, reason_of(error))
            return False
        try:
            self._target.write(found.name, found.part10)
        except NotTaken as error:
            self._refuse(instance, error.message)
            return False
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
                    "destination": self._export.destination,
                    "requested_by": self._export.requested_by,
                    "deidentified": exported,
                    "refused": refused,
                },
            )
        )
