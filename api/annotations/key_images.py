"""Key images: a person's choice, kept as a Key Object Selection."""

from api.access.authors import author_of
from api.access.policy import RADIOLOGISTS, READERS, policy
from api.access.principal import PrincipalDep
from api.annotations.schemas import (
    KeyImagePayload,
    KeyImagesList,
    KeyImagesPayload,
    NewKeyImages,
)
from api.audit_rules import RESULTS, STORES
from api.deps import StorageDep
from api.parameters import StudyUid, problems
from api.router_factory import new_router
from inference.annotations.key_image_entities import KeyImage, KeyImages
from inference.annotations.key_images import key_image_lists, save_key_images
from inference.broker.notify import wake
from storage.core.entities import Instance

router = new_router(prefix="/api/studies/{study_instance_uid}/key-images", tags=["reading"])


@router.get("", summary="The key images of a study", responses=problems(404))
@policy(READERS, "api:read", RESULTS)
def list_key_images(storage: StorageDep, study_instance_uid: StudyUid) -> KeyImagesList:
    """Read from all Key Object Selections of the study, of this node or another; oldest first."""
    storage.index.study(study_instance_uid)
    found = key_image_lists(storage.index, storage.instances, study_instance_uid)
    return KeyImagesList(items=[_payload(*one) for one in found])


@router.post("", status_code=201, summary="Save key images", responses=problems(400, 404, 409, 507))
@policy(RADIOLOGISTS, "api:write", STORES)
def add_key_images(
    storage: StorageDep, principal: PrincipalDep, study_instance_uid: StudyUid, new: NewKeyImages
) -> KeyImagesPayload:
    """Written as a Key Object Selection and sent like every result.

    A version that names its predecessor stands in the same series and takes its place. One of
    no image is a rejection note (IHE IOCM) that names the versions before it.
    """
    storage.index.study(study_instance_uid)
    saved = save_key_images(
        storage,
        study_instance_uid,
        [KeyImage(one.sop_instance_uid, one.frame_number) for one in new.images],
        author_of(principal),
        title=new.title,
        description=new.description,
        predecessor_uid=new.predecessor_sop_instance_uid,
    )
    wake(storage.settings)
    return _payload(*saved)


def _payload(selection: KeyImages, instance: Instance) -> KeyImagesPayload:
    return KeyImagesPayload(
        sop_instance_uid=selection.sop_instance_uid,
        series_instance_uid=selection.series_instance_uid,
        title=selection.title,
        description=selection.description,
        author=selection.author,
        source=instance.source,
        saved_at=instance.received_at,
        images=[
            KeyImagePayload(sop_instance_uid=one.sop_instance_uid, frame_number=one.frame_number)
            for one in selection.images
        ],
    )
