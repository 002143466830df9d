r"""Escape sequences in names and identifiers (HL7 2.7): `\T\` is an ampersand, and so on."""

import pytest

from dicom_node.hl7.accession_numbers import AccessionNumber
from dicom_node.hl7.escapes import unescaped
from dicom_node.hl7.orders import attributes_of
from dicom_node.hl7.patients import demographics, identifiers
from dicom_node.hl7.reading import Message, Refused, read_header
from dicom_node.hl7.writing import components, escaped
from storage.core.accession_issuers import AccessionIssuer

HEAD = r"MSH|^~\&|RIS|H|M||2026||ADT^A08^ADT_A01|1|P|2.5.1||||||{}"


def read(*segments: str, charset: str = "UNICODE UTF-8", codec: str = "utf-8") -> Message:
    raw = "\r".join((HEAD.format(charset), *segments)).encode(codec)
    return Message(read_header(raw), raw)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"O\T\Brien^Anna", "O&Brien^Anna"),
        (r"Weber\R\1^Anna", "Weber~1^Anna"),
        (r"Weber\F\1^Anna", "Weber|1^Anna"),
        (r"M\XC3BC\ller^Anna", "Müller^Anna"),
        (r"M\XC3\\XBC\ller^Anna", "Müller^Anna"),
        (r"\H\Weber\N\^Anna", "Weber^Anna"),
        (r"Weber\.br\Schmidt^Anna", "Weber Schmidt^Anna"),
        (r"Weber\Zlocal\^Anna", "Weber^Anna"),
        # A caret or an equals sign would begin another component or group of the name in DICOM.
        (r"Weber\S\Schmidt^Anna", "Weber Schmidt^Anna"),
        ("Weber=Schmidt^Anna", "Weber Schmidt^Anna"),
    ],
)
def test_a_patients_name_has_the_characters_that_are_meant(written: str, meant: str) -> None:
    message = read(f"PID|1||4711^^^H||{written}||19700101")
    assert demographics(message).patient_name == meant
    order = read(
        f"PID|1||4711^^^H||{written}", "ORC|NW", f"OBR|1|||CT||||||||||||7^{written}||||||||CT"
    )
    attributes = attributes_of(order, AccessionNumber("A1", AccessionIssuer()))
    assert attributes["PatientName"] == attributes["RequestingPhysician"] == meant


def test_identifiers_and_their_issuers_have_them_too() -> None:
    (key,) = identifiers(read(r"PID|1||A\T\1\S\2^^^H\T\K||Weber"), "PID-3")
    assert (key.patient_id, key.issuer_of_patient_id) == ("A&1^2", "H&K")


def test_hexadecimal_data_is_in_the_character_set_of_the_message() -> None:
    latin = read(r"PID|1||1||M\XFC\ller", charset="8859/1", codec="iso-8859-1")
    assert demographics(latin).patient_name == "Müller"


@pytest.mark.parametrize("written", [r"DOMAIN\4711", r"A\E\7", "4711\\", r"A\C2842\7", r"A\X4\7"])
def test_an_identifier_that_dicom_cannot_hold_is_refused_and_never_cut_short(written: str) -> None:
    """As `DOMAIN` the images of one patient would be another's."""
    with pytest.raises(Refused, match=r"PatientID \(PID-3\)"):
        list(identifiers(read(f"PID|1||{written}^^^H||Weber"), "PID-3"))


def test_what_is_escaped_twice_is_read_once() -> None:
    assert unescaped(r"\E\T\E\ \E\.br\E\ ", "|", "^~\\&", "") == r"\T\ \.br\ "


def test_other_separators_escape_others() -> None:
    assert unescaped(r"a#S#b#F#c#E#\T\ ", "!", "*+#%", "") == r"a*b!c#\T\ "


def test_few_bytes_ask_for_few_lines() -> None:
    assert len(unescaped("\\.sp2000000000\\\\.sk9999\\", "|", "^~\\&", "")) <= 200
    assert len(unescaped("\\" * 200_000, "|", "^~\\&", "")) == 200_000


@pytest.mark.parametrize("text", [r"O'Brien & Söhne|^~\&", r"\T\ \X41\ ", "one\ntwo", "\\", ""])
def test_what_is_sent_reads_as_it_was(text: str) -> None:
    assert unescaped(escaped(text), "|", "^~\\&", "utf-8") == text
    assert components("a^b", "c&d") == r"a\S\b^c\T\d"
