"""De-identified instances of a project as answers of DICOMweb."""

import io
from collections.abc import Iterator
from typing import Any

from fastapi import Request, Response
from pydicom.dataset import FileDataset
from pydicom.encaps import generate_frames
from pydicom.uid import UID
from starlette.responses import StreamingResponse

from api.audit.middleware import add_detail, name_studies
from api.dicomweb.errors import not_acceptable
from api.dicomweb.formats.dicom_json import dataset_to_json
from api.dicomweb.formats.json_values import JsonDataset
from api.dicomweb.formats.multipart import MultipartWriter
from api.dicomweb.formats.responses import CACHE_CONTROL, json_bytes
from api.errors import ApiProblem
from inference.deidentification.errors import CannotDeidentify
from inference.deidentification.instances import Deidentified
from inference.projects.single_instances import SingleInstances
from inference.projects.views import ProjectView, ViewedInstance
from storage.core.errors import InvalidRequest
from storage.dicom.dataset_reader import read_part10
from storage.settings import Settings

DICOM_JSON = "application/dicom+json"
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)


def deidentified(
    request: Request, view: ProjectView, name: str, instance: ViewedInstance
) -> Deidentified:
    """Raises ApiProblem with the reason, and never with a value."""
    name_studies(request, instance.original.study_instance_uid)
    add_detail(request, project=name, via="DICOMweb, de-identified")
    single: SingleInstances = request.app.state.single_instances
    try:
        return single.deidentified(instance.original, view.scheme)
    except CannotDeidentify as error:
        raise ApiProblem(
            422,
            error.code,
            f"The instance cannot be de-identified. {error.message}",
            remedy=error.remedy,
        ) from error


def dataset_of(found: Deidentified) -> FileDataset:
    return read_part10(io.BytesIO(found.part10))


def metadata_of(dataset: FileDataset, base: str) -> JsonDataset:
    pixels = [tag for tag in _PIXELS if tag in dataset]
    instance = str(dataset.SOPInstanceUID)
    for tag in pixels:
        del dataset[tag]
    found = dataset_to_json(dataset)
    for tag in pixels:
        url = f"{base}/instances/{instance}/frames/1"
        found[f"{tag:08X}"] = {"vr": "OW", "BulkDataURI": url}
    return found


def frames_of(dataset: FileDataset) -> list[bytes]:
    """Raises InvalidRequest for what has none that stand by themselves."""
    count = int(dataset.get("NumberOfFrames") or 1)
    if "PixelData" not in dataset:
        raise InvalidRequest(
            "The instance has no frames of whole numbers.", remedy="Retrieve the instance."
        )
    if UID(dataset.file_meta.TransferSyntaxUID).is_encapsulated:
        return list(generate_frames(dataset.PixelData, number_of_frames=count))
    bits = int(dataset.BitsAllocated)
    samples = int(dataset.Rows) * int(dataset.Columns) * int(dataset.get("SamplesPerPixel") or 1)
    if bits % 8 or dataset.get("PhotometricInterpretation") == "YBR_FULL_422":
        raise InvalidRequest(
            "Frames of single bits or of subsampled colour are not cut out here.",
            remedy="Retrieve the instance.",
        )
    size = samples * bits // 8
    pixels = bytes(dataset.PixelData)
    return [pixels[at * size : (at + 1) * size] for at in range(min(count, len(pixels) // size))]


def check_accepted(request: Request, *media_types: str) -> None:
    """Raises ApiProblem where the client takes none of them."""
    accepted = request.headers.get("accept", "") or "*/*"
    ranges = [one.partition(";")[0].strip().lower() for one in accepted.split(",")]
    families = {f"{one.partition('/')[0]}/*" for one in media_types}
    if not {*media_types, *families, "*/*"}.intersection(ranges):
        raise not_acceptable(
            "What is asked for is not in a media type that is accepted.",
            f"Accept {media_types[0]}.",
            list(media_types),
        )


def multipart_answer(part_type: str, parts: list[tuple[str, bytes]]) -> Response:
    writer = MultipartWriter(part_type)

    def pieces() -> Iterator[bytes]:
        for content_type, content in parts:
            yield writer.part_header(content_type, len(content))
            yield content
        yield writer.end

    headers = {"Cache-Control": CACHE_CONTROL}
    return StreamingResponse(pieces(), media_type=writer.content_type, headers=headers)


def json_answer(found: list[Any]) -> Response:
    headers = {"Cache-Control": CACHE_CONTROL}
    return Response(json_bytes(found), media_type=DICOM_JSON, headers=headers)


def standard_class(sop_class_uid: str) -> list[str]:
    """A class of the standard: any other may say who made it, or anything else."""
    return [sop_class_uid] if UID(sop_class_uid).name != sop_class_uid else []


def json_value(vr: str, *values: Any) -> dict[str, Any]:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def base_url(settings: Settings, name: str, study: str, series: str) -> str:
    projects = f"{settings.resolved_public_url}/api/v1/projects"
    return f"{projects}/{name}/dicom-web/studies/{study}/series/{series}"
