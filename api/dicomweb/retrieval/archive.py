"""A study as a ZIP archive, with the DICOMDIR that media carry; beyond the standard."""

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from api.dicomweb.formats.negotiation import ZIP
from api.dicomweb.formats.responses import caching_headers, matches_etag, not_modified
from api.dicomweb.instances.metadata import metadata_key
from api.dicomweb.lookups import find_instances
from storage.core.errors import InvalidRequest
from storage.dicom.value_errors import DAMAGED
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.maintenance.export import Export, plan_export, zip_pieces


def study_archive(
    request: Request, index: Index, instance_reader: InstanceReader, study_instance_uid: str
) -> Response:
    """The archive, made while it is sent.

    Where the study lacks what a directory must state, or an instance cannot be decoded, it
    leaves without one; every instance is in it as stored.
    """
    instances = find_instances(index, study_instance_uid)
    etag = f'"{metadata_key(instances)}-zip"'
    if matches_etag(request, etag):
        return not_modified(etag)
    instance_reader.prepare(instances)
    export = _plan(index, instance_reader, study_instance_uid)
    headers = caching_headers(etag)
    headers["Content-Disposition"] = 'attachment; filename="study.zip"'
    return StreamingResponse(zip_pieces(instance_reader, export), media_type=ZIP, headers=headers)


def _plan(index: Index, instances: InstanceReader, study_instance_uid: str) -> Export:
    try:
        return plan_export(index, instances, study_instance_uid)
    except (InvalidRequest, *DAMAGED):
        return plan_export(index, instances, study_instance_uid, dicomdir=False)
