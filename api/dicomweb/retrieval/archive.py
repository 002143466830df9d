"""A study as a ZIP archive, with the DICOMDIR that media carry; beyond the standard."""

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from api.dicomweb.formats.negotiation import ZIP
from api.dicomweb.formats.responses import caching_headers, matches_etag, not_modified
from api.dicomweb.lookups import find_instances
from api.dicomweb.retrieval.metadata import metadata_key
from storage.container import Storage
from storage.core.errors import InvalidRequest
from storage.dicom.value_errors import DAMAGED
from storage.maintenance.export import Export, plan_export, zip_pieces


def study_archive(request: Request, storage: Storage, study_instance_uid: str) -> Response:
    """The archive, made while it is sent.

    Where the study lacks what a directory must state, or an instance cannot be decoded, it
    leaves without one; every instance is in it as stored.
    """
    instances = find_instances(storage.index, study_instance_uid)
    etag = f'"{metadata_key(instances)}-zip"'
    if matches_etag(request, etag):
        return not_modified(etag)
    storage.instances.prepare(instances)
    export = _plan(storage, study_instance_uid)
    headers = caching_headers(etag)
    headers["Content-Disposition"] = 'attachment; filename="study.zip"'
    return StreamingResponse(zip_pieces(storage.instances, export), media_type=ZIP, headers=headers)


def _plan(storage: Storage, study_instance_uid: str) -> Export:
    try:
        return plan_export(storage, study_instance_uid)
    except (InvalidRequest, *DAMAGED):
        return plan_export(storage, study_instance_uid, dicomdir=False)
