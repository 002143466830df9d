"""Uploads in parts, which can be resumed, and what the node makes of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import httpx

from mediview_client import types
from mediview_client._async.http import PASSING, AsyncHttp
from mediview_client._async.runtime import in_thread
from mediview_client.archives import Archive, Source, opened
from mediview_client.errors import ApiError, SourceChanged, UploadInterrupted
from mediview_client.paths import segment

Progress = Callable[[int, int], object]
"""Called with how many bytes of how many have arrived."""

_PATH = "/api/v1/uploads"
_MD5_CHARACTERS = 32
# Joining and unpacking some gigabytes.
_LONG_S = 900.0


class AsyncUploads:
    def __init__(self, http: AsyncHttp) -> None:
        self._http = http

    async def analyze(
        self,
        source: Source,
        *,
        pipeline: str | None = None,
        progress: Progress | None = None,
        resume: str = "",
    ) -> types.AnalyzeStarted:
        """Upload a file, a folder or several files, and start every pipeline that takes them.

        The answer names the jobs and the studies, and says why a pipeline does not take a series.
        Raises UploadInterrupted, whose `upload_id` is given as `resume` to send the rest.
        """
        upload = await self.send(source, progress=progress, resume=resume)
        with _resumable(upload["upload_id"]):
            return await self.start(upload["upload_id"], pipeline=pipeline)

    async def send(
        self, source: Source, *, progress: Progress | None = None, resume: str = ""
    ) -> types.Upload:
        """Upload without starting anything. Raises UploadInterrupted, SourceChanged."""
        archives = opened(source)
        archive = await in_thread(archives.__enter__)
        try:
            upload = await self.get(resume) if resume else await self._begin(archive)
            if upload["state"] == "presigned":
                with _resumable(upload["upload_id"]):
                    await self._send_parts(upload, archive, progress)
                    path = f"{_PATH}/{segment(upload['upload_id'])}/complete"
                    upload = cast(types.Upload, await self._http.post(path, timeout_s=_LONG_S))
            return upload
        finally:
            archives.__exit__(None, None, None)

    async def start(self, upload_id: str, *, pipeline: str | None = None) -> types.AnalyzeStarted:
        """Take in what was uploaded; asking again gives the same answer."""
        wanted: dict[str, Any] = {"upload_id": upload_id, "pipeline": pipeline}
        answer = await self._http.post("/api/v1/analyze/start", wanted, timeout_s=_LONG_S)
        return cast(types.AnalyzeStarted, answer)

    async def get(self, upload_id: str) -> types.Upload:
        """How far it is; which parts have arrived."""
        return cast(types.Upload, await self._http.get(f"{_PATH}/{segment(upload_id)}"))

    async def abort(self, upload_id: str) -> None:
        await self._http.request("DELETE", f"{_PATH}/{segment(upload_id)}")

    async def _begin(self, archive: Archive) -> types.Upload:
        wanted = {
            "filename": archive.filename,
            "content_type": archive.content_type,
            "size_bytes": archive.size_bytes,
        }
        return cast(types.Upload, await self._http.post(f"{_PATH}/multipart", wanted))

    async def _send_parts(
        self, upload: types.Upload, archive: Archive, progress: Progress | None
    ) -> None:
        part_size, count = upload["part_size_bytes"] or 0, upload["part_count"] or 0
        if upload["size_bytes"] != archive.size_bytes:
            raise SourceChanged(
                f"The upload was begun with {upload['size_bytes']} bytes,"
                f" and the source has {archive.size_bytes}."
            )
        arrived = {part["part_number"]: part for part in upload["parts"]}
        sent_bytes = 0
        for number in range(1, count + 1):
            offset = (number - 1) * part_size
            size = min(part_size, archive.size_bytes - offset)
            if number in arrived:
                await in_thread(_check_same, archive, offset, arrived[number])
            else:
                await self._send_part(upload["upload_id"], archive, number)
            sent_bytes += size
            if progress is not None:
                progress(sent_bytes, archive.size_bytes)

    async def _send_part(self, upload_id: str, archive: Archive, number: int) -> None:
        # Each URL when it is needed: they expire sooner than the upload.
        path = f"{_PATH}/{segment(upload_id)}/parts"
        (part,) = (await self._http.post(path, {"part_numbers": [number]}))["items"]
        content = await in_thread(archive.read, part["offset_bytes"], part["size_bytes"])
        # The URL is the permission. It can be that of another server, which gets no key.
        await self._http.request("PUT", part["url"], content=content, with_key=False)


@contextmanager
def _resumable(upload_id: str) -> Iterator[None]:
    """Where the node is away, busy or restarts: raise UploadInterrupted."""
    try:
        yield
    except httpx.TransportError as error:
        raise UploadInterrupted(upload_id) from error
    except ApiError as error:
        if error.status in PASSING:
            raise UploadInterrupted(upload_id) from error
        raise


def _check_same(archive: Archive, offset_bytes: int, part: types.ReceivedPart) -> None:
    """Raise SourceChanged where a part that has arrived has other bytes."""
    etag = part["etag"].strip('"')
    if len(etag) != _MD5_CHARACTERS:
        # An S3 store that encrypts states no MD5.
        return
    if archive.md5(offset_bytes, part["size_bytes"]) != etag:
        raise SourceChanged(f"Part {part['part_number']} was sent with other bytes.")
