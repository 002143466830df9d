"""Objects of the node's own that nothing refers to any more, where something was cut off.

What is removed takes its objects along: before its row where the row can find them again, behind it
where nobody must use them meanwhile. A process that is killed in between, or for which the bucket
is away, leaves them; and who was just answering with a study that is deleted may write its headers
again. A bucket may hold what is not the node's: no other keys are looked at.
"""

import re
import time
from collections.abc import Collection, Iterator
from datetime import timedelta
from itertools import chain, islice

import structlog
from sqlalchemy import Engine, select, update
from sqlalchemy.schema import Column

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, MediViewError
from storage.db.engine import reading, writing
from storage.db.portions import in_portions
from storage.deletion.service import METADATA
from storage.objects.store import ObjectStore

log = structlog.get_logger(__name__)

_KEYS_AT_ONCE = 1000
_UPLOADS_AT_ONCE = 100
_EVERY_S = 86_400.0
_UPLOADS, _DOCUMENTS, _LABEL_PICTURES = "uploads/", "documents/", "label-pictures/"
_OWN = re.compile(
    rf"{_UPLOADS}[0-9a-f-]{{36}}|{_DOCUMENTS}[0-9a-f-]{{36}}|{_LABEL_PICTURES}[0-9a-f-]{{36}}\.png"
    f"|{METADATA}.+"
)
_ENDED = ("ACCEPTED", "REFUSED", "ABORTED", "EXPIRED")
# Who has begun to use an upload is done by then.
_IN_USE = timedelta(days=1)
# How far back it is made sure that no parts are left.
_PARTS_OF = timedelta(days=30)


class LeftObjects:
    """Goes through all once a day, some at a time."""

    def __init__(self, engine: Engine, objects: ObjectStore, upload_retention_s: float) -> None:
        self._engine = engine
        self._objects = objects
        self._kept_for = timedelta(seconds=upload_retention_s) + _IN_USE
        self._keys: Iterator[str] | None = None
        self._next_s = 0.0
        self._noticed: set[str] = set()
        self._noticed_before: set[str] = set()

    def remove_some(self) -> int:
        """Look at the next ones; how many went. Raises StorageUnavailable."""
        try:
            if self._keys is None:
                if time.monotonic() < self._next_s:
                    return 0
                if self._drop_parts() == _UPLOADS_AT_ONCE:
                    return 0
                self._next_s = time.monotonic() + _EVERY_S
                self._noticed, self._noticed_before = set(), self._noticed
                prefixes = (METADATA, _UPLOADS, _DOCUMENTS, _LABEL_PICTURES)
                self._keys = chain.from_iterable(map(self._objects.list, prefixes))
            keys = list(islice(self._keys, _KEYS_AT_ONCE))
            removed = self._remove([key for key in keys if _OWN.fullmatch(key)])
        except MediViewError:
            # A listing that broke off cannot go on: from the beginning, with the next round.
            self._keys, self._next_s = None, 0.0
            raise
        if len(keys) < _KEYS_AT_ONCE:
            self._keys = None
        return removed

    def _drop_parts(self) -> int:
        """Of some uploads; how many were looked at."""
        before = utcnow() - self._kept_for
        upload = t.upload.c
        query = (
            select(upload.upload_id, upload.object_key, upload.multipart_id)
            .where(
                upload.state.in_(_ENDED),
                upload.expires_at < before,
                upload.expires_at > before - _PARTS_OF,
                upload.multipart_id != "",
            )
            .order_by(upload.expires_at)
            .limit(_UPLOADS_AT_ONCE)
        )
        with reading(self._engine) as connection:
            ended = connection.execute(query).all()
        for upload_id, object_key, multipart_id in ended:
            try:
                self._objects.drop_parts(object_key, multipart_id)
            except InvalidRequest:
                # Begun at a store that was in use before, which this one knows nothing of.
                log.warning("upload_parts_unknown", upload_id=upload_id)
            with writing(self._engine) as connection:
                connection.execute(
                    update(t.upload).where(upload.upload_id == upload_id).values(multipart_id="")
                )
        return len(ended)

    def _remove(self, keys: list[str]) -> int:
        left = [
            *self._of_no_study([key for key in keys if key.startswith(METADATA)]),
            *self._of_ended_uploads([key for key in keys if key.startswith(_UPLOADS)]),
            *self._of_no_question([key for key in keys if key.startswith(_DOCUMENTS)]),
            *self._of_no_job([key for key in keys if key.startswith(_LABEL_PICTURES)]),
        ]
        for key in left:
            self._objects.delete(key)
        if left:
            log.info("left_objects_removed", count=len(left))
        return len(left)

    def _of_no_study(self, keys: list[str]) -> list[str]:
        study_of = {key: key.removeprefix(METADATA).partition("/")[0] for key in keys}
        known = self._among(t.study.c.study_instance_uid, set(study_of.values()))
        return [key for key, study in study_of.items() if study not in known]

    def _of_no_job(self, keys: list[str]) -> list[str]:
        job_of = {key: key.removeprefix(_LABEL_PICTURES).removesuffix(".png") for key in keys}
        known = self._among(t.job.c.job_id, set(job_of.values()))
        return [key for key, job_id in job_of.items() if job_id not in known]

    def _of_ended_uploads(self, keys: list[str]) -> list[str]:
        """Those whose row says so: after a loss of the index it may come back with a backup."""
        ended: set[str] = set()
        upload = t.upload.c
        with reading(self._engine) as connection:
            for portion in in_portions(keys):
                query = select(upload.object_key).where(
                    upload.object_key.in_(portion),
                    upload.state.in_(_ENDED),
                    upload.expires_at < utcnow() - self._kept_for,
                )
                ended.update(connection.scalars(query))
        return sorted(ended - self._among(t.job.c.input_object_key, ended))

    def _of_no_question(self, keys: list[str]) -> list[str]:
        """Those that had none the day before either: a document is there before its question."""
        asked = self._among(t.answer.c.object_key, set(keys))
        asked |= self._among(t.job.c.input_object_key, set(keys))
        left = set(keys) - asked
        self._noticed |= left
        return sorted(left & self._noticed_before)

    def _among(self, column: Column[str], values: Collection[str]) -> set[str]:
        found: set[str] = set()
        with reading(self._engine) as connection:
            for portion in in_portions(sorted(values)):
                found.update(connection.scalars(select(column).where(column.in_(portion))))
        return found
