"""Read a request's data set in DICOM JSON (PS3.18 F), trusting nothing in it."""

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from api.bodies import media_type_of
from api.dicomweb.errors import unsupported_media_type
from api.middleware import limited
from dicom_node.ups.attributes import MOST_ELEMENTS, checked_attributes, invalid
from storage.core.untrusted_input.bounded_json import load_bounded_json
from storage.ups.dicom_json import JsonAttributes
from storage.ups.limits import MOST_BYTES

_JSON_TYPES = frozenset({"application/dicom+json", "application/json", ""})


async def read_attributes(request: Request) -> JsonAttributes:
    """The one data set of the body; {} for no body.

    Raises InvalidRequest for what is no data set, LimitExceeded for too many elements,
    ApiProblem for another media type, HTTPException for a body that is too large or too slow.
    """
    media_type = media_type_of(request.headers)
    if media_type not in _JSON_TYPES:
        raise unsupported_media_type(
            "The body is not in a media type that this service reads.",
            "Send application/dicom+json.",
        )
    body = await Request(request.scope, limited(request.receive, MOST_BYTES)).body()
    return await run_in_threadpool(parse_attributes, body) if body.strip() else {}


def parse_attributes(body: bytes) -> JsonAttributes:
    """The data set that the bytes say. Raises InvalidRequest, LimitExceeded."""
    try:
        decoded = load_bounded_json(
            body,
            MOST_ELEMENTS,
            strict=True,
            remedy="Name whole series or studies instead of single instances.",
        )
    except ValueError as error:
        raise invalid("The body is not JSON") from error
    if isinstance(decoded, list) and len(decoded) == 1:
        decoded = decoded[0]
    if not isinstance(decoded, dict):
        raise invalid("The body is not one data set: an object, or a list of one")
    return checked_attributes(decoded)
