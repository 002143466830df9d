"""What the bytes of one stored instance may raise, so that it harms no other.

It imports pydicom: modules that do not, import this one where they use it.
"""

import struct

from pydicom.errors import BytesLengthException, InvalidDicomError

from storage.core.errors import InvalidInstance, LimitExceeded

UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    OSError,  # of pydicom: the storage's own are StorageUnavailable
    RuntimeError,  # RecursionError and NotImplementedError among them
    TypeError,
    ValueError,
    struct.error,
)
"""What pydicom raises for values, items and depths that the standard does not allow, also
long after a data set was opened: it reads values when they are asked for."""

DAMAGED = (InvalidInstance, LimitExceeded, *UNREADABLE)
"""All that one instance may raise, as opposed to the storage's own failures."""
