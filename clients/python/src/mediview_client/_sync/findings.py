# Made from _async/findings.py by scripts/generate.py.
"""What pipelines state, and the feedback of people on it."""

from typing import Literal, cast

from mediview_client import types
from mediview_client._sync.http import Http
from mediview_client.paths import segment


class Findings:
    def __init__(self, http: Http) -> None:
        self._http = http

    def of_study(self, study_instance_uid: str) -> list[types.Finding]:
        answer = self._http.get(f"/api/v1/studies/{segment(study_instance_uid)}/findings")
        return cast(list[types.Finding], answer["items"])

    def get(self, finding_id: str) -> types.Finding:
        return cast(types.Finding, self._http.get(f"/api/v1/findings/{segment(finding_id)}"))

    def give_feedback(
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
        answer = self._http.post(f"/api/v1/findings/{segment(finding_id)}/feedback", feedback)
        return cast(types.Feedback, answer)
