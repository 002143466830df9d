"""Uploads: what a client was allowed to put, and what became of it."""

import uuid
from datetime import datetime

from sqlalchemy import Engine, insert, select, update

from storage import tables as t
from storage.clock import utcnow
from storage.database import reading, writing
from storage.entities import Upload, UploadState
from storage.errors import NotFound
from storage.rows import to_upload


class Uploads:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(
        self,
        filename: str,
        content_type: str,
        expires_at: datetime,
        size_bytes: int | None = None,
    ) -> Upload:
        """Note an upload to come; its object key is made here, never by the client."""
        upload_id = str(uuid.uuid4())
        upload = Upload(
            upload_id=upload_id,
            object_key=f"uploads/{upload_id}",
            filename=filename,
            content_type=content_type,
            size_bytes=size_bytes,
            state="PRESIGNED",
            reason="",
            created_at=utcnow(),
            expires_at=expires_at,
        )
        values = {name: getattr(upload, name) for name in upload.__dataclass_fields__}
        with writing(self._engine) as connection:
            connection.execute(insert(t.upload).values(**values))
        return upload

    def get(self, upload_id: str) -> Upload:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            row = (
                connection.execute(select(t.upload).where(t.upload.c.upload_id == upload_id))
                .mappings()
                .first()
            )
        if row is None:
            raise NotFound(
                "There is no upload under that identifier.",
                remedy="Begin with POST /api/uploads/presign.",
            )
        return to_upload(row)

    def set_state(
        self,
        upload_id: str,
        state: UploadState,
        size_bytes: int | None = None,
        reason: str = "",
    ) -> None:
        values: dict[str, object] = {"state": state, "reason": reason}
        if size_bytes is not None:
            values["size_bytes"] = size_bytes
        with writing(self._engine) as connection:
            connection.execute(
                update(t.upload).where(t.upload.c.upload_id == upload_id).values(**values)
            )
