"""Write a study's volumes into an export, with what makes the folder a BIDS dataset."""

import hashlib
from collections.abc import Callable, Iterator, Sequence

from inference.deidentification.errors import OF_THE_INSTANCE
from inference.deidentification.instances import reason_of
from inference.projects.bids import IGNORED, description
from inference.projects.nifti_study import NiftiFile, NiftiStudy
from inference.refusals import VolumeRefused
from storage.core.entities import Instance
from storage.core.errors import StorageUnavailable
from storage.projects.entities import ExportedInstance

IMAGE, SIDECAR = ".nii.gz", ".json"
Write = Callable[[str, bytes], None]
"""By name, whole or not at all."""


def export_volumes(
    study: NiftiStudy, waiting: Sequence[Instance], write: Write, before_each: Callable[[], None]
) -> Iterator[ExportedInstance]:
    """What became of each instance that waits. A series leaves whole or not at all.

    One that was interrupted is written again, and the same.
    """
    open_uids = {one.sop_instance_uid for one in waiting}
    for unit in study.units():
        unsettled = [one for one in unit if one.sop_instance_uid in open_uids]
        if not unsettled:
            continue
        before_each()
        try:
            file = study.file(unit)
        except (*OF_THE_INSTANCE, VolumeRefused) as error:
            for one in unsettled:
                yield ExportedInstance(
                    one.sop_instance_uid, one.study_instance_uid, reason=reason_of(error)
                )
            continue
        write(file.name + SIDECAR, file.sidecar)
        write(file.name + IMAGE, file.image)
        yield from _records(file, unsettled)


def bids_files(
    read: Callable[[str], bytes | None],
    files: Sequence[ExportedInstance],
    project_name: str,
    software: str,
) -> dict[str, bytes]:
    """By name: the sidecars that were written, and what every dataset has."""
    stems = sorted({one.name.removesuffix(IMAGE) for one in files})
    subjects = sorted({one.partition("/")[0] for one in stems if one.startswith("sub-")})
    return {
        "dataset_description.json": description(project_name, software),
        "participants.tsv": "\n".join(["participant_id", *subjects, ""]).encode(),
        ".bidsignore": IGNORED.encode(),
        **{stem + SIDECAR: _written(read, stem + SIDECAR) for stem in stems},
    }


def _written(read: Callable[[str], bytes | None], name: str) -> bytes:
    """Raises StorageUnavailable: somebody has removed it while the export went on."""
    found = read(name)
    if found is None:
        raise StorageUnavailable(
            f"{name} is no longer where the export wrote it.", remedy="Export the project again."
        )
    return found


def _records(file: NiftiFile, instances: Sequence[Instance]) -> Iterator[ExportedInstance]:
    """The file's size counts once."""
    digest = hashlib.sha256(file.image).hexdigest()
    for index, one in enumerate(instances):
        yield ExportedInstance(
            one.sop_instance_uid,
            one.study_instance_uid,
            name=file.name + IMAGE,
            sha256=digest,
            size_bytes=0 if index else len(file.image),
            face_voxels=file.face_voxels.get(one.sop_instance_uid, 0),
        )
