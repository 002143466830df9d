"""What peers answer to a C-FIND is bounded in time and in memory."""

from collections.abc import Iterator

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.events import Event
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from dicom_node.peers import Peer, PeerDidNotAnswer
from dicom_node.query import scu
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
