"""Runs of pipelines."""

from collections.abc import AsyncIterator
from typing import Any, cast

from mediview_client import types
from mediview_client._async.http import AsyncHttp
from mediview_client._async.waiting import wait_until
from mediview_client.paths import segment

_ENDED = frozenset({"completed", "failed", "cancelled", "superseded"})


class AsyncJobs:
    def __init__(self, http: AsyncHttp) -> None:
        self._http = http

    def search(self, **filters: Any) -> AsyncIterator[types.Job]:
        """All jobs that match, such as `study_instance_uid=…`, `pipeline="brain-volume"`."""
        return self._http.pages("/api/v1/jobs", **filters)

    async def get(self, job_id: str) -> types.Job:
        return cast(types.Job, await self._http.get(f"/api/v1/jobs/{segment(job_id)}"))

    async def create(
        self, series_instance_uid: str, pipeline: str, *, priority: str | int = "ROUTINE"
    ) -> types.Job:
        """Run a pipeline on a series. The same on the same content is one job, given again."""
        wanted = {
            "series_instance_uid": series_instance_uid,
            "pipeline": pipeline,
            "priority": priority,
        }
        return cast(types.Job, await self._http.post("/api/v1/jobs", wanted))

    async def cancel(self, job_id: str) -> types.Job:
        return cast(types.Job, await self._http.post(f"/api/v1/jobs/{segment(job_id)}/cancel"))

    async def retry(self, job_id: str) -> types.Job:
        return cast(types.Job, await self._http.post(f"/api/v1/jobs/{segment(job_id)}/retry"))

    async def wait(
        self, job_id: str, *, timeout_s: float = 900.0, poll_s: float = 1.0
    ) -> types.Job:
        """The job once it has ended; look at its `state`. Raises WaitTimeout."""

        async def look() -> types.Job | None:
            job = await self.get(job_id)
            return job if job["state"] in _ENDED else None

        return await wait_until(look, f"results of the job {job_id}", timeout_s, poll_s)
