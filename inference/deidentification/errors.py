"""Why an instance does not leave."""

from storage.core.errors import (
    InstanceDamaged,
    InvalidInstance,
    InvalidRequest,
    LimitExceeded,
    MediViewError,
)


class CannotDeidentify(MediViewError):
    """The instance stays here, by name, with the reason; the others leave."""

    code = "cannot_deidentify"


OF_THE_INSTANCE = (
    CannotDeidentify,
    InvalidInstance,
    InstanceDamaged,
    # Of a document or of pixels within it.
    InvalidRequest,
    LimitExceeded,
)
"""What is wrong with one instance alone: the others may leave."""
