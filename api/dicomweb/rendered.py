"""WADO-RS: rendered resources and thumbnails (PS3.18 10.4.1.1.3, 10.4.1.1.4)."""

from collections.abc import Iterator, Sequence

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydicom.dataset import Dataset

from api.dicomweb.deps import StorageDep
from api.dicomweb.frame_routes import parse_frame_numbers
from api.dicomweb.frames import FrameSource, open_frames
from api.dicomweb.grayscale import Window, display_values, frame_transforms
from api.dicomweb.lookups import content_key, find_instance, find_instances
from api.dicomweb.metadata import read_header
from api.dicomweb.multipart import MultipartWriter
from api.dicomweb.negotiation import accepted, choose_image
from api.dicomweb.pixels import decode_frame
from api.dicomweb.responses import caching_headers, etag_of, matches_etag, not_modified
from api.dicomweb.viewport import (
    Viewport,
    encode_picture,
    parse_quality,
    parse_viewport,
    parse_window,
    pixel_spacing,
)
from storage.entities import Instance
from storage.errors import NotFound
from storage.opening import Storage

router = APIRouter()

_STUDY = "/studies/{study_instance_uid}"
_SERIES = _STUDY + "/series/{series_instance_uid}"
_INSTANCE = _SERIES + "/instances/{sop_instance_uid}"
_PICTURES = ("image/jpeg", "image/png", "image/gif")
_PDF = "application/pdf"
_ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
_THUMBNAIL = Viewport(256, 256)
# Shown for a study only where nothing else has pixels.
_SEGMENTATIONS = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})


@router.get(_STUDY + "/rendered")
def rendered_study(study_instance_uid: str, request: Request, storage: StorageDep) -> Response:
    """The middle image of the study's longest series."""
    instance = _representative(find_instances(storage, study_instance_uid))
    return _render(request, storage, instance, None)


@router.get(_STUDY + "/thumbnail")
def study_thumbnail(study_instance_uid: str, request: Request, storage: StorageDep) -> Response:
    """A small picture that stands for the study."""
    instance = _representative(find_instances(storage, study_instance_uid))
    return _render(request, storage, instance, None, thumbnail=True)


@router.get(_SERIES + "/rendered")
def rendered_series(
    study_instance_uid: str, series_instance_uid: str, request: Request, storage: StorageDep
) -> Response:
    """The middle image of the series."""
    found = find_instances(storage, study_instance_uid, series_instance_uid)
    return _render(request, storage, _representative(found), None)


@router.get(_SERIES + "/thumbnail")
def series_thumbnail(
    study_instance_uid: str, series_instance_uid: str, request: Request, storage: StorageDep
) -> Response:
    """A small picture that stands for the series."""
    found = find_instances(storage, study_instance_uid, series_instance_uid)
    return _render(request, storage, _representative(found), None, thumbnail=True)


@router.get(_INSTANCE + "/rendered")
def rendered_instance(
    study_instance_uid: str,
    series_instance_uid: str,
    sop_instance_uid: str,
    request: Request,
    storage: StorageDep,
) -> Response:
    """The first frame of the instance as a picture; an encapsulated PDF as what it is."""
    instance = find_instance(storage, study_instance_uid, series_instance_uid, sop_instance_uid)
    if instance.sop_class_uid == _ENCAPSULATED_PDF:
        return _pdf(request, storage, instance)
    return _render(request, storage, instance, [0])


@router.get(_INSTANCE + "/thumbnail")
def instance_thumbnail(
    study_instance_uid: str,
    series_instance_uid: str,
    sop_instance_uid: str,
    request: Request,
    storage: StorageDep,
) -> Response:
    """A small picture of the instance's middle frame."""
    instance = find_instance(storage, study_instance_uid, series_instance_uid, sop_instance_uid)
    return _render(request, storage, instance, None, thumbnail=True)


@router.get(_INSTANCE + "/frames/{frame_list}/rendered")
def rendered_frames(
    study_instance_uid: str,
    series_instance_uid: str,
    sop_instance_uid: str,
    frame_list: str,
    request: Request,
    storage: StorageDep,
) -> Response:
    """One frame as a picture, or several as parts."""
    indices = parse_frame_numbers(frame_list)
    instance = find_instance(storage, study_instance_uid, series_instance_uid, sop_instance_uid)
    return _render(request, storage, instance, indices)


@router.get(_INSTANCE + "/frames/{frame_list}/thumbnail")
def frame_thumbnails(
    study_instance_uid: str,
    series_instance_uid: str,
    sop_instance_uid: str,
    frame_list: str,
    request: Request,
    storage: StorageDep,
) -> Response:
    """A small picture of a frame, or several as parts."""
    indices = parse_frame_numbers(frame_list)
    instance = find_instance(storage, study_instance_uid, series_instance_uid, sop_instance_uid)
    return _render(request, storage, instance, indices, thumbnail=True)


def _representative(instances: Sequence[Instance]) -> Instance:
    pictures = [i for i in instances if i.rows and i.columns]
    images = [i for i in pictures if i.sop_class_uid not in _SEGMENTATIONS] or pictures
    if not images:
        raise NotFound(
            "Nothing here has pixels that could be rendered.",
            remedy="Retrieve the metadata or the instances.",
        )
    by_series: dict[str, list[Instance]] = {}
    for instance in images:
        by_series.setdefault(instance.series_instance_uid, []).append(instance)
    longest = max(by_series.values(), key=len)
    return longest[len(longest) // 2]


def _render(
    request: Request,
    storage: Storage,
    instance: Instance,
    indices: Sequence[int] | None,
    *,
    thumbnail: bool = False,
) -> Response:
    """Frames as pictures; without indices the middle one."""
    query = request.query_params
    media_type = choose_image(accepted(request), _PICTURES)
    window = parse_window(query["window"]) if query.get("window") else None
    viewport = parse_viewport(query["viewport"]) if query.get("viewport") else None
    if viewport is None and thumbnail:
        viewport = _THUMBNAIL
    quality = parse_quality(query.get("quality") or "90")
    wanted = f"{indices} {media_type} {window} {viewport} {quality}"
    etag = etag_of(content_key(instance), wanted)
    if matches_etag(request, etag):
        return not_modified(etag)
    source = open_frames(storage.instances, instance)
    if indices is None:
        indices = [source.layout.number_of_frames // 2]
    for index in indices:
        source.size_bytes(index)
    header, _ = read_header(storage, instance)

    def picture(index: int) -> bytes:
        return _picture(source, header, instance, index, (media_type, window, viewport, quality))

    headers = caching_headers(etag)
    if len(indices) == 1:
        return Response(picture(indices[0]), media_type=media_type, headers=headers)
    writer = MultipartWriter(media_type)

    def parts() -> Iterator[bytes]:
        for index in indices:
            body = picture(index)
            yield writer.part_header(media_type, len(body)) + body
        yield writer.end

    return StreamingResponse(parts(), media_type=writer.content_type, headers=headers)


def _picture(
    source: FrameSource,
    header: Dataset,
    instance: Instance,
    index: int,
    how: tuple[str, Window | None, Viewport | None, int],
) -> bytes:
    media_type, window, viewport, quality = how
    array = decode_frame(source, header, instance.transfer_syntax_uid, index)
    transforms = frame_transforms(header, index)
    return encode_picture(
        display_values(array, header, transforms, window),
        media_type,
        viewport=viewport,
        spacing=pixel_spacing(header, transforms),
        quality=quality,
    )


def _pdf(request: Request, storage: Storage, instance: Instance) -> Response:
    choose_image(accepted(request), (_PDF,))
    etag = etag_of(content_key(instance), _PDF)
    if matches_etag(request, etag):
        return not_modified(etag)
    header, _ = read_header(storage, instance)
    document = header.get("EncapsulatedDocument")
    if not document:
        raise NotFound(
            "The instance holds no document.", remedy="Ask the sending system to send it again."
        )
    length = header.get("EncapsulatedDocumentLength") or len(document)
    return Response(bytes(document)[: int(length)], media_type=_PDF, headers=caching_headers(etag))
