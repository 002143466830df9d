"""Studies and patients of another group, as other systems write their identifiers."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.event import listen, remove

from storage import tables as t
from storage.access_groups.entities import Member
from storage.access_groups.visibility import visibility_of
from storage.core.callers.identity import Identity
from storage.core.callers.visibility import Caller, Visibility, limited_to
from storage.core.clock import utcnow
from storage.db.engine import reading
from storage.fhircast.messages import checked_message
from tests.api.access_groups.two_groups import TwoHospitals, two_hospitals
from tests.api.fhircast.peers import ACSN, PATIENT, Json, event, opened, study

UNKNOWN = "2.25.99"


@pytest.fixture(scope="module")
def hospitals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoHospitals]:
    with two_hospitals(tmp_path_factory.mktemp("groups")) as two:
        yield two


class Desk:
    """A topic, in which systems announce and read as members of groups."""

    def __init__(self, hospitals: TwoHospitals, name: str) -> None:
        self.hospitals = hospitals
        self.events = hospitals.storage.fhircast_events
        self.topic = hospitals.storage.fhircast_topics.of(
            Identity("account", name, name), utcnow()
        ).topic

    def of(self, *groups: str) -> Visibility | None:
        """What a system of these groups may see; of none: everything."""
        if not groups:
            return None
        key_id = "k-" + "-".join(groups)
        for one in groups:
            self.hospitals.storage.access_groups.add_member(one, Member("key", key_id))
        return visibility_of(self.hospitals.storage.engine, Caller("key", key_id))

    def announce(self, message: Json, *groups: str) -> None:
        with limited_to(self.of(*groups)):
            self.events.announce(checked_message(message), utcnow(), by=f"key:{message['id']}")

    def is_shown(self, message: Json, *groups: str) -> bool:
        """As an event; and in the current context the same."""
        with limited_to(self.of(*groups)):
            events = [one.message.event_id for one in self.events.since(self.topic, 0)]
            contexts = [one.opened.event_id for one in self.events.contexts(self.topic)]
        is_event = message["id"] in events
        assert "-open" not in message["event"]["hub.event"] or is_event == (
            message["id"] in contexts
        )
        return is_event


def forms(topic: str, hospitals: TwoHospitals) -> dict[str, Json]:
    south = hospitals.south
    uid = south.study_instance_uid
    ours = hospitals.storage.index.study(uid)
    born = ours.patient_birth_date
    with reading(hospitals.storage.engine) as connection:
        series_uid = connection.execute(
            select(t.series.c.series_instance_uid)
            .join(t.study, t.study.c.id == t.series.c.study_fk)
            .where(t.study.c.study_instance_uid == uid)
        ).scalars().first()  # fmt: skip

    def of_study(*identifiers: Json, **more: Any) -> Json:
        shown = {
            "resourceType": "ImagingStudy",
            "id": "s1",
            "identifier": [*identifiers],
            "description": "Thorax",
        }
        return event(topic, "ImagingStudy-open", ("study", shown | more))

    def of_patients(*patients: Json) -> Json:
        named = [{"resourceType": "Patient", "id": "p1"} | one for one in patients]
        return event(topic, "Patient-open", *(("patient", one) for one in named))

    def of_report(**more: Any) -> Json:
        report = {"resourceType": "DiagnosticReport", "id": "r1", "conclusion": "Embolism"}
        return event(topic, "DiagnosticReport-open", ("report", report | more))

    dicom = "urn:dicom:uid"
    by_reference = of_study()
    by_reference["event"]["context"] = [
        {"key": "study", "reference": {"reference": f"http://node/fhir/ImagingStudy/{uid}"}}
    ]
    in_capitals = of_study()
    in_capitals["event"]["context"].append(
        {"key": " Study", "resource": {"resourceType": "ImagingStudy", "id": uid}}
    )
    beside = opened(topic, UNKNOWN)
    beside["event"]["study"] = study(uid)
    return {
        "padded": of_study({"system": dicom, "value": f"urn:oid:{uid} "}),
        "padded before": of_study({"system": dicom, "value": f" urn:oid:{uid}"}),
        "padded by NUL": of_study({"system": dicom, "value": f"urn:oid:{uid}\0"}),
        "another system": of_study({"system": "urn:ietf:rfc:3986", "value": f"URN:OID:{uid}"}),
        "no system": of_study({"value": f"urn:oid:{uid}"}),
        "bare": of_study({"value": uid}),
        "its id": of_study(id=uid),
        "reference by URL": by_reference,
        "series": of_study(series=[{"uid": series_uid}]),
        "accession number, untyped": of_study({"value": f"{ours.accession_number} "}),
        "number of its order": of_study(
            basedOn=[{"identifier": {"type": ACSN, "value": ours.accession_number}}]
        ),
        "ordered alone": of_study({"value": f"urn:oid:{south.ids['planned_study_instance_uid']}"}),
        "its patient": of_study(subject={"identifier": {"value": south.patient_id}}),
        "contained patient": of_study(
            contained=[{"resourceType": "Patient", "identifier": [{"value": south.patient_id}]}]
        ),
        "key in capitals": in_capitals,
        "beside the context": beside,
        "report of the study": of_report(imagingStudy=[{"reference": f"ImagingStudy/{uid}"}]),
        "the node's report": of_report(id=south.ids["report_id"]),
        "patient by id": of_patients({"id": south.patient_id}),
        "patient as CX": of_patients({"identifier": [{"value": f"{south.patient_id}^^^CLINIC"}]}),
        "second patient": of_patients({}, {"identifier": [{"value": south.patient_id}]}),
        "patient of a month": of_patients(
            {"identifier": [{"value": south.patient_id}], "birthDate": f"{born[:4]}-{born[4:6]}"}
        ),
        "patient of a URL": of_patients(
            {"identifier": [{"value": f"https://ehr.example/Patient/{south.patient_id}?a=1"}]}
        ),
    }


def test_a_study_of_another_group_is_found_in_whatever_form_it_is_named(
    hospitals: TwoHospitals,
) -> None:
    desk = Desk(hospitals, "abe")
    for number, (form, message) in enumerate(forms(desk.topic, hospitals).items()):
        # So many in ten seconds are of several desks.
        if number % 20 == 0:
            desk = Desk(hospitals, f"abe{number}")
        message["event"]["hub.topic"] = desk.topic
        desk.announce(message)
        assert not desk.is_shown(message, "North"), form
        assert desk.is_shown(message), form
        # Of one that is here nothing but the study decides.
        is_several = form in ("second patient", "key in capitals")
        assert desk.is_shown(message, "South") == (not is_several), form


def test_what_the_node_cannot_place_goes_to_those_with_all_groups_of_the_announcer(
    hospitals: TwoHospitals,
) -> None:
    desk = Desk(hospitals, "bea")
    for announcer, shown, hidden in (
        (("North",), [("North",), ("North", "South"), ()], [("South",)]),
        (("North", "South"), [("North", "South"), ()], [("North",), ("South",)]),
        ((), [()], [("North",), ("North", "South")]),
    ):
        message = opened(desk.topic, UNKNOWN)
        desk.announce(message, *announcer)
        assert all(desk.is_shown(message, *one) for one in shown), announcer
        assert not any(desk.is_shown(message, *one) for one in hidden), announcer
        # It is closed for the same.
        closed = event(desk.topic, "ImagingStudy-close", ("study", {"id": "e25c1d31"}))
        closed["event"]["context"][0]["resource"]["resourceType"] = "ImagingStudy"
        desk.announce(closed, "North")
        assert all(desk.is_shown(closed, *one) for one in shown), announcer
        assert not any(desk.is_shown(closed, *one) for one in hidden), announcer


def test_patients_and_numbers_of_two_hospitals_that_are_alike_are_those_of_the_study(
    hospitals: TwoHospitals,
) -> None:
    desk = Desk(hospitals, "cal")
    north = hospitals.north.study_instance_uid
    message = opened(desk.topic, north)
    message["event"]["context"][1]["resource"] = PATIENT | {
        "identifier": [{"value": hospitals.north.patient_id}]
    }
    desk.announce(message)
    assert desk.is_shown(message, "North")
    assert not desk.is_shown(message, "South")
    # A patient of the other hospital beside it is judged, too.
    message = json.loads(json.dumps(message))
    message["id"] = "two"
    message["event"]["context"].append(
        {
            "key": "patient",
            "resource": {
                "resourceType": "Patient",
                "id": "p2",
                "identifier": [{"value": hospitals.south.patient_id}],
            },
        }
    )
    desk.announce(message)
    for group in ("North", "South"):
        assert not desk.is_shown(message, group)
    assert desk.is_shown(message)


def test_what_is_shared_within_a_context_narrows_it(hospitals: TwoHospitals) -> None:
    desk = Desk(hospitals, "dot")
    report = {"resourceType": "DiagnosticReport", "id": "r9", "status": "unknown"}
    north = study(hospitals.north.study_instance_uid)
    message = event(desk.topic, "DiagnosticReport-open", ("report", report), ("study", north))
    desk.announce(message)
    assert desk.is_shown(message, "North")
    with limited_to(None):
        version = desk.events.contexts(desk.topic)[-1].version_id
    observation = {
        "resourceType": "Observation",
        "id": "o1",
        "derivedFrom": [{"reference": f"ImagingStudy/{hospitals.south.study_instance_uid}"}],
    }
    entry = {"request": {"method": "PUT"}, "resource": observation}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    update = event(
        desk.topic,
        "DiagnosticReport-update",
        ("report", report),
        ("updates", bundle),
        **{"context.versionId": version},
    )
    desk.announce(update, "North", "South")
    assert desk.is_shown(update)
    assert not desk.is_shown(update, "North")
    with limited_to(desk.of("North")):
        assert desk.events.contexts(desk.topic) == []


def test_an_event_of_thousands_of_identifiers_is_for_those_who_see_everything(
    hospitals: TwoHospitals,
) -> None:
    desk = Desk(hospitals, "eve")
    series = [{"uid": f"2.25.{number}"} for number in range(4100)]
    message = event(desk.topic, "ImagingStudy-open", ("study", study(UNKNOWN) | {"series": series}))
    desk.announce(message, "North")
    assert desk.is_shown(message)
    assert not desk.is_shown(message, "North")


def test_a_report_of_hundreds_of_studies_and_patients_asks_the_database_a_few_questions(
    hospitals: TwoHospitals,
) -> None:
    desk = Desk(hospitals, "fay")
    south = hospitals.south
    known = hospitals.storage.index.study(south.study_instance_uid).accession_number
    studies = [
        {"identifier": {"type": ACSN, "value": known if number == 700 else f"A{number}"}}
        for number in range(900)
    ]
    people = [{"identifier": {"value": f"P{number}"}} for number in range(400)]
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r1",
        "imagingStudy": studies,
        "performer": [{"patient": one} for one in people],
        "subject": {"identifier": {"value": south.patient_id}, "birthDate": "1899"},
    }
    message = event(desk.topic, "DiagnosticReport-open", ("report", report))
    asked: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    listen(hospitals.storage.engine, "before_cursor_execute", note)
    desk.announce(message)
    remove(hospitals.storage.engine, "before_cursor_execute", note)
    assert len(asked) < 40, len(asked)
    # The database is locked for writing from there on.
    first = next(number for number, one in enumerate(asked) if one.startswith("DELETE"))
    assert not any("FROM study" in one or "FROM patient" in one for one in asked[first:])
    assert desk.is_shown(message)
    assert not desk.is_shown(message, "North")
