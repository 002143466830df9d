"""A view of a study that somebody shares by a link."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class SharedView:
    shared_view_id: str
    study_instance_uid: str
    owner_id: str
    view: dict[str, Any]
    """The viewports, as the API has them (`api.shared_views.schemas`)."""
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
