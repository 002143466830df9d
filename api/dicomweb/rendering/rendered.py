"""WADO-RS: rendered resources and thumbnails (PS3.18 10.4.1.1.3, 10.4.1.1.4)."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from api.access.policy import READERS, policy
from api.audit_rules import Audited
from api.dicomweb.deps import StorageDep
from api.dicomweb.formats.multipart import MultipartWriter
from api.dicomweb.formats.negotiation import accepted, choose_image
from api.dicomweb.formats.responses import caching_headers, etag_of, matches_etag, not_modified
from api.dicomweb.instances.cache import ByteCache
from api.dicomweb.instances.frame_numbers import parse_frame_numbers
from api.dicomweb.instances.frames import open_frames
from api.dicomweb.instances.headers import header_before
from api.dicomweb.lookups import content_key, find_instance, find_instances, service_url
from api.dicomweb.query_names import RENDERING, THUMBNAIL, takes
from api.dicomweb.rendering.animation import GIF, HAS_VIDEO, MP4, animate, frame_duration_ms
from api.dicomweb.rendering.documents import is_document, rendered_document
from api.dicomweb.rendering.picture import IN_NO_GIF, PICTURES
from api.dicomweb.rendering.pixels import Renderer
from api.dicomweb.rendering.render_options import parse_options
from api.dicomweb.rendering.video import is_video, stored_video
from api.dicomweb.rendering.viewport import Viewport
from api.dicomweb.routing import dicomweb_router
from api.errors import ApiProblem
from api.request_rules.warning_header import warning_of
from storage.audit import Code
from storage.core.entities import Instance
from storage.core.errors import InvalidInstance, NotFound
from storage.dicom.storage_classes import SEGMENTATION_CLASSES
from storage.dicom.value_errors import DAMAGED, UNREADABLE
from storage.integrity.instance_reader import InstanceReader
from storage.pixels.budget import check_animation
from storage.settings import Settings

router = dicomweb_router()

_STUDY = "/studies/{study_instance_uid}"
_SERIES = _STUDY + "/series/{series_instance_uid}"
_INSTANCE = _SERIES + "/instances/{sop_instance_uid}"
_THUMBNAIL = Viewport(256, 256)


class _Picture(NamedTuple):
    body: bytes
    lacking: str
    """Why it lacks the colour profile that was asked for, if it does."""


# By the picture's entity tag, which says all that it depends on: the digest of the instance, the
# correction of its patient, the frame and the options. Access to the instance is decided, and
# recorded in the audit trail, before anything is looked up here.
_pictures: ByteCache[str, _Picture] = ByteCache(
    max_bytes=24 * 1024**2, largest_bytes=1024**2, max_age_s=600.0
)


@router.get(_STUDY + "/rendered")
@policy(READERS, "dicomweb:read", Audited(Code.INSTANCES_ACCESSED, "R", via="rendered"))
@takes(RENDERING)
def rendered_study(study_instance_uid: str, request: Request, storage: StorageDep) -> Response:
    """The middle image of the study's longest series."""
    return _render_one_of(
        request,
        storage.instances,
        storage.settings,
        find_instances(storage.index, study_instance_uid),
    )


@router.get(_STUDY + "/thumbnail")
@policy(READERS, "dicomweb:read", Audited(Code.INSTANCES_ACCESSED, "R", via="rendered"))
@takes(THUMBNAIL)
def study_thumbnail(study_instance_uid: str, request: Request, storage: StorageDep) -> Response:
    """A small picture that stands for the study."""
    found = find_instances(storage.index, study_instance_uid)
    return _render_one_of(request, storage.instances, storage.settings, found, thumbnail=True)


@router.get(_SERIES + "/rendered")
@policy(READERS, "dicomweb:read", Audited(Code.INSTANCES_ACCESSED, "R", via="rendered"))
@takes(RENDERING)
def rendered_series(
    study_instance_uid: str, series_instance_uid: str, request: Request, storage: StorageDep
) -> Response:
    """The middle image of the series."""
    found = find_instances(storage.index, study_instance_uid, series_instance_uid)
    return _render_one_of(request, storage.instances, storage.settings, found)


@router.get(_SERIES + "/thumbnail")
@policy(READERS, "dicomweb:read", Audited(Code.INSTANCES_ACCESSED, "R", via="rendered"))
@takes(THUMBNAIL)
def series_thumbnail(
    study_instance_uid: str, series_instance_uid: str, request: Request, storage: StorageDep
) -> Response:
    """A small picture that stands for the series."""
    found = find_instances(storage.index, study_instance_uid, series_instance_uid)
    return _render_one_of(request, storage.instances, storage.settings, found, thumbnail=True)


@router.get(_INSTANCE + "/rendered")
@policy(READERS, "dicomweb:read", Audited(Code.INSTANCES_ACCESSED, "R", via="rendered"))
@takes(RENDERING)
def rendered_instance(
    study_instance_uid: str,
    series_instance_uid: str,
    sop_instance_uid: str,
    request: Request,
    storage: StorageDep,
) -> Response:
    """The first frame as a picture, all of them as GIF or MP4; a document as what it is."""
    instance = find_instance(
        storage.lookup, study_instance_uid, series_instance_uid, sop_instance_uid
    )
    if is_document(instance):
        return rendered_document(request, storage.instances, instance, accepted(request))
    if is_video(instance):
        return stored_video(request, storage.instances, instance, accepted(request))
    return _render(request, storage.instances, storage.settings, instance, [0], whole=True)


@router.get(_INSTANCE + "/thumbnail")
@policy(READERS, "dicomweb:read", Audited(Code.INSTANCES_ACCESSED, "R", via="rendered"))
@takes(THUMBNAIL)
def instance_thumbnail(
    study_instance_uid: str,
    series_instance_uid: str,
    sop_instance_uid: str,
    request: Request,
    storage: StorageDep,
) -> Response:
    """A small picture of the instance's middle frame."""
    instance = find_instance(
        storage.lookup, study_instance_uid, series_instance_uid, sop_instance_uid
    )
    return _render(request, storage.instances, storage.settings, instance, None, thumbnail=True)


@router.get(_INSTANCE + "/frames/{frame_list}/rendered")
@policy(READERS, "dicomweb:read", Audited(Code.INSTANCES_ACCESSED, "R", via="rendered"))
@takes(RENDERING)
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
    instance = find_instance(
        storage.lookup, study_instance_uid, series_instance_uid, sop_instance_uid
    )
    return _render(request, storage.instances, storage.settings, instance, indices)


@router.get(_INSTANCE + "/frames/{frame_list}/thumbnail")
@policy(READERS, "dicomweb:read", Audited(Code.INSTANCES_ACCESSED, "R", via="rendered"))
@takes(THUMBNAIL)
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
    instance = find_instance(
        storage.lookup, study_instance_uid, series_instance_uid, sop_instance_uid
    )
    return _render(request, storage.instances, storage.settings, instance, indices, thumbnail=True)


def _render_one_of(
    request: Request,
    instance_reader: InstanceReader,
    settings: Settings,
    instances: Sequence[Instance],
    *,
    thumbnail: bool = False,
) -> Response:
    """The picture that stands for several; where it cannot be made, that of a neighbour."""
    first, *others = _representatives(instances)
    try:
        return _render(request, instance_reader, settings, first, None, thumbnail=thumbnail)
    except (ApiProblem, *DAMAGED) as error:
        for instance in others:
            with suppress(ApiProblem, *DAMAGED):
                return _render(
                    request, instance_reader, settings, instance, None, thumbnail=thumbnail
                )
        if isinstance(error, UNREADABLE):
            raise InvalidInstance(
                "None of the images that were tried can be decoded.",
                remedy="Retrieve the instances as stored.",
            ) from error
        raise


def _representatives(instances: Sequence[Instance]) -> list[Instance]:
    """The middle image of the longest series, and some to fall back on."""
    pictures = [i for i in instances if i.rows and i.columns]
    images = [i for i in pictures if i.sop_class_uid not in SEGMENTATION_CLASSES] or pictures
    if not images:
        raise NotFound(
            "Nothing here has pixels that could be rendered.",
            remedy="Retrieve the metadata or the instances.",
        )
    by_series: dict[str, list[Instance]] = {}
    for instance in images:
        by_series.setdefault(instance.series_instance_uid, []).append(instance)
    longest = max(by_series.values(), key=len)
    middle = len(longest) // 2
    return [longest[middle], *(longest[middle - step] for step in (1, 2, -1) if len(longest) > 3)]


def _render(
    request: Request,
    instances: InstanceReader,
    settings: Settings,
    instance: Instance,
    indices: Sequence[int] | None,
    *,
    thumbnail: bool = False,
    whole: bool = False,
) -> Response:
    """Frames as pictures; without indices the middle one. `whole`: all, where they can move."""
    source = open_frames(instances, instance)
    count = source.layout.number_of_frames
    moving = not thumbnail and (count > 1 if whole else len(indices or ()) > 1)
    ranges = accepted(request)
    video = (MP4,) if moving and HAS_VIDEO else ()
    media_type = choose_image(ranges, (*PICTURES, *video))
    taken = THUMBNAIL if thumbnail else RENDERING
    query = {name: value for name, value in request.query_params.items() if name in taken}
    options = parse_options(query, media_type)
    if thumbnail:
        options = replace(options, viewport=options.viewport or _THUMBNAIL)
    if indices is None:
        indices = [count // 2]
    for index in indices:
        source.size_bytes(index)
    in_parts = any(media.multipart and media.covers(media_type) for media in ranges)
    moving = moving and media_type in (GIF, MP4) and not in_parts
    if moving and whole:
        indices = range(count)
    # A range leaves no list of a hundred thousand numbers in the text.
    etag = etag_of(content_key(instance), f"{indices} {options} {moving}")
    if matches_etag(request, etag):
        return not_modified(etag)
    headers = caching_headers(etag)
    service = service_url(request, settings)
    if len(indices) == 1 and not moving:
        picture = _pictures.get(etag)
        if picture is None:
            renderer = Renderer(instances, instance, source, options)
            picture = _Picture(renderer.file(indices[0]), renderer.lacking)
            _pictures.put(etag, picture, len(picture.body))
        if picture.lacking:
            headers["Warning"] = warning_of(service, picture.lacking)
        return Response(picture.body, media_type=media_type, headers=headers)
    renderer = Renderer(instances, instance, source, options)
    if moving:
        duration_ms = frame_duration_ms(header_before(instances, instance, source.layout))
        if options.viewport is None:
            check_animation(source.layout.columns, source.layout.rows, len(indices))
        if options.profile != "no" and source.layout.samples_per_pixel > 1:
            headers["Warning"] = warning_of(service, IN_NO_GIF)
        pictures = renderer.pictures(indices)
        body = animate(media_type, pictures, len(indices), duration_ms, options.quality)
        return Response(body, media_type=media_type, headers=headers)
    writer = MultipartWriter(media_type)
    # The first is made before the answer begins, so that an undecodable one is refused cleanly.
    first = renderer.file(indices[0])
    if renderer.lacking:
        headers["Warning"] = warning_of(service, renderer.lacking)

    def parts() -> Iterator[bytes]:
        for part in chain((first,), map(renderer.file, indices[1:])):
            yield writer.part_header(media_type, len(part)) + part
        yield writer.end

    return StreamingResponse(parts(), media_type=writer.content_type, headers=headers)
