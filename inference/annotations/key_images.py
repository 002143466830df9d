"""Key images: a Key Object Selection (PS3.3 A.35.4, TID 2010), and reading one again."""

from collections.abc import Sequence
from typing import Protocol

import structlog
from pydicom.dataset import Dataset
from pydicom.uid import KeyObjectSelectionDocumentStorage

from inference.annotations.content import author_of, frame_of, text_of
from inference.annotations.images import StudyImages
from inference.annotations.key_image_entities import KeyImage, KeyImages
from inference.annotations.storing import check_still_there, keep, stale
from inference.results.author import Author
from storage.container.has import (
    HasDeletions,
    HasDeliveries,
    HasGenerated,
    HasIndex,
    HasInstances,
    HasPeers,
)
from storage.core.clock import utcnow
from storage.core.entities import Instance
from storage.core.errors import InvalidRequest
from storage.core.findings import Code
from storage.core.sources import is_of_reader, of_reader
from storage.core.uids import UidScheme, new_uid
from storage.dicom.value_errors import DAMAGED
from storage.index.repository import Index
from storage.ingest.generated import GeneratedInstances
from storage.integrity.instance_reader import InstanceReader

# PS3.16 CID 7010; those that mean a person's choice of images.
TITLES = {
    "OF_INTEREST": Code("113000", "DCM", "Of Interest"),
    "FOR_REFERRING_PROVIDER": Code("113002", "DCM", "For Referring Provider"),
    "FOR_SURGERY": Code("113003", "DCM", "For Surgery"),
    "FOR_TEACHING": Code("113004", "DCM", "For Teaching"),
    "FOR_CONFERENCE": Code("113005", "DCM", "For Conference"),
    "FOR_PATIENT": Code("113008", "DCM", "For Patient"),
    "FOR_PEER_REVIEW": Code("113009", "DCM", "For Peer Review"),
    "FOR_REPORT_ATTACHMENT": Code("113022", "DCM", "For Report Attachment"),
}
log = structlog.get_logger(__name__)

_TITLE_OF = {code.value: name for name, code in TITLES.items()}
DESCRIPTION = Code("113012", "DCM", "Key Object Description")


def key_image_lists(
    index: Index, instances: InstanceReader, study_instance_uid: str
) -> list[tuple[KeyImages, Instance]]:
    """The selections of a study, no matter who made them; oldest first.

    A version of this node stands in the series of the one before, and only the last of a
    series counts. One that names no image says that the selection is empty now. Those that name
    another patient than the study are left out.
    """
    latest: dict[str, tuple[KeyImages, Instance]] = {}
    known = instances.patient_keys(study_instance_uid)
    for instance in index.instances_of(study_instance_uid):
        if instance.sop_class_uid != KeyObjectSelectionDocumentStorage:
            continue
        try:
            if instances.names_another_patient(instance, known):
                log.warning(
                    "key_images_of_another_patient",
                    sop_instance_uid=instance.sop_instance_uid,
                    source=instance.source,
                )
                continue
            selection = read_key_images(instances.header(instance))
        except DAMAGED:
            continue
        ours = is_of_reader(instance.source)
        latest[selection.series_instance_uid if ours else selection.sop_instance_uid] = (
            selection,
            instance,
        )
    return sorted(latest.values(), key=lambda one: one[1].received_at)


class KeyImageStorage(
    HasIndex, HasInstances, HasGenerated, HasPeers, HasDeliveries, HasDeletions, Protocol
):
    """What of the storage layer key images are saved with."""


def save_key_images(
    storage: KeyImageStorage,
    study_instance_uid: str,
    images: Sequence[KeyImage],
    author: Author,
    *,
    title: str,
    description: str,
    predecessor_uid: str = "",
) -> tuple[KeyImages, Instance]:
    """Write a selection; one of no image withdraws its predecessor.

    Raises InvalidRequest, UidConflict for a stale predecessor.
    """
    # What encodes is large, and few processes need it.
    from inference.annotations.key_image_ko import Numbers, encode_key_images, encode_withdrawal

    predecessor = _predecessor(
        storage.index, storage.instances, study_instance_uid, predecessor_uid
    )
    series_instance_uid, number = new_uid(), 1
    if predecessor is not None:
        series_instance_uid = predecessor.series_instance_uid
        number = (predecessor.instance_number or 1) + 1
    numbers = Numbers(
        series_instance_uid,
        _uid(storage.generated, series_instance_uid, number),
        number,
    )
    at = utcnow()
    if images:
        found = StudyImages(storage.index, storage.instances, study_instance_uid)
        for image in images:
            found.place(image.sop_instance_uid, image.frame_number or 1)
        document = encode_key_images(
            images,
            list(found.headers.values()),
            author,
            at,
            numbers,
            title=TITLES[title],
            description=description,
        )
    else:
        withdrawn = _standing(storage.index, storage.instances, study_instance_uid, predecessor)
        document = encode_withdrawal(withdrawn, author, at, numbers)
    instance = keep(
        storage.deliveries, storage.generated, storage.peers, document, of_reader(author.name)
    )
    named = {one.sop_instance_uid for one in images}
    check_still_there(storage.deletions, storage.index, named, instance)
    return read_key_images(document), instance


def _uid(generated: GeneratedInstances, series_instance_uid: str, number: int) -> str:
    def uids_of(scheme: UidScheme) -> list[str]:
        return [scheme.derive("key-images", series_instance_uid, str(number))]

    return uids_of(generated.scheme(uids_of))[0]


def read_key_images(document: Dataset) -> KeyImages:
    """The selection that a Key Object Selection holds."""
    name = document.ConceptNameCodeSequence[0]
    items = document.get("ContentSequence") or ()
    return KeyImages(
        sop_instance_uid=str(document.SOPInstanceUID),
        series_instance_uid=str(document.SeriesInstanceUID),
        title=_TITLE_OF.get(str(name.CodeValue), str(name.get("CodeMeaning") or "")),
        description=text_of(items, DESCRIPTION, "TextValue"),
        author=author_of(document),
        images=tuple(
            KeyImage(str(reference.ReferencedSOPInstanceUID), frame_of(reference))
            for item in items
            if item.get("ValueType") == "IMAGE"
            for reference in item.ReferencedSOPSequence
        ),
    )


def _predecessor(
    index: Index, instances: InstanceReader, study_instance_uid: str, predecessor_uid: str
) -> Instance | None:
    """The version of this node that a new one follows upon; None where none is named."""
    if not predecessor_uid:
        return None
    for selection, instance in key_image_lists(index, instances, study_instance_uid):
        if selection.sop_instance_uid == predecessor_uid and is_of_reader(instance.source):
            return instance
    known = index.instance(predecessor_uid)
    if known.sop_class_uid == KeyObjectSelectionDocumentStorage and is_of_reader(known.source):
        raise stale()
    raise InvalidRequest(
        f"{predecessor_uid} is not a selection that was saved here.",
        remedy="Leave the predecessor out, and a selection of its own is saved.",
    )


def _standing(
    index: Index, instances: InstanceReader, study_instance_uid: str, predecessor: Instance | None
) -> list[Dataset]:
    """Every version that a withdrawal takes back: elsewhere each of them may be shown."""
    nothing = InvalidRequest(
        "There is no image to take out of the selection.",
        remedy="Name images, or the selection that is to hold none.",
    )
    if predecessor is None:
        raise nothing
    documents = [
        instances.dataset(one)
        for one in index.instances_of(study_instance_uid)
        if one.series_instance_uid == predecessor.series_instance_uid and is_of_reader(one.source)
    ]
    standing = {str(one.SOPInstanceUID): one for one in documents if read_key_images(one).images}
    if predecessor.sop_instance_uid not in standing:
        raise nothing
    return list(standing.values())
