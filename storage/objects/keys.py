"""Under which keys instances and volumes lie in the bucket."""

from storage.core.entities import Instance


def object_key(instance: Instance) -> str:
    return (
        f"dicom/{instance.study_instance_uid}/{instance.series_instance_uid}"
        f"/{instance.sop_instance_uid}.dcm"
    )


def volume_key(name: str) -> str:
    return f"volumes/{name}"
