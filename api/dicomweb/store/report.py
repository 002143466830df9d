"""What became of each part of a store request (PS3.18 I.2, 10.5.3)."""

from dataclasses import dataclass, field
from typing import Any

from pydicom.datadict import keyword_for_tag, tag_for_keyword

from api.dicomweb.formats.json_values import JsonDataset, row_to_json
from api.request_rules.warning_header import warning_of
from storage.core.errors import (
    InvalidInstance,
    LimitExceeded,
    MediViewError,
    NotPermitted,
    NotStorable,
    StorageFull,
    StorageUnavailable,
    UidConflict,
)
from storage.ingest.accepted import Accepted

# Failure reasons of PS3.18 Table I.2-2.
PROCESSING_FAILURE = 0x0110
DUPLICATE_SOP_INSTANCE = 0x0111
SOP_CLASS_NOT_SUPPORTED = 0x0122
NOT_AUTHORIZED = 0x0124  # of PS3.7 C.4.2
OUT_OF_RESOURCES = 0xA700
MISMATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000


class WrongStudy(MediViewError):
    """The instance belongs to another study than the request names."""

    code = "wrong_study"


_REASONS: tuple[tuple[type[MediViewError], int], ...] = (
    (StorageFull, OUT_OF_RESOURCES),
    (StorageUnavailable, PROCESSING_FAILURE),
    (UidConflict, DUPLICATE_SOP_INSTANCE),
    (WrongStudy, MISMATCH),
    (NotPermitted, NOT_AUTHORIZED),
    (NotStorable, SOP_CLASS_NOT_SUPPORTED),
    (InvalidInstance, CANNOT_UNDERSTAND),
    (LimitExceeded, OUT_OF_RESOURCES),
)


# The attribute that is wrong where the error itself names none.
_CAUSES: dict[type[MediViewError], str] = {
    UidConflict: "SOPInstanceUID",
    WrongStudy: "StudyInstanceUID",
    NotPermitted: "StudyInstanceUID",
}
_MAX_SENTENCES = 10


def reason_of(error: MediViewError) -> int:
    """The failure reason that an error deserves."""
    return next((code for cause, code in _REASONS if isinstance(error, cause)), PROCESSING_FAILURE)


def _failed_attribute(keyword: str, tag: int | None) -> JsonDataset:
    """Selector Attribute Macro (PS3.3 Table 10-20), as failed attributes are named elsewhere."""
    item: JsonDataset = {}
    if keyword:
        item["00820019"] = {"vr": "LO", "Value": [keyword]}
    if tag is not None:
        item["00720026"] = {"vr": "AT", "Value": [f"{tag:08X}"]}
    return dict(sorted(item.items()))


@dataclass
class Report:
    """Gathers the Store Instances Response Module."""

    root_url: str
    referenced: list[JsonDataset] = field(default_factory=list)
    failed: list[JsonDataset] = field(default_factory=list)
    unidentified: list[JsonDataset] = field(default_factory=list)
    study_instance_uids: set[str] = field(default_factory=set)
    reasons: set[int] = field(default_factory=set)
    sentences: dict[str, int] = field(default_factory=dict)
    """Why instances were refused, and how many for each reason."""
    too_large: LimitExceeded | None = None

    def fail(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        reason: int,
        sentence: str = "The part is not a DICOM instance.",
        keyword: str = "",
        tag: int | None = None,
    ) -> None:
        """`sentence` says why; `keyword` or `tag` name the attribute that is the cause, if any."""
        if tag is None:
            tag = tag_for_keyword(keyword) if keyword else None
        elif not keyword:
            keyword = keyword_for_tag(tag)
        self.reasons.add(reason)
        self.sentences[sentence] = self.sentences.get(sentence, 0) + 1
        row: dict[str, Any] = {"FailureReason": reason}
        identified = bool(sop_class_uid and sop_instance_uid)
        if identified:
            row["ReferencedSOPClassUID"] = sop_class_uid
            row["ReferencedSOPInstanceUID"] = sop_instance_uid
        item = row_to_json(row)
        if keyword or tag is not None:
            item["00741048"] = {"vr": "SQ", "Value": [_failed_attribute(keyword, tag)]}
        (self.failed if identified else self.unidentified).append(item)

    def refuse(self, error: MediViewError, sop_class_uid: str, sop_instance_uid: str) -> None:
        if isinstance(error, LimitExceeded):
            self.too_large = error
        reason = reason_of(error)
        keyword = str(getattr(error, "keyword", "")) or _CAUSES.get(type(error), "")
        tag = error.tag if isinstance(error, InvalidInstance) else None
        self.fail(sop_class_uid, sop_instance_uid, reason, error.message, keyword, tag)

    def keep(self, accepted: Accepted) -> None:
        if accepted.outcome == "conflict":
            # Kept aside, yet not what a query will find under this UID from now on.
            self.fail(
                accepted.sop_class_uid,
                accepted.sop_instance_uid,
                DUPLICATE_SOP_INSTANCE,
                "Other content is stored under that SOPInstanceUID.",
                "SOPInstanceUID",
            )
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

    @property
    def warning(self) -> str:
        """The Warning header, a sentence for each reason of refusal; empty without one."""
        sentences = list(self.sentences.items())[:_MAX_SENTENCES]
        return ", ".join(
            warning_of(self.root_url, f"{sentence} Instances: {count}.")
            for sentence, count in sentences
        )

    def elements(self) -> JsonDataset:
        # Type 2 (PS3.18 Table I.1-1): without a value where nothing came in, or of several.
        elements: JsonDataset = {"00081190": {"vr": "UR"}}
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
