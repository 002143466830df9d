"""Key images: a person's choice, kept as a Key Object Selection."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from api.access.principal import PrincipalDep
from api.authors import author_of
from api.deps import StorageDep
from api.parameters import StudyUid, problems
from api.payloads.base import Payload
from api.reading_parameters import OptionalUid, Text, Uid
from inference.reading.key_images import (
    KeyImage,
    KeyImages,
    key_image_lists,
    save_key_images,
)
from inference.wake import wake
from storage.entities import Instance

router = APIRouter(prefix="/api/studies/{study_instance_uid}/key-images", tags=["reading"])

Title = Literal[
    "OF_INTEREST",
    "FOR_REFERRING_PROVIDER",
    "FOR_SURGERY",
    "FOR_TEACHING",
    "FOR_CONFERENCE",
    "FOR_PATIENT",
    "FOR_PEER_REVIEW",
    "FOR_REPORT_ATTACHMENT",
]


class KeyImagePayload(Payload):
    sop_instance_uid: Uid
    frame_number: int | None = Field(None, ge=1, description="Null: the whole instance.")


class NewKeyImages(Payload):
    """A whole selection: an image that is not in it is none any more."""

    title: Title = Field("OF_INTEREST", description="Of PS3.16 CID 7010.")
    description: Text = ""
    images: list[KeyImagePayload] = Field(min_length=1, max_length=1000)
    predecessor_sop_instance_uid: OptionalUid = Field(
        "", description="The version that this one takes the place of; empty for a new selection."
    )


class KeyImagesPayload(Payload):
    """One selection, of this node or of another system."""

    sop_instance_uid: str
    series_instance_uid: str
    title: str = Field(description="As it is given on saving, or the words of a foreign one.")
    description: str
    author: str
    source: str = Field(
        description="Where it came from: `reader:NAME` was saved here, `dimse:AE` or `stow` sent."
    )
    saved_at: datetime
    images: list[KeyImagePayload]


class KeyImagesList(Payload):
    items: list[KeyImagesPayload]


@router.get("", summary="The key images of a study", responses=problems(404))
def list_key_images(storage: StorageDep, study_instance_uid: StudyUid) -> KeyImagesList:
    """Read from the Key Object Selections of the study, whoever made them; oldest first."""
    storage.index.study(study_instance_uid)
    found = key_image_lists(storage, study_instance_uid)
    return KeyImagesList(items=[_payload(*one) for one in found])


@router.post("", status_code=201, summary="Save key images", responses=problems(400, 404, 409, 507))
def add_key_images(
    storage: StorageDep, principal: PrincipalDep, study_instance_uid: StudyUid, new: NewKeyImages
) -> KeyImagesPayload:
    """Written as a Key Object Selection and sent like every result.

    A version that names its predecessor stands in the same series and takes its place.
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
