"""Under which keys instances, volumes and deletions lie in the bucket."""

from datetime import datetime

from storage.core.entities import Instance
from storage.volumes.files import SUFFIX

DELETIONS = "deletions/"


def object_key(instance: Instance) -> str:
    return (
        f"dicom/{instance.study_instance_uid}/{instance.series_instance_uid}"
        f"/{instance.sop_instance_uid}.dcm"
    )


def volume_key(name: str) -> str:
    return f"volumes/{name}"


def deletion_key(generation: int, deleted_at: datetime) -> str:
    """With the time, since the numbers begin again where a node begins again on an old bucket."""
    return f"{DELETIONS}{generation}-{deleted_at:%Y%m%dT%H%M%S%f}{SUFFIX}"
