"""Fields of outside text and acknowledgements of hostile headers are one segment each, as meant."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from dicom_node.hl7.reading import Refused, read_header
from dicom_node.hl7.writing import answer_to, components, escaped
from tests.hostile_text import hostile_texts, unwanted_in

_AT = datetime(2026, 1, 2, tzinfo=UTC)


@given(hostile_texts)
def test_a_field_holds_no_separator_and_no_control(text: str) -> None:
    written = escaped(text)
    assert not set(written) & set("|^~&\r\n\t")
    assert unwanted_in(written) == []
    assert written.encode() is not None
    # Escapes are whole: between two backslashes stands one of HL7's names.
    assert set(written.split("\\")[1::2]) <= {"E", "F", "S", "T", "R", ".br"}
    assert components(text, "b").count("^") == 1


@given(st.lists(hostile_texts, min_size=9, max_size=9), st.sampled_from("|#*A"))
def test_an_answer_to_any_header_is_two_segments(texts: list[str], separator: str) -> None:
    application, facility, *rest, control_id, version, charset, reason = texts
    fields = ["^~\\&", application, facility, *rest[:2], "", "", f"ADT^{reason}", control_id]
    fields += ["P", version, *[""] * 5, charset]
    raw = separator.join(["MSH", *fields]).encode("utf-8", "replace")
    try:
        header = read_header(raw)
    except Refused:
        return
    refused = Refused("AE", "102", reason, "PID-3")
    for answer, names in (
        (answer_to(header, "US", "HERE", _AT), ["MSH", "MSA"]),
        (answer_to(header, "US", "HERE", _AT, refused), ["MSH", "MSA", "ERR"]),
    ):
        assert [one[:3].decode() for one in answer.split(b"\r")[:-1]] == names
        assert not set(answer) & set(b"\x00\x0b\x1b\x1c\n\x7f")
        assert answer.split(b"\r")[0].count(b"|") <= 18
