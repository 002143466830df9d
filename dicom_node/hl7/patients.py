"""Patients by ADT: registered, corrected, merged (IHE RAD-12, ITI-8 and ITI-30)."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from dicom_node.hl7.reading import Message, Refused
from dicom_node.hl7.values import birth_date, checked, event_time, person_name
from storage.core.errors import StateConflict
from storage.core.patient_sex import sex_of
from storage.patient_identity.entities import Demographics, Origin, PatientKey, Statement
from storage.patient_identity.repository import PatientChanges

_REGISTERED = frozenset({"A01", "A04", "A05", "A28"})
_CORRECTED = frozenset({"A08", "A31"})
_MERGED = frozenset({"A18", "A34", "A40", "A47"})
"""Each leads from the ID of MRG-1 to that of PID-3; A47 gives a patient another ID."""
TRIGGERS = _REGISTERED | _CORRECTED | _MERGED
OF_VISITS = frozenset({"A02", "A03", "A06", "A07", "A11", "A12", "A13", "A38"})
"""Transfer, discharge, another class, and what cancels a visit (IHE RAD-1, RAD-12): the images stay
whose they are."""
_PLACES = {"PatientName": "PID-5", "PatientBirthDate": "PID-7", "PatientSex": "PID-8"}
_MOST_PATIENTS = 10
"""Of a message: nothing else is written while all of them are recorded at once."""


def take_adt(
    changes: PatientChanges, message: Message, site_issuer: str, now: datetime
) -> tuple[str, tuple[str, ...]]:
    """Record what a message states of patients; what became of it, and the patient IDs in it.

    Raises Refused, also for what contradicts a change in force; nothing of the message counts then.
    """
    statements = list(islice(_statements(message, site_issuer), _MOST_PATIENTS + 1))
    if not statements:
        raise Refused("AE", "100", "The message has no PID.", "PID")
    if len(statements) > _MOST_PATIENTS:
        raise Refused(
            "AE",
            "102",
            f"The message is about more than {_MOST_PATIENTS} patients. Send several messages.",
            "PID",
        )
    origin = origin_of(message)
    patient_ids = tuple(
        dict.fromkeys(
            key.patient_id for one in statements for key in (one.prior, one.key) if key is not None
        )
    )
    try:
        recorded = changes.record(statements, origin, now)
    except StateConflict as error:
        raise Refused("AE", "204", f"{error.message} {error.remedy}", "PID-3") from error
    if recorded is None:
        return "known", patient_ids
    if not recorded.change_ids:
        return "nothing new", patient_ids
    return f"{len(recorded.study_instance_uids)} studies changed", patient_ids


def origin_of(message: Message) -> Origin:
    header = message.header
    return Origin(
        stated_by=f"HL7 {header.sending_application}".strip(),
        sender=f"{header.sending_application}^{header.sending_facility}",
        control_id=header.control_id,
        message_digest=hashlib.sha256(message.content.encode()).hexdigest(),
        trigger_event=header.trigger_event,
        event_at=event_time(message),
    )


def _statements(message: Message, site_issuer: str) -> Iterator[Statement]:
    """One for each PID; A40 may have several."""
    is_merge = message.header.trigger_event in _MERGED
    for group in message.groups("PID"):
        keys = list(identifiers(group, "PID-3"))
        if not keys:
            raise Refused("AE", "101", "PID-3 is empty.", "PID-3")
        stated = demographics(group)
        if stated.patient_name is None:
            raise Refused("AE", "101", "PID-5 is empty.", "PID-5")
        prior, key = None, of_issuer(keys, site_issuer)
        if is_merge:
            prior, key = _pair(list(identifiers(group, "MRG-1")), keys, site_issuer)
        yield Statement(
            "merge" if is_merge else "demographics",
            key,
            stated,
            prior,
            site_issuer=site_issuer,
            corrects=message.header.trigger_event not in _REGISTERED,
            prior_name=person_name(group, "MRG-7"),
        )


def identifiers(message: Message, place: str) -> Iterator[PatientKey]:
    """All that have an ID: CX-1, and of CX-4 the namespace or else the universal ID."""
    for number in range(1, message.repetitions(place) + 1):
        patient_id = message.field(place, repetition=number)
        issuer = message.field(place, 4, repetition=number) or message.field(
            place, 4, 2, repetition=number
        )
        if patient_id:
            stated = {"PatientID": patient_id, "IssuerOfPatientID": issuer}
            values = checked(stated, dict.fromkeys(stated, place), message)
            yield PatientKey(values["PatientID"], values.get("IssuerOfPatientID", ""))


def of_issuer(keys: list[PatientKey], issuer: str) -> PatientKey:
    """The ID that the site's images have, where the setting names its issuer; else the first."""
    named = (one for one in keys if issuer and one.issuer_of_patient_id == issuer)
    return next(named, keys[0])


def _pair(
    prior: list[PatientKey], keys: list[PatientKey], site_issuer: str
) -> tuple[PatientKey, PatientKey]:
    """The prior ID and the one that survives, of one issuer where there are both."""
    if not prior:
        raise Refused("AE", "101", "MRG-1 is empty.", "MRG-1")
    before = of_issuer(prior, site_issuer)
    issuer = before.issuer_of_patient_id or site_issuer
    alike = [one for one in keys if (one.issuer_of_patient_id or site_issuer) == issuer]
    if not alike and (issuer or len(keys) > 1):
        raise Refused(
            "AE",
            "204",
            "PID-3 has no ID of the issuer whose ID in MRG-1 is to be merged.",
            "PID-3",
        )
    return before, (alike or keys)[0]


def demographics(message: Message) -> Demographics:
    """What is empty is not stated; an unknown sex (table 0001: U) neither."""
    stated = checked(
        {
            "PatientName": person_name(message, "PID-5"),
            "PatientBirthDate": birth_date(message),
            "PatientSex": sex_of(message.field("PID-8")),
        },
        _PLACES,
        message,
    )
    return Demographics(
        stated.get("PatientName"), stated.get("PatientBirthDate"), stated.get("PatientSex")
    )
