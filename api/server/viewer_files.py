"""The viewer's static export at `/`, and what to say where it is not built."""

import base64
import hashlib
import os
import re
from functools import lru_cache
from mimetypes import guess_type
from pathlib import Path
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.middleware.security_headers import POLICY_HEADER, content_security_policy
from api.server.viewer_folder import is_viewer_built, viewer_folder
from storage.settings import Settings

# Images are decoded by WebAssembly.
_EVAL = ("'wasm-unsafe-eval'",)
_INLINE = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
_OTHERS = frozenset({"api", "dicom-web", "fhir"})
_NOT_BUILT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>MediViewAI</title>
<style>
body { background: #14171a; color: #e6e8ea; font: 1rem/1.6 system-ui, sans-serif;
  max-width: 40rem; margin: 4rem auto; padding: 0 1rem }
a { color: #8fc7ff } code { background: #252a30; padding: .1rem .3rem; border-radius: .2rem }
</style>
<h1>The node runs; its viewer is not built</h1>
<p>Studies are received and analysed all the same. To see them here, stop the node and start it
with <code>make run</code>, which builds the viewer, or set <code>MEDIVIEW_VIEWER_DIR</code> to a
folder that holds a built one.</p>
<p>For programs: <a href="/api/v1/studies">/api/v1/studies</a>, <a
href="/api/v1/openapi.json">the API's description</a>, <a href="/health">/health</a>.</p>
</html>
"""


class ViewerFiles(StaticFiles):
    """The export as files. A page of it is asked for again each time, its hashed parts never."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(directory=viewer_folder(settings), html=True, check_dir=False)
        self._settings = settings

    async def check_config(self) -> None:
        """The folder may be missing: the viewer may be built while the node runs."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """With the policy of that very page: the scripts that stand in it, and no other."""
        packed = _packed(os.fspath(full_path), stat_result, scope)
        if packed is None:
            response = super().file_response(full_path, stat_result, scope, status_code)
        else:
            response = super().file_response(*packed, scope, status_code)
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Content-Type"] = _content_type(os.fspath(full_path))
        response.headers.append("Vary", "Accept-Encoding")
        response.headers[POLICY_HEADER] = self._policy_of(full_path, stat_result)
        return response

    async def get_response(self, path: str, scope: Scope) -> Response:
        if path.partition("/")[0] in _OTHERS:
            # Programs ask there; the viewer's page for what is missing is none of theirs.
            raise HTTPException(404)
        if path in (".", "", "index.html") and not is_viewer_built(self._settings):
            return HTMLResponse(_NOT_BUILT, headers={"Cache-Control": "no-store"})
        response = await super().get_response(path, scope)
        if isinstance(response, FileResponse) and POLICY_HEADER not in response.headers:
            # The page for what is missing, which Starlette answers past `file_response`.
            missing = Path(response.path)
            response.headers[POLICY_HEADER] = self._policy_of(missing, missing.stat())
        if isinstance(response, RedirectResponse):
            # Starlette's would go to whatever host the request names.
            query = scope["query_string"].decode("latin-1")
            response.headers["Location"] = quote(f"/{path.strip('/')}/") + (query and f"?{query}")
        hashed = path.startswith("_next/static/")
        response.headers["Cache-Control"] = (
            "public, max-age=31536000, immutable" if hashed else "no-cache"
        )
        return response

    def _policy_of(self, path: str | os.PathLike[str], stat_result: os.stat_result) -> str:
        inline: tuple[str, ...] = ()
        if os.fspath(path).endswith(".html"):
            inline = _inline_scripts(os.fspath(path), stat_result.st_mtime_ns)
        return content_security_policy(self._settings, (*inline, *_EVAL))


def _packed(
    path: str, stat_result: os.stat_result, scope: Scope
) -> tuple[str, os.stat_result] | None:
    """The file as the build compressed it, for who takes gzip and asks for all of it."""
    headers = Headers(scope=scope)
    if "gzip" not in headers.get("accept-encoding", "") or "range" in headers:
        return None
    try:
        packed = Path(f"{path}.gz").stat()
    except OSError:
        return None
    return (f"{path}.gz", packed) if packed.st_mtime >= stat_result.st_mtime else None


def _content_type(path: str) -> str:
    kind = guess_type(path)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


@lru_cache(256)
def _inline_scripts(path: str, changed_at: int) -> tuple[str, ...]:
    """The scripts within a page, as a policy names them (CSP level 3, hash-source)."""
    del changed_at
    bodies = dict.fromkeys(_INLINE.findall(Path(path).read_bytes()))
    digests = (hashlib.sha256(body).digest() for body in bodies)
    return tuple(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
