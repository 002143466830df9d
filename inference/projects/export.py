"""Run exports that are due: de-identify, check, write, and certify.

What became of each instance is recorded as soon as it is known, so that an export that was
interrupted goes on where it was. Pseudonyms are the same each time, and so are the files.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import structlog

from dicom_node.peers import PeerFailed
from inference.deidentification.faces.face_masks import FaceMasks
from inference.deidentification.faces.study_faces import FaceFinder
from inference.deidentification.pseudonyms import Pseudonyms
from inference.failures import Failure, explain, place
from inference.projects.certificate import certificate
from inference.projects.measurement_tables import (
    measurements_csv,
    measurements_parquet,
    patients_csv,
)
from inference.projects.study_export import SOFTWARE, ExportStorage, StudyExport
from inference.projects.targets import open_target
from inference.projects.targets.target import CERTIFICATE_NAME, ExportTarget
from storage.core.clock import utcnow
from storage.core.errors import MediViewError, TooManyRequests
from storage.crypto.signing_key import SigningKey
from storage.outbox.leases import LEASE_S, OWNER_ENDED, Lease, LeaseLost
from storage.outbox.retry_policies import retry_policy
from storage.projects.entities import Project, ProjectExport, ProjectStudy
from storage.projects.exports import ProjectExports
from storage.settings import Settings

log = structlog.get_logger(__name__)

_AT_ONCE = 20
_PEER_TRIES = 10
_ENDED_AT_MOST = 5
"""After so many processes that ended in the middle of an export the next one would as well."""
_GIVEN_UP = "The processes that wrote it ended in the middle; the log says why. Retry it then."


class _Stopped(MediViewError):
    """This process ends: another goes on."""


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
        self._exports = storage.project_exports
        self._export = export
        self._claimant = claimant
        self._lease = lease
        self._stopping = stopping
        self._find_face = find_face

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
            if self._is_final(error, failure):
                self._exports.failed(export_id, self._claimant, failure.sentence)
            else:
                again_at = retry_policy(self._storage.settings, "delivery").again_at(
                    self._export.attempts, utcnow()
                )
                self._exports.retry_later(export_id, self._claimant, failure.sentence, again_at)
            return False
        self._exports.done(export_id, self._claimant)
        # Not before: who goes on with an export knows its target by the marker.
        if self._exports.get(export_id).state == "DONE":
            self._unmark()
        log.info("project_exported", export_id=export_id)
        return True

    def _is_final(self, error: Exception, failure: Failure) -> bool:
        """Whether somebody must have it go on. A peer may be there again in a while."""
        if isinstance(error, PeerFailed):
            return self._export.attempts >= _PEER_TRIES
        return failure.counts and not isinstance(error, TooManyRequests)

    def _unmark(self) -> None:
        try:
            open_target(self._storage, self._export).end()
        except MediViewError as error:
            # It is whole, and its certificate lies there.
            log.warning("export_marker_left", error=error.code)

    def _write_everything(self) -> None:
        project = self._storage.projects.by_id(self._export.project_id)
        target = open_target(self._storage, self._export)
        target.begin(self._export.export_id)
        one_by_one = StudyExport(self._storage, self._export, target, self._find_face, self._go_on)
        pseudonyms = Pseudonyms(project.key)
        studies, _ = self._storage.projects.studies(project)
        for study in studies:
            # Consent may be withdrawn, and a study removed, while an export runs for hours.
            consent = self._storage.projects.consent(project, study.study_instance_uid)
            if consent is not None:
                now = replace(study, has_consent=consent)
                one_by_one.write(project, now, pseudonyms)
        self._finish(project, studies, pseudonyms, one_by_one, target)

    def _finish(
        self,
        project: Project,
        studies: list[ProjectStudy],
        pseudonyms: Pseudonyms,
        one_by_one: StudyExport,
        target: ExportTarget,
    ) -> None:
        """Write the tables and the certificate, of the studies of which something left.

        Raises PeerFailed where the target lacks some of it: that is sent again then.
        """
        export_id = self._export.export_id
        files = self._exports.instances(export_id, refused=False)
        if lacking := target.missing(files):
            self._exports.forget(export_id, [one.sop_instance_uid for one in lacking])
            raise PeerFailed(
                f"{target} took {len(lacking)} instances and does not have them.",
                remedy="They are sent again.",
            )
        exported = {one.study_instance_uid for one in files}
        left = [one for one in studies if one.study_instance_uid in exported]
        rows = [row for one in left for row in one_by_one.rows_of(one, pseudonyms)]
        tables = {
            "patients.csv": patients_csv(left, pseudonyms, project.split),
            "measurements.csv": measurements_csv(rows),
            "measurements.parquet": measurements_parquet(rows),
        }
        if self._export.format == "nifti":
            from inference.projects.nifti_export import bids_files

            tables |= bids_files(target.read, files, project.name, SOFTWARE)
        for name, content in tables.items():
            target.write(name, content)
        signed = certificate(
            project,
            self._export,
            self._exports.counts(export_id),
            files,
            tables,
            SOFTWARE,
            target.transfer,
            utcnow(),
            SigningKey(self._storage.settings.data_dir),
        )
        text = json.dumps(signed, indent=2, ensure_ascii=False)
        target.write(CERTIFICATE_NAME, text.encode())

    def _go_on(self) -> None:
        self._lease.check()
        if self._stopping():
            raise _Stopped("The node stopped in the middle; the export goes on from there.")
