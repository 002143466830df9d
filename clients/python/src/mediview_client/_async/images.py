"""Images and results by DICOMweb (PS3.18), as bytes, or as arrays with the extra `imaging`."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, cast

from mediview_client import types
from mediview_client._async.http import AsyncHttp
from mediview_client.multipart import PartReader
from mediview_client.paths import segment

if TYPE_CHECKING:
    from highdicom.sr import MeasurementReport

    from mediview_client.imaging import Segmentation, Volume

DicomJson = dict[str, Any]
"""A data set in DICOM JSON (PS3.18 Annex F): by tag, each with `vr` and `Value`."""

_PREFIX = "/dicom-web"
_INSTANCES = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_UNCOMPRESSED = 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.1'


class AsyncImages:
    def __init__(self, http: AsyncHttp) -> None:
        self._http = http

    async def search(self, level: str = "studies", **attributes: Any) -> list[DicomJson]:
        """QIDO-RS: `level` is `studies`, `series` or `instances`, attributes are keywords, such
        as `PatientID="P-1"`."""
        response = await self._http.request("GET", f"{_PREFIX}/{level}", query=attributes)
        return cast(list[DicomJson], response.json()) if response.content else []

    async def metadata(
        self, study_instance_uid: str, series_instance_uid: str = ""
    ) -> list[DicomJson]:
        """The headers of a study or a series, one data set for each instance."""
        path = f"{_resource(study_instance_uid, series_instance_uid)}/metadata"
        return cast(list[DicomJson], await self._http.get(path))

    async def instance(
        self, study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str
    ) -> bytes:
        """One instance as the bytes of its file."""
        path = _resource(study_instance_uid, series_instance_uid, sop_instance_uid)
        headers = {"Accept": "application/dicom; transfer-syntax=*"}
        return (await self._http.request("GET", path, headers=headers)).content

    def series(self, study_instance_uid: str, series_instance_uid: str) -> AsyncIterator[bytes]:
        """Each instance of a series as the bytes of its file, as it was received."""
        return self._parts(_resource(study_instance_uid, series_instance_uid), _INSTANCES)

    async def volume(self, study_instance_uid: str, series_instance_uid: str) -> "Volume":
        """A series stacked in space. Raises ValueError where it is not one regular stack."""
        from mediview_client.imaging import volume_of

        path = _resource(study_instance_uid, series_instance_uid)
        return volume_of([one async for one in self._parts(path, _UNCOMPRESSED)])

    async def segmentations(self, study_instance_uid: str) -> "list[Segmentation]":
        """The masks that the study's completed jobs made."""
        from mediview_client.imaging import segmentation_of

        made = await self._made(study_instance_uid, "SEG")
        return [segmentation_of(one) for one in made]

    async def structured_reports(self, study_instance_uid: str) -> "list[MeasurementReport]":
        """The measurement reports (TID 1500) that the study's completed jobs made."""
        from mediview_client.imaging import report_of

        return [report_of(one) for one in await self._made(study_instance_uid, "SR")]

    async def _made(self, study_instance_uid: str, kind: str) -> list[bytes]:
        study = await self._http.get(f"/api/v1/studies/{segment(study_instance_uid)}")
        jobs = cast(list[types.Job], study["jobs"])
        results = [
            result
            for job in jobs
            if job["state"] == "completed"
            for result in job["results"]
            if result["kind"] == kind
        ]
        return [
            await self.instance(
                study_instance_uid, one["series_instance_uid"], one["sop_instance_uid"]
            )
            for one in results
        ]

    async def _parts(self, path: str, accept: str) -> AsyncIterator[bytes]:
        async with self._http.stream(path, {"Accept": accept}) as response:
            reader = PartReader(response.headers["content-type"])
            async for piece in response.aiter_bytes():
                for part in reader.feed(piece):
                    yield part


def _resource(study: str, series: str = "", instance: str = "") -> str:
    path = f"{_PREFIX}/studies/{segment(study)}"
    if series:
        path += f"/series/{segment(series)}"
    if instance:
        path += f"/instances/{segment(instance)}"
    return path
