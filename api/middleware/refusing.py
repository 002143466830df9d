"""How a layer around the routes refuses, over HTTP and to a web socket that is not open yet."""

from starlette.types import Receive, Scope, Send

from api.errors import ApiProblem, problem_response


async def refuse(scope: Scope, receive: Receive, send: Send, problem: ApiProblem) -> None:
    """Answer the problem instead of what was asked for."""
    if scope["type"] == "websocket" and "websocket.http.response" not in (
        scope.get("extensions") or {}
    ):
        # To close before it is accepted is to refuse with 403.
        await send({"type": "websocket.close", "code": 1008})
        return
    response = problem_response(
        problem.status,
        problem.code,
        problem.detail,
        title=problem.title,
        remedy=problem.remedy,
        request_id=scope.get("state", {}).get("request_id", ""),
        extra=problem.extra,
        headers=problem.headers,
    )
    await response(scope, receive, send)
