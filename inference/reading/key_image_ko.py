"""A person's choice of images as a Key Object Selection Document (PS3.3 A.35.4, TID 2010)."""

from collections.abc import Sequence
from datetime import datetime

import highdicom as hd
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from inference.reading.author import Author
from inference.reading.key_images import KeyImage
from inference.reading.observer import device_context, person_context
from inference.results.coding import dicom_code
from inference.results.equipment import finish, node_equipment
from inference.results.identity import DEVICE_SERIAL_NUMBER, MANUFACTURER
from inference.results.source import inherit_patient_and_study, reference_to
from storage.entities import Code

SERIES_NUMBER = 9_910


def encode_key_images(
    images: Sequence[KeyImage],
    sources: Sequence[Dataset],
    author: Author,
    at: datetime,
    *,
    title: Code,
    description: str,
    series_instance_uid: str,
    sop_instance_uid: str,
    instance_number: int,
) -> Dataset:
    """`sources`: the header of each image once. Frames are named where `images` names them."""
    references = {str(source.SOPInstanceUID): reference_to(source) for source in sources}
    content = hd.ko.KeyObjectSelection(
        document_title=dicom_code(title),
        referenced_objects=[references[image.sop_instance_uid] for image in images],
        observer_person_context=person_context(author),
        observer_device_context=device_context(author),
        description=description or None,
    )
    chosen = [item for item in content[0].ContentSequence if item.ValueType == "IMAGE"]
    for item, image in zip(chosen, images, strict=True):
        if (
            image.frame_number is not None
            and "NumberOfFrames" in references[image.sop_instance_uid]
        ):
            item.ReferencedSOPSequence[0].ReferencedFrameNumber = image.frame_number
    document = hd.ko.KeyObjectSelectionDocument(
        evidence=list(references.values()),
        content=content,
        series_instance_uid=series_instance_uid,
        series_number=SERIES_NUMBER,
        sop_instance_uid=sop_instance_uid,
        instance_number=instance_number,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        device_serial_number=DEVICE_SERIAL_NUMBER,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        series_description=f"Key images: {title.meaning}"[:64],
        content_date=at.date(),
        content_time=at.time(),
        series_date=at.date(),
        series_time=at.time(),
    )
    inherit_patient_and_study(document, sources[0])
    return finish(document, at, node_equipment(at))
