"""Search results and metadata as XML, a part for each data set (PS3.18 8.7.3.2)."""

from collections.abc import Iterable, Iterator, Mapping

import structlog
from fastapi import Response
from fastapi.responses import StreamingResponse

from api.dicomweb.formats.json_values import JsonDataset
from api.dicomweb.formats.multipart import MultipartWriter
from api.dicomweb.formats.native_xml import dataset_to_xml
from api.dicomweb.formats.negotiation import DICOM_XML
from storage.dicom.value_errors import UNREADABLE

log = structlog.get_logger(__name__)


def xml_answer(datasets: Iterable[JsonDataset], headers: Mapping[str, str]) -> Response:
    """Each data set as a part, written while it is sent."""
    writer = MultipartWriter(DICOM_XML)

    def parts() -> Iterator[bytes]:
        for elements in datasets:
            try:
                body = dataset_to_xml(elements)
            except UNREADABLE as error:
                # The answer has begun: the others still leave, and are not cut off.
                log.error("dataset_not_written", error=type(error).__name__)
                continue
            yield writer.part_header(DICOM_XML, len(body)) + body
        yield writer.end

    return StreamingResponse(parts(), media_type=writer.content_type, headers=dict(headers))
