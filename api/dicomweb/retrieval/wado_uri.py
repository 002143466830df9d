"""WADO-URI: one instance by query parameters, for older clients (PS3.18 9)."""

import math
from collections.abc import Mapping

from fastapi import Request, Response

from api.access.policy import READERS, policy
from api.audit_rules import Audited
from api.dicomweb.deps import StorageDep
from api.dicomweb.formats.negotiation import (
    DICOM,
    TARGET_SYNTAXES,
    InstanceFormat,
    MediaRange,
    choose_image,
    choose_instances,
    parse_accept,
)
from api.dicomweb.formats.responses import caching_headers, etag_of, matches_etag, not_modified
from api.dicomweb.instances.frames import open_frames
from api.dicomweb.instances.headers import header_before
from api.dicomweb.instances.pixel_layout import PixelLayout
from api.dicomweb.lookups import content_key, find_instance
from api.dicomweb.query_names import ignore, reads_own_query, repeated_parameter
from api.dicomweb.rendering.animation import GIF, HAS_VIDEO, MP4, animate, frame_duration_ms
from api.dicomweb.rendering.documents import is_document, rendered_document
from api.dicomweb.rendering.picture import PICTURES
from api.dicomweb.rendering.pixels import Renderer
from api.dicomweb.rendering.render_options import RenderOptions, parse_annotations
from api.dicomweb.rendering.viewport import Viewport, parse_quality
from api.dicomweb.retrieval.deidentified import send_deidentified
from api.dicomweb.retrieval.instance_answers import send_instances
from api.dicomweb.routing import dicomweb_router
from api.errors import ApiProblem
from inference.imaging.grayscale import Window
from storage.audit import Code
from storage.core.entities import Instance
from storage.core.errors import InvalidRequest
from storage.integrity.instance_reader import InstanceReader
from storage.objects.store import ObjectStore
from storage.pixels.budget import check_animation
from storage.settings import Settings

router = dicomweb_router()

_EXPLICIT = TARGET_SYNTAXES[0]
_MAX_SIDE = 8192
# PS3.18 tables 9.1.2-1 and 9.1.2-2. Older clients spell them in any case of letters.
_NAMES = (
    *("requestType", "studyUID", "seriesUID", "objectUID", "contentType", "charset"),
    *("frameNumber", "imageQuality", "annotation", "windowCenter", "windowWidth"),
    *("rows", "columns", "region", "transferSyntax"),
    *("anonymize", "presentationUID", "presentationSeriesUID"),
)
_KNOWN = frozenset(name.lower() for name in _NAMES)
_NOT_SUPPORTED = ("presentationuid", "presentationseriesuid")


@router.get("/wado")
@policy(READERS, "dicomweb:read", Audited(Code.INSTANCES_ACCESSED, "R", via="WADO-URI"))
@reads_own_query
def retrieve_by_uri(request: Request, storage: StorageDep) -> Response:
    """One instance as it is, as a picture or as text: `requestType=WADO` with three UIDs.

    With `anonymize=yes` and `contentType=application/dicom` it is de-identified by the Basic
    Profile of PS3.15 annex E, with other UIDs that are the same each time, and searched for what
    is left of its patient; 422 where that cannot be done.
    """
    query = _query(request)
    if query.get("requesttype") != "WADO":
        raise InvalidRequest(
            "The requestType is not WADO.", remedy="Write requestType=WADO and the UIDs."
        )
    for name in _NOT_SUPPORTED:
        if query.get(name, "no") != "no":
            raise InvalidRequest(
                f"The parameter {name} is not supported.",
                remedy="Leave it out; nothing is answered as if it had been obeyed.",
            )
    uids = [_required(query, name) for name in ("studyUID", "seriesUID", "objectUID")]
    instance = find_instance(storage.lookup, *uids)
    ranges = _ranges(query, instance)
    if query.get("anonymize", "no") != "no":
        return send_deidentified(request, instance, query, ranges)
    if any(media.media_type == DICOM for media in ranges[:1]):
        return _as_dicom(
            request, storage.settings, storage.instances, storage.objects, instance, query
        )
    if is_document(instance):
        return rendered_document(request, storage.instances, instance, ranges)
    return _as_picture(request, storage.instances, instance, query, ranges)


def _query(request: Request) -> dict[str, str]:
    """By names in lower case. Raises ApiProblem for a known one that is given twice."""
    query: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        known = name.lower()
        if known not in _KNOWN:
            ignore(request, name, _NAMES)
        elif known in query:
            raise repeated_parameter(name)
        elif value:
            query[known] = value
    return query


def _required(query: Mapping[str, str], name: str) -> str:
    value = query.get(name.lower(), "").strip()
    if not value:
        raise InvalidRequest(f"The {name} is missing.", remedy="Name study, series and object.")
    return value


def _ranges(query: Mapping[str, str], instance: Instance) -> list[MediaRange]:
    """What is asked for, or the standard's default for the kind of instance (PS3.18 9.4)."""
    stated = query.get("contenttype", "")
    if stated:
        return [
            MediaRange(one.media_type, multipart=False, transfer_syntax=one.transfer_syntax)
            for one in parse_accept(stated)
        ]
    if is_document(instance):
        return parse_accept("")
    single = (instance.number_of_frames or 1) == 1 or "framenumber" in query
    default = "image/jpeg" if single and instance.rows else DICOM
    return parse_accept(default)


def _as_dicom(
    request: Request,
    settings: Settings,
    instances: InstanceReader,
    objects: ObjectStore,
    instance: Instance,
    query: Mapping[str, str],
) -> Response:
    """In the transfer syntax asked for; Explicit VR Little Endian where none is (PS3.18 9.4.1)."""
    wanted = query.get("transfersyntax", "").strip()
    if wanted:
        media = MediaRange(DICOM, multipart=False, transfer_syntax=wanted)
        answer = choose_instances([media], frozenset({instance.transfer_syntax_uid}))
        return send_instances(request, settings, instances, objects, [instance], answer)
    if instance.transfer_syntax_uid != _EXPLICIT:
        try:
            answer = InstanceFormat(multipart=False, transfer_syntax_uid=_EXPLICIT)
            return send_instances(request, settings, instances, objects, [instance], answer)
        except ApiProblem:
            # What nothing here decodes still leaves as it is; its file meta says what that is.
            pass
    answer = InstanceFormat(multipart=False, transfer_syntax_uid="")
    return send_instances(request, settings, instances, objects, [instance], answer)


def _as_picture(
    request: Request,
    instances: InstanceReader,
    instance: Instance,
    query: Mapping[str, str],
    ranges: list[MediaRange],
) -> Response:
    source = open_frames(instances, instance)
    count = source.layout.number_of_frames
    moving = count > 1 and "framenumber" not in query
    video = (MP4,) if moving and HAS_VIDEO else ()
    media_type = choose_image(ranges, (*PICTURES, *video))
    moving = moving and media_type in (GIF, MP4)
    options = RenderOptions(
        media_type,
        _window(query),
        _viewport(query, source.layout),
        parse_quality(query.get("imagequality", "90")),
        parse_annotations(query.get("annotation", "")),
    )
    number = int(_number(query, "framenumber", 1, 2**31)) if "framenumber" in query else 1
    indices = range(count) if moving else range(number - 1, number)
    source.size_bytes(indices[0])
    etag = etag_of(content_key(instance), f"uri {indices} {options}")
    if matches_etag(request, etag):
        return not_modified(etag)
    renderer = Renderer(instances, instance, source, options)
    if moving:
        duration_ms = frame_duration_ms(header_before(instances, instance, source.layout))
        if options.viewport is None:
            check_animation(source.layout.columns, source.layout.rows, count)
        pictures = renderer.pictures(indices)
        body = animate(media_type, pictures, count, duration_ms, options.quality)
    else:
        body = renderer.file(indices[0])
    return Response(body, media_type=media_type, headers=caching_headers(etag))


def _window(query: Mapping[str, str]) -> Window | None:
    names = ("windowcenter", "windowwidth")
    if not any(name in query for name in names):
        return None
    if not all(name in query for name in names):
        raise InvalidRequest(
            "Of windowCenter and windowWidth only one is given.", remedy="Give both or none."
        )
    center = _number(query, "windowcenter", -math.inf, math.inf)
    return Window(center, _number(query, "windowwidth", 1e-9, math.inf))


def _viewport(query: Mapping[str, str], layout: PixelLayout) -> Viewport | None:
    """`rows` and `columns` bound the picture, `region` is what it shows, from 0 to 1."""
    if not {"rows", "columns", "region"} & query.keys():
        return None
    left, top, right, bottom = _region(query)
    width, height = (right - left) * layout.columns, (bottom - top) * layout.rows
    # One bound alone leaves the other side free.
    free = _MAX_SIDE if {"rows", "columns"} & query.keys() else 0
    columns = int(_number(query, "columns", 1, _MAX_SIDE)) if "columns" in query else free
    rows = int(_number(query, "rows", 1, _MAX_SIDE)) if "rows" in query else free
    return Viewport(
        columns or max(1, round(width)),
        rows or max(1, round(height)),
        left * layout.columns,
        top * layout.rows,
        width,
        height,
    )


def _region(query: Mapping[str, str]) -> tuple[float, float, float, float]:
    text = query.get("region", "0,0,1,1")
    try:
        left, top, right, bottom = (float(piece) for piece in text.split(","))
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise ValueError
    except ValueError:
        raise InvalidRequest(
            "The region is not left,top,right,bottom with values from 0 to 1.",
            remedy="Write for example region=0.25,0.25,0.75,0.75.",
        ) from None
    return left, top, right, bottom


def _number(query: Mapping[str, str], name: str, least: float, most: float) -> float:
    try:
        value = float(query[name])
        if not (least <= value <= most and math.isfinite(value)):
            raise ValueError
    except ValueError:
        raise InvalidRequest(
            f"The parameter {name} is not a number in its range.",
            remedy="Correct it or leave it out.",
        ) from None
    return value
