"""What became of each part of a store request (PS3.18 I.2, 10.5.3)."""

from dataclasses import dataclass, field
from typing import Any

from api.dicomweb.dicom_json import JsonDataset, row_to_json
from storage.errors import (
    InvalidInstance,
    LimitExceeded,
    MediViewError,
    StorageFull,
    StorageUnavailable,
    UidConflict,
)
from storage.ingest import Accepted

# Failure reasons of PS3.18 Table I.2-2.
PROCESSING_FAILURE = 0x0110
DUPLICATE_SOP_INSTANCE = 0x0111
SOP_CLASS_NOT_SUPPORTED = 0x0122
OUT_OF_RESOURCES = 0xA700
MISMATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000


class WrongStudy(MediViewError):
    """The instance belongs to another study than the request names."""

    code = "wrong_study"


class NotStorable(MediViewError):
    """The SOP class is none that is stored."""

    code = "not_storable"


_REASONS: tuple[tuple[type[MediViewError], int], ...] = (
    (StorageFull, OUT_OF_RESOURCES),
    (StorageUnavailable, PROCESSING_FAILURE),
    (UidConflict, DUPLICATE_SOP_INSTANCE),
    (WrongStudy, MISMATCH),
    (NotStorable, SOP_CLASS_NOT_SUPPORTED),
    (InvalidInstance, CANNOT_UNDERSTAND),
    (LimitExceeded, OUT_OF_RESOURCES),
)


def reason_of(error: MediViewError) -> int:
    """The failure reason that an error deserves."""
    return next((code for cause, code in _REASONS if isinstance(error, cause)), PROCESSING_FAILURE)


@dataclass
class Report:
    """Gathers the Store Instances Response Module."""

    root_url: str
    referenced: list[JsonDataset] = field(default_factory=list)
    failed: list[JsonDataset] = field(default_factory=list)
    unidentified: list[JsonDataset] = field(default_factory=list)
    study_instance_uids: set[str] = field(default_factory=set)
    reasons: set[int] = field(default_factory=set)
    too_large: LimitExceeded | None = None

    def fail(self, sop_class_uid: str, sop_instance_uid: str, reason: int) -> None:
        self.reasons.add(reason)
        row: dict[str, Any] = {"FailureReason": reason}
        if sop_class_uid and sop_instance_uid:
            row["ReferencedSOPClassUID"] = sop_class_uid
            row["ReferencedSOPInstanceUID"] = sop_instance_uid
            self.failed.append(row_to_json(row))
        else:
            self.unidentified.append(row_to_json(row))

    def refuse(self, error: MediViewError, sop_class_uid: str, sop_instance_uid: str) -> None:
        if isinstance(error, LimitExceeded):
            self.too_large = error
        self.fail(sop_class_uid, sop_instance_uid, reason_of(error))

    def keep(self, accepted: Accepted) -> None:
        if accepted.outcome == "conflict":
            # Kept aside, yet not what a query will find under this UID from now on.
            self.fail(accepted.sop_class_uid, accepted.sop_instance_uid, DUPLICATE_SOP_INSTANCE)
            return
        self.study_instance_uids.add(accepted.study_instance_uid)
        self.referenced.append(
            row_to_json(
                {
                    "ReferencedSOPClassUID": accepted.sop_class_uid,
                    "ReferencedSOPInstanceUID": accepted.sop_instance_uid,
                    "RetrieveURL": f"{self.root_url}/studies/{accepted.study_instance_uid}"
                    f"/series/{accepted.series_instance_uid}"
                    f"/instances/{accepted.sop_instance_uid}",
                }
            )
        )

    @property
    def is_empty(self) -> bool:
        return not (self.referenced or self.failed or self.unidentified)

    @property
    def only_too_large(self) -> LimitExceeded | None:
        """What to answer where size alone is in the way of everything."""
        count = len(self.failed) + len(self.unidentified)
        return self.too_large if count == 1 and not self.referenced else None

    @property
    def status(self) -> int:
        if not (self.failed or self.unidentified):
            return 200
        if self.referenced:
            return 202
        # Nothing came in for want of resources: the same request may succeed later.
        return 503 if self.reasons <= {OUT_OF_RESOURCES, PROCESSING_FAILURE} else 409

    def elements(self) -> JsonDataset:
        elements: JsonDataset = {}
        if len(self.study_instance_uids) == 1:
            (uid,) = self.study_instance_uids
            elements["00081190"] = {"vr": "UR", "Value": [f"{self.root_url}/studies/{uid}"]}
        for tag, items in (
            ("00081198", self.failed),
            ("00081199", self.referenced),
            ("0008119A", self.unidentified),
        ):
            if items:
                elements[tag] = {"vr": "SQ", "Value": items}
        return elements
