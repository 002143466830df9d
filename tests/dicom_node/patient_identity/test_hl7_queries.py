"""Questions by HL7 v2 to a foreign system, which reads them by another library."""

import pytest

from dicom_node.patient_identity.entities import FoundPatient, Traits
from dicom_node.patient_identity.systems import cross_reference_manager, demographics_supplier
from dicom_node.peers import PeerFailed
from storage.core.errors import InvalidRequest
from storage.patient_identity.entities import PatientKey
from storage.settings import Settings
from tests.dicom_node.hl7.mllp import parsed, system
from tests.dicom_node.patient_identity.manager import answered

OURS = PatientKey("4711", "HOSPITAL")
SYSTEMS = "HOSPITAL=urn:oid:1.2.276.0.1,CLINIC=urn:oid:1.2.276.0.2"


def settings(port: int, **changes: str) -> Settings:
    return Settings(
        pix_url=f"mllp://127.0.0.1:{port}",
        pdq_url=f"mllp://127.0.0.1:{port}",
        pix_application="MPI^REGION",
        pdq_application="MPI^REGION",
        fhir_order_patient_systems=SYSTEMS,  # type: ignore[arg-type]
        hl7_timeout_s=5,
        **changes,  # type: ignore[arg-type]
    )


def test_all_ids_of_a_patient_come_by_the_names_of_their_issuers() -> None:
    ids = "4711^^^HOSPITAL&1.2.276.0.1&ISO^PI~K-9^^^&1.2.276.0.2&ISO~X^^^~Z-1^^^INSURER"

    def answer(question: bytes) -> bytes:
        return answered(question, "K23", "OK", f"PID|||{ids}|| ")

    with system(answer) as (port, taken):
        found = cross_reference_manager(settings(port)).ids_of(OURS)
    # An ID without an issuer could be anybody's.
    assert found == (OURS, PatientKey("K-9", "CLINIC"), PatientKey("Z-1", "INSURER"))
    asked = parsed(taken[0])
    assert asked.msh.msh_9.value == "QBP^Q23^QBP_Q21"
    assert (asked.msh.msh_5.value, asked.msh.msh_6.value) == ("MPI", "REGION")
    assert asked.qpd.qpd_1.value == "IHE PIX Query"
    assert taken[0].decode().split("\r")[1].split("|")[3] == "4711^^^HOSPITAL&1.2.276.0.1&ISO"
    assert asked.rcp.rcp_1.value == "I"


@pytest.mark.parametrize("error", [(), ("ERR||QPD^1^3^1^1|204^Unknown Key Identifier^HL70357|E",)])
def test_a_patient_whom_nobody_knows_has_her_own_id_alone(error: tuple[str, ...]) -> None:
    def answer(question: bytes) -> bytes:
        return answered(
            question, "K23", "AE" if error else "NF", *error, code="AE" if error else "AA"
        )

    with system(answer) as (port, _):
        assert cross_reference_manager(settings(port)).ids_of(OURS) == (OURS,)


def test_patients_are_looked_up_by_what_is_stated() -> None:
    anna = "PID|1||4711^^^HOSPITAL~K-9^^^CLINIC||Müller^Änne^M^Jr^Dr||19700131|F"
    unfit = "PID|2||4712^^^HOSPITAL||Other^One||31.01.1970|F"

    def answer(question: bytes) -> bytes:
        return answered(question, "K22", "OK", anna, unfit)

    traits = Traits(family_name="Mül|ler", given_name="Änne", patient_birth_date="19700131")
    with system(answer) as (port, taken):
        found = demographics_supplier(settings(port)).find(traits)
    keys = (OURS, PatientKey("K-9", "CLINIC"))
    assert found == [FoundPatient(keys, "Müller^Änne^M^Dr^Jr", "19700131", "F")]
    asked = parsed(taken[0])
    assert asked.qpd.qpd_1.value == "IHE PDQ Query"
    stated = taken[0].decode().split("\r")[1].split("|")[3]
    assert stated == "@PID.5.1.1^Mül\\F\\ler~@PID.5.2^Änne~@PID.7^19700131"
    assert taken[0].decode().split("\r")[2] == "RCP|I|20^RD"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda question: answered(question, "K23", "AE", code="AE"), "did not answer"),
        (lambda question: answered(question, "K23", "AR", code="AR"), "did not answer"),
        (
            lambda question: answered(
                question,
                "K23",
                "AE",
                "ERR||QPD^1^3^1^4|204^Unknown Key Identifier^HL70357|E",
                code="AE",
            ),
            "does not know who issued",
        ),
        (lambda question: b"\x00 no message", "no HL7 message"),
        (lambda question: None, "no HL7 message"),
        (
            lambda question: answered(question, "K23", "OK").replace(b"MSA|AA|", b"MSA|AA|other"),
            "another question",
        ),
    ],
)
def test_what_is_no_answer_is_an_error_that_names_nobody(make: object, says: str) -> None:
    with system(make) as (port, _), pytest.raises(PeerFailed, match=says) as failed:  # type: ignore[arg-type]
        cross_reference_manager(settings(port)).ids_of(OURS)
    assert "4711" not in f"{failed.value.message} {failed.value.remedy}"


def test_a_system_that_is_not_there_or_not_named_is_said_so() -> None:
    with pytest.raises(PeerFailed, match="cannot be reached"):
        cross_reference_manager(settings(1)).ids_of(OURS)
    with pytest.raises(InvalidRequest, match="No system is named"):
        cross_reference_manager(Settings())


@pytest.mark.parametrize("address", ["mllp://host", "ftp://host:1", "https://a@host/fhir", "mpi"])
def test_an_address_that_cannot_be_asked_is_refused_at_the_start(address: str) -> None:
    with pytest.raises(ValueError, match="the address"):
        Settings(pix_url=address)
