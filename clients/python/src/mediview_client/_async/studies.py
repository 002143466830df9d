"""Studies with their live state."""

from collections.abc import AsyncIterator
from typing import Any, cast

from mediview_client import types
from mediview_client._async.http import AsyncHttp
from mediview_client._async.waiting import wait_until
from mediview_client.paths import segment

_ENDED = frozenset({"results", "delivered", "refused", "failed"})


class AsyncStudies:
    def __init__(self, http: AsyncHttp) -> None:
        self._http = http

    def search(self, **filters: Any) -> AsyncIterator[types.StudySummary]:
        """All studies that match, such as `patient_id="P-1"`, `modality="MR"`,
        `study_date_from="2026-01-01"`, `sort="received_at"`."""
        return self._http.pages("/api/v1/studies", **filters)

    async def get(self, study_instance_uid: str) -> types.StudyDetail:
        """One study with its series, decisions, jobs and reports."""
        return cast(
            types.StudyDetail,
            await self._http.get(f"/api/v1/studies/{segment(study_instance_uid)}"),
        )

    async def complete(self, study_instance_uid: str) -> types.Completed:
        """Say that nothing more comes, so that pipelines start at once."""
        return cast(
            types.Completed,
            await self._http.post(f"/api/v1/studies/{segment(study_instance_uid)}/complete"),
        )

    async def wait(
        self, study_instance_uid: str, *, timeout_s: float = 900.0, poll_s: float = 1.0
    ) -> types.StudyDetail:
        """The study once its jobs have ended, whether with results or without.

        Raises WaitTimeout, and ApiError where there is no such study.
        """

        async def look() -> types.StudyDetail | None:
            study = await self.get(study_instance_uid)
            return study if study["state"] in _ENDED else None

        what = f"results of the study {study_instance_uid}"
        return await wait_until(look, what, timeout_s, poll_s)
