"""Which stored studies a command is about, by when they were received."""

from datetime import datetime
from typing import Annotated

import typer

from storage.core.clock import utcnow
from storage.index.repository import Index
from storage.studies.filter import StudyFilter

_AT_ONCE = 100
Time = Annotated[datetime | None, typer.Option(help="When they were received.")]


def received_studies(
    index: Index, received_from: datetime | None, received_before: datetime | None
) -> list[str]:
    """Times are those of this machine. What arrives meanwhile is looked at by itself."""
    wanted = StudyFilter(
        received_from=None if received_from is None else received_from.astimezone(),
        received_before=utcnow() if received_before is None else received_before.astimezone(),
    )
    found: list[str] = []
    while True:
        studies, total = index.studies(_AT_ONCE, len(found), where=wanted.conditions())
        found += [study.study_instance_uid for study in studies]
        if len(found) >= total or not studies:
            return found
