"""What frees a full disk, or protects a study on it, must not fail for want of a few megabytes."""

from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from storage.core.data_folder import disk_reserve

# Without a version, as `ApiVersion` leaves them.
# Who deletes has to confirm the session first, which is written, too.
_WITH_CONTENT = ("/api/studies/delete", "/api/conflicts/decisions", "/api/session/confirmation")
_HOLDS = "/api/legal-holds/"


class FullDisk:
    """Gives the reserve of the disk up before a deletion or a hold is carried out.

    Housekeeping does so within a round; who deletes on a full disk should not have to wait for it.
    """

    def __init__(self, app: ASGIApp, data_dir: Path) -> None:
        self.app = app
        self.data_dir = data_dir

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _frees(scope["method"], scope["path"]):
            disk_reserve.release_if_full(self.data_dir)
        await self.app(scope, receive, send)


def _frees(method: str, path: str) -> bool:
    return (
        method == "DELETE"
        or (method == "POST" and path in _WITH_CONTENT)
        or (method == "PUT" and path.startswith(_HOLDS))
    )
