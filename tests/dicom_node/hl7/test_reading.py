"""Messages of many segments, which must cost little, and fields whose values DICOM lacks."""

import time

import pytest

from dicom_node.hl7.reading import MAX_SEPARATORS, Message, Refused, read_header
from dicom_node.hl7.values import birth_date, checked

HEAD = b"MSH|^~\\&|RIS|H|M||2026||ADT^A40^ADT_A39|1|P|2.5.1"
BOUND_S = 10.0
"""Of processor time. Reading each group with all that precedes it took half a minute."""


def read(*segments: bytes) -> Message:
    raw = b"\r".join((HEAD, *segments))
    return Message(read_header(raw), raw)


def test_many_segments_before_many_patients_are_read_once() -> None:
    notes, patients = 8_000, 1_400
    groups = (b"PID|||%d||N" % number + b"\rMRG|%d" % -number for number in range(patients))
    began = time.process_time()
    message = read(b"EVN|A40", *[b"NTE"] * notes, *groups)
    found = [
        (int(group.field("PID-3")), int(group.field("MRG-1")), group.has("NTE"))
        for group in message.groups("PID")
    ]
    assert time.process_time() - began < BOUND_S
    assert found == [(number, -number, False) for number in range(patients)]


def test_many_identifiers_before_many_segments_are_read_once() -> None:
    count = MAX_SEPARATORS // 2 - 50
    began = time.process_time()
    message = read(*[b"NTE"] * count, b"PID|||" + b"~".join([b"7"] * count) + b"||N")
    (group,) = message.groups("PID")
    assert group.repetitions("PID-3") == count
    found = {group.field("PID-3", repetition=number + 1) for number in range(count)}
    assert time.process_time() - began < BOUND_S
    assert found == {"7"}


def test_a_segment_that_only_begins_like_one_is_none() -> None:
    message = read(b"PID|||1", b"PIDX|||2", b"ZZZ|3")
    (group,) = message.groups("PID")
    assert (group.field("PID-3"), group.field("ZZZ-1"), group.field("OBX-1")) == ("1", "3", "")
    assert list(message.groups("MRG")) == []


def test_a_message_within_a_message_is_refused_and_not_dropped() -> None:
    """One acknowledgement would name the first alone."""
    with pytest.raises(Refused, match="Another message begins") as refusal:
        read(b"PID|||1", HEAD, b"PID|||2")
    assert refusal.value.code == "AR"
    # A segment of the site that only begins like one.
    read(b"PID|||1", b"MSHX|2")


def test_more_fields_than_any_message_has_are_refused() -> None:
    with pytest.raises(Refused, match="more than 20000 fields"):
        read(*[b"PID"] * (MAX_SEPARATORS + 1))


@pytest.mark.parametrize(
    ("stated", "known"),
    [
        ("19700131", "19700131"),
        ("197001310815", "19700131"),
        ("1970", ""),
        ("197001", ""),
        ("19700000", ""),
        ("19700100", ""),
        ("", ""),
    ],
)
def test_a_birth_date_that_is_not_known_to_the_day_is_not_stated(stated: str, known: str) -> None:
    message = read(f"PID|1||A^^^H||Weber^Maria||{stated}".encode())
    date = birth_date(message)
    assert date == known
    kept = checked({"PatientBirthDate": date}, {"PatientBirthDate": "PID-7"}, message)
    assert kept == ({"PatientBirthDate": known} if known else {})
