"""What every archive can do that this node asks, whichever protocol it speaks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from storage.core.untrusted_input.whole_numbers import read_whole_number

if TYPE_CHECKING:
    # Rules need the keywords alone.
    from dicom_node.archives.receiving import Receiving

STUDY_KEYWORDS = (
    "StudyInstanceUID",
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyDescription",
    "AccessionNumber",
    "ModalitiesInStudy",
    "NumberOfStudyRelatedInstances",
    "InstanceAvailability",
)
"""What is asked of a study (PS3.4 Tables C.6-1 to C.6-2; PS3.18 Table 10.6.3-3)."""
SERIES_KEYWORDS = (
    "SeriesInstanceUID",
    "Modality",
    "BodyPartExamined",
    "SeriesDescription",
    "ProtocolName",
)
"""What is asked of a series (PS3.4 Table C.6-3). All but the first two are optional there."""

Progress = Callable[[int, int], None]
"""Hears how many instances have come, and how many there are: 0 where the archive does not say."""


@dataclass(frozen=True)
class Found:
    """A study or a series as the archive describes it: values by keyword, as texts."""

    attributes: Mapping[str, tuple[str, ...]]

    def text(self, keyword: str) -> str:
        """The first value; empty where the archive states none."""
        values = self.attributes.get(keyword, ())
        return values[0] if values else ""

    @property
    def study_instance_uid(self) -> str:
        return self.text("StudyInstanceUID")

    @property
    def cannot_come(self) -> bool:
        """Whether the archive states that a C-MOVE would fail (PS3.3 C.4.23.1.1)."""
        return self.text("InstanceAvailability") in ("OFFLINE", "UNAVAILABLE")

    @property
    def instance_count(self) -> int:
        """0 where the archive does not say."""
        return read_whole_number(self.text("NumberOfStudyRelatedInstances")) or 0


@dataclass(frozen=True)
class FoundStudies:
    """`is_complete`: the archive had no more than was asked for, as far as it says."""

    studies: Sequence[Found]
    is_complete: bool


@dataclass(frozen=True)
class Fetched:
    """A study that came. `service` brought it; `failed` instances did not come.

    Those that `Receiving` refused came, and are counted there.

    `came`: how many the archive counts, 0 where it counts none.
    """

    service: Literal["C-GET", "C-MOVE", "WADO-RS"]
    came: int
    failed: int


class Archive(Protocol):
    """`str()` names it in sentences. Every method raises PeerFailed, PeerLacksService where the
    archive does not offer what is asked."""

    def studies(self, keys: Mapping[str, str], at_most: int) -> FoundStudies:
        """Those that match all `keys`, by keyword; with valid and distinct StudyInstanceUIDs."""

    def series(self, study_instance_uid: str) -> Sequence[Found]:
        """All series of a study."""

    def fetch(
        self, study_instance_uid: str, receiving: "Receiving", on_progress: Progress
    ) -> Fetched:
        """Bring the study here; after a C-MOVE it went to the receiver, not to `receiving`.

        Raises what `receiving` raises, too.
        """

    def close(self) -> None:
        """Let go of its connections; it is used no more."""
