"""DICOMweb over a project: its studies de-identified, under the pseudonyms of its exports."""

from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from pydicom.uid import UID

from api.access.policy import ADMINS, policy
from api.audit_rules import UIDS_ALONE, Audited
from api.deps import StorageDep
from api.dicomweb.formats.json_values import JsonDataset
from api.dicomweb.formats.responses import CACHE_CONTROL
from api.dicomweb.instances.frame_numbers import parse_frame_numbers
from api.errors import ApiProblem
from api.parameters import binary, problems
from api.projects.dicomweb_answers import (
    DICOM_JSON,
    base_url,
    check_accepted,
    dataset_of,
    deidentified,
    frames_of,
    json_answer,
    json_value,
    metadata_of,
    multipart_answer,
    standard_class,
)
from api.projects.routes import Name
from api.request_rules.warning_header import warning_of
from api.router_factory import new_router
from inference.projects.views import ProjectView
from storage.audit import Code
from storage.core.errors import LimitExceeded

router = new_router(prefix="/api/projects", tags=["projects"])

Uid = Annotated[str, Path(pattern=r"^[0-9.]{1,64}$", description="A pseudonym, as it is listed.")]
Frames = Annotated[str, Path(max_length=10_000, description="As 1 or 1,2,3.")]
UidQuery = Annotated[str, Query(max_length=64, pattern=r"^[0-9.]*$")]
_DICOM, _OCTETS = "application/dicom", "application/octet-stream"
_LOOKED_AT = Audited(Code.EXPORT, "R", repeated=True)
_SERIES_AT_MOST = 500
_STUDIES = "/{name}/dicom-web/studies"
_SERIES = _STUDIES + "/{study_pseudonym}/series"
_INSTANCES = _SERIES + "/{series_pseudonym}/instances"
_PROBLEMS = problems(404, 406, 422)
_LIST: dict[int | str, dict[str, Any]] = {
    200: {"content": {DICOM_JSON: {"schema": {"type": "array", "items": {"type": "object"}}}}}
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
    return json_answer(
        [
            {
                "00080061": json_value("CS", *sorted({series.modality for series in one.series})),
                "00100010": json_value("PN", {"Alphabetic": one.patient}),
                "00100020": json_value("LO", one.patient),
                "0020000D": json_value("UI", one.study_instance_uid),
                "00201206": json_value("IS", len(one.series)),
                "00201208": json_value("IS", one.instance_count),
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
    return json_answer(
        [
            {
                "00080060": json_value("CS", one.modality),
                "0020000D": json_value("UI", study_pseudonym),
                "0020000E": json_value("UI", one.series_instance_uid),
                "00201209": json_value("IS", len(one.instances)),
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
    return json_answer(
        [
            {
                "00080016": json_value("UI", *standard_class(one.sop_class_uid)),
                "00080018": json_value("UI", one.sop_instance_uid),
                "0020000D": json_value("UI", study_pseudonym),
                "0020000E": json_value("UI", series_pseudonym),
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
    check_accepted(request, DICOM_JSON, "application/json")
    view = ProjectView(storage, storage.projects.get(name))
    found = view.series(study_pseudonym, series_pseudonym).instances
    if len(found) > _SERIES_AT_MOST:
        raise LimitExceeded(
            f"The series has {len(found)} instances; {_SERIES_AT_MOST} at most are de-identified"
            " for one answer.",
            remedy="Ask for its instances one by one, or export the project.",
        )
    base = base_url(storage.settings, name, study_pseudonym, series_pseudonym)
    metadata: list[JsonDataset] = []
    for one in found:
        try:
            instance = deidentified(request, view, name, one)
        except ApiProblem as refused:
            if refused.status != 422:
                raise
            continue
        metadata.append(metadata_of(dataset_of(instance), base))
    answer = json_answer(metadata)
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
    check_accepted(request, "multipart/related", _DICOM)
    view = ProjectView(storage, storage.projects.get(name))
    found = deidentified(
        request, view, name, view.instance(study_pseudonym, series_pseudonym, instance_pseudonym)
    )
    if request.headers.get("accept", "").partition(";")[0].strip() == _DICOM:
        return Response(found.part10, media_type=_DICOM, headers={"Cache-Control": CACHE_CONTROL})
    return multipart_answer(_DICOM, [(_DICOM, found.part10)])


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
    check_accepted(request, DICOM_JSON, "application/json")
    view = ProjectView(storage, storage.projects.get(name))
    found = deidentified(
        request, view, name, view.instance(study_pseudonym, series_pseudonym, instance_pseudonym)
    )
    base = base_url(storage.settings, name, study_pseudonym, series_pseudonym)
    return json_answer([metadata_of(dataset_of(found), base)])


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
    check_accepted(request, "multipart/related")
    wanted = parse_frame_numbers(frame_list)
    view = ProjectView(storage, storage.projects.get(name))
    found = deidentified(
        request, view, name, view.instance(study_pseudonym, series_pseudonym, instance_pseudonym)
    )
    dataset = dataset_of(found)
    all_frames = frames_of(dataset)
    if max(wanted) >= len(all_frames):
        raise ApiProblem(
            404,
            "not_found",
            f"The instance has {len(all_frames)} frames.",
            remedy="Ask for frames from 1 to that number.",
        )
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    content_type = f"{_OCTETS}; transfer-syntax={syntax}"
    return multipart_answer(_OCTETS, [(content_type, all_frames[one]) for one in wanted])
