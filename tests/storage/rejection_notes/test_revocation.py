"""Which rejection notes of a study are in force."""

from collections.abc import Mapping

import pytest

from storage.rejection_notes.revocation import revoked_notes

QUALITY, SAFETY, WORKLIST, EXPIRED = "113001", "113037", "113038", "113039"
ALL = dict.fromkeys("abcd", QUALITY)


@pytest.mark.parametrize(
    ("codes", "rejected", "revoked"),
    [
        ({}, {}, ""),
        (ALL, {"b": "a"}, "a"),
        ({"a": QUALITY, "b": SAFETY, "c": WORKLIST}, {"b": "a"}, "a"),
        ({"a": QUALITY, "b": EXPIRED}, {"b": "a"}, ""),
        ({"a": SAFETY, "b": QUALITY}, {"b": "a"}, ""),
        ({"a": WORKLIST, "b": SAFETY}, {"b": "a"}, ""),
        ({"a": EXPIRED, "b": WORKLIST}, {"b": "a"}, ""),
        # The one that revokes is revoked; and once more.
        (ALL, {"b": "a", "c": "b"}, "b"),
        (ALL, {"b": "a", "c": "b", "d": "c"}, "ac"),
        # One of two that are in force is enough.
        (ALL, {"b": "a", "c": "a", "d": "c"}, "ac"),
        # Itself, and each other.
        (ALL, {"a": "a"}, ""),
        (ALL, {"a": "b", "b": "a"}, ""),
        (ALL, {"a": "b", "b": "c", "c": "a", "d": "a"}, "ac"),
        # What is no note is none of its business.
        (ALL, {"b": "x"}, ""),
    ],
)
def test_a_note_is_revoked_by_one_in_force(
    codes: Mapping[str, str], rejected: Mapping[str, str], revoked: str
) -> None:
    assert revoked_notes(codes, {note: set(others) for note, others in rejected.items()}) == set(
        revoked
    )
