"""An instance by the bucket's own address, for clients that follow one (PS3.18 8.5).

The bucket sends the bytes as they are stored, ranges of them too, and the node none.
Who may have them has been decided and written into the trail before; the address opens
one object, and for a minute.
"""

from fastapi import Request, Response

from storage.core.entities import Instance
from storage.objects.store import ObjectStore
from storage.settings import Settings
from storage.volumes.files import SUFFIX

_EXPIRES_S = 60
_PREFERENCE = "redirect"


def to_bucket(
    request: Request, settings: Settings, objects: ObjectStore, instance: Instance, media_type: str
) -> Response | None:
    """A redirection to the object of an instance; None where the node is to send it.

    That is where the client does not ask for it (RFC 7240), and where the instance is not
    in a bucket yet or lies in it within a whole volume.
    """
    wanted = settings.s3_redirect
    asked = _prefers(request)
    if wanted == "never" or (wanted == "asked" and not asked):
        return None
    key = instance.location.object_key
    if not key or key.endswith(SUFFIX):
        return None
    there = objects.presign_get(key, media_type, _EXPIRES_S)
    if there is None:
        return None
    headers = {"Location": there.url, "Cache-Control": "no-store", "Vary": "Accept, Prefer"}
    if asked:
        headers["Preference-Applied"] = _PREFERENCE
    return Response(status_code=307, headers=headers)


def _prefers(request: Request) -> bool:
    stated = ",".join(request.headers.getlist("prefer"))
    return any(part.partition(";")[0].strip().lower() == _PREFERENCE for part in stated.split(","))
