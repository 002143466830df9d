"""Answers of DICOMweb archives in DICOM JSON (PS3.18 F). Raises PeerFailed on anything else."""

from typing import Any

from dicom_node.peers import PeerFailed
from storage.core.errors import LimitExceeded
from storage.core.untrusted_input.bounded_json import load_bounded_json

_REFERENCED_SOP_SEQUENCE = "00081199"
_FAILED_SOP_SEQUENCE = "00081198"
_REFERENCED_SOP_INSTANCE_UID = "00081155"
_FAILURE_REASON = "00081197"
_SOP_INSTANCE_UID = "00080018"
# Of 16 MiB, as many as data sets have there.
_MAX_ELEMENTS = 1_000_000


def store_response(body: bytes) -> tuple[set[str], dict[str, int | None]]:
    """UIDs that were stored, and those that failed with their reason (PS3.18 Table I.1-1)."""
    answer = _json(body, dict)
    stored = {
        uid
        for one in _items(answer, _REFERENCED_SOP_SEQUENCE)
        if (uid := _first(one, _REFERENCED_SOP_INSTANCE_UID))
    }
    failed = {}
    for one in _items(answer, _FAILED_SOP_SEQUENCE):
        reason = _first(one, _FAILURE_REASON)
        failed[str(_first(one, _REFERENCED_SOP_INSTANCE_UID))] = (
            reason if isinstance(reason, int) else None
        )
    return stored, failed


def named_instances(body: bytes) -> set[str]:
    """SOP Instance UIDs that the answer to a query, or metadata, names."""
    found = _json(body, list)
    return {uid for one in found if (uid := _first(one, _SOP_INSTANCE_UID))}


def _json(body: bytes, kind: type[Any]) -> Any:
    try:
        value = load_bounded_json(body, _MAX_ELEMENTS)
    except LimitExceeded as error:
        raise PeerFailed(f"The archive answered too much: {error.message}") from error
    except ValueError as error:
        raise PeerFailed("The archive answered something that is not JSON.") from error
    if not isinstance(value, kind):
        raise PeerFailed("The archive answered JSON that is not DICOM's.")
    return value


def _items(dataset: dict[str, Any], tag: str) -> list[dict[str, Any]]:
    element = dataset.get(tag)
    values = element.get("Value", []) if isinstance(element, dict) else []
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def _first(dataset: Any, tag: str) -> Any:
    element = dataset.get(tag) if isinstance(dataset, dict) else None
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values else None
