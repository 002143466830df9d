"""How an upload is divided into parts, and how much of it has arrived."""

from api.errors import ApiProblem
from api.uploads.schemas import PARTS_MAX, ReceivedPart, UploadPayload
from storage.core.entities import Upload
from storage.objects.multipart import Part
from storage.settings import MIB

_PART_BYTES = 16 * MIB


def part_size(size_bytes: int) -> int:
    """16 MiB, or what keeps an upload of that size within the number of parts."""
    needed = -(-size_bytes // PARTS_MAX)
    return max(_PART_BYTES, -(-needed // MIB) * MIB)


def part_count(upload: Upload) -> int:
    return -(-(upload.size_bytes or 0) // upload.part_size_bytes)


def size_of_part(upload: Upload, number: int) -> int:
    before = (number - 1) * upload.part_size_bytes
    return min(upload.part_size_bytes, (upload.size_bytes or 0) - before)


def check_whole(upload: Upload, parts: list[Part]) -> None:
    sizes = {part.part_number: part.size_bytes for part in parts}
    missing = [
        number
        for number in range(1, part_count(upload) + 1)
        if sizes.get(number) != size_of_part(upload, number)
    ]
    if missing:
        raise ApiProblem(
            409,
            "parts_missing",
            f"{len(missing)} of {part_count(upload)} parts are missing or incomplete.",
            remedy="Send those of 'missing', then complete it again.",
            extra={"missing": missing[:1000]},
        )


def _received_bytes(upload: Upload, parts: list[Part]) -> int:
    if upload.state in ("RECEIVED", "ACCEPTED"):
        return upload.size_bytes or 0
    return sum(part.size_bytes for part in parts)


def upload_payload(upload: Upload, parts: list[Part]) -> UploadPayload:
    in_parts = bool(upload.multipart_id)
    return UploadPayload(
        upload_id=upload.upload_id,
        state=upload.state,
        reason=upload.reason,
        size_bytes=upload.size_bytes,
        received_bytes=_received_bytes(upload, parts) if in_parts else None,
        part_size_bytes=upload.part_size_bytes if in_parts else None,
        part_count=part_count(upload) if in_parts else None,
        parts=[
            ReceivedPart(part_number=one.part_number, size_bytes=one.size_bytes, etag=one.etag)
            for one in parts
        ],
        files_done=upload.files_done,
        files_total=upload.files_total,
        created_at=upload.created_at,
        expires_at=upload.expires_at,
    )
