"""Which SOP classes are stored, whichever way an instance comes.

Any class that may be a storage class is: those of the standard, those that a later standard may
add under the same root, and private ones.
"""

from functools import lru_cache

from storage.core.errors import NotStorable

_STANDARD_ROOT = "1.2.840.10008."
_STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."
SEGMENTATION_STORAGE = _STORAGE_ROOT + "66.4"
LABEL_MAP_SEGMENTATION_STORAGE = _STORAGE_ROOT + "66.7"
SEGMENTATION_CLASSES = (SEGMENTATION_STORAGE, LABEL_MAP_SEGMENTATION_STORAGE)
"""Those whose frames are masks; a surface segmentation has none."""


@lru_cache(maxsize=4096)
def is_storage_class(sop_class_uid: str) -> bool:
    """Whether instances of this class are taken.

    Standard: what PS3.6 calls a storage class, and what lies under the root of
    the storage classes without being registered as something else. Anything
    outside the standard's root is private, and a private class is stored.
    """
    if not sop_class_uid.startswith(_STANDARD_ROOT):
        return bool(sop_class_uid)
    # pydicom is loaded where it is needed, as in `storage.dicom.part10`.
    from pydicom._uid_dict import UID_dictionary

    registered = UID_dictionary.get(sop_class_uid)
    if registered is None:
        return sop_class_uid.startswith(_STORAGE_ROOT)
    name, kind = registered[0], registered[1]
    if kind != "SOP Class" or "Storage Commitment" in name or name.startswith("Media Storage"):
        return False
    return "Storage" in name or (not name and sop_class_uid.startswith(_STORAGE_ROOT))


def check_storage_class(sop_class_uid: str) -> None:
    """Raises NotStorable for what the standard knows as something else than a storage class."""
    if not is_storage_class(sop_class_uid):
        raise NotStorable(
            f"{sop_class_uid} is not a storage SOP class.",
            remedy="Send instances of a storage SOP class (PS3.4 Annex B).",
            keyword="SOPClassUID",
        )
