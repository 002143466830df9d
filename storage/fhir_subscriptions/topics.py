"""What may be subscribed to, and which notices of the node it is."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """`events`: names of `EVENT_TYPES`, or `report.*`."""

    topic_id: str
    resource_type: str
    title: str
    description: str
    events: tuple[str, ...]


_ALL = (
    Topic(
        "diagnostic-report",
        "DiagnosticReport",
        "Report available",
        "A report was drafted, changed, signed or amended, or results that it rests on were"
        " withdrawn.",
        ("report.*",),
    ),
    Topic(
        "observation",
        "Observation",
        "Finding available",
        "A pipeline has stated findings, somebody has accepted, rejected or corrected one, or the"
        " results that they belong to were withdrawn.",
        ("job.completed", "job.superseded", "finding.*"),
    ),
    Topic(
        "imaging-study",
        "ImagingStudy",
        "Study available",
        "All series of a study that were received are complete, for the first time or again.",
        ("study.complete",),
    ),
)
TOPICS: Mapping[str, Topic] = {one.topic_id: one for one in _ALL}
