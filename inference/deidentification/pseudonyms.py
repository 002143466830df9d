"""Pseudonyms of one project: the same for the same original, and nothing to anybody without
the project's key (HMAC-SHA256)."""

import base64
import hashlib
import hmac
import re
from datetime import date, timedelta

_UID_ROOT = "2.25."
"""UIDs of 128 bits (PS3.5 B.2)."""
_PATIENT_LETTERS = 13
_LABEL_LETTERS = 10
_LEAST_DAYS, _MOST_DAYS = 30, 3650
_DATE = re.compile(r"(\d{8})(\d{0,6}(?:\.\d{1,6})?(?:[+-]\d{4})?)")
"""DA and DT (PS3.5 Table 6.2-1)."""


class Pseudonyms:
    def __init__(self, key: bytes, prefix: str = "P") -> None:
        """`prefix` begins each patient's pseudonym."""
        self._key = key
        self._prefix = prefix

    def uid(self, original: str) -> str:
        return _UID_ROOT + str(int.from_bytes(self._digest("uid", original)[:16], "big"))

    def patient(self, patient_key: str) -> str:
        """65 bits: two patients of a million share one by a chance of 1 in 70 million."""
        letters = base64.b32encode(self._digest("patient", patient_key)).decode()
        return f"{self._prefix}-{letters[:_PATIENT_LETTERS]}"

    def label(self, original: str) -> str:
        """50 bits, for a UID within a patient's folder."""
        return base64.b32encode(self._digest("label", original)).decode()[:_LABEL_LETTERS]

    def shift(self, patient_key: str) -> timedelta:
        """How far back the dates of a patient go: whole days, so that times of day stay."""
        number = int.from_bytes(self._digest("shift", patient_key)[:8], "big")
        return -timedelta(days=_LEAST_DAYS + number % (_MOST_DAYS - _LEAST_DAYS))

    def share(self, patient_key: str) -> float:
        """A number from 0 to 1 by which patients are split, whatever else is in the project."""
        return int.from_bytes(self._digest("split", patient_key)[:8], "big") / 2**64

    def _digest(self, purpose: str, original: str) -> bytes:
        return hmac.digest(self._key, f"{purpose}\0{original}".encode(), hashlib.sha256)


def shifted(value: str, by: timedelta) -> str:
    """A DA or DT value moved by whole days; empty where its day is not known.

    A year alone, or a year and month, cannot be moved by days without saying too much.
    """
    match = _DATE.fullmatch(value.strip())
    if match is None:
        return ""
    digits, rest = match.groups()
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
        return (day + by).isoformat().replace("-", "") + rest
    except (ValueError, OverflowError):
        return ""
