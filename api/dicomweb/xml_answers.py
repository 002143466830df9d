"""Search results and metadata as XML, a part for each data set (PS3.18 8.7.3.2)."""

from collections.abc import Iterable, Iterator, Mapping

from fastapi import Response
from fastapi.responses import StreamingResponse

from api.dicomweb.dicom_json import JsonDataset
from api.dicomweb.multipart import MultipartWriter
from api.dicomweb.native_xml import dataset_to_xml
from api.dicomweb.negotiation import DICOM_XML


def xml_answer(datasets: Iterable[JsonDataset], headers: Mapping[str, str]) -> Response:
    """Each data set as a part, written while it is sent."""
    writer = MultipartWriter(DICOM_XML)

    def parts() -> Iterator[bytes]:
        for elements in datasets:
            body = dataset_to_xml(elements)
            yield writer.part_header(DICOM_XML, len(body)) + body
        yield writer.end

    return StreamingResponse(parts(), media_type=writer.content_type, headers=dict(headers))
