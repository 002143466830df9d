"""Accession numbers of two issuers: each is another, however the issuer is written."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from storage.container import Storage
from storage.core.accession_issuers import (
    AccessionIssuer,
    issuer_in,
    issuer_of,
    issuer_of_system,
)
from storage.core.uids import derive_uid
from storage.dicom.accession_issuer import accession_issuer_of
from storage.dicom.part10 import read_header
from storage.fhircast.event_studies import ANYBODY, studies_named_in
from storage.fhircast.messages import checked_message
from storage.worklist.changed_meanwhile import ChangedMeanwhile
from storage.worklist.entities import WorklistItem
from storage.worklist.numbers import has_undecided
from tests.storage.instances import part10

OID = "1.2.276.0.7230010.99"
NORTH = AccessionIssuer("RIS Nord", f"urn:oid:{OID}")
SOUTH = AccessionIssuer("RIS Süd", "urn:oid:1.2.276.0.7230010.98")


def sequence_of(issuer: AccessionIssuer, *, undefined_length: bool = False) -> Sequence:
    item = Dataset()
    for keyword, value in issuer.in_attributes()["IssuerOfAccessionNumberSequence"][0].items():
        setattr(item, keyword, value)
    item.is_undefined_length_sequence_item = undefined_length
    made = Sequence([item])
    made.is_undefined_length = undefined_length
    return made


def image(study: str, issuer: AccessionIssuer | None, **attributes: object) -> bytes:
    issued = {} if issuer is None else {"IssuerOfAccessionNumberSequence": sequence_of(issuer)}
    return part10(study=study, AccessionNumber="4711", **issued, **attributes)


def order(storage: Storage, issuer: AccessionIssuer | None, **more: str) -> WorklistItem:
    issued = {} if issuer is None else issuer.in_attributes()
    attributes: dict[str, Any] = {
        "StudyInstanceUID": derive_uid("order", str(issuer), *more.values()),
        "AccessionNumber": "4711",
        "PatientID": "P1",
        "PatientName": "Müller^Jürgen",
        **issued,
        **more,
    }
    return storage.worklist.add(attributes, is_first=True)


@pytest.mark.parametrize(
    "syntax",
    [
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ],
)
@pytest.mark.parametrize("undefined_length", [False, True])
def test_the_issuer_is_read_in_every_encoding(syntax: UID, undefined_length: bool) -> None:
    encoded = part10(
        transfer_syntax_uid=syntax,
        IssuerOfAccessionNumberSequence=sequence_of(SOUTH, undefined_length=undefined_length),
    )
    header = read_header(encoded)
    assert accession_issuer_of(header) == SOUTH
    assert header.text("PatientID") == "P1"
    assert "IssuerOfAccessionNumberSequence" not in dict(header.attributes)


@pytest.mark.parametrize("raw", [b"\xfe\xff\x00\xe0\x08\0\0\0ABCDEFGH", b"nonsense", b""])
def test_an_issuer_that_cannot_be_read_is_none(raw: bytes) -> None:
    whole = image("broken", NORTH)
    at = whole.index(b"\x08\0\x51\0SQ\0\0")
    length = int.from_bytes(whole[at + 8 : at + 12], "little")
    broken = whole[: at + 8] + len(raw).to_bytes(4, "little") + raw + whole[at + 12 + length :]
    assert accession_issuer_of(read_header(broken)) == AccessionIssuer()


@pytest.mark.parametrize(
    ("one", "other", "is_other"),
    [
        (NORTH, SOUTH, True),
        (NORTH, AccessionIssuer(), False),
        (NORTH, AccessionIssuer("RIS Nord"), False),
        (NORTH, AccessionIssuer("RIS Süd"), True),
        (AccessionIssuer("RIS Nord"), AccessionIssuer(system=NORTH.system), False),
        # The identifier is unique in the world, the name is not.
        (NORTH, issuer_of("RIS Nord", OID + "1", "ISO"), True),
        (NORTH, issuer_of("North", OID, "ISO"), False),
        (NORTH, issuer_of("", OID), False),
        (NORTH, issuer_of_system(f"URN:OID:{OID}"), False),
        (issuer_of("", "ris.example.org", "DNS"), issuer_of_system("dns:RIS.example.org"), False),
        (issuer_of("", "https://ris/a", "URI"), issuer_of_system("https://ris/a"), False),
        (AccessionIssuer("A b"), issuer_of_system(AccessionIssuer("A b").fhir_system), False),
        (AccessionIssuer("A b"), issuer_of_system("urn:mediview:accession-number:B"), True),
    ],
)
def test_issuers_are_compared_by_what_both_state(
    one: AccessionIssuer, other: AccessionIssuer, is_other: bool
) -> None:
    assert one.is_other_than(other) is other.is_other_than(one) is is_other
    assert issuer_in(one.in_attributes()) == one


def test_an_order_is_of_the_study_whose_number_its_issuer_gave_out(storage: Storage) -> None:
    for name, issuer in (("north", NORTH), ("south", SOUTH), ("nobody", None)):
        storage.ingest.accept(image(name, issuer), "stow")
    stat = {"RequestedProcedurePriority": "STAT"}
    mine = order(storage, AccessionIssuer(system=NORTH.system), **stat)
    found = {
        name: storage.worklist.of_study(derive_uid("test", name), "4711")
        for name in ("north", "south", "nobody", "not here")
    }
    assert found == {"north": [mine], "south": [], "nobody": [mine], "not here": []}
    uids = [derive_uid("test", name) for name in ("north", "south", "nobody")]
    assert storage.urgencies.of_studies(uids) == dict(
        zip(uids, ("stat", "unreported", "stat"), strict=True)
    )


def test_each_issuer_orders_under_its_number_and_finds_its_own(storage: Storage) -> None:
    worklist = storage.worklist
    north, south = order(storage, NORTH), order(storage, SOUTH)
    for issuer in (NORTH, AccessionIssuer("RIS Nord"), AccessionIssuer(system=NORTH.system)):
        with pytest.raises(ChangedMeanwhile):
            order(storage, issuer, PatientSex="M")

    def meant(issuer: AccessionIssuer, **patient: str) -> WorklistItem | None:
        whose: Mapping[str, Any] = {"PatientID": "P1", **patient, **issuer.in_attributes()}
        return worklist.with_accession_number("4711", whose)

    assert meant(NORTH) == meant(AccessionIssuer("RIS Nord")) == north
    assert meant(SOUTH) == south
    assert meant(AccessionIssuer("RIS West")) is None
    assert meant(AccessionIssuer()) in (north, south)
    assert not has_undecided(storage.engine, "4711", NORTH)
    # An item cannot be given the number of another issuer that has its order.
    with pytest.raises(ChangedMeanwhile):
        worklist.change(south.worklist_item_id, attributes={**north.attributes})
    # Nor may its issuer be taken away: it could be the other's order then.
    unissued = {**south.attributes}
    del unissued["IssuerOfAccessionNumberSequence"]
    with pytest.raises(ChangedMeanwhile):
        worklist.change(south.worklist_item_id, attributes=unissued)
    by_name = {**unissued, **AccessionIssuer("RIS Süd").in_attributes()}
    worklist.change(south.worklist_item_id, attributes=by_name)
    worklist.remove(north.worklist_item_id)
    changed = worklist.change(south.worklist_item_id, attributes=unissued)
    assert not changed.accession_issuer


def test_an_event_of_another_issuers_number_is_about_no_study(storage: Storage) -> None:
    storage.ingest.accept(image("north", NORTH), "stow")

    def event(**identifier: Any) -> str:
        number = {"type": {"coding": [{"code": "ACSN"}]}, "value": "4711", **identifier}
        message = checked_message(
            {
                "timestamp": "2026-01-01T00:00:00Z",
                "id": "1",
                "event": {
                    "hub.topic": "t",
                    "hub.event": "imagingstudy-open",
                    "context": [
                        {
                            "key": "study",
                            "resource": {
                                "resourceType": "ImagingStudy",
                                "id": "s",
                                "identifier": [number],
                            },
                        }
                    ],
                },
            }
        )
        with storage.engine.connect() as connection:
            named = studies_named_in(connection, message)
            return named.audience(connection, ANYBODY).study_instance_uid

    uid = derive_uid("test", "north")
    assert event() == event(system=NORTH.system) == event(assigner={"display": "RIS Nord"}) == uid
    assert event(system=SOUTH.system) == event(assigner={"display": "RIS Süd"}) == ""
    assert event(system="urn:mediview:accession-number:%00") == uid


def test_of_two_orders_the_one_is_meant_whose_issuer_is_stated(storage: Storage) -> None:
    meant = order(storage, SOUTH)
    order(storage, AccessionIssuer("RIS Nord"))
    stated = AccessionIssuer(system=SOUTH.system).in_attributes()
    found = storage.worklist.with_accession_number("4711", {"PatientID": "P1", **stated})
    assert found is not None
    assert found.worklist_item_id == meant.worklist_item_id
