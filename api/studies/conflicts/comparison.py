"""In what the header of a conflict differs from that of the instance that is stored."""

from io import BytesIO
from typing import Any

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset

from api.dicomweb.formats.dicom_json import dataset_to_json
from api.dicomweb.formats.json_values import JsonDataset
from api.studies.conflicts.schemas import MAX_DIFFERENCES, Difference
from storage.core.entities import Instance
from storage.dicom.dataset_reader import read_part10
from storage.dicom.value_errors import DAMAGED
from storage.ingest.conflict_bytes import Conflict
from storage.ingest.conflicts import Conflicts
from storage.integrity.instance_reader import InstanceReader

# Before the pixels; what lies beyond differs or not by the digest alone.
_HEADER_BYTES = 4 * 1024 * 1024


def differences_of(
    conflicts: Conflicts, instances: InstanceReader, conflict: Conflict, existing: Instance | None
) -> list[Difference] | None:
    """None where one of the two headers cannot be read, or nothing is stored any more."""
    ours = _header(instances.read(existing, 0, _HEADER_BYTES)) if existing is not None else None
    theirs = _header(b"".join(_first(conflicts, conflict)))
    return None if ours is None or theirs is None else _differences(ours, theirs)


def _first(conflicts: Conflicts, conflict: Conflict) -> list[bytes]:
    pieces, size_bytes = [], 0
    for piece in conflicts.pieces(conflict):
        pieces.append(piece)
        size_bytes += len(piece)
        if size_bytes >= _HEADER_BYTES:
            break
    return pieces


def _header(part10: bytes) -> JsonDataset | None:
    """The header in the JSON model, None where it cannot be read."""
    try:
        dataset: Dataset = read_part10(BytesIO(part10), stop_before_pixels=True)
        return dataset_to_json(dataset)
    except DAMAGED:
        return None


def _differences(ours: JsonDataset, theirs: JsonDataset) -> list[Difference]:
    tags = [tag for tag in sorted({*ours, *theirs}) if ours.get(tag) != theirs.get(tag)]
    return [
        Difference(
            tag=tag,
            keyword=keyword_for_tag(int(tag, 16)),
            existing=_shown(ours.get(tag)),
            held=_shown(ours.get(tag)),
            other=_shown(theirs.get(tag)),
        )
        for tag in tags[:MAX_DIFFERENCES]
    ]


def _shown(element: dict[str, Any] | None) -> dict[str, Any] | None:
    """Without binary values, which say nothing to people."""
    if element is None or "InlineBinary" not in element:
        return element
    return {"vr": element["vr"]}
