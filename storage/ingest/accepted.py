"""What became of an instance that was taken in."""

from dataclasses import dataclass
from typing import Self

from storage.dicom.part10 import Header
from storage.index.insert_instance import Outcome


@dataclass(frozen=True)
class Accepted:
    outcome: Outcome
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str

    @classmethod
    def of(cls, outcome: Outcome, header: Header) -> Self:
        return cls(
            outcome,
            header.study_instance_uid,
            header.series_instance_uid,
            header.sop_instance_uid,
            header.sop_class_uid,
        )
