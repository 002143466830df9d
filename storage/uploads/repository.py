"""Uploads: what a client was allowed to put, and what became of it."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Engine, and_, func, insert, or_, select, update

from storage import tables as t
from storage.core.callers.identity import LOCAL, Identity
from storage.core.clock import utcnow
from storage.core.entities import Upload, UploadState
from storage.core.errors import NotFound, TooManyRequests
from storage.db.engine import reading, writing
from storage.events.repository import add_event
from storage.uploads.row_mapping import to_upload

MOST_BEGUN = 1_000
"""Uploads of one caller whose bytes have not arrived yet."""
_REMEDY = "Send what they wait for, or DELETE /api/uploads/{upload_id}."


class Uploads:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check_share(self, caller: Identity, size_bytes: int, most_bytes: int) -> None:
        """Before another one of that size is begun. Raises TooManyRequests."""
        if caller == LOCAL:
            return
        upload = t.upload.c
        size = func.coalesce(func.sum(upload.size_bytes), 0)
        statement = select(func.count(), size).where(
            upload.state == "PRESIGNED",
            upload.expires_at > utcnow(),
            upload.created_by_id == caller.id,
        )
        with reading(self._engine) as connection:
            begun, begun_bytes = connection.execute(statement).one()
        if begun >= MOST_BEGUN:
            raise TooManyRequests(
                f"{begun:,} uploads of yours have begun and not arrived; {MOST_BEGUN:,} may.",
                remedy=_REMEDY,
            )
        if begun_bytes + size_bytes > most_bytes:
            raise TooManyRequests(
                f"Uploads of yours that have begun and not arrived have {begun_bytes >> 20} MiB;"
                f" with this one they may have {most_bytes >> 20} MiB.",
                remedy=_REMEDY,
            )

    def create(
        self,
        filename: str,
        content_type: str,
        expires_at: datetime,
        size_bytes: int | None = None,
        *,
        upload_id: str = "",
        multipart_id: str = "",
        part_size_bytes: int = 0,
        created_by: Identity | None = None,
    ) -> Upload:
        """Note an upload to come; its object key is made here, never by the client."""
        upload_id = upload_id or new_upload_id()
        upload = Upload(
            upload_id=upload_id,
            object_key=object_key_of(upload_id),
            filename=filename,
            content_type=content_type,
            size_bytes=size_bytes,
            state="PRESIGNED",
            reason="",
            created_at=utcnow(),
            expires_at=expires_at,
            multipart_id=multipart_id,
            part_size_bytes=part_size_bytes,
            created_by_id=created_by.id if created_by else "",
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
            raise no_such_upload()
        return to_upload(row)

    def set_state(
        self,
        upload_id: str,
        state: UploadState,
        size_bytes: int | None = None,
        reason: str = "",
        *,
        only: Collection[UploadState] = (),
    ) -> bool:
        """Say what became of it, and tell those who follow.

        `only`: if it is in one of these states; False where it is not.
        """
        values: dict[str, object] = {"state": state, "reason": reason}
        if size_bytes is not None:
            values["size_bytes"] = size_bytes
        return self._change(upload_id, values, only)

    def progress(self, upload_id: str, files_done: int, files_total: int) -> None:
        """How far its unpacking is."""
        self._change(upload_id, {"files_done": files_done, "files_total": files_total}, ())

    def expired(self, now: datetime, received_before: datetime, limit: int) -> list[Upload]:
        """Those that did not arrive in time, and those that nobody has started."""
        query = (
            select(t.upload)
            .where(
                or_(
                    and_(t.upload.c.state == "PRESIGNED", t.upload.c.expires_at < now),
                    and_(t.upload.c.state == "RECEIVED", t.upload.c.expires_at < received_before),
                )
            )
            .order_by(t.upload.c.expires_at)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [to_upload(row) for row in connection.execute(query).mappings()]

    def _change(
        self, upload_id: str, values: Mapping[str, object], only: Collection[UploadState]
    ) -> bool:
        conditions = [t.upload.c.upload_id == upload_id]
        if only:
            conditions.append(t.upload.c.state.in_(only))
        with writing(self._engine) as connection:
            row = (
                connection.execute(
                    update(t.upload).where(*conditions).values(**values).returning(*t.upload.c)
                )
                .mappings()
                .first()
            )
            if row is None:
                return False
            upload = to_upload(row)
            add_event(
                connection,
                utcnow(),
                "upload",
                "",
                payload={
                    "upload_id": upload.upload_id,
                    "state": upload.state,
                    "files_done": upload.files_done,
                    "files_total": upload.files_total,
                },
            )
        return True


def new_upload_id() -> str:
    return str(uuid.uuid4())


def object_key_of(upload_id: str) -> str:
    """Where the bytes of an upload lie in the object store."""
    return f"uploads/{upload_id}"


def no_such_upload() -> NotFound:
    return NotFound(
        "There is no upload under that identifier.",
        remedy="Begin with POST /api/uploads/presign.",
    )
