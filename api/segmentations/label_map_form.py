"""A form of two parts, as masks come in: JSON that describes, and a gzip of one byte a voxel."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from fastapi import Request
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile

from api.errors import MISMATCH_TITLE, ApiProblem
from api.middleware import limited
from api.router_factory import check_fields
from inference.imaging.volume import MAXIMUM_VOXELS
from storage.core.entities import Instance
from storage.core.errors import InvalidRequest, LimitExceeded, NotFound, StorageUnavailable
from storage.dicom.inflate import CannotInflate, InflateLimits, inflate
from storage.index.repository import Index

_BODY_MAX_BYTES = 128 * 1024 * 1024
_DESCRIPTION_MAX_BYTES = 4 * 1024 * 1024
_GZIP = 31
"""zlib's number for a stream with gzip's header and checksum."""
_Model = TypeVar("_Model", bound=BaseModel)
_IN_MEMORY = threading.BoundedSemaphore(2)
_TURN_S = 30.0


def label_map_body(part: str, schema: str, description: str) -> dict[str, Any]:
    """The request body for /api/openapi.json. `part`: the name of the JSON; `schema`: its model."""
    return {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [part, "labels"],
                    "properties": {
                        part: {
                            "type": "string",
                            "maxLength": _DESCRIPTION_MAX_BYTES,
                            "contentMediaType": "application/json",
                            "contentSchema": {"$ref": f"#/components/schemas/{schema}"},
                            "description": description,
                        },
                        "labels": {
                            "type": "string",
                            "format": "binary",
                            "description": "gzip of one byte a voxel: the segment's number or 0.",
                        },
                    },
                }
            }
        },
    }


async def read_label_map_form(
    request: Request, part: str, model: type[_Model]
) -> tuple[_Model, bytes]:
    """The description, and the voxels still packed."""
    counted = Request(request.scope, limited(request.receive, _BODY_MAX_BYTES))
    async with counted.form(
        max_files=2, max_fields=2, max_part_size=_DESCRIPTION_MAX_BYTES
    ) as form:
        check_fields(form, (part, "labels"))
        described = _validated(part, await _text(part, form.get(part)), model)
        labels = form.get("labels")
        packed = await labels.read() if isinstance(labels, UploadFile) else b""
    return described, packed


async def _text(name: str, part: UploadFile | str | None) -> str:
    """The JSON, whether it was sent as a field or as a file."""
    if not isinstance(part, UploadFile):
        return part or ""
    # Of a field the form's reader knows the limit, of a file it does not.
    found = await part.read(_DESCRIPTION_MAX_BYTES + 1)
    if len(found) > _DESCRIPTION_MAX_BYTES:
        raise ApiProblem(
            413,
            "limit_exceeded",
            f"The part '{name}' has more than {_DESCRIPTION_MAX_BYTES} bytes.",
            remedy="It is JSON that names segments and slices; the voxels are the part 'labels'.",
        )
    return found.decode("utf-8", "replace")


def _validated(part: str, text: str, model: type[_Model]) -> _Model:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(one) for one in (part, *first["loc"]))
        raise ApiProblem(
            422,
            "validation_failed",
            f"{where}: {first['msg']}.",
            title=MISMATCH_TITLE,
            remedy=f"The part '{part}' is JSON; /api/openapi.json describes it.",
        ) from error


@contextmanager
def unpacked_in_turn() -> Iterator[None]:
    """While one label map is unpacked and saved, which takes a few times its voxels in memory,
    another one waits: two at a time in each process. Raises StorageUnavailable."""
    if not _IN_MEMORY.acquire(timeout=_TURN_S):
        raise StorageUnavailable(
            "Other label maps are being saved.", remedy="Try again in a moment."
        )
    try:
        yield
    finally:
        _IN_MEMORY.release()


def check_slices(
    index: Index,
    study_instance_uid: str,
    slices: Sequence[tuple[str, int]],
    rows: int,
    columns: int,
    matrix_of: str = "",
) -> None:
    """That the slices are there, each once and of that size, before their voxels are unpacked.

    `slices`: SOP Instance UIDs and numbers of frames, from 1. `matrix_of`: the instance whose
    Rows and Columns count, each slice's own where none is named. Raises InvalidRequest.
    """
    if len(set(slices)) != len(slices):
        raise InvalidRequest("A slice is named twice.", remedy="Send each slice once.")
    sized = {matrix_of: index.instance(matrix_of)} if matrix_of else {}
    stored: dict[str, Instance] = {}
    for uid, frame_number in slices:
        if uid not in stored:
            stored.update(_of_one_series(index, study_instance_uid, uid))
        one = stored[uid]
        if frame_number > (one.number_of_frames or 1):
            raise InvalidRequest(
                f"The image {uid} has no frame {frame_number}.", remedy="Count frames from 1."
            )
        size = sized.get(matrix_of, one)
        if None not in (size.rows, size.columns) and (size.rows, size.columns) != (rows, columns):
            raise InvalidRequest(
                f"The label map has {rows} rows and {columns} columns; {size.sop_instance_uid} has"
                f" {size.rows} and {size.columns}.",
                remedy="Send one byte for each pixel of each slice.",
            )


def _of_one_series(index: Index, study_instance_uid: str, uid: str) -> dict[str, Instance]:
    try:
        series = index.instance(uid).series_instance_uid
        found = index.instances_of(study_instance_uid, series)
    except NotFound:
        found = []
    by_uid = {one.sop_instance_uid: one for one in found}
    if uid not in by_uid:
        raise InvalidRequest(
            f"The label map names the image {uid}, which is not in the study.",
            remedy="Name images of the series that is segmented.",
        )
    return by_uid


def label_values(packed: bytes, slices: int, rows: int, columns: int) -> NDArray[np.uint8]:
    """Exactly the voxels that are announced, shape (slices, rows, columns); no more are ever
    unpacked."""
    expected = slices * rows * columns
    if expected > MAXIMUM_VOXELS:
        raise ApiProblem(
            413,
            "limit_exceeded",
            f"The label map has {expected} voxels; {MAXIMUM_VOXELS} are allowed.",
            remedy="Send the slices that changed.",
        )
    exactly = InflateLimits(always_bytes=expected, ratio=0, most_bytes=expected)
    try:
        values = inflate(packed, exactly, wbits=_GZIP)
    except (CannotInflate, LimitExceeded):
        values = b""
    if len(values) != expected:
        raise ApiProblem(
            422,
            "labels_unusable",
            f"The part 'labels' must be gzip of {expected} bytes:"
            f" {slices} slices of {rows} rows and {columns} columns.",
            remedy="Send one byte a voxel, compressed with gzip.",
        )
    return np.frombuffer(values, np.uint8).reshape(slices, rows, columns)
