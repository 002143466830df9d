"""Looks at one study that are counted together rather than recorded one by one."""

from dataclasses import dataclass, replace
from datetime import datetime

from storage.audit.events import AuditEvent
from storage.audit.rows import Views


@dataclass(slots=True)
class StudyViews:
    """Looks at one study within one minute, since they were last written."""

    event: AuditEvent
    key: str
    ends_at: datetime
    occurrences: int
    written: bool = False

    def take(self) -> Views:
        taken = Views(self.event, self.key, self.ends_at, self.occurrences)
        self.occurrences, self.written = 0, True
        return taken


def counted(views: Views) -> AuditEvent:
    """The event that tells of looks which came after the first was recorded."""
    return replace(
        views.event, detail={**views.event.detail, "occurrences_meanwhile": views.occurrences}
    )
