"""Models that administrators add and remove over HTTP, and trials on studies that are here."""

import hashlib
import shutil
import tempfile
from typing import IO

import structlog
from fastapi import Response

from api.access.policy import ADMINS, policy
from api.access.principal import PrincipalDep
from api.audit_rules import MODEL_ADDED, MODEL_REMOVED, Audited
from api.deps import StorageDep
from api.errors import ApiProblem
from api.models.archive import unpack_model
from api.models.by_worker import ended_trial, raise_problem
from api.models.first_run import check_first_run
from api.models.routes import ModelOrder, Name, Version
from api.models.schemas import ModelDetail, NewModel, TrialList
from api.models.serializers import model_detail, trial_payload
from api.models.upload_folder import upload_folder
from api.parameters import StudyUid, problems
from api.router_factory import new_router
from api.uploads.ownership import own_upload
from inference.model_registry.adding import Added
from inference.model_registry.removal import remove_model
from inference.model_registry.sharing import ModelStorage, add_shared_model, is_shared
from inference.model_registry.shown_files import without_folder
from inference.model_registry.status import model_of
from inference.models.model_folders import check_room
from storage.audit import Code
from storage.core.entities import Upload
from storage.core.errors import MediViewError, NotConfigured

log = structlog.get_logger(__name__)

router = new_router(prefix="/api/models", tags=["models"])

_TRIED = Audited(Code.INSTANCES_ACCESSED, "R", via="models try")


@router.post(
    "",
    status_code=201,
    summary="Add a model",
    responses=problems(400, 404, 409, 413, 422, 503, 507),
)
@policy(ADMINS, "admin", MODEL_ADDED, people_only=True, confirmed_to="add a model")
def add_uploaded_model(
    storage: StorageDep, principal: PrincipalDep, response: Response, wanted: NewModel
) -> ModelDetail:
    """Take the folder of a model, uploaded as a ZIP archive (`/api/uploads/multipart`).

    It is checked and kept as `added`: nothing of it runs before somebody tries or verifies it. Only
    where MEDIVIEW_MODEL_UPLOADS allows it, and only by people: many models are code.
    """
    allowed = storage.settings.model_uploads
    if allowed == "off":
        raise NotConfigured(
            "Models are not added over HTTP here: MEDIVIEW_MODEL_UPLOADS is off.",
            remedy="Add it at the machine (mediview models add FOLDER), or have an operator set"
            " MEDIVIEW_MODEL_UPLOADS to signed or any.",
        )
    upload = own_upload(storage.uploads, principal, wanted.upload_id)
    # Claimed first: two requests at once must not use one upload.
    if not storage.uploads.set_state(upload.upload_id, "ACCEPTED", only={"RECEIVED"}):
        raise ApiProblem(
            409,
            "upload_not_received",
            "The upload is not complete, or was used before.",
            remedy="Complete it, or begin a new one: POST /api/uploads/multipart.",
        )
    try:
        added = _added(storage, upload, wanted.sha256, principal.name, signed=allowed == "signed")
    except BaseException:
        storage.uploads.set_state(upload.upload_id, "RECEIVED", only={"ACCEPTED"})
        raise
    storage.objects.delete(upload.object_key)
    card = added.standing.pipeline.card
    log.info("model_changed", model=card.name, version=card.version, became="added")
    response.headers["Location"] = f"/api/models/{card.name}"
    return model_detail(storage.settings, storage.model_states, card.name)


@router.post(
    "/{name}/trials/{study_instance_uid}",
    summary="Try a model on a study",
    responses=problems(404, 409, 422, 429),
)
@policy(ADMINS, "admin", _TRIED)
def try_model(
    storage: StorageDep,
    principal: PrincipalDep,
    name: Name,
    study_instance_uid: StudyUid,
    order: ModelOrder | None = None,
) -> TrialList:
    """Run a model, in whatever state it is, on each series of a study that it takes.

    Nothing is scheduled, stored or sent. A worker runs it, one at a time on a host, and the answer
    is waited for; `POST /api/model-trials` is for what takes longer than five minutes. One that is
    not verified is tried by people alone, who confirm it: what it brings has never run here.
    """
    # Only what the caller may see; the other process has no caller.
    storage.index.study(study_instance_uid)
    version = order.version if order else None
    standing = model_of(storage.settings, storage.model_states, name, version)
    check_first_run(storage.confirmations, principal, standing, "try")
    what = f"The trial of {name}"
    tried = ended_trial(storage, standing, study_instance_uid, principal.name, what)
    raise_problem(tried)
    items = [trial_payload(one) for one in storage.model_trials.series(tried.trial_id)]
    # The answer is all that is kept of it.
    storage.model_trials.discard(tried.trial_id)
    return TrialList(items=items)


@router.delete(
    "/{name}/versions/{version}",
    status_code=204,
    summary="Remove a model",
    responses=problems(404, 409, 503),
)
@policy(ADMINS, "admin", MODEL_REMOVED, people_only=True, confirmed_to="remove a model")
def remove_version(
    storage: StorageDep, principal: PrincipalDep, name: Name, version: Version
) -> Response:
    """Remove the files of a version that runs no more, here and on every other host.

    Its history and what it has found stay. 409 `model_held` while it is active or a shadow.
    """
    try:
        remove_model(storage, name, version, principal.name)
    except OSError as error:
        raise NotConfigured(
            "This process cannot write the folder of models.",
            remedy=f"Remove it at the machine: mediview models remove {name}@{version}",
        ) from error
    log.info("model_changed", model=name, version=version, became="removed")
    return Response(status_code=204)


def _added(
    storage: ModelStorage, upload: Upload, sha256: str | None, by: str, *, signed: bool
) -> Added:
    settings = storage.settings
    with upload_folder(settings, upload.upload_id) as folder:
        size_bytes = storage.objects.size(upload.object_key)
        check_room(settings, folder, size_bytes, "The archive of the model")
        with (
            tempfile.TemporaryFile(dir=folder) as archive,
            storage.objects.open(upload.object_key) as stream,
        ):
            shutil.copyfileobj(stream, archive)
            if sha256 is not None:
                _check_digest(archive, sha256)
            (folder / "model").mkdir()
            # This one, the one where models lie, and the archive for other hosts.
            copies = 3 if is_shared(settings) else 2
            model = unpack_model(archive, folder / "model", settings, copies)
        try:
            return add_shared_model(storage, model, by, hold=True, signed=signed)
        except MediViewError as error:
            unpacked = folder / "model"
            error.message = without_folder(error.message, unpacked, "the archive")
            error.remedy = without_folder(error.remedy, unpacked, "the archive")
            raise


def _check_digest(archive: IO[bytes], sha256: str) -> None:
    archive.seek(0)
    arrived = hashlib.file_digest(archive, "sha256").hexdigest()  # type: ignore[arg-type]
    if arrived != sha256:
        raise ApiProblem(
            422,
            "upload_digest_differs",
            f"What arrived has SHA-256 {arrived[:12]}…; {sha256[:12]}… was sent.",
            title="The upload is damaged",
            remedy="Give the upload up and send the archive again.",
        )
