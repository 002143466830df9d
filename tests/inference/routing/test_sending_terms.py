"""A rule says when what it sends leaves, with which attributes and in which syntax."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import HTJ2KLossless, JPEG2000Lossless, JPEGLSLossless

from inference.deliveries.service import deliver_due
from inference.routing.rounds import RoutingRounds
from inference.routing.send import send_study
from inference.rules.file import read_rules
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from storage.deliveries.listing import DeliveryFilter, retry_now
from storage.peers.entities import KnownPeer
from tests.inference.deliveries.destinations.nodes import node
from tests.inference.orchestration import complete_series, receive
from tests.inference.routing.test_routing import ARCHIVE, files, round_of, rules, wanted
from tests.inference.small import changed, mr_series, mr_slice, study_uid
from tests.services import storescp


def _slices() -> list[bytes]:
    """Large enough for the levels of JPEG 2000."""
    return [mr_slice("a", number, rows=64, columns=80) for number in (1, 2, 3)]


COERCED = """
routing:
  - name: MR to the archive
    when: {Modality: MR}
    to: archive
    set: {InstitutionName: Krankenhaus München, StudyDescription: MR}
    remove: [AccessionNumber, PatientComments]
"""


def closed_now() -> str:
    """An hour of the day that is not now."""
    at = datetime.now().astimezone() + timedelta(hours=3)
    return f"{at:%H}:00-{at:%H}:30"


def at_night(storage: Storage, hours: str) -> None:
    rules(
        storage,
        "routing:\n  - name: at night\n    when: {Modality: MR}\n    to: archive\n"
        f'    hours: "{hours}"\n',
    )


def test_a_pacs_gets_other_attributes_and_the_original_ones_in_their_sequence(
    tmp_path: Path,
) -> None:
    with storescp(tmp_path) as pacs:
        peer = KnownPeer("archive", ae_title="STORESCP", host="127.0.0.1", port=pacs.port)
        with node(tmp_path, peer) as storage:
            rules(storage, COERCED + "    transfer_syntax: jpeg-2000-lossless\n")
            sent = [
                changed(one, AccessionNumber="A7", InstitutionName="St. Mary") for one in _slices()
            ]
            receive(storage, sent)
            complete_series(storage, "a", 0)
            assert round_of(storage) == 3
            assert deliver_due(storage, utcnow(), "sender") == 3
            got = [dcmread(path) for path in pacs.files()]
            stored = storage.index.instances_of(study_uid("a"), got[0].SeriesInstanceUID)
            assert storage.instances.dataset(stored[0]).InstitutionName == "St. Mary"
        first = got[0]
        assert {one.file_meta.TransferSyntaxUID for one in got} == {JPEG2000Lossless}
        assert (first.InstitutionName, first.StudyDescription) == ("Krankenhaus München", "MR")
        assert first.SpecificCharacterSet == "ISO_IR 192"
        assert first.AccessionNumber == "", "type 2 of the General Study module"
        (item,) = first.OriginalAttributesSequence
        (former,) = item.ModifiedAttributesSequence
        assert (former.AccessionNumber, former.InstitutionName) == ("A7", "St. Mary")
        assert former.StudyDescription in (None, ""), "it had none before"
        assert item.SourceOfPreviousValues == "TEST"
        assert item.ReasonForTheAttributeModification == "COERCE"
        assert item.ModifyingSystem.startswith("MediViewAI ")
        assert {one.SOPInstanceUID for one in got} == {
            dcmread(BytesIO(one)).SOPInstanceUID for one in sent
        }
        for one in got:
            (before,) = (dcmread(BytesIO(s)) for s in sent if one.SOPInstanceUID.encode() in s)
            assert np.array_equal(one.pixel_array, before.pixel_array)


@pytest.mark.parametrize(
    ("word", "syntax"), [("jpeg-ls-lossless", JPEGLSLossless), ("htj2k-lossless", HTJ2KLossless)]
)
def test_what_a_folder_got_is_proven_by_making_it_again(
    tmp_path: Path, word: str, syntax: str
) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        rules(storage, COERCED + f"    transfer_syntax: {word}\n")
        # The encoder of HTJ2K writes whole bytes.
        sent = [changed(one, BitsStored=16, HighBit=15) for one in mr_series("a", 2)]
        receive(storage, sent)
        complete_series(storage, "a", 0)
        assert round_of(storage) == 2
        assert deliver_due(storage, utcnow(), "sender") == 2
        assert {(one.state, one.note) for one in wanted(storage)} == {("CONFIRMED", "")}
        got = [dcmread(path) for path in files(storage)]
        assert {one.file_meta.TransferSyntaxUID for one in got} == {syntax}
        before = {str(dcmread(BytesIO(one)).SOPInstanceUID): one for one in sent}
        for one in got:
            original = dcmread(BytesIO(before[one.SOPInstanceUID]))
            assert np.array_equal(one.pixel_array, original.pixel_array)
        assert not list(storage.settings.data_dir.glob("leaving-*"))


def test_what_cannot_be_compressed_goes_as_it_is_and_says_so(tmp_path: Path) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        rules(storage, COERCED + "    transfer_syntax: jpeg-2000-lossless\n")
        odd = [changed(one, BitsStored=12, HighBit=15) for one in mr_series("a", 1)]
        receive(storage, odd)
        complete_series(storage, "a", 0)
        assert round_of(storage) == 1
        assert deliver_due(storage, utcnow(), "sender") == 1
        (delivery,) = wanted(storage)
        assert delivery.state == "CONFIRMED"
        assert delivery.note.startswith("It leaves as it is stored, in Explicit VR Little Endian")
        (file,) = files(storage)
        assert dcmread(file).InstitutionName == "Krankenhaus München"
        (route,) = storage.routing.routes_of(study_uid("a"))
        assert route.note == delivery.note


def test_it_waits_for_the_hours_and_says_until_when(tmp_path: Path) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        hours = closed_now()
        at_night(storage, hours)
        complete_series(storage, "a", 3)
        assert round_of(storage) == 3
        assert deliver_due(storage, utcnow(), "sender") == 0
        (route,) = storage.routing.routes_of(study_uid("a"))
        assert (route.waiting, route.failing, route.last_error) == (3, 0, "")
        assert route.waits_until is not None
        assert f"{route.waits_until.astimezone():%H:%M}" == hours[:5]
        assert route.note == f"The rule 'at night' sends in these hours: {hours}."
        # Pressing retry for everything leaves them where they are.
        assert retry_now(storage.engine, DeliveryFilter(destination="archive")) == 0
        storage.circuit_breakers.failed("archive", "silent", utcnow())
        storage.circuit_breakers.answered("archive", utcnow())
        assert deliver_due(storage, utcnow(), "sender") == 0
        assert deliver_due(storage, route.waits_until + timedelta(seconds=1), "sender") == 0, (
            "the sender asks the clock, too"
        )
        assert {one.attempts for one in wanted(storage)} == {0}
        assert send_study(storage, study_uid("a"), ["archive"]) == {"archive": 3}
        assert deliver_due(storage, utcnow(), "sender") == 3, "a person does not wait"


def test_other_hours_count_for_what_waits_already(tmp_path: Path) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        rounds = RoutingRounds(storage)
        at_night(storage, closed_now())
        complete_series(storage, "a", 2)
        assert rounds.round(utcnow()) == 2
        assert deliver_due(storage, utcnow(), "sender") == 0
        at_night(storage, "00:00-24:00")
        rounds.round(utcnow())
        assert deliver_due(storage, utcnow(), "sender") == 2
        assert {one.note for one in wanted(storage)} == {""}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("hours: 8-9", "is no time of the week"),
        ("hours: [20:00]", "put them in quotes"),
        ("set: {SOPInstanceUID: '1.2'}", "is not an attribute that a rule changes"),
        ("set: {PatientID: X}", "is not an attribute that a rule changes"),
        ("set: {InstitutionName: ''}", "1 to 64 are allowed"),
        ("set: {BodyPartExamined: chest}", "capital letters"),
        ("{set: {StudyID: A}, remove: StudyID}", "both set and removed"),
        ("transfer_syntax: jpeg-baseline", "explicit-little-endian"),
    ],
)
def test_what_a_rule_cannot_say_is_named(tmp_path: Path, line: str, sentence: str) -> None:
    path = tmp_path / "rules.yaml"
    body = line.strip("{}") if line.startswith("{") else line
    lines = body.split(", remove") if line.startswith("{") else [body]
    text = "\n    ".join([lines[0], *(f"remove{one}" for one in lines[1:])])
    path.write_text(f"routing:\n  - name: a\n    to: archive\n    {text}\n")
    with pytest.raises(InvalidRequest, match=sentence):
        read_rules(path)


def test_sent_again_it_is_the_same(tmp_path: Path) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        rules(storage, COERCED)
        complete_series(storage, "a", 1)
        round_of(storage)
        deliver_due(storage, utcnow(), "sender")
        (file,) = files(storage)
        before = file.read_bytes()
        file.unlink()
        send_study(storage, study_uid("a"), ["archive"])
        assert deliver_due(storage, datetime.now(UTC), "sender") == 1
        assert file.read_bytes() == before


def test_what_is_urgent_does_not_wait(tmp_path: Path) -> None:
    with node(tmp_path, ARCHIVE) as storage:
        rules(
            storage,
            "routing:\n  - name: at night\n    to: archive\n"
            f'    hours: "{closed_now()}"\n'
            "priority:\n  - name: emergency\n    when: {SendingApplicationEntityTitle: TEST}\n"
            "    priority: STAT\n",
        )
        complete_series(storage, "a", 1)
        assert round_of(storage) == 1
        assert deliver_due(storage, utcnow(), "sender") == 1
