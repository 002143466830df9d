"""A research project with studies of one person, and its export."""

import uuid
from pathlib import Path

from inference.projects.export import export_due
from inference.projects.folder import checked_folder
from inference.projects.selection import (
    add_studies,
    create_project,
)
from storage.container import Storage
from storage.core.clock import utcnow
from storage.projects.entities import Project, ProjectExport, Split
from tests.inference.orchestration import receive
from tests.inference.small import changed, mr_series, study_uid

PERSON = {"PatientName": "Quernhammer^Adalbert", "PatientID": "Q-4711"}


def project(
    storage: Storage,
    *options: str,
    needs_consent: bool = False,
    split: Split | None = None,
) -> Project:
    return create_project(
        storage.projects,
        f"project-{uuid.uuid4()}",
        ["retain-modified-dates", *options],
        needs_consent=needs_consent,
        split=split or Split(),
        created_by="me",
        now=utcnow(),
    )


def filled(storage: Storage, count: int = 1, **attributes: str) -> list[str]:
    names = [str(uuid.uuid4()) for _ in range(count)]
    for name in names:
        receive(storage, [changed(one, **{**PERSON, **attributes}) for one in mr_series(name, 2)])
    return [study_uid(name) for name in names]


def put(storage: Storage, into: Project, uids: list[str], *, has_consent: bool = True) -> int:
    return add_studies(
        storage.projects,
        storage.index,
        into,
        uids,
        has_consent=has_consent,
        added_by="me",
        now=utcnow(),
    )


def exported(storage: Storage, of: Project) -> tuple[ProjectExport, Path]:
    folder = f"out-{uuid.uuid4()}"
    asked = storage.project_exports.add(of, folder, "me")
    assert export_due(storage, "test") == 1
    path = checked_folder(storage.settings, folder)
    return storage.project_exports.get(asked.export_id), path
