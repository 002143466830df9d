"""What peers answer to a C-FIND is bounded in time and in memory."""

import struct
import time
from collections.abc import Iterator
from io import BytesIO

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, evt, service_class
from pynetdicom.events import Event
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from dicom_node.archives.ae import AeArchive
from dicom_node.peers import Peer, PeerDidNotAnswer
from dicom_node.query import scu
from storage.settings import Settings
from tests.dicom_node.builders import identifier
from tests.services import free_port

ASKED = identifier({"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", "PatientName": ""})


@pytest.fixture(scope="module")
def talkative() -> Iterator[Peer]:
    """An archive of three studies that answers more of each than it was asked for."""

    def answer(event: Event) -> Iterator[tuple[int, Dataset]]:
        for number in range(3):
            study = Dataset()
            study.SpecificCharacterSet = "ISO_IR 144"
            study.StudyInstanceUID = f"1.2.3.{number}"
            study.PatientName = "Люксембург"
            study.PatientComments = "x" * 9000
            study.add_new(0x00091001, "OB", bytes(500_000))
            study.ReferencedStudySequence = [Dataset()]
            yield 0xFF00, study

    ae = AE("TALKATIVE")
    ae.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
    port = free_port()
    server = ae.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_FIND, answer)]
    )
    try:
        yield Peer("TALKATIVE", "127.0.0.1", port)
    finally:
        server.shutdown()


def test_only_what_was_asked_for_is_kept(talkative: Peer) -> None:
    answers = scu.find(talkative, "MEDIVIEW", ASKED, 10)
    assert answers.is_complete
    assert [one.StudyInstanceUID for one in answers.identifiers] == [
        "1.2.3.0",
        "1.2.3.1",
        "1.2.3.2",
    ]
    for one in answers.identifiers:
        assert str(one.PatientName) == "Люксембург"
        assert {element.keyword for element in one} == {
            "SpecificCharacterSet",
            "StudyInstanceUID",
            "PatientName",
        }


def test_answers_that_take_too_much_memory_are_cut_off(
    talkative: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scu, "_MOST_BYTES", 2500)
    with pytest.raises(PeerDidNotAnswer, match=r"TALKATIVE.* more than 2500 bytes") as cut:
        scu.find(talkative, "MEDIVIEW", ASKED, 10)
    assert "--match StudyDate=" in cut.value.remedy


def test_an_archive_that_takes_too_long_is_named_with_the_time_and_what_to_do(
    talkative: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scu, "_MOST_S", 0.0)
    with pytest.raises(PeerDidNotAnswer, match=r"TALKATIVE.* still answering .* after 0 s") as late:
        scu.find(talkative, "MEDIVIEW", ASKED, 10)
    assert "--match StudyDate=" in late.value.remedy


def answering(data: bytes, number: int) -> Iterator[Peer]:
    """An archive whose answers are these bytes."""

    def answer(_: Event) -> Iterator[tuple[int, BytesIO]]:
        for _ in range(number):
            yield 0xFF00, BytesIO(data)

    ae = AE("HOSTILE")
    ae.add_supported_context(StudyRootQueryRetrieveInformationModelFind, ImplicitVRLittleEndian)
    port = free_port()
    with pytest.MonkeyPatch.context() as patched:
        # pynetdicom would decode what it is to send.
        patched.setattr(service_class, "encode", lambda given, *_: given.getvalue())
        server = ae.start_server(
            ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_FIND, answer)]
        )
        try:
            yield Peer("HOSTILE", "127.0.0.1", port)
        finally:
            server.shutdown()


def element(tag: int, value: bytes) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


UID = element(0x0020000D, b"1.2.3.4 ")
EMPTY_ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
SEQUENCE = struct.pack("<HHI", 0x0040, 0x0275, 0xFFFFFFFF)
END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


@pytest.mark.parametrize(
    ("data", "number", "reason"),
    [
        (element(0x00100010, b"A\\" * 4_000_000) + UID, 3, "One answer has 8000024 bytes"),
        (element(0x00100010, b"A\\" * 400_000) + UID, 3, "more than 1000 values"),
        (element(0x00100010, b"A=" * 400_000) + UID, 3, "more than 1000 values"),
        (element(0x00080005, b"A\\" * 400_000) + UID, 3, "Specific Character Set has 800000"),
        (UID + SEQUENCE + EMPTY_ITEM * 100_000 + END, 3, "more than 10000 elements"),
        (element(0x00100010, b"A\\" * 900) + UID, 100, "more than 8388608 bytes"),
    ],
    ids=["long", "values", "groups", "character sets", "items", "together"],
)
def test_hostile_answers_are_refused_before_they_are_decoded(
    data: bytes, number: int, reason: str
) -> None:
    """Three of 8 MB took over a GB of the API, and went on when nobody waited any more."""
    for peer in answering(data, number):
        used_s = time.thread_time()
        with pytest.raises(PeerDidNotAnswer, match=f"HOSTILE.*{reason}"):
            AeArchive(peer, Settings()).studies({"PatientID": "1"}, 500)
        assert time.thread_time() - used_s < 2
