"""Parameters that several routes share, with what they may hold."""

from typing import Annotated

from fastapi import Path, Query

from api.payloads import Problem

StudyUid = Annotated[
    str,
    Path(
        pattern=r"^[0-9.]{1,64}$",
        description="StudyInstanceUID.",
        examples=["2.25.329800735698586629295641978511506172918"],
    ),
]
JobId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The job's id.")]
Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000_000, description="How many to skip.")]


def problems(*statuses: int) -> dict[int | str, dict[str, object]]:
    """The OpenAPI description of the problems that a route may answer."""
    return {
        status: {
            "model": Problem,
            "content": {"application/problem+json": {}},
            "description": _DESCRIPTIONS[status],
        }
        for status in statuses
    }


_DESCRIPTIONS = {
    400: "The request is wrong.",
    403: "The upload URL is forged or expired.",
    404: "There is no such thing.",
    409: "The state of things does not allow it.",
    413: "A limit is exceeded.",
    415: "The content is of another type than was declared.",
    422: "The content cannot be used; the problem says why.",
    503: "A part that is needed is not configured or not reachable.",
    504: "The analysis did not end in time; it goes on.",
    507: "Too little free disk space.",
}
