"""Every error below /fhir as an OperationOutcome: of a route, of access, of the limits."""

import json
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import PROBLEM_JSON
from api.fhir.resources import IssueDetails, OperationOutcome
from api.fhir.responses import FHIR_JSON
from inference.fhir.types import OWN, CodeableConcept, Coding

# hl7.org/fhir/R4/valueset-issue-type.html
_ISSUES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    408: "timeout",
    409: "conflict",
    413: "too-costly",
    415: "not-supported",
    422: "invalid",
    429: "throttled",
    503: "transient",
    504: "timeout",
    507: "no-store",
}


class FhirOutcomes:
    """Turns problems into OperationOutcomes on the way out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not (path == "/fhir" or path.startswith("/fhir/")):
            await self.app(scope, receive, send)
            return
        start: Message | None = None
        body = bytearray()

        async def send_outcome(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                content_type = Headers(raw=message["headers"]).get("content-type", "")
                if content_type.startswith(PROBLEM_JSON):
                    start = message
                    return
            elif message["type"] == "http.response.body" and start is not None:
                body.extend(message.get("body", b""))
                if message.get("more_body", False):
                    return
                outcome = _outcome(json.loads(bytes(body)))
                headers = MutableHeaders(scope=start)
                headers["content-type"] = FHIR_JSON
                headers["content-length"] = str(len(outcome))
                await send(start)
                await send({"type": "http.response.body", "body": outcome})
                return
            await send(message)

        await self.app(scope, receive, send_outcome)


def _outcome(problem: dict[str, Any]) -> bytes:
    status = int(problem.get("status", 500))
    details = f"{problem.get('detail', '')} {problem.get('remedy', '')}".strip()
    outcome = OperationOutcome(
        issue=[
            IssueDetails(
                severity="error",
                code=str(problem.get("issue") or _ISSUES.get(status, "exception")),
                details=CodeableConcept(
                    coding=[Coding(system=f"{OWN}:problem", code=str(problem.get("code", "")))],
                    text=details or None,
                ),
                diagnostics=f"request id {problem['request_id']}"
                if problem.get("request_id")
                else None,
            )
        ]
    )
    return json.dumps(outcome.to_json(), ensure_ascii=False).encode()
