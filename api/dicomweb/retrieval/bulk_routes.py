"""WADO-RS: the bulk data and the pixel data of whole resources (PS3.18 10.4.1.1.5, 10.4.1.1.7).

Each value is a part with its own address, the one that the metadata give it.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Protocol

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from api.access.policy import READERS, policy
from api.audit_rules import Audited
from api.dicomweb.deps import StorageDep
from api.dicomweb.formats.held_answers import pieces_of
from api.dicomweb.formats.json_values import JsonDataset
from api.dicomweb.formats.multipart import MultipartWriter
from api.dicomweb.formats.negotiation import OCTET_STREAM, accepted
from api.dicomweb.formats.responses import caching_headers, etag_of, matches_etag, not_modified
from api.dicomweb.instances.frames import open_frames
from api.dicomweb.instances.headers import read_header
from api.dicomweb.instances.metadata import MetadataStorage, make_metadata, metadata_key
from api.dicomweb.lookups import find_instance, find_instances, instance_path, service_url
from api.dicomweb.rendering.pixels import decode_frame, encode_frame, native_bytes
from api.dicomweb.retrieval.frame_formats import FrameFormat, choose_frames
from api.dicomweb.retrieval.frame_routes import element_value
from api.dicomweb.routing import dicomweb_router
from storage.audit import Code
from storage.container.has import HasSettings
from storage.core.entities import Instance
from storage.core.errors import NotFound
from storage.integrity.instance_reader import InstanceReader

router = dicomweb_router()

_STUDY = "/studies/{study_instance_uid}"
_SERIES = _STUDY + "/series/{series_instance_uid}"
_INSTANCE = _SERIES + "/instances/{sop_instance_uid}"
_PIXELS = ("7FE00010", "7FE00008", "7FE00009")
_LITTLE = "1.2.840.10008.1.2.1"
# Head, length where it is known before the body, body.
_Part = tuple[str, str, int | None, Iterator[bytes]]


@router.get(_STUDY + "/bulkdata", name="retrieve_study_bulkdata")
@router.get(_STUDY + "/pixeldata", name="retrieve_study_pixels")
@policy(READERS, "dicomweb:read", Audited(Code.INSTANCES_ACCESSED, "R", via="bulk data"))
def retrieve_of_study(study_instance_uid: str, request: Request, storage: StorageDep) -> Response:
    """Every value of a study that its metadata give by address, or its pixel data alone."""
    return _answer(request, storage, find_instances(storage.index, study_instance_uid))


@router.get(_SERIES + "/bulkdata", name="retrieve_series_bulkdata")
@router.get(_SERIES + "/pixeldata", name="retrieve_series_pixels")
@policy(READERS, "dicomweb:read", Audited(Code.INSTANCES_ACCESSED, "R", via="bulk data"))
def retrieve_of_series(
    study_instance_uid: str, series_instance_uid: str, request: Request, storage: StorageDep
) -> Response:
    """Every value of a series that its metadata give by address, or its pixel data alone."""
    return _answer(
        request, storage, find_instances(storage.index, study_instance_uid, series_instance_uid)
    )


@router.get(_INSTANCE + "/bulkdata", name="retrieve_instance_bulkdata")
@router.get(_INSTANCE + "/pixeldata", name="retrieve_instance_pixels")
@policy(READERS, "dicomweb:read", Audited(Code.INSTANCES_ACCESSED, "R", via="bulk data"))
def retrieve_of_instance(
    study_instance_uid: str,
    series_instance_uid: str,
    sop_instance_uid: str,
    request: Request,
    storage: StorageDep,
) -> Response:
    """Every value of an instance that its metadata give by address, or its pixel data alone."""
    found = find_instance(storage.lookup, study_instance_uid, series_instance_uid, sop_instance_uid)
    return _answer(request, storage, [found])


class BulkDataStorage(MetadataStorage, HasSettings, Protocol):
    """What of the storage layer bulk data is read from."""


def _answer(request: Request, storage: BulkDataStorage, instances: Sequence[Instance]) -> Response:
    ranges = accepted(request)
    formats = {
        syntax: choose_frames(ranges, syntax)
        for syntax in {one.transfer_syntax_uid for one in instances}
    }
    what = request.url.path.rpartition("/")[2]
    pixels_only = what == "pixeldata"
    etag = etag_of(metadata_key(instances), what, repr(sorted(map(repr, formats.values()))))
    if matches_etag(request, etag):
        return not_modified(etag)
    root_url = service_url(request, storage.settings)
    prepared = storage.instances.prepare(instances)
    parts = (
        part
        for instance in (one.instance for one in prepared)
        for part in _parts(storage, instance, root_url, formats, pixels_only)
    )
    # The first is found before the answer begins, so that there being none is a 404.
    first = next(parts, None)
    if first is None:
        raise NotFound(
            "Nothing here is given by address.", remedy="The metadata hold every value there is."
        )
    writer = MultipartWriter(OCTET_STREAM)

    def message() -> Iterator[bytes]:
        for content_type, location, length, body in chain((first,), parts):
            yield writer.part_header(content_type, length, location)
            yield from body
        yield writer.end

    headers = caching_headers(etag)
    return StreamingResponse(message(), media_type=writer.content_type, headers=headers)


def _parts(
    storage: MetadataStorage,
    instance: Instance,
    root_url: str,
    formats: dict[str, FrameFormat],
    pixels_only: bool,
) -> Iterator[_Part]:
    (elements,) = json.loads(make_metadata(storage, [instance], root_url, gzipped=False))
    base = f"{root_url}{instance_path(instance)}"
    for uri in _addresses(elements):
        path = uri.removeprefix(f"{base}/bulkdata/")
        if path in _PIXELS:
            yield from _pixels(
                storage.instances, instance, uri, formats[instance.transfer_syntax_uid]
            )
        elif not pixels_only:
            value = element_value(storage.instances, instance, path)
            content_type = f"{OCTET_STREAM}; transfer-syntax={_LITTLE}"
            yield content_type, uri, value.length, value.pieces


def _pixels(
    instances: InstanceReader, instance: Instance, uri: str, answer: FrameFormat
) -> Iterator[_Part]:
    """Native pixels as one value, compressed ones frame by frame."""
    source = open_frames(instances, instance)
    layout = source.layout
    content_type = f"{answer.media_type}; transfer-syntax={answer.transfer_syntax_uid}"
    if not (layout.encapsulated or answer.encode):
        yield content_type, uri, layout.length, source.native_pieces()
        return
    header = read_header(instances, instance)[0] if answer.decode else None
    base = uri.rpartition("/bulkdata/")[0]
    for index in range(layout.number_of_frames):
        body: bytes | memoryview
        if header is None:
            body = source.frame(index)
        elif answer.encode:
            target = answer.transfer_syntax_uid
            body = encode_frame(source, header, instance.transfer_syntax_uid, index, target)
        else:
            array = decode_frame(source, header, instance.transfer_syntax_uid, index)
            body = native_bytes(array, header)
        yield content_type, f"{base}/frames/{index + 1}", len(body), pieces_of(body)


def _addresses(elements: JsonDataset) -> Iterator[str]:
    for element in elements.values():
        if "BulkDataURI" in element:
            yield element["BulkDataURI"]
        elif element["vr"] == "SQ":
            items: list[Any] = element.get("Value", [])
            for item in items:
                yield from _addresses(item)
