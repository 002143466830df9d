"""What pipelines state, and the feedback of people on it."""

from typing import Literal, cast

from mediview_client import types
from mediview_client._async.http import AsyncHttp
from mediview_client.paths import segment


class AsyncFindings:
    def __init__(self, http: AsyncHttp) -> None:
        self._http = http

    async def of_study(self, study_instance_uid: str) -> list[types.Finding]:
        answer = await self._http.get(f"/api/v1/studies/{segment(study_instance_uid)}/findings")
        return cast(list[types.Finding], answer["items"])

    async def get(self, finding_id: str) -> types.Finding:
        return cast(types.Finding, await self._http.get(f"/api/v1/findings/{segment(finding_id)}"))

    async def give_feedback(
        self,
        finding_id: str,
        kind: Literal["ACCEPTED", "REJECTED", "CORRECTED"],
        *,
        value: float | None = None,
        label: str = "",
        reason: str = "",
    ) -> types.Feedback:
        """Say what is right; CORRECTED takes the right value, or the right name, or both."""
        feedback = {"kind": kind, "value": value, "label": label, "reason": reason}
        answer = await self._http.post(f"/api/v1/findings/{segment(finding_id)}/feedback", feedback)
        return cast(types.Feedback, answer)
