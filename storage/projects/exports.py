"""The queue of exports, and what became of each instance."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, case, delete, func, insert, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.errors import NotFound
from storage.db.engine import insert_or_ignore, reading, writing
from storage.db.keyset import Keyset, SortColumn
from storage.db.pages import read_page
from storage.db.portions import in_portions
from storage.outbox.tables import PROJECT_EXPORTS
from storage.projects.entities import (
    ExportCounts,
    ExportedInstance,
    ExportFormat,
    Project,
    ProjectExport,
)

_EXPORT = t.project_export.c
_INSTANCE = t.project_export_instance.c


NEWEST_EXPORTS = Keyset[ProjectExport](
    "project exports",
    (
        SortColumn.of(_EXPORT.created_at, falls=True),
        SortColumn.of(_EXPORT.export_id),
    ),
)


class ProjectExports:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        project: Project,
        folder: str,
        requested_by: str,
        export_format: ExportFormat = "dicom",
        destination: str = "",
    ) -> ProjectExport:
        """`destination`: name of a peer; empty: the export folder of this machine."""
        now = utcnow()
        row = {
            "export_id": str(uuid.uuid4()),
            "project_id": project.project_id,
            "folder": folder,
            "destination": destination,
            "options": list(project.options),
            "format": export_format,
            "state": "PENDING",
            "next_attempt_at": now,
            "requested_by": requested_by,
            "created_at": now,
            "updated_at": now,
        }
        with writing(self._engine) as connection:
            connection.execute(insert(t.project_export).values(**row))
        return self.get(str(row["export_id"]))

    def get(self, export_id: str) -> ProjectExport:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            row = (
                connection.execute(select(t.project_export).where(_EXPORT.export_id == export_id))
                .mappings()
                .first()
            )
        if row is None:
            raise NotFound(f"There is no export {export_id}.", remedy="Check the identifier.")
        return _export(row)

    def of_project(
        self,
        project: Project,
        limit: int,
        offset: int = 0,
        *,
        beyond: ColumnElement[bool] | None = None,
    ) -> tuple[list[ProjectExport], int]:
        """The newest first, and how many there are in all.

        `beyond` begins the page where another one ended (`NEWEST_EXPORTS`).
        """
        of_project = _EXPORT.project_id == project.project_id
        statement = select(t.project_export).where(of_project).order_by(*NEWEST_EXPORTS.order())
        with reading(self._engine) as connection:
            rows, total = read_page(connection, statement, limit, offset, beyond)
            return [_export(row) for row in rows], total

    def is_due(self, now: datetime) -> bool:
        with reading(self._engine) as connection:
            found = connection.execute(
                select(_EXPORT.export_id).where(PROJECT_EXPORTS.is_due(now)).limit(1)
            )
            return found.first() is not None

    def claim_due(self, owner: str, lease_s: float, now: datetime) -> ProjectExport | None:
        """The one that has waited longest."""
        order = (_EXPORT.next_attempt_at, _EXPORT.created_at)
        with writing(self._engine) as connection:
            row = PROJECT_EXPORTS.take_first(connection, owner, lease_s, now, order=order)
        return None if row is None else _export(row)

    def renew(self, export_id: str, owner: str, lease_s: float, now: datetime) -> bool:
        with writing(self._engine) as connection:
            return PROJECT_EXPORTS.renew(
                connection, owner, lease_s, now, _EXPORT.export_id == export_id
            )

    def done(self, export_id: str, owner: str) -> None:
        self._end(export_id, owner, {"state": "DONE", "last_error": ""})

    def retry_later(self, export_id: str, owner: str, error: str, at: datetime) -> None:
        values = {"state": "PENDING", "last_error": error, "next_attempt_at": at}
        self._end(export_id, owner, values)

    def failed(self, export_id: str, owner: str, error: str) -> None:
        """Not tried again until somebody says so."""
        self._end(export_id, owner, {"state": "FAILED", "last_error": error})

    def retry(self, export_id: str) -> ProjectExport:
        """Go on where it stopped. Raises NotFound."""
        self.get(export_id)
        now = utcnow()
        with writing(self._engine) as connection:
            connection.execute(
                update(t.project_export)
                .where(_EXPORT.export_id == export_id, _EXPORT.state == "FAILED")
                .values(state="PENDING", attempts=0, next_attempt_at=now, updated_at=now)
            )
        return self.get(export_id)

    def record(self, export_id: str, instance: ExportedInstance) -> None:
        """What became of it; the first word stands."""
        with writing(self._engine) as connection:
            insert_or_ignore(
                connection,
                t.project_export_instance,
                {"export_id": export_id, **asdict(instance)},
            )

    def forget(self, export_id: str, sop_instance_uids: Sequence[str]) -> None:
        """What was recorded of them: they leave again."""
        with writing(self._engine) as connection:
            for portion in in_portions(sop_instance_uids):
                connection.execute(
                    delete(t.project_export_instance).where(
                        _INSTANCE.export_id == export_id,
                        _INSTANCE.sop_instance_uid.in_(portion),
                    )
                )

    def settled(self, export_id: str, study_instance_uid: str) -> set[str]:
        """SOP Instance UIDs of a study about which is known what became of them."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(_INSTANCE.sop_instance_uid).where(
                    _INSTANCE.export_id == export_id,
                    _INSTANCE.study_instance_uid == study_instance_uid,
                )
            )
            return set(rows.scalars())

    def instances(
        self,
        export_id: str,
        *,
        refused: bool | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> Sequence[ExportedInstance]:
        """By name; `refused` alone, or what left alone."""
        conditions = [_INSTANCE.export_id == export_id]
        if refused is not None:
            conditions.append(_INSTANCE.reason != "" if refused else _INSTANCE.reason == "")
        names = ExportedInstance.__dataclass_fields__
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(t.project_export_instance)
                .where(*conditions)
                .order_by(_INSTANCE.name, _INSTANCE.sop_instance_uid)
                .limit(limit)
                .offset(offset)
            )
            return [ExportedInstance(**{n: row[n] for n in names}) for row in rows.mappings()]

    def counts(self, export_id: str) -> ExportCounts:
        left = _INSTANCE.reason == ""
        with reading(self._engine) as connection:
            row = connection.execute(
                select(
                    func.coalesce(func.sum(case((left, 1), else_=0)), 0),
                    func.coalesce(func.sum(case((left, 0), else_=1)), 0),
                    func.coalesce(func.sum(_INSTANCE.size_bytes), 0),
                ).where(_INSTANCE.export_id == export_id)
            ).one()
        return ExportCounts(*(int(number) for number in row))

    def _end(self, export_id: str, owner: str, values: dict[str, Any]) -> None:
        now = utcnow()
        with writing(self._engine) as connection:
            connection.execute(
                update(t.project_export)
                .where(_EXPORT.export_id == export_id, PROJECT_EXPORTS.is_owned(owner))
                .values(**{"next_attempt_at": now, **values, "lease_owner": "", "updated_at": now})
            )


def _export(row: Any) -> ProjectExport:
    values = {name: row[name] for name in ProjectExport.__dataclass_fields__}
    return ProjectExport(**{**values, "options": tuple(values["options"])})
