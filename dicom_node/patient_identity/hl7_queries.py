"""PIX (ITI-9: QBP^Q23) and PDQ (ITI-21: QBP^Q22) by HL7 v2 over MLLP."""

import ssl
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from dicom_node.hl7.framing import FramingError, exchange
from dicom_node.hl7.patients import demographics, identifiers
from dicom_node.hl7.reading import Message, Refused, read_header
from dicom_node.hl7.writing import components, escaped, segment, timestamp
from dicom_node.network.tls import tls_words
from dicom_node.patient_identity.entities import MOST_IDS, MOST_PATIENTS, FoundPatient, Traits
from dicom_node.patient_identity.issuers import Issuers
from dicom_node.peers import PeerFailed
from storage.core.clock import utcnow
from storage.patient_identity.entities import Demographics, PatientKey

_UNKNOWN_KEY = "204"
"""HL7 table 0357: the manager does not know the ID (ITI TF-2 3.9.4.2.2, case 3)."""
_OF_AUTHORITY = "4"
"""ERR-2.5: the component of the ID that names its issuer (case 4)."""


@dataclass(frozen=True)
class Hl7System:
    """`application`: MSH-5 and MSH-6 of that system, joined by ^; `sender`: MSH-3 and MSH-4."""

    address: tuple[str, int]
    tls: ssl.SSLContext | None
    timeout_s: float
    sender: tuple[str, str]
    application: str
    issuers: Issuers

    def ids_of(self, key: PatientKey) -> tuple[PatientKey, ...]:
        answer = self._ask("Q23", "IHE PIX Query", self._cx(key), limit="")
        if answer is None:
            return (key,)
        found = [key]
        for patient in _patients(answer):
            found += self._keys(patient)
        return tuple(islice(dict.fromkeys(found), MOST_IDS))

    def find(self, traits: Traits) -> list[FoundPatient]:
        answer = self._ask("Q22", "IHE PDQ Query", self._parameters(traits), f"{MOST_PATIENTS}^RD")
        if answer is None:
            return []
        return [
            FoundPatient(
                tuple(islice(self._keys(one), MOST_IDS)),
                stated.patient_name or "",
                stated.patient_birth_date or "",
                stated.patient_sex or "",
            )
            for one in islice(_patients(answer), MOST_PATIENTS)
            for stated in _readable(one)
        ]

    def _keys(self, patient: Message) -> Iterator[PatientKey]:
        with suppress(Refused):
            for one in identifiers(patient, "PID-3"):
                if one.issuer_of_patient_id:
                    yield self.issuers.named(one)

    def _cx(self, key: PatientKey) -> str:
        return f"{components(key.patient_id)}^^^{self._authority(key.issuer_of_patient_id, '&')}"

    def _authority(self, issuer: str, separator: str) -> str:
        oid = self.issuers.oid_of(issuer)
        parts = [escaped(issuer), oid, "ISO" if oid else ""]
        return separator.join(parts).rstrip(separator)

    def _parameters(self, traits: Traits) -> str:
        asked = {
            "PID.3.1": traits.patient_id,
            "PID.3.4.1": traits.issuer_of_patient_id,
            "PID.3.4.2": self.issuers.oid_of(traits.issuer_of_patient_id),
            "PID.5.1.1": traits.family_name,
            "PID.5.2": traits.given_name,
            "PID.7": traits.patient_birth_date,
            "PID.8": traits.patient_sex,
        }
        return "~".join(f"@{place}^{escaped(value)}" for place, value in asked.items() if value)

    def _ask(self, event: str, name: str, parameters: str, limit: str) -> Message | None:
        """The answer; None where the system does not know whom it is asked for."""
        control_id = uuid.uuid4().hex[:20].upper()
        application, _, facility = self.application.partition("^")
        header = [
            "^~\\&",
            *map(escaped, (*self.sender, application, facility)),
            timestamp(utcnow()),
            "",
            f"QBP^{event}^QBP_Q21",
            control_id,
            "P",
            "2.5",
            *[""] * 5,
            "UNICODE UTF-8",
        ]
        segments = [
            segment("MSH", header),
            segment("QPD", [f"{name}", control_id, parameters]),
            segment("RCP", ["I", limit]),
        ]
        return _judged(self._exchange("\r".join(segments) + "\r"), control_id)

    def _exchange(self, message: str) -> Message:
        host = f"{self.address[0]}:{self.address[1]}"
        try:
            raw = exchange(self.address, message.encode(), self.timeout_s, self.tls)
            return Message(read_header(raw), raw)
        except TimeoutError as error:
            raise PeerFailed(f"{host} gave no answer within {self.timeout_s:g} s.") from error
        except OSError as error:
            raise PeerFailed(
                f"{host} cannot be reached: {tls_words(error)}.",
                remedy="Check the address and the network.",
            ) from error
        except (FramingError, Refused) as error:
            raise PeerFailed(f"{host} gave an answer that is no HL7 message.") from error


def _judged(answer: Message, control_id: str) -> Message | None:
    """Raises PeerFailed; its words are not repeated, they may name somebody."""
    if answer.field("MSA-2") != control_id:
        raise PeerFailed("The answer is to another question.")
    code, status = answer.field("MSA-1"), answer.field("QAK-2")
    if answer.field("ERR-3") == _UNKNOWN_KEY and answer.field("ERR-2", 5) == _OF_AUTHORITY:
        raise PeerFailed(
            "The system does not know who issued the patient ID.",
            remedy="Check MEDIVIEW_PATIENT_ID_ISSUER and MEDIVIEW_FHIR_ORDER_PATIENT_SYSTEMS.",
        )
    if answer.field("ERR-3") == _UNKNOWN_KEY or status == "NF":
        return None
    if code not in ("AA", "CA") or status not in ("OK", ""):
        # ERR-3 and codes are of tables, not of a person; what is none may be anything.
        shown = f"{code[:2]}, {status[:2]}" if (code + status).isalpha() else "no known code"
        raise PeerFailed(
            f"The system did not answer the question ({shown}).",
            remedy="Check MEDIVIEW_PATIENT_ID_ISSUER and the name under which it knows the node.",
        )
    return answer


def _patients(answer: Message) -> Iterator[Message]:
    return answer.groups("PID")


def _readable(patient: Message) -> Sequence[Demographics]:
    """One that DICOM could not hold is none to choose."""
    with suppress(Refused):
        return [demographics(patient)]
    return []
