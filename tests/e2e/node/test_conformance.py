"""docs/CONFORMANCE.md says what the code does."""

import re
from pathlib import Path

from dicom_node import status
from dicom_node.association import base as association
from dicom_node.association import contexts
from storage.core.errors import (
    InvalidInstance,
    InvalidRequest,
    LimitExceeded,
    StorageFull,
    StorageUnavailable,
)
from storage.dicom.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from storage.index.matching.attributes import ATTRIBUTES, LEVELS, Kind
from storage.settings import Settings

STATEMENT = (Path(__file__).parents[3] / "docs" / "CONFORMANCE.md").read_text()


def test_the_transfer_syntaxes_are_those_that_are_accepted() -> None:
    annex = STATEMENT.partition("## Annex A")[2]
    assert set(re.findall(r"^\| ([\d.]+) \|", annex, re.M)) == contexts.STORAGE_TRANSFER_SYNTAXES


def test_the_limits_are_those_in_force() -> None:
    assert f"{association.ANNOUNCED_PDU_BYTES:,} bytes" in STATEMENT
    assert f"| {Settings().max_associations} (`MEDIVIEW_MAX_ASSOCIATIONS`)" in STATEMENT
    idle = Settings().association_idle_timeout_s
    assert f"| {idle:.0f} s (`MEDIVIEW_ASSOCIATION_IDLE_TIMEOUT_S`)" in STATEMENT


def test_the_implementation_is_named_as_it_names_itself() -> None:
    assert f"| {IMPLEMENTATION_CLASS_UID} |" in STATEMENT
    assert f"| {IMPLEMENTATION_VERSION_NAME} |" in STATEMENT


def test_the_services_are_those_that_are_offered() -> None:
    acceptance = STATEMENT.partition("### 2.3")[2].partition("### 2.4")[0]
    named = set(re.findall(r"\b1\.2\.840\.10008\.[\d.]*\d", acceptance))
    assert named >= contexts.SERVICE_CLASSES
    # Beside the services the root of the storage classes is named, and nothing else.
    assert named - contexts.SERVICE_CLASSES == {"1.2.840.10008.5.1.4.1.1"}


def test_the_statuses_are_those_that_are_answered() -> None:
    table = STATEMENT.partition("C-STORE statuses")[2].partition("Each failure carries")[0]
    stated = {int(code, 16) for code in re.findall(r"^\| (0x[0-9A-F]{4})", table, re.M)}
    causes = (StorageFull, StorageUnavailable, LimitExceeded, InvalidInstance, InvalidRequest)
    answered = {one.code for one in vars(status).values() if isinstance(one, status.DimseStatus)}
    answered |= {status.store_status(cause("")).code for cause in causes}
    assert stated == answered


def test_the_matching_keys_are_those_of_the_index() -> None:
    table = STATEMENT.partition("Matching keys")[2].partition("Other attributes")[0]
    rows = re.findall(r"^\| (?:patient|study|series|instance) \| (.+) \|$", table, re.M)
    stated = [set(row.split(", ")) for row in rows]
    assert stated == [
        {
            one.keyword
            for one in ATTRIBUTES.values()
            if one.level == level and one.kind != Kind.COUNT
        }
        for level in LEVELS
    ]
