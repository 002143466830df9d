"""Answers with whole instances (PS3.18 10.4.1.1): as stored, transcoded, or as corrected."""

import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from api.dicomweb.errors import not_acceptable
from api.dicomweb.formats.byte_ranges import requested_span
from api.dicomweb.formats.multipart import MultipartWriter
from api.dicomweb.formats.negotiation import DICOM, InstanceFormat
from api.dicomweb.formats.pieces import Piece, PiecesResponse, Stored, whole
from api.dicomweb.formats.responses import caching_headers, matches_etag, not_modified
from api.dicomweb.instances.metadata import metadata_key
from api.dicomweb.retrieval.redirect import to_bucket
from api.dicomweb.retrieval.transcode import transcoded
from api.errors import ApiProblem
from storage.core.entities import Instance
from storage.dicom.value_errors import DAMAGED
from storage.integrity.instance_reader import InstanceReader
from storage.objects.store import ObjectStore
from storage.settings import Settings

_PIECE_BYTES = 1024 * 1024


def send_instances(
    request: Request,
    settings: Settings,
    instance_reader: InstanceReader,
    objects: ObjectStore,
    instances: Sequence[Instance],
    answer: InstanceFormat,
) -> Response:
    """Whole instances in the format that was settled."""
    instance_reader = instance_reader.of_one_moment()
    instances = instance_reader.as_corrected(instances)
    variant = f"{answer.transfer_syntax_uid or 'stored'}-{'m' if answer.multipart else 's'}"
    etag = f'"{metadata_key(instances)}-{variant}"'
    if matches_etag(request, etag):
        return not_modified(etag)
    headers = caching_headers(etag)
    if answer.transfer_syntax_uid:
        return _transcoded(instance_reader, instances, answer, headers)
    if any(instance.patient_digest for instance in instances):
        return _corrected(instance_reader, instances, answer, headers)
    if not answer.multipart:
        instance = _only(instances)
        return _by_itself(request, settings, instance_reader, objects, instance, etag)
    writer = MultipartWriter(DICOM)
    pieces: list[Piece] = []
    for prepared in instance_reader.prepare(instances):
        stored = whole(prepared)
        part_type = _part_type(prepared.instance.transfer_syntax_uid)
        pieces += [writer.part_header(part_type, stored.length), stored]
    pieces.append(writer.end)
    return PiecesResponse(instance_reader, pieces, media_type=writer.content_type, headers=headers)


def _by_itself(
    request: Request,
    settings: Settings,
    instance_reader: InstanceReader,
    objects: ObjectStore,
    instance: Instance,
    etag: str,
) -> Response:
    """As one file, or the span of it that is asked for; from the bucket where that answers."""
    headers = caching_headers(etag)
    media_type = _part_type(instance.transfer_syntax_uid)
    elsewhere = to_bucket(request, settings, objects, instance, media_type)
    if elsewhere is not None:
        return elsewhere
    span = requested_span(request, instance.size_bytes, etag)
    headers["Accept-Ranges"] = "bytes"
    (prepared,) = instance_reader.prepare([instance])
    if span is not None:
        headers["Content-Range"] = span.content_range
        part = Stored(prepared.instance, span.start, span.length)
        return PiecesResponse(
            instance_reader, [part], media_type=media_type, headers=headers, status_code=206
        )
    return PiecesResponse(
        instance_reader, [whole(prepared)], media_type=media_type, headers=headers
    )


def _corrected(
    instance_reader: InstanceReader,
    instances: Sequence[Instance],
    answer: InstanceFormat,
    headers: dict[str, str],
) -> Response:
    """As stored but for the patient; one instance is open at a time."""
    if not answer.multipart:
        instance = _only(instances)
        file = instance_reader.open(instance)
        headers["Content-Length"] = str(_size_of(file))
        media_type = _part_type(instance.transfer_syntax_uid)
        return StreamingResponse(_pieces(file), media_type=media_type, headers=headers)
    instance_reader.prepare(instances)
    writer = MultipartWriter(DICOM)

    def parts() -> Iterator[bytes]:
        for instance in instances:
            yield from _part(instance_reader, instance, writer)
        yield writer.end

    return StreamingResponse(parts(), media_type=writer.content_type, headers=headers)


def _part(
    instance_reader: InstanceReader, instance: Instance, writer: MultipartWriter
) -> Iterator[bytes]:
    file = instance_reader.open(instance)
    yield writer.part_header(_part_type(instance.transfer_syntax_uid), _size_of(file))
    yield from _pieces(file)


def _size_of(file: BinaryIO) -> int:
    size_bytes = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size_bytes


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece


def _only(instances: Sequence[Instance]) -> Instance:
    if len(instances) != 1:
        raise not_acceptable(
            f"{len(instances)} instances cannot leave as one application/dicom.",
            'Accept multipart/related; type="application/dicom".',
        )
    return instances[0]


def _part_type(transfer_syntax_uid: str) -> str:
    return f"{DICOM}; transfer-syntax={transfer_syntax_uid}"


def _transcoded(
    instance_reader: InstanceReader,
    instances: Sequence[Instance],
    answer: InstanceFormat,
    headers: dict[str, str],
) -> Response:
    """Instances in a transfer syntax that was asked for, one in memory at a time.

    One that cannot be brought into it is refused; among several it leaves as
    stored, as its part says, so that the others are not lost with it.
    """
    syntax = answer.transfer_syntax_uid
    if len(instances) == 1 or not answer.multipart:
        body = transcoded(instance_reader, _only(instances), syntax)
        if not answer.multipart:
            return Response(body, media_type=_part_type(syntax), headers=headers)
    else:
        instance_reader.prepare(instances)
    writer = MultipartWriter(DICOM)

    def parts() -> Iterator[bytes]:
        if len(instances) == 1:
            yield writer.part_header(_part_type(syntax), len(body)) + body
        else:
            for instance in instances:
                yield from _in_syntax_or_stored(instance_reader, instance, syntax, writer)
        yield writer.end

    return StreamingResponse(parts(), media_type=writer.content_type, headers=headers)


def _in_syntax_or_stored(
    instances: InstanceReader, instance: Instance, syntax: str, writer: MultipartWriter
) -> Iterator[bytes]:
    try:
        body = transcoded(instances, instance, syntax)
    except (ApiProblem, *DAMAGED):
        yield from _part(instances, instance, writer)
        return
    yield writer.part_header(_part_type(syntax), len(body)) + body
