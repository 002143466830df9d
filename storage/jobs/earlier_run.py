"""A completed run of a job whose results stand until a further one, which was forced, completes."""

from datetime import datetime
from typing import Any

from sqlalchemy import case, func

from storage import tables as t
from storage.core.entities import JobEnding
from storage.core.text.outside_text import stored_reason

EARLIER_RESULTS = "The results are those of the run before."
NO_EARLIER_RUN = {"earlier_started_at": None, "earlier_finished_at": None}


def ended(ending: JobEnding, reason: str, now: datetime, progress: Any) -> dict[str, Any]:
    """Columns of a job whose run ended without results, `progress` far; those of an earlier run
    stand."""
    reason = stored_reason(reason)
    c = t.job.c
    has_earlier = c.earlier_finished_at.is_not(None)
    return {
        "state": case((has_earlier, "COMPLETED"), else_="CANCELED"),
        "ending": case((has_earlier, ""), else_=ending),
        "reason": case((has_earlier, f"{reason} {EARLIER_RESULTS}"), else_=reason),
        "progress": case((has_earlier, 1.0), else_=progress),
        "started_at": func.coalesce(c.earlier_started_at, c.started_at),
        "finished_at": func.coalesce(c.earlier_finished_at, now),
        **NO_EARLIER_RUN,
    }
