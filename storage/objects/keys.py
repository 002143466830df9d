"""Under which keys instances, volumes and deletions lie in the bucket."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Protocol

from storage.volumes.files import SUFFIX

DELETIONS = "deletions/"
CONFLICTS = "conflicts/"
_DELETION = re.compile(rf"{DELETIONS}(\d{{1,19}})-(\d{{8}}T\d{{12}}){re.escape(SUFFIX)}")
_OBJECT = re.compile(r"dicom/([0-9.]{1,64})/([0-9.]{1,64})/([0-9.]{1,64})\.dcm")
_VOLUME = re.compile(rf"volumes/[^/]+{re.escape(SUFFIX)}")
_CONFLICT = re.compile(rf"{CONFLICTS}[0-9.]{{1,64}}/\d{{8}}T\d{{12}}-[^/]*{re.escape(SUFFIX)}")
_AT = "%Y%m%dT%H%M%S%f"


class Named(Protocol):
    """An instance, or what is known of it before its row is read."""

    @property
    def study_instance_uid(self) -> str: ...

    @property
    def series_instance_uid(self) -> str: ...

    @property
    def sop_instance_uid(self) -> str: ...


def object_key(instance: Named) -> str:
    return (
        f"dicom/{instance.study_instance_uid}/{instance.series_instance_uid}"
        f"/{instance.sop_instance_uid}.dcm"
    )


def volume_key(name: str) -> str:
    return f"volumes/{name}"


def sop_instance_of_key(key: str) -> str:
    """Of a key as `object_key` makes it; empty of others, which may say anything."""
    found = _OBJECT.fullmatch(key)
    return found[3] if found else ""


def series_of_key(key: str) -> tuple[str, str] | None:
    """The study and series of a key as `object_key` makes it; None of others."""
    found = _OBJECT.fullmatch(key)
    return (found[1], found[2]) if found else None


def is_volume_key(key: str) -> bool:
    """Whether `volume_key` may have made it."""
    return _VOLUME.fullmatch(key) is not None


def conflict_key(sop_instance_uid: str, digest: str, received_at: datetime) -> str:
    """Another one for what was discarded and received again: the first may still have to go."""
    at = received_at.astimezone(UTC)
    return f"{CONFLICTS}{sop_instance_uid}/{at:{_AT}}-{digest[:32]}{SUFFIX}"


def without_folders(keys: Iterable[str]) -> list[str]:
    """Without the empty objects that consoles call folders."""
    return [key for key in keys if not key.endswith("/")]


def is_conflict_key(key: str) -> bool:
    """Whether `conflict_key` may have made it."""
    return _CONFLICT.fullmatch(key) is not None


def deletion_key(generation: int, deleted_at: datetime) -> str:
    """With the time, since the numbers begin again where a node begins again on an old bucket."""
    return f"{DELETIONS}{generation}-{deleted_at:{_AT}}{SUFFIX}"


def deletion_of_key(key: str) -> tuple[int, datetime] | None:
    """The number and the time that `deletion_key` was made of."""
    found = _DELETION.fullmatch(key)
    if found is None:
        return None
    return int(found[1]), datetime.strptime(found[2], _AT).replace(tzinfo=UTC)
