"""A person's choice of images as a Key Object Selection Document (PS3.3 A.35.4, TID 2010)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import highdicom as hd
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from inference.annotations.key_image_entities import KeyImage
from inference.result_identity import DEVICE_SERIAL_NUMBER, MANUFACTURER, local_time
from inference.results.author import Author
from inference.results.coding import dicom_code
from inference.results.equipment import finish, node_equipment
from inference.results.observer import device_context, person_context
from inference.results.patient_and_study import inherit_patient_and_study
from inference.results.source_references import reference_to
from storage.core.findings import Code
from storage.core.text.long_string import long_string

SERIES_NUMBER = 9_910
# What a selection that holds nothing any more says of the versions before it.
WITHDRAWN = Code("113001", "DCM", "Rejected for Quality Reasons")
_WITHDRAWN_WORDS = "Withdrawn: no image is marked as a key image any more."


@dataclass(frozen=True)
class Numbers:
    """Where a version stands. `instance_number` counts the versions of the series."""

    series_instance_uid: str
    sop_instance_uid: str
    instance_number: int


def encode_key_images(
    images: Sequence[KeyImage],
    sources: Sequence[Dataset],
    author: Author,
    at: datetime,
    numbers: Numbers,
    *,
    title: Code,
    description: str,
) -> Dataset:
    """`sources`: the header of each image once. Frames are named where `images` names them."""
    references = {str(source.SOPInstanceUID): reference_to(source) for source in sources}
    referenced = [references[image.sop_instance_uid] for image in images]
    content = _content(referenced, author, title, description)
    chosen = [item for item in content[0].ContentSequence if item.ValueType == "IMAGE"]
    for item, image in zip(chosen, images, strict=True):
        if (
            image.frame_number is not None
            and "NumberOfFrames" in references[image.sop_instance_uid]
        ):
            item.ReferencedSOPSequence[0].ReferencedFrameNumber = image.frame_number
    name = long_string(f"Key images: {title.meaning}")
    return _document(content, list(references.values()), sources[0], at, numbers, name)


def encode_withdrawal(
    withdrawn: Sequence[Dataset], author: Author, at: datetime, numbers: Numbers
) -> Dataset:
    """A rejection note (IHE RAD TF-3 4.66, Imaging Object Change Management).

    A Key Object Selection of nothing does not exist (TID 2010 wants one reference at least),
    so this one names the selections themselves: they count no more. They stay as they are.
    """
    evidence = [reference_to(one) for one in withdrawn]
    content = _content(evidence, author, WITHDRAWN, _WITHDRAWN_WORDS)
    # Of the series, in which all versions stand.
    description = str(withdrawn[-1].get("SeriesDescription") or "")
    return _document(content, evidence, withdrawn[0], at, numbers, description)


def _content(
    referenced: Sequence[Dataset], author: Author, title: Code, description: str
) -> hd.ko.KeyObjectSelection:
    return hd.ko.KeyObjectSelection(
        document_title=dicom_code(title),
        referenced_objects=referenced,
        observer_person_context=person_context(author),
        observer_device_context=device_context(author),
        description=description or None,
    )


def _document(
    content: hd.ko.KeyObjectSelection,
    evidence: Sequence[Dataset],
    source: Dataset,
    at: datetime,
    numbers: Numbers,
    series_description: str,
) -> Dataset:
    at = local_time(at, source)
    document = hd.ko.KeyObjectSelectionDocument(
        evidence=evidence,
        content=content,
        series_instance_uid=numbers.series_instance_uid,
        series_number=SERIES_NUMBER,
        sop_instance_uid=numbers.sop_instance_uid,
        instance_number=numbers.instance_number,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        device_serial_number=DEVICE_SERIAL_NUMBER,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        series_description=series_description,
        content_date=at.date(),
        content_time=at.time(),
        series_date=at.date(),
        series_time=at.time(),
    )
    inherit_patient_and_study(document, source)
    return finish(document, at, node_equipment(at))
