"""Reports of studies, whose sentences rest on findings."""

from collections.abc import AsyncIterator
from typing import Any, cast

from mediview_client import types
from mediview_client._async.http import AsyncHttp
from mediview_client.paths import segment


class AsyncReports:
    def __init__(self, http: AsyncHttp) -> None:
        self._http = http

    def search(self, **filters: Any) -> AsyncIterator[types.Report]:
        """All reports that match, such as `study_instance_uid=…`, `state="final"`."""
        return self._http.pages("/api/v1/reports", **filters)

    async def get(self, report_id: str) -> types.Report:
        return cast(types.Report, await self._http.get(f"/api/v1/reports/{segment(report_id)}"))

    async def draft(
        self, study_instance_uid: str, *, language: str = "en", indication: str = ""
    ) -> types.Report:
        """The draft of a study's report, from its findings."""
        wanted = {
            "study_instance_uid": study_instance_uid,
            "language": language,
            "indication": indication,
        }
        return cast(types.Report, await self._http.post("/api/v1/reports/draft", wanted))

    async def text(self, report_id: str) -> str:
        return (await self._http.request("GET", f"/api/v1/reports/{segment(report_id)}/text")).text

    async def pdf(self, report_id: str) -> bytes:
        return (
            await self._http.request("GET", f"/api/v1/reports/{segment(report_id)}/pdf")
        ).content
