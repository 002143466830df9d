"""What reads bytes of strangers, each as a function of the bytes alone.

A target swallows the refusals that its reader promises; whatever else it raises is a finding.
The first byte or two choose how the rest is given, so that a fuzzer can vary that, too.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import parse_qsl

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from api.dicomweb.formats.multipart import Headers, MultipartReader
from api.dicomweb.formats.native_xml import xml_to_dataset
from api.dicomweb.search.query_parameters import parse_search
from api.ups.body import parse_attributes
from dicom_node.hl7.accession_numbers import number_of
from dicom_node.hl7.orders import attributes_of
from dicom_node.hl7.reading import Message, Refused
from dicom_node.hl7.reading import read_header as read_hl7_header
from dicom_node.network.associate_request import plain_request
from dicom_node.network.command_set import MalformedCommand, decode_command
from dicom_node.network.data_sets import decode_data_set
from dicom_node.network.pdu import MalformedPdu, PduReader, PduType, PeerClosed
from storage.core.clock import utcnow
from storage.core.errors import InvalidInstance, InvalidRequest, LimitExceeded
from storage.dicom.part10 import read_dataset_header, read_header
from storage.ups.refusals import WorkitemRefused
from storage.ups.validation import created
from tests.fuzz.bodies import (
    fhir_order,
    fhir_subscription,
    fhircast_message,
    model_card,
    report_template,
    request_body,
    rules_yaml,
)

_SYNTAXES = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
_PDU_LIMIT = 64 * 1024


@contextmanager
def _quiet() -> Iterator[None]:
    """pydicom warns of odd values; only what it raises is a finding."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def part10(data: bytes) -> None:
    """A file of an upload, of STOW-RS or of a ZIP archive."""
    with _quiet(), suppress(InvalidInstance, LimitExceeded):
        dict(read_header(data).attributes)


def data_set(data: bytes) -> None:
    """The data set of a C-STORE, and of any other message."""
    syntax = _SYNTAXES[data[0] % len(_SYNTAXES)] if data else _SYNTAXES[0]
    with _quiet(), suppress(InvalidInstance, LimitExceeded):
        dict(read_dataset_header(b"", syntax, data[1:]).attributes)
    with suppress(InvalidRequest, LimitExceeded):
        decode_data_set(data[1:], syntax)


def command_set(data: bytes) -> None:
    with suppress(MalformedCommand):
        decode_command(data)


def pdus(data: bytes) -> None:
    """Both kinds of walk over a connection's bytes, which come in pieces of any size."""
    rest, step = memoryview(data[1:]), 1 + (data[0] if data else 0)

    def receive_into(view: memoryview) -> int:
        nonlocal rest
        count = min(len(view), len(rest), step)
        view[:count] = rest[:count]
        rest = rest[count:]
        return count

    reader = PduReader(receive_into, capacity=256)
    with suppress(MalformedPdu, PeerClosed):
        while True:
            kind, length = reader.header()
            if kind != PduType.DATA:
                reader.body(length, _PDU_LIMIT)
                continue
            for fragment in reader.fragments(length):
                reader.skip(fragment.length)


def associate_request(data: bytes) -> None:
    """What a peer says first, before pynetdicom decodes it."""
    with suppress(MalformedPdu):
        plain = plain_request(data)
        assert plain_request(plain) == plain


class _Part:
    def __init__(self) -> None:
        self.size = 0

    def write(self, data: memoryview, /) -> None:
        self.size += len(data)

    def close(self) -> None:
        pass


def multipart(data: bytes) -> None:
    """A body of STOW-RS, which comes in pieces of any size."""
    step = 1 + (data[0] if data else 0)

    def open_part(headers: Headers) -> _Part:
        return _Part()

    reader: MultipartReader[_Part] = MultipartReader("b", open_part)
    with suppress(InvalidRequest, LimitExceeded):
        for start in range(1, len(data), step):
            for part in reader.feed(data[start : start + step]):
                assert part.size <= len(data)
    reader.close()


def hl7(data: bytes) -> None:
    with suppress(Refused):
        message = Message(read_hl7_header(data), data)
        attributes_of(message, number_of(message))


def workitem_json(data: bytes) -> None:
    with suppress(InvalidRequest, LimitExceeded, WorkitemRefused):
        created("2.25.1", parse_attributes(data), utcnow())


def metadata_xml(data: bytes) -> None:
    with suppress(InvalidRequest, LimitExceeded):
        xml_to_dataset(data)


def query(data: bytes) -> None:
    """The query of QIDO-RS, as the server gives it on."""
    with suppress(InvalidRequest, LimitExceeded):
        parse_search(parse_qsl(data.decode("utf-8", "replace"), keep_blank_values=True))


TARGETS: dict[str, Callable[[bytes], None]] = {
    one.__name__: one
    for one in (
        part10,
        data_set,
        command_set,
        pdus,
        associate_request,
        multipart,
        hl7,
        workitem_json,
        metadata_xml,
        query,
        request_body,
        fhir_order,
        fhir_subscription,
        fhircast_message,
        rules_yaml,
        report_template,
        model_card,
    )
}


if __name__ == "__main__":
    print(*TARGETS)
