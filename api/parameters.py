"""Parameters that several routes share, with what they may hold."""

from typing import Annotated, Any

from fastapi import Path, Query

from api.times import Moment

PROBLEM = {"$ref": "#/components/schemas/Problem"}
"""The schema of every error; `api.openapi` adds it to the description."""

StudyUid = Annotated[
    str,
    Path(
        pattern=r"^[0-9.]{1,64}$",
        description="StudyInstanceUID.",
        examples=["2.25.329800735698586629295641978511506172918"],
    ),
]
SeriesUid = Annotated[
    str,
    Path(
        pattern=r"^[0-9.]{1,64}$",
        description="SeriesInstanceUID.",
        examples=["2.25.118337427381632173231230312039523409847"],
    ),
]
FindingId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The finding's id.")]
ReportId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The report's id.")]
UploadId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The upload's id.")]
UidFilter = Annotated[str | None, Query(pattern=r"^[0-9.]{1,64}$")]
NameFilter = Annotated[str | None, Query(max_length=80, pattern=r"^[^\x00]*$")]
UpdatedSince = Annotated[Moment | None, Query(description="Changed since then.")]
JobId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The job's id.")]
Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000_000, description="How many to skip.")]


def binary(media_type: str) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of an answer that is a file."""
    return {200: {"content": {media_type: {"schema": {"type": "string", "format": "binary"}}}}}


def problems(*statuses: int) -> dict[int | str, dict[str, object]]:
    """The OpenAPI description of the problems that a route may answer."""
    return {
        status: {
            "content": {"application/problem+json": {"schema": PROBLEM}},
            "description": _DESCRIPTIONS[status],
        }
        for status in statuses
    }


_DESCRIPTIONS = {
    400: "Invalid request.",
    401: "Nobody is signed in.",
    403: "It is not allowed: the role, a page of another site, or a forged upload URL.",
    404: "There is no such thing.",
    406: "It is not answered in a media type that is accepted.",
    409: "The state of things does not allow it.",
    410: "It is not known any more.",
    412: "Changed in the meantime.",
    413: "A limit is exceeded.",
    415: "The content is of another type than was declared.",
    422: "The content cannot be used; the problem says why.",
    428: "The version that the change was made on is missing.",
    429: "It is too early for the next attempt.",
    502: "Another system that was asked does not answer.",
    503: "A part that is needed is not configured or not reachable.",
    504: "The analysis did not end in time; it goes on.",
    507: "Too little free disk space.",
}
