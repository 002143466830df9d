# Made from _async/jobs.py by scripts/generate.py.
"""Runs of pipelines."""

from collections.abc import Iterator
from typing import Any, cast

from mediview_client import types
from mediview_client._sync.http import Http
from mediview_client._sync.waiting import wait_until
from mediview_client.paths import segment

_ENDED = frozenset({"completed", "failed", "cancelled", "superseded"})


class Jobs:
    def __init__(self, http: Http) -> None:
        self._http = http

    def search(self, **filters: Any) -> Iterator[types.Job]:
        """All jobs that match, such as `study_instance_uid=…`, `pipeline="brain-volume"`."""
        return self._http.pages("/api/v1/jobs", **filters)

    def get(self, job_id: str) -> types.Job:
        return cast(types.Job, self._http.get(f"/api/v1/jobs/{segment(job_id)}"))

    def create(
        self, series_instance_uid: str, pipeline: str, *, priority: str | int = "ROUTINE"
    ) -> types.Job:
        """Run a pipeline on a series. The same on the same content is one job, given again."""
        wanted = {
            "series_instance_uid": series_instance_uid,
            "pipeline": pipeline,
            "priority": priority,
        }
        return cast(types.Job, self._http.post("/api/v1/jobs", wanted))

    def cancel(self, job_id: str) -> types.Job:
        return cast(types.Job, self._http.post(f"/api/v1/jobs/{segment(job_id)}/cancel"))

    def retry(self, job_id: str) -> types.Job:
        return cast(types.Job, self._http.post(f"/api/v1/jobs/{segment(job_id)}/retry"))

    def wait(self, job_id: str, *, timeout_s: float = 900.0, poll_s: float = 1.0) -> types.Job:
        """The job once it has ended; look at its `state`. Raises WaitTimeout."""

        def look() -> types.Job | None:
            job = self.get(job_id)
            return job if job["state"] in _ENDED else None

        return wait_until(look, f"results of the job {job_id}", timeout_s, poll_s)
