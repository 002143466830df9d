"""The site's templates of reports."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, delete, func, insert, select, update

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotFound, VersionConflict
from storage.db.engine import reading, writing
from storage.report_templates.entities import ReportTemplate, TemplateSection, TemplateText

MOST_TEMPLATES = 300


class ReportTemplates:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[ReportTemplate]:
        """By title, then by language."""
        columns = t.report_template.c
        query = select(t.report_template).order_by(
            func.lower(columns.title), columns.language, columns.template_id
        )
        with reading(self._engine) as connection:
            return [_to_template(row) for row in connection.execute(query).mappings()]

    def add(self, text: TemplateText, changed_by: str) -> ReportTemplate:
        """Raises InvalidRequest where the node has as many as it keeps."""
        template_id = str(uuid.uuid4())
        with writing(self._engine) as connection:
            count = select(func.count()).select_from(t.report_template)
            if connection.execute(count).scalar_one() >= MOST_TEMPLATES:
                raise InvalidRequest(
                    f"The node keeps {MOST_TEMPLATES} templates of reports.",
                    remedy="Remove one that nobody uses.",
                )
            connection.execute(
                insert(t.report_template).values(
                    template_id=template_id, version=1, **_values(text, changed_by)
                )
            )
            return _get(connection, template_id)

    def replace(
        self, template_id: str, version: int, text: TemplateText, changed_by: str
    ) -> ReportTemplate:
        """In the place of `version`. Raises NotFound, VersionConflict."""
        columns = t.report_template.c
        with writing(self._engine) as connection:
            changed = connection.execute(
                update(t.report_template)
                .where(columns.template_id == template_id, columns.version == version)
                .values(version=version + 1, **_values(text, changed_by))
            )
            found = _get(connection, template_id)
            if changed.rowcount == 0:
                raise VersionConflict(
                    f"The template is at version {found.version}, and not at {version}.",
                    remedy="Read it again, and change what it is now.",
                )
            return found

    def remove(self, template_id: str) -> None:
        """Harmless where there is none. Texts that were made from it stay."""
        with writing(self._engine) as connection:
            connection.execute(
                delete(t.report_template).where(t.report_template.c.template_id == template_id)
            )


def _get(connection: Connection, template_id: str) -> ReportTemplate:
    query = select(t.report_template).where(t.report_template.c.template_id == template_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound(
            f"There is no template {template_id}.",
            remedy="GET /api/report-templates lists them.",
        )
    return _to_template(row)


def _values(text: TemplateText, changed_by: str) -> dict[str, Any]:
    return {
        "title": text.title,
        "language": text.language,
        "modalities": list(text.modalities),
        "body_parts": list(text.body_parts),
        "sections": [asdict(section) for section in text.sections],
        "source": text.source,
        "changed_by": changed_by,
        "changed_at": utcnow(),
    }


def _to_template(row: RowMapping) -> ReportTemplate:
    sections: Sequence[Mapping[str, Any]] = row["sections"]
    text = TemplateText(
        row["title"],
        row["language"],
        tuple(row["modalities"]),
        tuple(row["body_parts"]),
        tuple(TemplateSection(one["heading"], one["kind"], one["text"]) for one in sections),
        row["source"],
    )
    return ReportTemplate(
        row["template_id"], row["version"], text, row["changed_by"], row["changed_at"]
    )
