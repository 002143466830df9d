"""One stored instance in another transfer syntax (PS3.5 A, PS3.18 8.7.3.5)."""

from io import BytesIO

from pydicom.uid import UID, ExplicitVRBigEndian

from api.dicomweb.errors import not_acceptable
from api.dicomweb.instances.frames import FrameSource, open_frames
from storage.core.entities import Instance
from storage.core.errors import NotFound
from storage.integrity.instance_reader import InstanceReader
from storage.pixels.processes import budget, run
from storage.processes.limited import TaskFailed

_MAX_BYTES = 128 << 20


def transcoded(instances: InstanceReader, instance: Instance, transfer_syntax_uid: str) -> bytes:
    """The part 10 file as it leaves, in one of `negotiation.TARGET_SYNTAXES`.

    Refuses with 406 what no codec takes, and what is too large for memory; raises
    LimitExceeded for frames above the pixel budget. The SOP Instance UID stays: this
    transcodes, it does not derive (PS3.18 8.7.3.5).
    """
    if instance.transfer_syntax_uid == transfer_syntax_uid:
        return instances.open(instance).read()
    body = _transcoded(instances, instance, transfer_syntax_uid)
    return instances.corrected(instance, BytesIO(body)).read() if instance.patient_digest else body


def _transcoded(instances: InstanceReader, instance: Instance, transfer_syntax_uid: str) -> bytes:
    try:
        source = open_frames(instances, instance)
    except NotFound:
        source = None
    _check_size(instance, source)
    pixels = None
    if source is not None:
        _check_frames(source)
        if instance.transfer_syntax_uid == ExplicitVRBigEndian:
            pixels = source.layout.tag, b"".join(source.native_pieces())
    try:
        values, body = run(
            "storage.pixels.instance_transcoding:transcode",
            *(instances.read(instance), transfer_syntax_uid, pixels),
            # What a codec cannot make smaller it makes a little larger.
            answer_bytes=3 * _MAX_BYTES,
            pixels=_pixels(source),
        )
    except TaskFailed as error:
        raise _cannot(instance, f"written as {UID(transfer_syntax_uid).name}") from error
    if "failed" in values:
        raise _cannot(instance, str(values["failed"]))
    return bytes(body)


def _pixels(source: FrameSource | None) -> int:
    """Of all frames, read and written."""
    if source is None:
        return 0
    layout = source.layout
    return 2 * layout.rows * layout.columns * layout.number_of_frames


def _check_frames(source: FrameSource) -> None:
    layout = source.layout
    if not layout.encapsulated:
        return
    size = layout.columns, layout.rows, layout.samples_per_pixel
    budget().check_size(*size)
    for index in range(layout.number_of_frames):
        budget().check_frame(source.frame(index), *size)


def _check_size(instance: Instance, source: FrameSource | None) -> None:
    """The whole instance is in memory meanwhile, pixels and all."""
    size_bytes = instance.size_bytes
    if source is not None:
        layout = source.layout
        size_bytes = max(size_bytes, layout.frame_bits * layout.number_of_frames // 8)
    if size_bytes > _MAX_BYTES:
        raise not_acceptable(
            f"The instance has {size_bytes >> 20} MiB; what is transcoded may have"
            f" {_MAX_BYTES >> 20}.",
            "Accept transfer-syntax=* to get it as stored, or ask for its frames.",
        )


def _cannot(instance: Instance, what: str) -> Exception:
    return not_acceptable(
        f"An instance in {UID(instance.transfer_syntax_uid).name} cannot be {what} here.",
        "Accept transfer-syntax=* to get it as stored.",
    )
