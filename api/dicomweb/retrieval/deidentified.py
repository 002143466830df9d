"""WADO-URI with `anonymize=yes` (PS3.18 9): an instance without what identifies its patient."""

from collections.abc import Mapping, Sequence

from fastapi import Request, Response

from api.audit.middleware import add_detail
from api.dicomweb.errors import not_acceptable
from api.dicomweb.formats.negotiation import DICOM, MediaRange
from api.dicomweb.formats.responses import caching_headers, matches_etag, not_modified
from api.errors import ApiProblem
from inference.deidentification.errors import CannotDeidentify
from inference.projects.single_instances import SingleInstances
from storage.core.entities import Instance
from storage.core.errors import InvalidRequest

_VIA = "WADO-URI, de-identified"


def send_deidentified(
    request: Request,
    instance: Instance,
    query: Mapping[str, str],
    ranges: Sequence[MediaRange],
) -> Response:
    """In the transfer syntax that it is stored in. Raises ApiProblem, InvalidRequest."""
    if query["anonymize"] != "yes":
        raise InvalidRequest(
            "The value of anonymize is neither yes nor no.", remedy="Write anonymize=yes."
        )
    if not any(media.media_type == DICOM for media in ranges[:1]):
        raise InvalidRequest(
            "Only instances are de-identified, not pictures or texts of them.",
            remedy="Write contentType=application/dicom beside anonymize=yes.",
        )
    wanted = query.get("transfersyntax", "").strip()
    if wanted and wanted != instance.transfer_syntax_uid:
        raise not_acceptable(
            "A de-identified instance has the transfer syntax that it is stored in.",
            "Leave transferSyntax out.",
            [instance.transfer_syntax_uid],
        )
    add_detail(request, via=_VIA)
    single: SingleInstances = request.app.state.single_instances
    try:
        found = single.deidentified(instance)
    except CannotDeidentify as error:
        raise ApiProblem(
            422,
            error.code,
            f"The instance cannot be de-identified. {error.message}",
            remedy=error.remedy,
        ) from error
    # Of what leaves: a digest of the original would tell the two belong together.
    etag = f'"{found.sha256[:40]}"'
    if matches_etag(request, etag):
        return not_modified(etag)
    return Response(found.part10, media_type=DICOM, headers=caching_headers(etag))
