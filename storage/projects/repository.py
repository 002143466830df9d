"""Projects and the studies that belong to them."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, RowMapping, case, delete, select, update

from storage import tables as t
from storage.core.errors import InvalidRequest, NotFound, StorageUnavailable
from storage.crypto.secret_box import Sealer
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.keyset import Keyset, SortColumn
from storage.db.pages import read_page
from storage.projects.entities import Project, ProjectStudy, Split
from storage.settings import Settings

_KEY_BYTES = 32
_WITH_PATIENTS = t.project_study.outerjoin(
    t.study, t.study.c.study_instance_uid == t.project_study.c.study_instance_uid
).outerjoin(t.patient, t.patient.c.id == t.study.c.patient_fk)
# Of a study that is gone, what it was when it was added.
_PATIENT_KEY = case(
    (t.patient.c.id.is_(None), t.project_study.c.patient_key),
    # Without a patient ID nothing says that two studies are of one patient.
    (t.patient.c.patient_id == "", "study:" + t.project_study.c.study_instance_uid),
    else_=t.patient.c.patient_key,
)


BY_NAME = Keyset[Project]("projects", (SortColumn.of(t.project.c.name),))
FIRST_ADDED = Keyset[ProjectStudy](
    "project studies",
    (
        SortColumn.of(t.project_study.c.added_at),
        SortColumn.of(t.project_study.c.study_instance_uid),
    ),
)


class Projects:
    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._sealer = Sealer(settings.data_dir)

    def create(
        self,
        name: str,
        options: Sequence[str],
        *,
        needs_consent: bool,
        split: Split,
        created_by: str,
        now: datetime,
    ) -> Project:
        """With a key of its own. Raises InvalidRequest where another has the name."""
        project_id, key = str(uuid.uuid4()), secrets.token_hex(_KEY_BYTES)
        row = {
            "project_id": project_id,
            "name": name,
            "options": list(options),
            "needs_consent": needs_consent,
            "split": asdict(split),
            "key": self._sealer.seal(key, _place(project_id)),
            "created_by": created_by,
            "created_at": now,
        }
        with writing(self._engine) as connection:
            if not insert_or_ignore(connection, t.project, row):
                raise InvalidRequest(
                    f"There is a project {name} already.", remedy="Choose another name."
                )
        return self.get(name)

    def get(self, name: str) -> Project:
        """Raises NotFound; StorageUnavailable where its key cannot be read."""
        with reading(self._engine) as connection:
            row = (
                connection.execute(select(t.project).where(t.project.c.name == name))
                .mappings()
                .first()
            )
        if row is None:
            raise NotFound(
                f"There is no project {name}.", remedy="`mediview projects list` names them."
            )
        return self._project(row)

    def by_id(self, project_id: str) -> Project:
        """Raises as `get`."""
        with reading(self._engine) as connection:
            name = connection.execute(
                select(t.project.c.name).where(t.project.c.project_id == project_id)
            ).scalar()
        return self.get(name or "")

    def page(
        self, limit: int, offset: int, *, beyond: ColumnElement[bool] | None = None
    ) -> tuple[list[Project], int]:
        """By name, and how many there are in all.

        `beyond` begins the page where another one ended (`BY_NAME`).
        """
        statement = select(t.project).order_by(*BY_NAME.order())
        with reading(self._engine) as connection:
            rows, total = read_page(connection, statement, limit, offset, beyond)
            return [self._project(row) for row in rows], total

    def delete(self, project: Project) -> None:
        """With its key: what was exported can never be traced back to anybody."""
        with writing(self._engine) as connection:
            exports = select(t.project_export.c.export_id).where(
                t.project_export.c.project_id == project.project_id
            )
            for table, rows in (
                (t.project_export_instance, t.project_export_instance.c.export_id.in_(exports)),
                (t.project_export, t.project_export.c.project_id == project.project_id),
                (t.project_study, t.project_study.c.project_id == project.project_id),
                (t.project, t.project.c.project_id == project.project_id),
            ):
                connection.execute(delete(table).where(rows))

    def add(self, project: Project, studies: Sequence[ProjectStudy]) -> int:
        """How many are new; of one that is in already, consent is recorded as stated now."""
        added = 0
        with writing(self._engine) as connection:
            for study in studies:
                row = {"project_id": project.project_id, **asdict(study)}
                if insert_or_ignore(connection, t.project_study, row):
                    added += 1
                    continue
                connection.execute(
                    update(t.project_study)
                    .where(*_is(project, study.study_instance_uid))
                    .values(has_consent=study.has_consent)
                )
        return added

    def remove(self, project: Project, study_instance_uid: str) -> None:
        """Raises NotFound."""
        with writing(self._engine) as connection:
            result = connection.execute(
                delete(t.project_study).where(*_is(project, study_instance_uid))
            )
        if not result.rowcount:
            raise NotFound(
                f"The study {study_instance_uid} is not in project {project.name}.",
                remedy="Check the UID.",
            )

    def studies(
        self,
        project: Project,
        limit: int | None = None,
        offset: int = 0,
        *,
        beyond: ColumnElement[bool] | None = None,
    ) -> tuple[list[ProjectStudy], int]:
        """In the order in which they came in, and how many there are in all.

        `beyond` begins the page where another one ended (`FIRST_ADDED`).
        Their patients are those of now: studies are moved to other patients, and patients merged.
        """
        columns = t.project_study.c
        statement = (
            select(
                *(one for one in columns if one.name != "patient_key"),
                _PATIENT_KEY.label("patient_key"),
            )
            .select_from(_WITH_PATIENTS)
            .where(columns.project_id == project.project_id)
            .order_by(*FIRST_ADDED.order())
        )
        with reading(self._engine) as connection:
            rows, total = read_page(connection, statement, limit, offset, beyond)
            names = ProjectStudy.__dataclass_fields__
            return [ProjectStudy(**{n: row[n] for n in names}) for row in rows], total

    def consent(self, project: Project, study_instance_uid: str) -> bool | None:
        """Whether it is recorded now; None where the study is not in the project."""
        query = select(t.project_study.c.has_consent).where(*_is(project, study_instance_uid))
        with reading(self._engine) as connection:
            return connection.execute(query).scalar()

    def keys_when_added(self, project: Project) -> dict[str, str]:
        """By study: what its patient's pseudonym was made of before the patient was changed."""
        columns = t.project_study.c
        query = select(columns.study_instance_uid, columns.patient_key).where(
            columns.project_id == project.project_id
        )
        with reading(self._engine) as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def _project(self, row: RowMapping) -> Project:
        key = self._sealer.open(row["key"], _place(row["project_id"]))
        if not key:
            raise StorageUnavailable(
                f"The key of project {row['name']} cannot be read.",
                remedy="Restore sealing.key of the data folder from a backup.",
            )
        return Project(
            project_id=row["project_id"],
            name=row["name"],
            options=tuple(row["options"]),
            needs_consent=row["needs_consent"],
            split=Split(**row["split"]),
            created_by=row["created_by"],
            created_at=row["created_at"],
            key=bytes.fromhex(key),
        )


def _place(project_id: str) -> str:
    return f"project:{project_id}"


def _is(project: Project, study_instance_uid: str) -> tuple[Any, ...]:
    columns = t.project_study.c
    return (
        columns.project_id == project.project_id,
        columns.study_instance_uid == study_instance_uid,
    )
