"""Many small updates add up, and end at the size that one data set may have."""

import pytest

from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from storage.ups.dicom_json import attributes_of
from storage.ups.validation import updated


def test_updates_end_where_an_item_would_be_too_large() -> None:
    """Each of them is of half a megabyte."""
    half = "x" * 500_000
    attributes = attributes_of(ProcedureStepLabel=half)
    attributes = updated(attributes, attributes_of(WorklistLabel=half), "SCHEDULED", utcnow())
    third = attributes_of(CommentsOnTheScheduledProcedureStep=half)
    with pytest.raises(InvalidRequest, match="With this update the workitem has 1465 KiB"):
        updated(attributes, third, "SCHEDULED", utcnow())
    smaller = updated(attributes, attributes_of(WorklistLabel="CT"), "SCHEDULED", utcnow())
    assert len(str(smaller)) < 600_000
