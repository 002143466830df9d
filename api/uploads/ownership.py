"""Whose an upload is: who began it goes on with it, and administrators."""

from api.access.principal import Principal
from storage.core.entities import Upload
from storage.uploads.repository import Uploads, no_such_upload


def own_upload(uploads: Uploads, principal: Principal, upload_id: str) -> Upload:
    """Raises NotFound, for others as for what there is not: the events name uploads to all."""
    upload = uploads.get(upload_id)
    # Older ones do not say whose they are.
    if upload.created_by_id in ("", principal.identity.id) or principal.is_administrator:
        return upload
    raise no_such_upload()
