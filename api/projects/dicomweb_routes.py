"""DICOMweb over a project: its studies de-identified, under the pseudonyms of its exports."""

import io
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from pydicom.dataset import FileDataset
from pydicom.encaps import generate_frames
from pydicom.uid import UID
from starlette.responses import StreamingResponse

from api.access.policy import ADMINS, policy
from api.audit.middleware import add_detail, name_studies
from api.audit_rules import UIDS_ALONE, Audited
from api.deps import StorageDep
from api.dicomweb.errors import not_acceptable
from api.dicomweb.formats.dicom_json import dataset_to_json
from api.dicomweb.formats.json_values import JsonDataset
from api.dicomweb.formats.multipart import MultipartWriter
from api.dicomweb.formats.responses import CACHE_CONTROL, json_bytes
from api.dicomweb.instances.frame_numbers import parse_frame_numbers
from api.errors import ApiProblem
from api.parameters import binary, problems
from api.projects.routes import Name
from api.request_rules.warning_header import warning_of
from api.router_factory import new_router
from inference.deidentification.errors import CannotDeidentify
from inference.deidentification.instances import Deidentified
from inference.projects.single_instances import SingleInstances
from inference.projects.views import ProjectView, ViewedInstance
from storage.audit import Code
from storage.core.errors import InvalidRequest, LimitExceeded
from storage.dicom.dataset_reader import read_part10
from storage.settings import Settings

router = new_router(prefix="/api/projects", tags=["projects"])

Uid = Annotated[str, Path(pattern=r"^[0-9.]{1,64}$", description="A pseudonym, as it is listed.")]
Frames = Annotated[str, Path(max_length=10_000, description="As 1 or 1,2,3.")]
UidQuery = Annotated[str, Query(max_length=64, pattern=r"^[0-9.]*$")]
_LOOKED_AT = Audited(Code.EXPORT, "R", repeated=True)
_JSON, _DICOM, _OCTETS = "application/dicom+json", "application/dicom", "application/octet-stream"
_SERIES_AT_MOST = 500
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_STUDIES = "/{name}/dicom-web/studies"
_SERIES = _STUDIES + "/{study_pseudonym}/series"
_INSTANCES = _SERIES + "/{series_pseudonym}/instances"
_PROBLEMS = problems(404, 406, 422)
_LIST: dict[int | str, dict[str, Any]] = {
    200: {"content": {_JSON: {"schema": {"type": "array", "items": {"type": "object"}}}}}
}


@router.get(
    _STUDIES,
    summary="Search a project's studies (QIDO-RS)",
    response_class=Response,
    responses={**_LIST, **problems(404)},
)
@policy(ADMINS, "admin", UIDS_ALONE)
def search_project_studies(
    storage: StorageDep,
    name: Name,
    study_instance_uid: Annotated[UidQuery, Query(alias="StudyInstanceUID")] = "",
    patient_id: Annotated[str, Query(alias="PatientID", max_length=64)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> Response:
    """Pseudonyms, modalities and counts: whatever else is known is read from the instances."""
    view = ProjectView(storage, storage.projects.get(name))
    found = [
        (uid, study)
        for uid, study in view.studies()
        if study_instance_uid in ("", uid) and patient_id in ("", view.patient(study))
    ]
    page = [view.viewed(uid, study) for uid, study in found[offset : offset + limit]]
    return _json(
        [
            {
                "00080061": _value("CS", *sorted({series.modality for series in one.series})),
                "00100010": _value("PN", {"Alphabetic": one.patient}),
                "00100020": _value("LO", one.patient),
                "0020000D": _value("UI", one.study_instance_uid),
                "00201206": _value("IS", len(one.series)),
                "00201208": _value("IS", one.instance_count),
            }
            for one in page
        ]
    )


@router.get(
    _SERIES,
    summary="Search a study's series (QIDO-RS)",
    response_class=Response,
    responses={**_LIST, **problems(404)},
)
@policy(ADMINS, "admin", UIDS_ALONE)
def search_project_series(storage: StorageDep, name: Name, study_pseudonym: Uid) -> Response:
    """Pseudonyms, modality and how many instances."""
    found = ProjectView(storage, storage.projects.get(name)).study(study_pseudonym)
    return _json(
        [
            {
                "00080060": _value("CS", one.modality),
                "0020000D": _value("UI", study_pseudonym),
                "0020000E": _value("UI", one.series_instance_uid),
                "00201209": _value("IS", len(one.instances)),
            }
            for one in found.series
        ]
    )


@router.get(
    _INSTANCES,
    summary="Search a series' instances (QIDO-RS)",
    response_class=Response,
    responses={**_LIST, **problems(404)},
)
@policy(ADMINS, "admin", UIDS_ALONE)
def search_project_instances(
    storage: StorageDep, name: Name, study_pseudonym: Uid, series_pseudonym: Uid
) -> Response:
    """Pseudonyms and SOP classes."""
    found = ProjectView(storage, storage.projects.get(name)).series(
        study_pseudonym, series_pseudonym
    )
    return _json(
        [
            {
                "00080016": _value("UI", *_known(one.sop_class_uid)),
                "00080018": _value("UI", one.sop_instance_uid),
                "0020000D": _value("UI", study_pseudonym),
                "0020000E": _value("UI", series_pseudonym),
            }
            for one in found.instances
        ]
    )


@router.get(
    _SERIES + "/{series_pseudonym}/metadata",
    summary="A series' metadata (WADO-RS)",
    response_class=Response,
    responses={**_LIST, **_PROBLEMS},
)
@policy(ADMINS, "admin", _LOOKED_AT)
def project_series_metadata(
    request: Request, storage: StorageDep, name: Name, study_pseudonym: Uid, series_pseudonym: Uid
) -> Response:
    """Of the instances that can be de-identified; a `Warning` says how many are left out."""
    _accept(request, _JSON, "application/json")
    view = ProjectView(storage, storage.projects.get(name))
    found = view.series(study_pseudonym, series_pseudonym).instances
    if len(found) > _SERIES_AT_MOST:
        raise LimitExceeded(
            f"The series has {len(found)} instances; {_SERIES_AT_MOST} at most are de-identified"
            " for one answer.",
            remedy="Ask for its instances one by one, or export the project.",
        )
    base = _base(storage.settings, name, study_pseudonym, series_pseudonym)
    metadata: list[JsonDataset] = []
    for one in found:
        try:
            deidentified = _deidentified(request, view, name, one)
        except ApiProblem as refused:
            if refused.status != 422:
                raise
            continue
        metadata.append(_metadata(_dataset(deidentified), base))
    answer = _json(metadata)
    if len(metadata) < len(found):
        sentence = f"{len(found) - len(metadata)} instances cannot be de-identified."
        answer.headers["Warning"] = warning_of(base, sentence)
    return answer


@router.get(
    _INSTANCES + "/{instance_pseudonym}",
    summary="An instance (WADO-RS)",
    response_class=Response,
    responses={**binary("multipart/related"), **_PROBLEMS},
)
@policy(ADMINS, "admin", _LOOKED_AT)
def project_instance(
    request: Request,
    storage: StorageDep,
    name: Name,
    study_pseudonym: Uid,
    series_pseudonym: Uid,
    instance_pseudonym: Uid,
) -> Response:
    """De-identified, in the transfer syntax that it is stored in."""
    _accept(request, "multipart/related", _DICOM)
    view = ProjectView(storage, storage.projects.get(name))
    found = _deidentified(
        request, view, name, view.instance(study_pseudonym, series_pseudonym, instance_pseudonym)
    )
    if request.headers.get("accept", "").partition(";")[0].strip() == _DICOM:
        return Response(found.part10, media_type=_DICOM, headers={"Cache-Control": CACHE_CONTROL})
    return _multipart(_DICOM, [(_DICOM, found.part10)])


@router.get(
    _INSTANCES + "/{instance_pseudonym}/metadata",
    summary="An instance's metadata (WADO-RS)",
    response_class=Response,
    responses={**_LIST, **_PROBLEMS},
)
@policy(ADMINS, "admin", _LOOKED_AT)
def project_instance_metadata(
    request: Request,
    storage: StorageDep,
    name: Name,
    study_pseudonym: Uid,
    series_pseudonym: Uid,
    instance_pseudonym: Uid,
) -> Response:
    """All of its attributes but the pixels, de-identified."""
    _accept(request, _JSON, "application/json")
    view = ProjectView(storage, storage.projects.get(name))
    found = _deidentified(
        request, view, name, view.instance(study_pseudonym, series_pseudonym, instance_pseudonym)
    )
    base = _base(storage.settings, name, study_pseudonym, series_pseudonym)
    return _json([_metadata(_dataset(found), base)])


@router.get(
    _INSTANCES + "/{instance_pseudonym}/frames/{frame_list}",
    summary="An instance's frames (WADO-RS)",
    response_class=Response,
    responses={**binary("multipart/related"), **_PROBLEMS, **problems(400)},
)
@policy(ADMINS, "admin", _LOOKED_AT)
def project_frames(
    request: Request,
    storage: StorageDep,
    name: Name,
    study_pseudonym: Uid,
    series_pseudonym: Uid,
    instance_pseudonym: Uid,
    frame_list: Frames,
) -> Response:
    """In the transfer syntax that the de-identified instance has."""
    _accept(request, "multipart/related")
    wanted = parse_frame_numbers(frame_list)
    view = ProjectView(storage, storage.projects.get(name))
    found = _deidentified(
        request, view, name, view.instance(study_pseudonym, series_pseudonym, instance_pseudonym)
    )
    dataset = _dataset(found)
    all_frames = _frames(dataset)
    if max(wanted) >= len(all_frames):
        raise ApiProblem(
            404,
            "not_found",
            f"The instance has {len(all_frames)} frames.",
            remedy="Ask for frames from 1 to that number.",
        )
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    content_type = f"{_OCTETS}; transfer-syntax={syntax}"
    return _multipart(_OCTETS, [(content_type, all_frames[one]) for one in wanted])


def _deidentified(
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


def _dataset(found: Deidentified) -> FileDataset:
    return read_part10(io.BytesIO(found.part10))


def _metadata(dataset: FileDataset, base: str) -> JsonDataset:
    pixels = [tag for tag in _PIXELS if tag in dataset]
    instance = str(dataset.SOPInstanceUID)
    for tag in pixels:
        del dataset[tag]
    found = dataset_to_json(dataset)
    for tag in pixels:
        url = f"{base}/instances/{instance}/frames/1"
        found[f"{tag:08X}"] = {"vr": "OW", "BulkDataURI": url}
    return found


def _frames(dataset: FileDataset) -> list[bytes]:
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


def _accept(request: Request, *media_types: str) -> None:
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


def _multipart(part_type: str, parts: list[tuple[str, bytes]]) -> Response:
    writer = MultipartWriter(part_type)

    def pieces() -> Iterator[bytes]:
        for content_type, content in parts:
            yield writer.part_header(content_type, len(content))
            yield content
        yield writer.end

    headers = {"Cache-Control": CACHE_CONTROL}
    return StreamingResponse(pieces(), media_type=writer.content_type, headers=headers)


def _json(found: list[Any]) -> Response:
    headers = {"Cache-Control": CACHE_CONTROL}
    return Response(json_bytes(found), media_type=_JSON, headers=headers)


def _known(sop_class_uid: str) -> list[str]:
    """A class of the standard: any other may say who made it, or anything else."""
    return [sop_class_uid] if UID(sop_class_uid).name != sop_class_uid else []


def _value(vr: str, *values: Any) -> dict[str, Any]:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def _base(settings: Settings, name: str, study: str, series: str) -> str:
    projects = f"{settings.resolved_public_url}/api/v1/projects"
    return f"{projects}/{name}/dicom-web/studies/{study}/series/{series}"
